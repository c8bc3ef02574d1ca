"""A hostile agent tries every escape of the catalogue: bare, where each works, and in the jail: none does."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

_PROBES = Path(__file__).parent / "probes"
_ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(_PROBES))
from catalogue import load_all  # noqa: E402
from jailed import run_jailed, run_warm  # noqa: E402
from scene import SECRET, scene  # noqa: E402

from agents.sandbox.bubblewrap.binary import find_bwrap  # noqa: E402
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox  # noqa: E402
from agents.sandbox.choice import open_sandbox  # noqa: E402

CATALOGUE = load_all()
_DOCUMENT = _ROOT / "docs" / "reference" / "security.md"
_BEGIN, _END = "<!-- probes: begin -->\n", "<!-- probes: end -->\n"
_AS_ROOT = os.geteuid() == 0
_ABSENT = ("Function not implemented", "Address family not supported", "No such file", "Protocol not supported")
"""Kernels are built without some things: then an escape cannot be shown to work bare, nor does it do any harm."""

_COLUMNS = ("bare", "jailed", "jailed as a user", "dagger")

Answers = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def found() -> dict[str, Answers]:
    """Column -> probe -> answer. The columns: bare, jailed, and jailed as an ordinary user."""
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    # Not one of pytest's own: those are for their owner only.
    with tempfile.TemporaryDirectory(prefix="scene-") as folder:
        return asyncio.run(_find(Path(folder)))


async def _find(folder: Path) -> dict[str, Answers]:
    os.environ["CANARY"] = SECRET
    try:
        async with scene(folder) as things:
            handles = [os.open(things["canary"], os.O_RDONLY), os.open("/tmp", os.O_RDONLY)]
            for handle in handles:
                os.set_inheritable(handle, True)
            names = list(CATALOGUE)
            bare = [name for name in names if _AS_ROOT or not CATALOGUE[name].root]
            columns = {"bare": await _ask([sys.executable, str(_PROBES / "catalogue.py")], bare, things)}
            sandbox = BubblewrapSandbox()
            try:
                columns["jailed"] = await run_jailed(sandbox, names, things)
            finally:
                await sandbox.close()
            warm = BubblewrapSandbox(warm=1)
            try:
                columns["warm"] = await run_warm(warm, names, things)
            finally:
                await warm.close()
            user = _ordinary_user()
            if user is not None:
                columns["jailed as a user"] = await _ask([*user, str(_PROBES / "jailed.py")], names, things)
            dagger = await _in_dagger(names, things)
            columns |= {} if dagger is None else {"dagger": dagger}
            for handle in handles:
                os.close(handle)
            return columns
    finally:
        del os.environ["CANARY"]


async def _in_dagger(names: list[str], things: dict[str, Any]) -> Answers | None:
    """None: there is no engine here."""
    if not os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST"):
        return None
    sandbox = open_sandbox("dagger")
    try:
        if not (await sandbox.check()).available:
            return None
        return await run_jailed(sandbox, names, things)
    finally:
        await sandbox.close()


async def _ask(command: list[str], names: list[str], things: dict[str, Any]) -> Answers:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        close_fds=False,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(_ROOT), *_packages()]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        cwd="/",
    )
    said, complaint = await process.communicate(json.dumps({"names": names, "scene": things}).encode())
    assert process.returncode == 0, complaint.decode()[-2000:]
    return json.loads(said)


def _packages() -> list[str]:
    return [path for path in sys.path if path.endswith("site-packages")]


def _ordinary_user() -> list[str] | None:
    """How to start Python as an ordinary user; None: we are one, or there is no Python that one may start."""
    setpriv = shutil.which("setpriv")
    if not _AS_ROOT or setpriv is None:
        return None
    # setpriv still has root's rights when it starts a program; `env` has not.
    start = [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", "env"]
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            subprocess.run([*start, python, "-I", "-c", ""], check=True, capture_output=True, cwd="/")
        except (OSError, subprocess.CalledProcessError):
            continue
        return [*start, python]
    return None


def test_the_catalogue_holds_at_least_seventy_escapes():
    assert len(CATALOGUE) >= 70


@pytest.mark.parametrize("name", CATALOGUE)
def test_without_the_jail_the_escape_works(name, found):
    if name not in found["bare"]:
        pytest.skip("takes root to show")
    answer = found["bare"][name]
    if not answer["escaped"] and any(words in answer["how"] for words in _ABSENT):
        pytest.skip(f"this machine has none: {answer['how']}")
    assert answer["escaped"], answer["how"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_in_the_jail_the_escape_is_stopped(name, found):
    assert not found["jailed"][name]["escaped"], found["jailed"][name]["how"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_in_a_jail_that_was_started_ahead_the_escape_is_stopped(name, found):
    if name not in found["warm"]:
        pytest.skip("tried in a jail of its own only: it takes a time limit that others need not have")
    assert not found["warm"][name]["escaped"], found["warm"][name]["how"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_in_the_jail_of_an_ordinary_user_the_escape_is_stopped(name, found):
    if not _AS_ROOT:
        pytest.skip("all of this ran as an ordinary user")
    if "jailed as a user" not in found:
        pytest.skip("no Python here that an ordinary user may start, or no setpriv")
    assert not found["jailed as a user"][name]["escaped"], found["jailed as a user"][name]["how"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_in_the_jail_of_a_dagger_container_the_escape_is_stopped(name, found):
    if "dagger" not in found:
        pytest.skip("no Dagger engine: _EXPERIMENTAL_DAGGER_RUNNER_HOST is not set, or nothing answers there")
    assert not found["dagger"][name]["escaped"], found["dagger"][name]["how"]


def test_the_document_lists_what_the_suite_found(found):
    table = _table(found)
    text = _DOCUMENT.read_text()
    before, rest = text.split(_BEGIN)
    written, after = rest.split(_END)
    if os.environ.get("COMMANDCENTER_WRITE_DOCS"):
        _DOCUMENT.write_text(before + _BEGIN + table + _END + after)
        return
    if {"bare", "jailed", "jailed as a user"} <= set(found):
        assert _names(written) == _names(table), "run the suite with COMMANDCENTER_WRITE_DOCS=1"


def _table(found: dict[str, Answers]) -> str:
    lines = [
        "| escape | what it tries | without the jail | bubblewrap, by root | bubblewrap, by a user | dagger |",
        "|---|---|---|---|---|---|",
    ]
    for name, entry in CATALOGUE.items():
        cells = [_cell(column, found.get(column, {}).get(name)) for column in _COLUMNS]
        lines.append(f"| {name} | {entry.what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(column: str, answer: dict[str, Any] | None) -> str:
    if answer is None:
        return "not tried"
    if column == "bare" and not answer["escaped"]:
        return "not in this kernel"
    return "works" if answer["escaped"] else "stopped"


def _names(table: str) -> list[str]:
    return [line.split("|")[1].strip() for line in table.splitlines()[2:] if line]
