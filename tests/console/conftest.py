"""The built console in Chromium, on the real API over real records, for people who sign in."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect

from agents.registration.builtin_agents import builtin_catalogue
from agents.sandbox.choice import open_sandbox
from api import create_app
from api.oidc.provider import Provider
from compiler import ApprovalRule, Source, compile
from operations.deploy import RecordsOnly, deploy
from operations.people import add_person, issue_link
from operations.second_person import Acting
from operations.workflow_text import save_workflow_text
from records import Approval, Records
from triggers.in_memory import MemoryLaunch

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "images" / "console"
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
MISSION = (ROOT / "workflows" / "security-audit-on-pr.yaml").read_text()
# As in `tests/conftest.py`: nothing but this machine.
_BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--no-first-run",
)


_MS = 60_000
"""How long a page may take for anything: whole platforms of other tests run beside it."""
expect.set_options(timeout=_MS)


@pytest.fixture(scope="session")
def bundle() -> None:
    """The console, built from the present source."""
    built = subprocess.run(
        [sys.executable, ROOT / "console" / "build.py"], capture_output=True, text=True, timeout=900, check=False
    )
    if built.returncode == 3:
        pytest.skip(f"the console's packages cannot be had here: {built.stderr[-300:]}")
    assert built.returncode == 0, built.stdout + built.stderr


@dataclass
class Platform:
    """The API as a server that can be stopped and started again on its port."""

    records: Records
    port: int
    launch: MemoryLaunch = field(default_factory=MemoryLaunch)
    resumed: list[str] = field(default_factory=list)
    provider: Provider | None = None
    """Of sign-ins; for the next start."""
    _server: uvicorn.Server | None = None
    _serving: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        async def resume(flow_run_id: str) -> str:
            self.resumed.append(flow_run_id)
            return "resumed"

        app = create_app(
            self.records,
            {},
            launch=self.launch,
            resume=resume,
            sandbox=open_sandbox,
            provider=self.provider,
        )
        listening = socket.create_server(("127.0.0.1", self.port))
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def stop(self) -> None:
        if self._server and self._serving:
            self._server.should_exit = True
            await self._serving

    async def link(self, name: str, *roles: str) -> str:
        """A link that signs that person in."""
        await add_person(name, records=self.records, project_id=1, roles=roles or ("admin",), by="test")
        issued = await issue_link(name, records=self.records, by="test")
        return f"{self.address}/console#token={issued.text}"

    async def deploy(self, source: str) -> str:
        """The digest of the plan."""
        compiled = compile(Source(text=source, path="w.yaml"), await self.records.catalogue(1), project_id=1)
        assert compiled.plan, compiled.diagnostics
        await deploy(
            [compiled.plan], records=self.records, publisher=RecordsOnly(), project_id=1, agreed_by="test"
        )
        return compiled.plan.digest

    async def save(self, text: str, *, by: str = "Bob") -> None:
        """Somebody saves a workflow's text by another way."""
        await save_workflow_text(
            text.partition("name: ")[2].partition("\n")[0].strip(),
            text,
            records=self.records,
            publisher=RecordsOnly(),
            project_id=1,
            by=Acting(name=by, verified=True),
            agreed_by=by,
        )

    async def ask(
        self,
        *,
        run: str = "flow-1",
        digest: str = "sha256:1",
        inputs: Any = None,
        proposals: Any = None,
        quorum: int = 1,
    ) -> Approval:
        """The mission's fix waits for a person."""
        plan = await self.deploy(MISSION)
        run_id = await self.records.start_run(
            flow_run_id=run,
            plan_digest=plan,
            trigger="graph.file.updated",
            context={"repositoryPath": "/repo", "branch": "main"},
            triggered_by="Cid",
        )
        card = {
            "node": "create-fix-pr",
            "agent": "patcher",
            "agentVersion": "1.0.0",
            "action": "generateFixPR",
            "effect": "publish-branch",
            "description": "Create pull request with security fixes",
            "risk": "APPROVAL_REQUIRED",
            "inputs": inputs or {"repositoryPath": "/repo", "targetBranch": "security-fixes-1"},
            "bindings": {"repositoryPath": "4f2a9c"},
            "network": [],
            "secrets": [],
            "upstream": {"assess": {"summary": {"critical": 1}, "recommendation": "<b>Use bcrypt</b>"}},
            "digest": digest,
        }
        if proposals:
            card["proposals"] = proposals
        return await self.records.open_gate(
            run_id=run_id, node_id="create-fix-pr", digest=digest, card=card, rule=ApprovalRule(quorum=quorum)
        )


@pytest.fixture
async def platform(bundle: None, migrated_url: str, tmp_path: Path) -> AsyncIterator[Platform]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    async with await Records.open(f"sqlite:///{tmp_path}/records.db") as records:
        for spec in builtin_catalogue().agents.values():
            await records.register_agent(1, spec)
        platform = Platform(records, port)
        await platform.start()
        yield platform
        await platform.stop()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium here: install Debian's chromium to run this")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(_BROWSER_ARGUMENTS))
        yield browser
        await browser.close()


Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_console(platform: Platform, chromium: Browser) -> AsyncIterator[Open]:
    """Opens the console as somebody. Whatever the browser reports as an error fails the test."""
    reported: list[str] = []

    async def open_console(
        path: str = "",
        *,
        name: str = "Ann",
        roles: tuple[str, ...] = ("admin",),
        width: int = 1280,
        dark: bool = False,
    ) -> Page:
        context = await chromium.new_context(
            viewport={"width": width, "height": 860}, color_scheme="dark" if dark else "light"
        )
        page = await context.new_page()
        page.set_default_timeout(_MS)
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.on("console", lambda line: reported.append(line.text) if "Content Security" in line.text else None)
        await page.goto(await platform.link(name, *roles))
        await page.get_by_role("navigation", name="Pages").wait_for()
        if path:
            await page.goto(f"{platform.address}/console/{path}")
        return page

    yield open_console
    assert not reported


@pytest.fixture
def accessible() -> Callable[[Page], Awaitable[None]]:
    """axe-core finds nothing on a page as it stands."""

    async def accessible(page: Page) -> None:
        # Through the debugger: the page's policy lets no script in.
        await page.evaluate(AXE.read_text())
        found = await page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map("
            "v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 200)).join(' | ')}`))"
        )
        assert found == []

    return accessible


@pytest.fixture
def picture() -> Callable[[Page, str], Awaitable[None]]:
    """Makes a screenshot for the documentation."""

    async def picture(page: Page, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / f"{name}.png")

    return picture
