"""Log records -> one line of JSON each, with the run, node, attempt and trace that they belong to.

In production mode, or with `COMMANDCENTER_LOG_FORMAT=json` in the environment; text for people otherwise. Whatever else
a part prints, the message of its last error included, becomes such lines as well.
"""

from __future__ import annotations

import atexit
import io
import json
import logging
import os
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from observability.traces.ids import trace_id

VARIABLE = "COMMANDCENTER_LOG_FORMAT"
FORMATS = ("text", "json")
_MAX_MESSAGE = 50_000
_EXTRA = ("flow_run_id", "flow_run_name", "task_run_id", "task_run_name")
"""What Prefect's loggers know of a record."""
_FLOW_RUN, _TASK_RUN = "flow_run_id", "task_run_id"
_MOST_RUNS = 10_000
_runs: OrderedDict[str, Mapping[str, str | int]] = OrderedDict()
"""Prefect's id of a run -> the ids on its lines: Prefect's engine logs before and after our own code is there."""
_record_id: Callable[[str], str] | None = None
"""Prefect's id of a run -> its id on record, where that can be told from it."""
_context: ContextVar[Mapping[str, str | int]] = ContextVar("log context", default={})  # noqa: B039 - never changed


class LogFormatError(ValueError):
    """The variable has a value that is no format."""


def know_run(prefect_id: str, **fields: str | int) -> None:
    """Put these fields on every line that names this flow run or task run of Prefect's, whoever logs it."""
    _runs[prefect_id] = fields
    _runs.move_to_end(prefect_id)
    while len(_runs) > _MOST_RUNS:
        _runs.popitem(last=False)


def name_runs(record_id: Callable[[str], str]) -> None:
    """Put a run's id on record on each line that names its flow run: also those before the run is on record."""
    global _record_id
    _record_id = record_id


@contextmanager
def log_context(**fields: str | int | None) -> Generator[None]:
    """Put these fields on every line that is logged inside, besides those from outside; None: not known."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _context.set({**_context.get(), **known})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """`time` (UTC), `level`, `logger`, `message`, `error` where there is a traceback, and the ids."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """One line; whatever the message holds, it stays one."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "part": self._part,
            "logger": record.name,
            "message": record.getMessage()[:_MAX_MESSAGE],
            **_context.get(),
        }
        line |= {name: str(value) for name in _EXTRA if (value := getattr(record, name, None)) not in (None, "")}
        if (flow_run_id := line.get(_FLOW_RUN)) is not None:
            known = _runs.get(str(flow_run_id), {})
            told = {"run_id": _record_id(str(flow_run_id))} if _record_id else {}
            line = {**told, "trace_id": trace_id(str(flow_run_id)), **known, **line}
        # Which attempt a task run makes is known later than that it begins.
        line |= _runs.get(str(line.get(_TASK_RUN)), {})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self.formatException(record.exc_info)[:_MAX_MESSAGE]
        # ASCII: control characters and half surrogates come out escaped.
        return json.dumps(line, ensure_ascii=True)


def log_format(environment: Mapping[str, str] = os.environ, *, terminal: bool = False) -> str:
    """`text` or `json`. Unset: JSON in production mode, but for a person at a `terminal`. Raises LogFormatError."""
    production = environment.get("COMMANDCENTER_MODE", "embedded").strip().lower() != "embedded"
    chosen = environment.get(VARIABLE) or ("json" if production and not terminal else "text")
    if chosen not in FORMATS:
        raise LogFormatError(f"{VARIABLE} is {chosen!r}: write one of {', '.join(FORMATS)}")
    return chosen


def log_as_json(part: str, *, loggers: tuple[str, ...] = ("",)) -> bool:
    """Have these loggers (the root by default) write JSON to standard error, if the environment says so.

    Their handlers for a terminal are replaced, others stay; what is printed becomes lines of JSON. To be called before
    anything is printed. Returns whether it does. Raises LogFormatError.
    """
    if log_format(terminal=sys.stderr.isatty()) != "json":
        return False
    stream = _print_as_json(part)
    for name in loggers:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, logging.StreamHandler):
                logger.removeHandler(handler)  # pyright: ignore[reportUnknownArgumentType]
        if logger.propagate and name:
            continue
        handler = logging.StreamHandler(stream)
        handler.setFormatter(JsonFormatter(part))
        logger.addHandler(handler)
    return True


_FROM_NATS = re.compile(r"\[\d+\] \S+ \S+ \[(?P<level>[A-Z]{3})\] (?P<message>.*)")
_LEVELS = {"ERR": "ERROR", "FTL": "CRITICAL", "WRN": "WARNING", "DBG": "DEBUG", "TRC": "DEBUG"}
_ERROR = re.compile(r"(?:error|fatal):", re.IGNORECASE)


def as_json_line(text: str, part: str) -> str:
    """A line that a part wrote, as one of JSON; one that is JSON already stays as it is."""
    if text.startswith("{") and text.endswith("}"):
        try:
            json.loads(text)
        except ValueError:
            pass
        else:
            return text
    level, found = "ERROR" if _ERROR.match(text) else "INFO", _FROM_NATS.fullmatch(text)
    if found is not None:
        level, text = _LEVELS.get(found["level"], "INFO"), found["message"]
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "part": part,
        "logger": "output",
        "message": text[:_MAX_MESSAGE],
    }
    return json.dumps(line, ensure_ascii=True)


class JsonLines(io.TextIOBase):
    """Standard output or error: each line that is printed becomes one of JSON."""

    def __init__(self, stream: TextIO, part: str) -> None:
        self._stream, self._part, self._rest = stream, part, ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the stream."""
        return self._stream.encoding

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """That of the stream."""
        return self._stream.fileno()

    def write(self, text: str, /) -> int:
        """Keep what is no whole line yet."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._put(line)
        return len(text)

    def flush(self) -> None:
        """Of whole lines."""
        self._stream.flush()

    def finish(self) -> None:
        """What is left is a line, too."""
        with self._lock:
            rest, self._rest = self._rest, ""
            self._put(rest)
            self._stream.flush()

    def _put(self, line: str) -> None:
        if line.strip():
            self._stream.write(as_json_line(line.rstrip("\r"), self._part) + "\n")
            self._stream.flush()


def _print_as_json(part: str) -> TextIO:
    """Standard error for the lines of logs; whatever else is printed is made into such lines."""
    if isinstance(sys.stderr, JsonLines):
        return sys.stderr._stream  # pyright: ignore[reportPrivateUsage]
    plain = sys.stderr
    for name in ("stdout", "stderr"):
        stream = JsonLines(getattr(sys, name), part)
        setattr(sys, name, stream)
        atexit.register(stream.finish)
    logging.captureWarnings(True)
    sys.excepthook = _tell_error
    return plain


def _tell_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A traceback is one line, too."""
    logging.getLogger("commandcenter").critical("%s", error or kind.__name__, exc_info=(kind, error, trace))
