"""Jails that are started ahead: the same walls, used once, dropped when they are old or their agent has changed."""

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from standing_jails import until_standing

from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.bubblewrap.warm import JailShape, WarmJails, shape_of
from agents.sandbox.port import AgentRequest, AgentResult, LogLine, Mount

MakeRequest = Callable[..., AgentRequest]


@pytest.fixture
async def warm_sandbox() -> AsyncIterator[BubblewrapSandbox]:
    if find_bwrap() is None:
        pytest.skip("no bubblewrap on this machine")
    sandbox = BubblewrapSandbox(warm=2)
    yield sandbox
    await sandbox.close()


async def _run(sandbox: BubblewrapSandbox, request: AgentRequest, logs: list[str] | None = None) -> AgentResult:
    def keep(line: LogLine) -> None:
        if logs is not None:
            logs.append(line.text)

    return await sandbox.run(request, on_log=keep)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _agent(folder: Path, body: str, at_import: str = "") -> str:
    folder.mkdir(mode=0o755, exist_ok=True)
    for each in (folder, *folder.parents[:3]):
        each.chmod(0o755)
    (folder / "agent.py").write_text(
        textwrap.dedent(at_import)
        + textwrap.dedent(
            """
            import os, time
            from pydantic import BaseModel
            from agents.sdk import Agent, Context
            agent = Agent(name="a", type="SCRIPT", version="1", risk="AUTO", secrets=("TOKEN",))
            class In(BaseModel):
                code: str = ""
            class Out(BaseModel):
                said: str
            @agent.action("run")
            def run(inputs: In, context: Context) -> Out:
            """
        )
        + textwrap.indent(textwrap.dedent(body), "    ")
    )
    return str(folder)


async def test_the_second_run_of_an_agent_gets_a_jail_that_stands_already(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest
):
    for _ in range(3):
        result = await _run(warm_sandbox, script_request("said = 1"))
        assert result.output == {"said": 1}, result.failure
        await until_standing(warm_sandbox)
    assert warm_sandbox.warm.used == 2


async def test_an_agent_that_was_used_twice_has_two_jails_that_wait(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest
):
    for _ in range(2):
        assert (await _run(warm_sandbox, script_request("said = 1"))).ok
    await until_standing(warm_sandbox, 2)
    before = warm_sandbox.warm.used
    ran = await asyncio.gather(*(_run(warm_sandbox, script_request("said = 2")) for _ in range(3)))
    assert [result.output for result in ran] == [{"said": 2}] * 3
    assert warm_sandbox.warm.used >= before + 2


async def test_a_warm_jail_holds_the_same_limits(warm_sandbox: BubblewrapSandbox, script_request: MakeRequest):
    cold = await _run(warm_sandbox, script_request("said = 1"))
    await until_standing(warm_sandbox)
    warm = await _run(warm_sandbox, script_request("said = 1"))
    assert warm_sandbox.warm.used == 1
    assert warm.limits_held == cold.limits_held


async def test_nothing_passes_from_one_run_to_the_next(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest
):
    left = """
        import builtins, os, pathlib
        files = sorted(path.name for path in pathlib.Path("/tmp").iterdir())
        said = [getattr(builtins, "left", None), os.environ.get("LEFT"), files]
        builtins.left = 1
        os.environ["LEFT"] = "1"
        pathlib.Path("/tmp/left").write_text("1")
    """
    found: list[list[Any]] = []
    for _ in range(3):
        found.append((await _run(warm_sandbox, script_request(left))).output["said"])
        await until_standing(warm_sandbox)
    assert found[1][:2] == found[2][:2] == [None, None]
    assert "left" not in found[1][2] + found[2][2]
    assert warm_sandbox.warm.used == 2


async def test_a_changed_agent_is_never_served_by_the_jail_of_the_old_one(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest, tmp_path: Path
):
    entry = _agent(tmp_path / "agent", "return Out(said='old')")
    request = script_request("", entry_path=entry)
    assert (await _run(warm_sandbox, request)).output == {"said": "old"}
    await until_standing(warm_sandbox)
    _agent(tmp_path / "agent", "return Out(said='new')")
    assert (await _run(warm_sandbox, request)).output == {"said": "new"}
    assert warm_sandbox.warm.used == 0


