"""The clock of the whole stack is set forth by an hour, back to the right time, and back by another hour."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from composed import Composed, until

START_SECONDS = 900
QUIET_SECONDS = 600
SOURCE = Path(__file__).with_name("other_clock.c")
# Every part of ours; PostgreSQL and NATS have the right time throughout, as another host would.
OTHER_CLOCK = """\
x-clock: &clock
  environment:
    LD_PRELOAD: /clock/other_clock.so
    FAST_BY: /clock/offset
  volumes: ["CLOCK:/clock:ro"]
services:
  server: *clock
  listener: *clock
  worker: *clock
  api: *clock
"""

# nats-py leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class OtherClock:
    """The stack, and its clock."""

    def __init__(self, project: Any, command: list[str], folder: Path) -> None:
        self.stack = Composed(
            compose=command, secrets=project.folder / "secrets", ports=project.ports, token=project.token
        )
        self._folder = folder

    def set(self, seconds: int) -> None:
        """From now on the clock is by so much fast."""
        file = self._folder / "offset.new"
        file.write_text(f"{seconds:+d}\n")
        file.chmod(0o644)
        file.rename(self._folder / "offset")

    def hour(self) -> int:
        """What the worker takes for the time, in seconds of the epoch."""
        now = ("python3", "-c", "import time; print(int(time.time()))")
        return int(self.stack.run("exec", "--no-TTY", "worker", *now))


@pytest.fixture
def clock(project_of: Any, image: str, tmp_path: Path) -> Iterator[OtherClock]:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here: install Debian's gcc and libc6-dev to run this")
    project = project_of(image)
    folder = tmp_path / "clock"
    folder.mkdir(mode=0o755)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", folder / "other_clock.so", SOURCE], check=True)
    (project.folder / "clock.yaml").write_text(OTHER_CLOCK.replace("CLOCK:", f"{folder}:"))
    # compose.yaml comes first, since the files behind it change it.
    command = [*project.command[:6], "--file", str(project.folder / "clock.yaml"), *project.command[6:]]
    other = OtherClock(project, command, folder)
    other.set(0)
    try:
        other.stack.run("up", "--detach", "--wait", "worker", "listener", "api", seconds=START_SECONDS)
        yield other
    finally:
        other.stack.run("--profile", "*", "down", "--volumes", "--remove-orphans", seconds=300)


async def test_a_clock_that_is_set_loses_and_doubles_nothing_and_keeps_what_waits(
    clock: OtherClock, tmp_path: Path
) -> None:
    stack = clock.stack
    await asyncio.to_thread(stack.deploy, tmp_path / "composed")
    for offset in (3_600, 0, -3_600):
        asking = await stack.publish(ask=True)
        await until(lambda number=asking: stack.asks(number), QUIET_SECONDS, "the question")
        before = await asyncio.to_thread(clock.hour)
        busy = [await stack.publish() for _ in range(3)]
        clock.set(offset)
        await until(lambda was=before: abs(clock.hour() - was) > 1_800, 120, "the other time")
        after = await stack.publish(ask=True)
        assert await stack.quiet(QUIET_SECONDS) == [], offset
        assert {asking, *busy, after} <= stack.ended()
