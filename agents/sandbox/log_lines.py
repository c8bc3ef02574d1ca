"""What the agent writes to stdout and stderr, in pieces -> lines with a level, secrets masked, within the caps.

A line that is written over and over with `\\r`, as progress bars do, is shown by its last state, at intervals and at
its end. A line that stays unfinished is shown as far as it goes; what follows is a line of its own. Neither is done in
a run with secrets: those are masked in whole lines, in a thread, for as much processor time as one run may take for it.
What cannot be looked through in that time is not shown.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from agents.sandbox.leaks.masking import Masker
from agents.sandbox.leaks.unpacking import Budget, TooMuchToCheck
from agents.sandbox.port import Limits, LogLine
from observability.traces.parts import MOST_PARTS, AttemptPart, told_part

_RECORD = 0x1E
"""Marks a line of the SDK: JSON with level and text, or a part for the trace. Any other line is INFO, as it is."""
_PART = b'\x1e{"span": '
_FLOOD = 8
"""Times the cap an agent may write, unread, before it is stopped."""
_TAIL_LINES = 40
_TAIL_BYTES = 8_000
_LEVELS = range(1, 51)
MASKING_SECONDS = 20.0
"""Processor time for masking the log of one run: an ordinary line takes a fraction of a millisecond."""
_QUICK = 1024
"""Bytes that are looked through at once: a thread would take longer."""
_Line = tuple[int, str]
"""Level and text."""
STATE_SECONDS = 1.0
"""Between two states of one line."""
PARTIAL_SECONDS = 2.0
"""How long a line stays unfinished before it is shown as it is."""
TERMINAL_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""Sequences that move the cursor or set colours."""


_THREADS = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1), thread_name_prefix="masking")
"""Of their own: hostile logs of a few runs would take all those that the rest of the worker uses."""