async def test_secrets_reach_a_warm_jail_with_the_request_and_the_agent_is_not_imported_before(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest, tmp_path: Path
):
    entry = _agent(
        tmp_path / "agent",
        "return Out(said=f'{SEEN} {len(context.secret(\"TOKEN\"))}')",
        at_import="import os\nSEEN = 'TOKEN' in os.environ",
    )
    for secret in ("first-secret-value", "second-secret"):
        result = await _run(warm_sandbox, script_request("", entry_path=entry, secrets={"TOKEN": secret}))
        assert result.output == {"said": f"True {len(secret)}"}
        await until_standing(warm_sandbox)
    assert warm_sandbox.warm.used == 1


async def test_without_secrets_the_agent_is_imported_ahead(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest, tmp_path: Path
):
    entry = _agent(
        tmp_path / "agent",
        "return Out(said=str(time.monotonic() - BEGAN > 0.5))",
        at_import="import time\nBEGAN = time.monotonic()",
    )
    request = script_request("", entry_path=entry)
    await _run(warm_sandbox, request)
    await until_standing(warm_sandbox)
    await asyncio.sleep(2)
    assert (await _run(warm_sandbox, request)).output == {"said": "True"}


async def test_what_an_agent_says_and_raises_while_it_is_imported_is_reported_with_the_run(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest, tmp_path: Path
):
    entry = _agent(
        tmp_path / "agent", "return Out(said='')", at_import="print('importing')\nraise OSError('broken')"
    )
    request = script_request("", entry_path=entry)
    told: list[list[str]] = []
    for _ in range(2):
        logs: list[str] = []
        result = await _run(warm_sandbox, request, logs)
        assert result.failure is not None
        assert "OSError: broken" in result.failure.message
        told.append([line for line in logs if "importing" in line])
        await until_standing(warm_sandbox)
    assert told == [["importing"], ["importing"]]
    assert warm_sandbox.warm.used == 1


async def test_an_agent_that_ends_while_it_is_imported_fails_its_run_and_no_other(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest, tmp_path: Path
):
    entry = _agent(tmp_path / "agent", "return Out(said='')", at_import="import os\nos._exit(3)")
    for _ in range(2):
        result = await _run(warm_sandbox, script_request("", entry_path=entry))
        assert result.failure is not None
        assert result.failure.kind == "exit"
        await until_standing(warm_sandbox)
    assert (await _run(warm_sandbox, script_request("said = 1"))).ok


async def test_an_agent_that_never_reads_its_request_is_ended_by_its_time_limit(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest, tmp_path: Path
):
    request = script_request("", entry_path=_agent(tmp_path / "agent", "return Out(said='')"))
    await _run(warm_sandbox, request)
    hanging = _agent(tmp_path / "hanging", "return Out(said='')", at_import="import time\ntime.sleep(600)")
    limits = type(request.limits)(timeout_seconds=1)
    big = {"code": "x" * 300_000}
    slow = script_request("", entry_path=hanging, limits=limits, inputs=big)
    for _ in range(2):
        result = await _run(warm_sandbox, slow)
        assert result.failure is not None
        assert result.failure.kind == "timeout"
        await until_standing(warm_sandbox)


async def test_each_run_finds_its_own_trace(warm_sandbox: BubblewrapSandbox, script_request: MakeRequest):
    for number in range(3):
        trace = f"00-{number:032x}-{1:016x}-01"
        request = script_request("import os; said = os.environ.get('TRACEPARENT')", traceparent=trace)
        assert (await _run(warm_sandbox, request)).output == {"said": trace}
        await until_standing(warm_sandbox)
    assert warm_sandbox.warm.used == 2


def test_only_requests_with_nothing_to_act_on_are_served(script_request: MakeRequest, tmp_path: Path):
    assert shape_of(script_request("said = 1")) is not None
    assert shape_of(script_request("said = 1", network=("example.org:443",))) is None
    assert shape_of(script_request("said = 1", mounts=(Mount(name="repository", source=tmp_path),))) is None


async def test_other_settings_or_limits_need_another_jail(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest
):
    await _run(warm_sandbox, script_request("said = 1", settings={"A": "1"}))
    await until_standing(warm_sandbox)
    result = await _run(warm_sandbox, script_request("import os; said = os.environ['A']", settings={"A": "2"}))
    assert result.output == {"said": "2"}
    assert warm_sandbox.warm.used == 0


