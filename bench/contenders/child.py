"""A Python command line -> a child process that ends with the benchmark."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

_BENCH = Path(__file__).parents[1]


def environment(changes: Mapping[str, str], *, step: str) -> dict[str, str]:
    """This process's environment without Prefect's settings, with changes; the contenders can be imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, **changes, "BENCH_STEP": step, "PYTHONPATH": str(_BENCH), "DO_NOT_TRACK": "1"}


@asynccontextmanager
async def child(
    arguments: Sequence[str], *, env: Mapping[str, str], log: Path
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`python ARGUMENTS`, with pipes for orders and answers; what it says otherwise goes to the log."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
