"""What was registered is what runs, in a real jail: changes of the folder and planted byte code reach no run."""

from __future__ import annotations

import os
import py_compile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from compiler.catalogue import AgentSpec
from deployments.publishing.registration import RegistrationFailed, register_folder
from operations.run_agent import AgentWorkplace, KeptArtifacts, run_agent
from records import Records, upgrade
from tasks.services import Services

SOURCE = """\
from pydantic import BaseModel

from agents.sdk import Agent, Context
{extra}
agent = Agent(name="honest", type="SCRIPT", version="1.0.0", risk="{risk}", description="Says who it is."{reach})


class Nothing(BaseModel):
    pass


class Said(BaseModel):
    text: str


@agent.action("say", description="Says who it is")
def say(nothing: Nothing, context: Context) -> Said:
    return Said(text="{text}")
"""


def source(text: str, *, risk: str = "AUTO", reach: str = "", extra: str = "") -> str:
    return SOURCE.format(text=text, risk=risk, reach=reach, extra=extra)


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    url = f"sqlite:///{tmp_path}/records.db"
    await upgrade(url)
    async with await Records.open(url) as opened:
        yield opened


@pytest.fixture
async def sandbox() -> AsyncIterator[BubblewrapSandbox]:
    made = BubblewrapSandbox()
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "honest"
    place.mkdir()
    (place / "agent.py").write_text(source("reviewed"))
    return place


async def say(spec: AgentSpec, records: Records, sandbox: BubblewrapSandbox, scratch: Path) -> Any:
    scratch.mkdir()
    common: dict[str, Any] = {
        "sandbox": sandbox,
        "secrets": (),
        "settings": {},
        "repository_roots": (),
        "scratch": scratch,
    }
    platform = Services(records=records, **common)
    workplace = AgentWorkplace(records=KeptArtifacts(folder=scratch), platform=platform, **common)
    outcome = await run_agent(
        spec, "say", {}, workplace=workplace, project_id=1, platform=platform, on_log=lambda line: None
    )
    assert outcome.result.ok, outcome.result.failure
    return outcome.result.output


async def test_code_that_changed_after_the_registration_does_not_run(
    records: Records, sandbox: BubblewrapSandbox, folder: Path, tmp_path: Path
) -> None:
    spec = await register_folder(folder, records=records, sandbox=sandbox, project_id=1)
    (folder / "agent.py").write_text(source("changed afterwards"))
    assert await say(spec, records, sandbox, tmp_path / "one") == {"text": "reviewed"}
    # A worker that has no folder in common with the one that registered it.
    (folder / "agent.py").unlink()
    assert await say(spec, records, sandbox, tmp_path / "another") == {"text": "reviewed"}


async def test_byte_code_beside_the_source_neither_describes_nor_runs(
    records: Records, sandbox: BubblewrapSandbox, folder: Path, tmp_path: Path
) -> None:
    (folder / "helper.py").write_text("TEXT = 'reviewed'\n")
    text = source("{TEXT}", extra="from helper import TEXT").replace('text="{TEXT}"', "text=TEXT")
    (folder / "agent.py").write_text(text)
    evil = tmp_path / "helper.py"
    evil.write_text("TEXT = 'hostile!'\n")
    os.utime(evil, ns=_times(folder / "helper.py"))
    py_compile.compile(str(evil), cfile=str(folder / "__pycache__" / "helper.cpython-311.pyc"))
    spec = await register_folder(folder, records=records, sandbox=sandbox, project_id=1)
    assert await say(spec, records, sandbox, tmp_path / "scratch") == {"text": "reviewed"}


def _times(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_atime_ns, found.st_mtime_ns


async def test_hosts_make_an_agent_risky_until_somebody_has_read_it(
    records: Records, sandbox: BubblewrapSandbox, folder: Path
) -> None:
    (folder / "agent.py").write_text(source("x", reach=', network=("hooks.example.org:443",)'))
    spec = await register_folder(folder, records=records, sandbox=sandbox, project_id=1)
    assert spec.action_risk("say") == "APPROVAL_REQUIRED"
    trusted = await register_folder(folder, records=records, sandbox=sandbox, project_id=1, trust_risk=True)
    assert trusted.action_risk("say") == "AUTO"


async def test_an_agent_does_not_lower_its_risk_by_itself(
    records: Records, sandbox: BubblewrapSandbox, folder: Path
) -> None:
    (folder / "agent.py").write_text(source("x", risk="APPROVAL_REQUIRED"))
    await register_folder(folder, records=records, sandbox=sandbox, project_id=1)
    (folder / "agent.py").write_text(source("y"))
    with pytest.raises(RegistrationFailed, match=r"lowers the risk of honest\.say.*--trust-risk"):
        await register_folder(folder, records=records, sandbox=sandbox, project_id=1)
