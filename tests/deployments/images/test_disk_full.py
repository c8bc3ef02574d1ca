"""The disks of PostgreSQL and NATS are full, one after the other, and then are not."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from composed import Composed, until

START_SECONDS = 900
QUIET_SECONDS = 600
FULL_SECONDS = 30
# Small disks in memory. `holder` keeps them while the container that writes to them is started again.
SMALL_DISKS = """\
services:
  holder:
    image: ${NATS_IMAGE}
    entrypoint: [sleep, infinity]
    network_mode: none
    volumes: ["postgres:/postgres", "nats:/nats"]
volumes:
  postgres: {driver_opts: {type: tmpfs, device: tmpfs, o: size=400m}}
  nats: {driver_opts: {type: tmpfs, device: tmpfs, o: size=24m}}
"""

# nats-py leaves the socket of a connection that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class SmallDisks:
    """The stack, and ways to fill its disks."""

    def __init__(self, project: Any, command: list[str]) -> None:
        self.project = project
        self.stack = Composed(
            compose=command, secrets=project.folder / "secrets", ports=project.ports, token=project.token
        )

    def fill(self, disk: str) -> None:
        """Not a byte is left."""
        # Ends with an error, when nothing is left.
        subprocess.run(
            [
                *self.stack.compose,
                "exec",
                "--no-TTY",
                "holder",
                "dd",
                "if=/dev/zero",
                f"of=/{disk}/filler",
                "bs=4k",
            ],
            capture_output=True,
            timeout=120,
            cwd=self.stack.cwd,
            check=False,
        )
        assert self.free(disk) == 0

    def free(self, disk: str) -> int:
        """Blocks that are left."""
        return int(self.stack.run("exec", "--no-TTY", "holder", "stat", "-f", "-c", "%a", f"/{disk}"))

    def empty(self, disk: str) -> None:
        """Somebody has made room."""
        self.stack.run("exec", "--no-TTY", "holder", "rm", f"/{disk}/filler")


@pytest.fixture
def small_disks(project_of: Any, image: str) -> Iterator[SmallDisks]:
    project = project_of(image)
    (project.folder / "small.yaml").write_text(SMALL_DISKS)
    command = project.command
    # compose.yaml comes first, since the files behind it change it.
    command = [*command[:6], "--file", str(project.folder / "small.yaml"), *command[6:]]
    disks = SmallDisks(project, command)
    try:
        disks.stack.run("up", "--detach", "holder", seconds=START_SECONDS)
        disks.stack.run("up", "--detach", "--wait", "worker", "listener", "api", seconds=START_SECONDS)
        yield disks
    finally:
        disks.stack.run("--profile", "*", "down", "--volumes", "--remove-orphans", seconds=300)


async def test_nothing_that_was_accepted_is_lost_when_a_disk_is_full_and_all_goes_on_by_itself_when_there_is_room(
    small_disks: SmallDisks, tmp_path: Path
) -> None:
    stack = small_disks.stack
    await asyncio.to_thread(stack.deploy, tmp_path / "composed")
    asking = await stack.publish(ask=True)
    await until(lambda: stack.asks(asking), QUIET_SECONDS, "the question")
    for disk in ("postgres", "nats"):
        await asyncio.to_thread(small_disks.fill, disk)
        # An event that comes in meanwhile is refused until there is room, or accepted and kept.
        coming = asyncio.ensure_future(stack.publish(ask=True))
        await asyncio.sleep(FULL_SECONDS)
        await asyncio.to_thread(small_disks.empty, disk)
        await coming
        assert await stack.quiet(QUIET_SECONDS) == [], disk
