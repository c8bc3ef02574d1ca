"""What the agent writes to stdout and stderr, in pieces -> lines with a level, secrets masked, within the caps."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.port import Limits, LogLine

_RECORD = 0x1E
"""Marks a line of the SDK: JSON with level and text. Any other line is INFO, as it is."""
_FLOOD = 8
"""Times the cap an agent may write, unread, before it is stopped."""
_TAIL_LINES = 40
_TAIL_BYTES = 8_000
_LEVELS = range(1, 51)


class LogStream:
    """Collects the output of one run."""

    def __init__(self, limits: Limits, masker: Masker, on_log: Callable[[LogLine], None]) -> None:
        self._limits, self._masker, self._on_log = limits, masker, on_log
        self._buffer = bytearray()
        self._skipping = False
        self._seen = self._told = 0
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._full = False

    @property
    def flooded(self) -> bool:
        """Whether the agent wrote so much that it is to be stopped."""
        return self._seen > self._limits.log_bytes * _FLOOD

    @property
    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._tail)[-_TAIL_BYTES:]

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of output."""
        self._seen += len(chunk)
        *pieces, rest = chunk.split(b"\n")
        lines: list[bytes] = []
        for piece in pieces:
            self._extend(piece)
            lines.append(bytes(self._buffer))
            self._buffer.clear()
        self._extend(rest)
        self._end_lines(lines)

    def note(self, level: int, text: str) -> None:
        """A line of the sandbox's own, among the agent's."""
        self._tell(level, self._masker.mask(text))

    def close(self) -> None:
        """The output has ended, perhaps within a line."""
        if self._buffer:
            self._end_lines([bytes(self._buffer)])
            self._buffer.clear()

    def _extend(self, piece: bytes) -> None:
        # Whole lines are masked before they are cut, so more is kept than is shown; memory stays bounded.
        room = self._limits.log_line_bytes * 8 - len(self._buffer)
        self._buffer += piece[: max(room, 0)]

    def _end_lines(self, lines: list[bytes]) -> None:
        if self._full or not lines:
            return
        mask = self._masker.mask if self._masker.may_hold(lines) else None
        for line in lines:
            level, text = _parse(line)
            self._tell(level, mask(text) if mask else text)

    def _tell(self, level: int, text: str) -> None:
        if self._full:
            return
        text = self._cut(_clean(text))
        self._told += len(text) + 1
        if self._told > self._limits.log_bytes:
            self._full = True
            level, text = logging.WARNING, f"log cut off: more than {self._limits.log_bytes} bytes"
        self._tail.append(text)
        self._on_log(LogLine(level=level, text=text))

    def _cut(self, text: str) -> str:
        limit = self._limits.log_line_bytes
        return text if len(text) <= limit else f"{text[:limit]}… (line cut off at {limit} characters)"


def _parse(raw: bytes) -> tuple[int, str]:
    if raw[:1] and raw[0] == _RECORD:
        try:
            record: Any = json.loads(raw[1:])
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            fields = cast(dict[str, Any], record)
            level, text = fields.get("level"), fields.get("text")
            if isinstance(text, str):
                return (level if type(level) is int and level in _LEVELS else logging.INFO), text.encode(
                    "utf-8", "replace"
                ).decode()
    return logging.INFO, raw.decode("utf-8", "surrogateescape")


def _clean(text: str) -> str:
    """Without what would drive a terminal or break a database."""
    text = text.rstrip("\r\n").encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in text)
