"""The promises of the design's section "Resource Limits & Safety", each by its name, on every backend there is."""

import asyncio
import logging

import pytest

from agents.sandbox.port import Limits, LogLine, Mount

_TRY = """
import os
def attempt(action):
    try:
        action()
    except OSError as exc:
        return exc.errno
    return "possible"
"""


async def test_memory_is_512_mb_by_default_and_configurable(run_each):
    assert Limits().memory_mb == 512
    code = "said = len(bytearray(b'x') * ({} << 20)) >> 20"
    assert (await run_each(code.format(300))).output == {"said": 300}
    over = await run_each(code.format(700))
    assert over.failure is not None
    assert over.failure.kind == "memory"
    assert (await run_each(code.format(700), limits=Limits(memory_mb=1024))).output == {"said": 700}


async def test_timeout_is_5_minutes_by_default_and_30_at_most(run_each):
    assert Limits().timeout_seconds == 300
    beyond = await run_each("said = 1", limits=Limits(timeout_seconds=1801))
    assert beyond.failure is not None
    assert beyond.failure.kind == "bad-request"
    late = await run_each("import time; time.sleep(60)", limits=Limits(timeout_seconds=1))
    assert late.failure is not None
    assert late.failure.kind == "timeout"
    assert late.duration_ms < 30_000


async def test_network_is_isolated_by_default(run_each):
    result = await run_each(
        "import socket\n" + _TRY + "said = attempt(lambda: socket.create_connection(('1.1.1.1', 53)))"
    )
    assert result.output == {"said": 97}


async def test_network_has_an_explicit_allow_list(run_each):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    ports = [opened.sockets[0].getsockname()[1] for opened in (server, other)]
    code = f"""
    import urllib.error, urllib.request
    said = []
    for port in {ports}:
        try:
            said.append(urllib.request.urlopen(f"http://127.0.0.1:{{port}}/").read().decode())
        except urllib.error.HTTPError as exc:
            said.append(exc.code)
    """
    try:
        result = await run_each(code, network=(f"127.0.0.1:{ports[0]}",))
    finally:
        server.close()
        other.close()
    assert result.output == {"said": ["hello", 403]}
    assert result.denied_egress == (f"127.0.0.1:{ports[1]}",)


async def test_file_system_is_read_only_except_tmp(run_each):
    code = (
        _TRY
        + """
import sys
import sys
said = []
for folder, _, _ in os.walk("/"):
    if folder.startswith(("/proc", "/sys/", "/usr/", "/jail/packages", "/jail/venv", sys.base_prefix + "/lib")):
        continue
    place = os.path.join(folder, "probe")
    if attempt(lambda: open(place, "w")) == "possible":
        said.append(folder)
"""
    )
    result = await run_each(code)
    assert result.failure is None, result
    assert [folder for folder in result.output["said"] if not folder.startswith("/tmp")] == []
    assert "/tmp" in result.output["said"]


async def test_cpu_is_shared_with_a_limit_of_time(run_each):
    result = await run_each("while True: pass", limits=Limits(cpu_seconds=1, timeout_seconds=30))
    assert result.failure is not None
    assert "processor time" in result.failure.message


async def test_secrets_are_injected_and_never_logged(run_each, logs: list[LogLine]):
    secret = "canary-77f0a1c2"
    result = await run_each(
        "print('it is', context.secret('TOKEN')); said = os = len(context.secret('TOKEN'))",
        secrets={"TOKEN": secret},
    )
    assert result.output == {"said": len(secret)}
    assert logs == [LogLine(level=logging.INFO, text="it is [secret TOKEN]")]
    assert secret not in repr(result)


async def test_the_agent_runs_as_a_user_that_is_not_root_without_capabilities(run_each):
    code = """
    import os
    lines = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    said = [0 in (*os.getresuid(), *os.getresgid()), os.getgroups()]
    said += [int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    said += [lines["NoNewPrivs"], lines["Seccomp"]]
    """
    result = await run_each(code)
    assert result.failure is None, result
    root, groups, *rest = result.output["said"]
    assert not root
    assert 0 not in groups
    assert rest == [0, 0, 0, 0, 0, "1", "2"]


async def test_there_is_no_host_file_system_except_explicit_mounts(run_each, tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "file").write_text("yes")
    (tmp_path / "kept").write_text("no")
    code = f"""
    import os
    said = [open("/work/given/file").read(), os.path.exists({str(tmp_path / "kept")!r}), os.listdir("/work")]
    """
    result = await run_each(code, mounts=(Mount(name="given", source=tmp_path / "given"),))
    assert result.output == {"said": ["yes", False, ["given"]]}


async def test_every_limit_says_what_enforces_it(run_each):
    result = await run_each("said = 1")
    expected = {"memory-in-all", "cpu", "processes", "open-files", "file-size", "core", "system-calls", "files"}
    assert expected | {"time", "log", "tmp", "network"} <= set(result.limits_held)


async def test_runs_of_one_batch_go_on_side_by_side(run_each):
    for seconds in (1.5, 30):  # a busy machine may start the second one late
        code = f"import time; start = time.time(); time.sleep({seconds}); said = [start, time.time()]"
        batch = [run_each(code, limits=Limits(timeout_seconds=120)) for _ in range(2)]
        results = await asyncio.gather(*batch)
        (first, first_end), (second, second_end) = (result.output["said"] for result in results)
        if max(first, second) < min(first_end, second_end):
            return
    pytest.fail("one run began when the other had ended")


async def test_an_equal_run_is_run_again(run_each):
    code = "import os; said = os.urandom(8).hex()"
    results = [await run_each(code) for _ in range(2)]
    assert results[0].output != results[1].output


@pytest.mark.parametrize("name", ["docker", "", "none"])
def test_an_unknown_backend_is_refused_and_never_replaced(name):
    from agents.sandbox.choice import UnknownSandbox, open_sandbox

    if name:
        with pytest.raises(UnknownSandbox, match=f"no sandbox '{name}'.*bubblewrap, dagger"):
            open_sandbox(name)
    else:
        with pytest.raises(UnknownSandbox, match="no sandbox 'bare'"):
            open_sandbox(environment={"SANDBOX": "bare"})


async def test_without_an_engine_dagger_names_what_was_looked_for_and_runs_nothing(script_request, logs):
    from agents.sandbox.choice import open_sandbox

    sandbox = open_sandbox("dagger", environment={"_EXPERIMENTAL_DAGGER_CLI_BIN": "/no/such/dagger"})
    try:
        report = await sandbox.check()
        result = await sandbox.run(script_request("print('ran')"), on_log=logs.append)
    finally:
        await sandbox.close()
    assert not report.available
    assert result.failure is not None
    assert result.failure.kind == "sandbox-unavailable"
    for words in ("/no/such/dagger", "_EXPERIMENTAL_DAGGER_RUNNER_HOST", "SANDBOX=bubblewrap"):
        assert words in result.failure.message
        assert words in report.detail + report.advice
    assert logs == []
