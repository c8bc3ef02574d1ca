"""The launcher's report, as bytes on a pipe -> the end of the agent, or why it was not started.

Everything after the first two lines may come from a hostile agent: sizes and names are checked.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, cast

from agents.sandbox.inside.order import LaunchOrder, WarmMessage

_MAX_LINE = 64 << 10
_MOST = (1 << 31) - 1


class JailRefused(Exception):
    """The launcher did not start the agent."""

    def __init__(self, reason: str, *, entered: bool) -> None:
        super().__init__(reason)
        self.entered = entered
        """Whether the jail itself held, and only the preparations failed."""


@dataclass(frozen=True, kw_only=True)
class JailReport:
    """How the agent's process ended, and the files it left."""

    status: int
    """As from `waitpid`."""
    result: bytes | None
    """Content of the result file, perhaps one byte over the limit; None: there is none."""
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """Name and content of each artifact."""
    max_memory_kb: int = 0
    """Of its largest process."""
    cpu_seconds: float = 0.0
    """Of all its processes."""
    over_memory: bool = False
    """The launcher itself saw the agent's processes hold more than they may together."""


def framed(message: LaunchOrder | WarmMessage) -> bytes:
    """A message as the launcher reads it: its length on a line, then the JSON."""
    content = json.dumps(message).encode()
    return b"%d\n%s" % (len(content), content)


async def read_hello(reader: asyncio.StreamReader) -> bool:
    """Whether the launcher runs, inside its namespaces; False when the pipe ended before."""
    return "hello" in await _line(reader)


async def read_held(reader: asyncio.StreamReader) -> dict[str, str]:
    """Limit -> what enforces it; the agent starts with this. Raises Refused."""
    head = await _line(reader)
    if "held" in head:
        return {str(name): str(value) for name, value in head["held"].items()}
    raise JailRefused(str(head.get("refused", "the launcher ended")), entered=bool(head.get("entered", False)))


async def read_report(reader: asyncio.StreamReader, *, result_limit: int, files_limit: int) -> JailReport | None:
    """The end of the run; None when the pipe ended first (the jail was killed) or holds anything else."""
    try:
        head = await _line(reader)
        if not head:
            return None
        result = head["result"]
        content = None if result is None else await _exactly(reader, result, result_limit + 1)
        files: list[tuple[str, bytes]] = []
        for entry in head["artifacts"]:
            body = await _exactly(reader, entry["size"], files_limit)
            files_limit -= len(body)
            files.append((str(entry["file"]), body))
        return JailReport(
            status=int(head["status"]),
            result=content,
            files=tuple(files),
            max_memory_kb=min(max(int(head["max_memory_kb"]), 0), _MOST),
            cpu_seconds=min(max(float(head.get("cpu_seconds", 0)), 0.0), float(_MOST // 1_000)),
            over_memory=head.get("over_memory") is True,
        )
    except (ValueError, KeyError, TypeError, OverflowError, asyncio.IncompleteReadError):
        return None


async def _exactly(reader: asyncio.StreamReader, size: Any, limit: int) -> bytes:
    if type(size) is not int or not 0 <= size <= limit:
        raise ValueError(f"size {size!r} is over {limit}")
    return await reader.readexactly(size)


async def _line(reader: asyncio.StreamReader) -> dict[str, Any]:
    """One line of JSON; empty when the pipe has ended."""
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return {}
    except asyncio.LimitOverrunError as exc:
        raise ValueError("line too long") from exc
    if len(line) > _MAX_LINE:
        raise ValueError("line too long")
    head: Any = json.loads(line)
    return cast(dict[str, Any], head) if isinstance(head, dict) else {}