class LogStream:
    """Collects the output of one run."""

    def __init__(
        self,
        limits: Limits,
        masker: Masker,
        on_log: Callable[[LogLine], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        masking_seconds: float = MASKING_SECONDS,
    ) -> None:
        self._limits, self._masker, self._on_log = limits, masker, on_log
        self._clock = clock
        self._buffer = bytearray()
        self._state: bytes = b""
        """The state of the unfinished line that was shown last."""
        self._seen = self._told = 0
        self._fed_at = self._shown_at = clock()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._full = False
        self._masking_seconds = masking_seconds
        """What is left of them."""
        self._reading = threading.Lock()
        self.parts: list[AttemptPart] = []
        """What the agent told of its parts, for the trace."""

    @property
    def flooded(self) -> bool:
        """Whether the agent wrote so much that it is to be stopped."""
        return self._seen > self._limits.log_bytes * _FLOOD

    @property
    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._tail)[-_TAIL_BYTES:]

    @property
    def unfinished(self) -> bool:
        """Whether there is something to show by and by: `show_unfinished` is to be called about every second."""
        return bool(self._buffer)

    async def take(self, chunk: bytes) -> None:
        """Take the next piece of output; where there are secrets to look for, the loop goes on meanwhile."""
        if self._masker.idle or len(self._buffer) + len(chunk) <= _QUICK:
            self.feed(chunk)
        else:
            self._tell_all(await _in_thread(self._read, chunk))

    async def end(self) -> None:
        """The output has ended, perhaps within a line."""
        if self._masker.idle or len(self._buffer) <= _QUICK:
            self.close()
        else:
            self._tell_all(await _in_thread(self._rest))

    def feed(self, chunk: bytes) -> None:
        """As `take`, here and now."""
        self._tell_all(self._read(chunk))
        self._fed_at = self._clock()
        if b"\r" in chunk.rpartition(b"\n")[2]:
            self.show_unfinished()

    def show_unfinished(self) -> None:
        """Show the last state of a line that is written over, or a line that has stayed unfinished for long."""
        if not self._masker.idle:
            # A secret that is written in two halves is only found in a whole line.
            return
        now = self._clock()
        last = self._buffer.rfind(b"\r")
        if last >= 0:
            state = bytes(self._buffer[:last])
            if now - self._shown_at >= STATE_SECONDS:
                del self._buffer[: last + 1]
                if state not in (b"", self._state):
                    self._tell_all(self._masked([state]))
                self._state, self._shown_at = state, now
        elif self._buffer and self._buffer[0] != _RECORD and now - self._fed_at >= PARTIAL_SECONDS:
            whole = _whole_characters(self._buffer)
            self._tell_all(self._masked([bytes(self._buffer[:whole])] if whole else []))
            del self._buffer[:whole]

    def note(self, level: int, text: str) -> None:
        """A line of the sandbox's own, among the agent's."""
        self._tell(level, self._masker.mask(text))

    def close(self) -> None:
        """As `end`, here and now."""
        self._tell_all(self._rest())

    def _read(self, chunk: bytes) -> list[_Line]:
        """The lines that are whole now, masked."""
        with self._reading:
            self._seen += len(chunk)
            *pieces, rest = chunk.split(b"\n")
            lines: list[bytes] = []
            for piece in pieces:
                self._extend(piece)
                self._end_line(lines)
            self._extend(rest)
            return self._masked(lines)

    def _rest(self) -> list[_Line]:
        with self._reading:
            lines: list[bytes] = []
            if self._buffer:
                self._end_line(lines)
            return self._masked(lines)

    def _extend(self, piece: bytes) -> None:
        self._buffer += piece
        if b"\r" in self._buffer:
            # Only the last whole state, and the one being written, can still be shown.
            whole = re.sub(rb"\r+", b"\r", self._buffer)
            last = whole.rfind(b"\r")
            self._buffer = bytearray(whole[whole.rfind(b"\r", 0, last) + 1 :])
        # Whole lines are masked before they are cut, so more is kept than is shown; memory stays bounded.
        most = self._limits.log_line_bytes * 8
        if len(self._buffer) > most:
            del self._buffer[most:]
            del self._buffer[_whole_characters(self._buffer) :]

    def _end_line(self, lines: list[bytes]) -> None:
        """The line is finished: its last state counts, and is not shown twice."""
        was_written_over = bool(self._state)
        state = bytes(self._buffer).rstrip(b"\r").rpartition(b"\r")[2]
        if not (was_written_over and state in (b"", self._state)):
            lines.append(state)
        self._buffer.clear()
        self._state = b""

    def _masked(self, lines: list[bytes]) -> list[_Line]:
        """Lines as they may be shown; parts for the trace are taken out. Nothing, once the time for it is over."""
        if not lines or self._masking_seconds <= 0:
            return []
        shown: list[_Line] = []
        budget = Budget(seconds=self._masking_seconds)
        try:
            lines = [line for line in lines if not (line.startswith(_PART) and self._take_part(line, budget))]
            if self._full or not lines:
                return []
            may_hold = self._masker.may_hold(lines, budget)
            for line in lines:
                level, text = _parse(line)
                shown.append((level, self._masker.mask(text, budget) if may_hold else text))
            self._masking_seconds = budget.left
        except TooMuchToCheck:
            self._masking_seconds = 0
            shown.append(
                (logging.WARNING, "the log is not shown from here on: looking for secrets takes too long")
            )
        return shown

    def _take_part(self, line: bytes, budget: Budget) -> bool:
        """Whether the line is a part. One that holds a secret in any form is dropped whole. Raises TooMuchToCheck."""
        try:
            told: Any = json.loads(line[1:])
        except (ValueError, RecursionError):
            return False
        if len(self.parts) < MOST_PARTS and self._masker.leaked(line, budget) is None:
            part = told_part(told.get("span"), mask=lambda text: self._masker.mask(text, budget))
            if part is not None:
                self.parts.append(part)
        return True

    def _tell_all(self, lines: list[_Line]) -> None:
        for level, text in lines:
            self._tell(level, text)

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


async def _in_thread(read: Callable[..., list[_Line]], *given: bytes) -> list[_Line]:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, read, *given)


def _whole_characters(raw: bytearray) -> int:
    """How many of the bytes make whole characters: the last one may go on in the next piece."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte & 0xC0 != 0x80:  # the first byte of a character
            length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(raw) if back >= length else len(raw) - back
    return len(raw)


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
    text = TERMINAL_SEQUENCE.sub("", text).rstrip("\r\n").encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in text)
