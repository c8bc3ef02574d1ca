"""The log file of a process in; whether it logs errors again and again, and the last of them, out.

A process can answer every probe and still do none of its work: a scheduler whose every pass fails is "healthy" to
whoever only asks whether it is there. Its log says so.
"""

from __future__ import annotations

import json
import os
import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

AGAIN_AND_AGAIN = 3
"""So many errors of one kind within the window are reported."""
WINDOW_SECONDS = 600.0
_MAX_READ = 1 << 20
_MAX_MESSAGE = 300
# Prefect's console ("12:00:00.000 | ERROR   | name - message"), Python's usual one, and nats-server's.
_LINE = re.compile(
    r"^\S+ \| (?:ERROR|CRITICAL) +\| (?P<prefect>[\w.]+) - (?P<a>.*)$"
    r"|^\S+ \S+ (?:ERROR|CRITICAL) (?P<logging>[\w.]+): (?P<b>.*)$"
    r"|^\[\d+\] \S+ \S+ \[(?:ERR|FTL)\] (?P<c>.*)$"
)
_EXCEPTION = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception|Timeout)\b(?!.*\bFile \")")
_OF_RUNS = ("prefect.flow_runs", "prefect.task_runs", "triggers.intake")
"""Loggers that tell of somebody's run or event, not of the process that logs it."""
_VARIABLE = re.compile(r"[0-9a-f]{8,}|\d+|'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, kw_only=True)
class RepeatedError:
    """An error that a process logs again and again."""

    count: int
    """How often within the window."""
    message: str
    """The last one, on one line."""


@dataclass
class LogErrors:
    """Reads what was appended to one log file since the last look."""

    path: Path
    offset: int = 0
    """Where the next look begins."""
    _seen: dict[str, deque[float]] = field(default_factory=dict[str, deque[float]])
    _last: dict[str, str] = field(default_factory=dict[str, str])
    _rest: bytes = b""
    _open: str | None = None
    """The kind of the error whose traceback is being read."""

    def look(self, at: float) -> RepeatedError | None:
        """The most frequent error of the last ten minutes, if there are enough of it. `at`: seconds, monotonic."""
        for line in self._lines():
            self._take(line, at)
        self._forget(at)
        worst = max(self._seen, key=lambda kind: len(self._seen[kind]), default=None)
        if worst is None or len(self._seen[worst]) < AGAIN_AND_AGAIN:
            return None
        return RepeatedError(count=len(self._seen[worst]), message=self._last[worst])

    def _take(self, line: str, at: float) -> None:
        found = error_of(line)
        if found is not None:
            kind = _VARIABLE.sub("#", found)
            self._seen.setdefault(kind, deque(maxlen=1_000)).append(at)
            self._last[kind] = found
            self._open = kind
        elif self._open is not None and _EXCEPTION.match(line):
            # The last line of the traceback below the message: why.
            self._last[self._open] = f"{self._last[self._open]}: {_printable(line)}"[:_MAX_MESSAGE]
            self._open = None

    def _lines(self) -> list[str]:
        try:
            with self.path.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                if size < self.offset:  # put aside, and begun anew
                    self.offset, self._rest = 0, b""
                log.seek(max(self.offset, size - _MAX_READ))
                read = log.read(_MAX_READ)
                self.offset = log.tell()
        except OSError:
            return []
        *whole, self._rest = (self._rest + read).split(b"\n")
        self._rest = self._rest[-_MAX_READ:]
        return [line.decode(errors="replace") for line in whole]

    def _forget(self, at: float) -> None:
        for kind, times in list(self._seen.items()):
            while times and times[0] < at - WINDOW_SECONDS:
                times.popleft()
            if not times:
                del self._seen[kind], self._last[kind]
                self._open = None if self._open == kind else self._open


def error_of(line: str) -> str | None:
    """The message of a line that tells of an error of the process itself; None for any other line."""
    if line.startswith("{"):
        return _json_error(line)
    match = _LINE.match(line)
    if match is None:
        return None
    name = match["prefect"] or match["logging"] or ""
    if name.startswith(_OF_RUNS):
        return None
    message = match["a"] or match["b"] or match["c"] or ""
    return _printable(f"{name}: {message}" if name else message)[:_MAX_MESSAGE]


def _json_error(line: str) -> str | None:
    """The same for a line of `observability.json_logs`."""
    try:
        found: object = json.loads(line)
    except ValueError:
        return None
    record = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    name = str(record.get("logger", ""))
    if record.get("level") not in ("ERROR", "CRITICAL") or name.startswith(_OF_RUNS):
        return None
    why = str(record.get("error", "")).strip().rpartition("\n")[2]
    return _printable(f"{name}: {record.get('message', '')}" + (f": {why}" if why else ""))[:_MAX_MESSAGE]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