async def test_closing_and_cancelling_leave_no_process(
    warm_sandbox: BubblewrapSandbox, script_request: MakeRequest, tmp_path: Path
):
    entry = _agent(tmp_path / "agent", "time.sleep(60)\nreturn Out(said='')")
    request = script_request("", entry_path=entry)
    running = asyncio.create_task(_run(warm_sandbox, request))
    await asyncio.sleep(1.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await warm_sandbox.close()
    assert not _jails_of(entry)


class _Fake:
    def __init__(self) -> None:
        self.alive, self.closed = True, False

    def kill(self) -> None:
        self.alive = False

    async def close(self) -> None:
        self.closed = True


def _shaped(request: AgentRequest) -> JailShape:
    shape = shape_of(request)
    assert shape is not None
    return shape


async def test_what_stands_is_what_the_last_requests_would_have_used(script_request: MakeRequest):
    started: list[AgentRequest] = []
    made: list[_Fake] = []

    async def start(request: AgentRequest) -> _Fake:
        started.append(request)
        made.append(_Fake())
        return made[-1]

    jails: WarmJails[_Fake] = WarmJails(start, most=3, quiet=0.01)
    first, second = (script_request("", settings={"N": number}) for number in "12")
    for request in (first, first, first, second, second):
        jails.prepare(_shaped(request), request)
    await _until(lambda: jails.standing == 3)
    assert [request.settings["N"] for request in started] == ["2", "2", "1"]
    for _ in range(3):
        jails.prepare(_shaped(first), first)
    await _until(lambda: len(made) == 5 and jails.standing == 3)
    await _until(lambda: [fake.closed for fake in made] == [True, True, False, False, False])


async def test_a_jail_that_nobody_needed_for_long_is_dropped_for_good(script_request: MakeRequest):
    made: list[_Fake] = []

    async def start(_: AgentRequest) -> _Fake:
        made.append(_Fake())
        return made[-1]

    jails: WarmJails[_Fake] = WarmJails(start, most=2, max_age=0.2, quiet=0.01)
    request = script_request("")
    jails.prepare(_shaped(request), request)
    await _until(lambda: bool(made) and made[0].closed)
    await asyncio.sleep(0.2)
    assert len(made) == 1


async def test_a_waiting_jail_keeps_nothing_of_the_run_before(script_request: MakeRequest):
    started: list[AgentRequest] = []

    async def start(request: AgentRequest) -> _Fake:
        started.append(request)
        return _Fake()

    jails: WarmJails[_Fake] = WarmJails(start, most=1, quiet=0.01)
    request = script_request("secret = 1", run_id="run", secrets={"TOKEN": "first-secret"}, traceparent="00-1")
    jails.prepare(_shaped(request), request)
    await _until(lambda: jails.standing == 1)
    (kept,) = started
    assert (dict(kept.inputs), dict(kept.secrets), kept.run_id, kept.traceparent) == ({}, {"TOKEN": ""}, "", "")
    assert _shaped(kept) == _shaped(request)


async def test_a_jail_that_cannot_be_started_is_not_tried_again_and_again(script_request: MakeRequest):
    tries: list[int] = []

    async def start(_: AgentRequest) -> _Fake:
        tries.append(1)
        raise OSError("no")

    jails: WarmJails[_Fake] = WarmJails(start, most=2, quiet=0.01)
    request = script_request("")
    jails.prepare(_shaped(request), request)
    await _until(lambda: bool(tries))
    await asyncio.sleep(0.2)
    assert tries == [1]
    assert await jails.take(_shaped(request)) is None


async def test_nothing_is_started_ahead_while_every_core_has_a_run(
    script_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    started: list[AgentRequest] = []

    async def start(request: AgentRequest) -> _Fake:
        started.append(request)
        return _Fake()

    jails: WarmJails[_Fake] = WarmJails(start, most=2, quiet=0.01)
    request = script_request("")
    with jails.running():
        jails.prepare(_shaped(request), request)
        await asyncio.sleep(0.2)
        assert started == []
    await _until(lambda: len(started) == 1)


def _jails_of(entry: str) -> list[str]:
    found: list[str] = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if entry in line:
                found.append(line)
    return found
