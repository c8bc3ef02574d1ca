"""An environment is made once, in a jail that reaches the index only, and is there for the agent whatever starts it."""

from __future__ import annotations

import asyncio
import ensurepip
import importlib.util
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from package_server import PackageServer, make_source
from standing_jails import until_standing

from agents.environments import package_index
from agents.environments.environment import environment_of
from agents.environments.requirements import EnvironmentRefused, EnvironmentUnavailable
from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.port import AgentRequest, AgentResult

AGENT = """\
import subprocess

import tinygreeting
from agents.sdk import Agent, Context, Schema

agent = Agent(name="greeter", type="SCRIPT", version="1.0.0", risk="AUTO")


class Nothing(Schema):
    pass


class Said(Schema):
    text: str
    command: str
    writes: str


@agent.action("greet")
def greet(nothing: Nothing, context: Context) -> Said:
    try:
        open(tinygreeting.__file__, "a")
        writes = "yes"
    except OSError:
        writes = "no"
    done = subprocess.run(["tiny-greeting"], capture_output=True, text=True, check=True)
    return Said(text=tinygreeting.hello("Ada"), command=done.stdout.strip(), writes=writes)
"""
WHEEL = {
    "tinygreeting.py": "from tinywords import WORD\ndef hello(name): return f'{WORD} {name}'\n"
    + "def main(): print(hello('shell'))\n"
}
SAID = {"text": "Good morning Ada", "command": "Good morning shell", "writes": "no"}


@pytest.fixture
async def sandbox() -> AsyncIterator[BubblewrapSandbox]:
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    made = BubblewrapSandbox(warm=1)
    yield made
    await made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "greeter"
    place.mkdir(mode=0o755)
    (place / "agent.py").write_text(AGENT)
    return place


def publish(index: PackageServer, folder: Path) -> None:
    """Two wheels, of which one needs the other, pinned for the agent."""
    pins = [
        index.add(
            "tinygreeting", "1.0.0", WHEEL, needs="tinywords>=2", scripts="tiny-greeting = tinygreeting:main"
        ),
        index.add("tinywords", "2.1", {"tinywords.py": "WORD = 'Good morning'\n"}),
    ]
    (folder / "requirements.txt").write_text("\n".join(pins))


async def greet(sandbox: BubblewrapSandbox, folder: Path, environment: Path | None) -> AgentResult:
    request = AgentRequest(
        run_id="run",
        node_id="node",
        entry_path=str(folder),
        action="greet",
        inputs={},
        result_schema=None,
        environment=environment,
    )
    return await sandbox.run(request, on_log=lambda line: None)


async def test_an_agent_imports_what_it_brings_in_cold_and_in_warm_jails_and_makes_it_once(
    sandbox: BubblewrapSandbox, index: PackageServer, folder: Path, tmp_path: Path
) -> None:
    publish(index, folder)
    made, again = await asyncio.gather(
        *(environment_of(folder, store=tmp_path / "store", sandbox=sandbox) for _ in range(2))
    )
    assert made == again
    assert [path for path in index.asked if path.startswith("/files")] == sorted(
        {path for path in index.asked if path.startswith("/files")}, key=index.asked.index
    ), "each file is fetched once"
    before = len(index.asked)
    for _ in range(2):
        result = await greet(sandbox, folder, made)
        assert result.ok, result.failure
        assert result.output == SAID
        await until_standing(sandbox)
    assert sandbox.warm.used == 1
    assert len(index.asked) == before
    without = await greet(sandbox, folder, None)
    assert without.failure is not None
    assert "tinygreeting" in without.failure.message


async def test_a_wheel_of_pip_is_enough_where_the_interpreter_has_no_pip(
    sandbox: BubblewrapSandbox,
    index: PackageServer,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = sorted(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    if not found:
        pytest.skip("this Python brings no wheel of pip")
    shipped = tmp_path / "share"
    shipped.mkdir(mode=0o700)
    shutil.copy(found[-1], shipped)
    monkeypatch.setattr(package_index, "SHIPPED", shipped)
    look_up = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name in ("pip", "ensurepip") else look_up(name)
    )
    assert package_index.pip_path() == str(shipped / found[-1].name)
    publish(index, folder)
    made = await environment_of(folder, store=tmp_path / "store", sandbox=sandbox)
    monkeypatch.undo()
    result = await greet(sandbox, folder, made)
    assert result.output == SAID, result.failure


async def test_an_environment_that_is_missing_or_was_changed_is_made_again_from_the_pins(
    sandbox: BubblewrapSandbox, index: PackageServer, folder: Path, tmp_path: Path
) -> None:
    publish(index, folder)
    made = await environment_of(folder, store=tmp_path / "store", sandbox=sandbox)
    assert made is not None
    module = made / "tinywords.py"
    module.chmod(0o644)
    module.write_text("WORD = 'Evil'\n")
    again = await environment_of(folder, store=tmp_path / "store", sandbox=sandbox)
    assert again == made
    assert "Good morning" in module.read_text()
    other = await environment_of(folder, store=tmp_path / "another-host", sandbox=sandbox)
    assert other is not None
    assert other.name == made.name
    assert {file.name for file in other.iterdir()} == {file.name for file in made.iterdir()}


async def test_what_cannot_be_made_is_refused_in_a_sentence(
    sandbox: BubblewrapSandbox,
    index: PackageServer,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refusal(text: str) -> EnvironmentRefused:
        (folder / "requirements.txt").write_text(text)
        with pytest.raises(EnvironmentRefused) as refused:
            await environment_of(folder, store=tmp_path / "store", sandbox=sandbox)
        return refused.value

    index.files["sourceonly-1.0.tar.gz"] = make_source("sourceonly", "1.0")
    refused = await refusal(f"sourceonly==1.0 --hash=sha256:{'0' * 64}")
    assert "there is no wheel of sourceonly==1.0" in str(refused)
    needy = index.add("needy", "1.0", {"needy.py": ""}, needs="tinywords")
    index.add("tinywords", "2.1", {"tinywords.py": "WORD = 'Good morning'\n"})
    assert "tinywords is needed by a pinned package and is not pinned itself" in str(await refusal(needy))
    other = needy.partition("sha256:")[0] + "sha256:" + "1" * 64
    assert "none of those whose hashes are pinned" in str(await refusal(other))
    assert not (tmp_path / "store").exists()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    assert isinstance(await refusal(needy), EnvironmentUnavailable), "another try may help"
