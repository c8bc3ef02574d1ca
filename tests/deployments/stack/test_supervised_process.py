"""Child processes that start, die and must not be left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from deployments.errors import ProcessFailed
from deployments.stack import supervised_process as part_module
from deployments.stack.probe import FileProbe
from deployments.stack.process import ChildProcess, Command
from deployments.stack.supervised_process import SupervisedProcess


def is_alive(pid: int | None) -> bool:
    assert pid is not None
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(condition, *, seconds: float = 5):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def until(condition, *, seconds: float = 5):
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def shell(script: str, folder: Path, **options) -> Command:
    return Command(
        name="thing", arguments=["sh", "-c", script], env=dict(os.environ), log=folder / "thing.log", **options
    )


def part(script: str, folder: Path, *, timeout: float = 5, events: list[str] | None = None) -> SupervisedProcess:
    heard = [] if events is None else events
    return SupervisedProcess(
        shell(script, folder),
        probe=FileProbe(folder / "ready"),
        timeout=timeout,
        report=lambda _, event: heard.append(event),
    )


async def test_a_part_is_started_when_it_answers(tmp_path):
    thing = part("sleep 0.2; touch ready; exec sleep 60".replace("ready", str(tmp_path / "ready")), tmp_path)
    await thing.start()
    assert (tmp_path / "ready").exists()
    await thing.stop()
    assert not is_alive(thing.pid)


async def test_a_part_that_ends_at_once_is_reported_with_its_log_and_last_lines(tmp_path):
    thing = part("echo cannot open the thing >&2; exit 7", tmp_path)
    with pytest.raises(ProcessFailed) as failed:
        await thing.start()
    message = str(failed.value)
    assert "thing ended with exit status 7" in message
    assert str(tmp_path / "thing.log") in message
    assert "cannot open the thing" in message


async def test_last_lines_are_those_of_this_start_only(tmp_path):
    (tmp_path / "thing.log").write_text("an old story\n")
    with pytest.raises(ProcessFailed) as failed:
        await part("exit 1", tmp_path).start()
    assert "an old story" not in str(failed.value)


async def test_a_part_that_does_not_answer_is_stopped(tmp_path):
    thing = part("exec sleep 60", tmp_path, timeout=0.2)
    with pytest.raises(ProcessFailed, match=r"did not answer within 0\.2 s"):
        await thing.start()
    assert not is_alive(thing.pid)


async def test_a_part_that_dies_is_started_again(tmp_path):
    events: list[str] = []
    thing = part(f"touch {tmp_path / 'ready'}; exec sleep 60", tmp_path, events=events)
    await thing.start()
    first = thing.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: events.count("ready") == 2)
    assert thing.pid != first
    assert is_alive(thing.pid)
    assert events == ["started", "ready", "died", "started", "ready"]
    await thing.stop()
    assert not is_alive(thing.pid)


async def test_a_part_that_keeps_dying_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(part_module, "BACKOFF", (0.0, 0.0))
    thing = part(f"touch {tmp_path / 'ready'}; sleep 0.2; echo no more; exit 3", tmp_path)
    await thing.start()
    with pytest.raises(ProcessFailed, match=r"exit status 3[\s\S]*no more"):
        await asyncio.wait_for(thing.given_up(), 10)
    assert thing.restarts == 2
    await thing.stop()


async def test_stopping_kills_what_the_child_has_started_and_what_does_not_listen(tmp_path):
    script = f"trap '' TERM; sleep 60 & echo $! > {tmp_path / 'grandchild'}; while true; do sleep 0.1; done"
    child = ChildProcess(shell(script, tmp_path, grace=0.3))
    await child.start()
    await until(lambda: (tmp_path / "grandchild").exists() and (tmp_path / "grandchild").read_text().strip())
    grandchild = int(await asyncio.to_thread((tmp_path / "grandchild").read_text))
    await child.stop()
    await until(lambda: not is_alive(grandchild))
    assert not is_alive(child.pid)


def test_children_die_with_a_parent_that_was_killed(tmp_path):
    script = (
        "import asyncio, pathlib, sys\n"
        "from deployments.stack.process import ChildProcess, Command\n"
        "async def main():\n"
        f"    folder = pathlib.Path({str(tmp_path)!r})\n"
        "    child = ChildProcess(Command(name='x', arguments=['sleep', '60'], env={}, log=folder / 'x.log'))\n"
        "    await child.start()\n"
        "    (folder / 'draft').write_text(str(child.pid))\n"
        "    (folder / 'draft').rename(folder / 'pid')\n"
        "    await child.wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        wait_until(lambda: (tmp_path / "pid").exists())
        child = int((tmp_path / "pid").read_text())
        assert is_alive(child)
        parent.kill()
    wait_until(lambda: not is_alive(child))
