"""Log records -> one line of JSON each, with the run, node, attempt and trace that they belong to.

`COMMANDCENTER_LOG_FORMAT=json` in the environment of a part; text for people otherwise.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from observability.traces.ids import trace_id

VARIABLE = "COMMANDCENTER_LOG_FORMAT"
FORMATS = ("text", "json")
_MAX_MESSAGE = 50_000
_EXTRA = ("flow_run_id", "flow_run_name", "task_run_id", "task_run_name")
"""What Prefect's loggers know of a record."""
_FLOW_RUN = "flow_run_id"
_MOST_RUNS = 10_000
_runs: OrderedDict[str, Mapping[str, str | int]] = OrderedDict()
"""Prefect's id of a run -> the ids on its lines: Prefect's engine logs before and after our own code is there."""
_context: ContextVar[Mapping[str, str | int]] = ContextVar("log context", default={})  # noqa: B039 - never changed


class LogFormatError(ValueError):
    """The variable has a value that is no format."""


def know_run(flow_run_id: str, **fields: str | int) -> None:
    """Put these fields on every line that names this run of Prefect's, whoever logs it."""
    _runs[flow_run_id] = fields
    _runs.move_to_end(flow_run_id)
    while len(_runs) > _MOST_RUNS:
        _runs.popitem(last=False)


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
            line = {"trace_id": trace_id(str(flow_run_id)), **known, **line}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self.formatException(record.exc_info)[:_MAX_MESSAGE]
        # ASCII: control characters and half surrogates come out escaped.
        return json.dumps(line, ensure_ascii=True)


def log_format(environment: Mapping[str, str] = os.environ) -> str:
    """`text` or `json`. Raises LogFormatError."""
    chosen = environment.get(VARIABLE) or "text"
    if chosen not in FORMATS:
        raise LogFormatError(f"{VARIABLE} is {chosen!r}: write one of {', '.join(FORMATS)}")
    return chosen


def log_as_json(part: str, *, loggers: tuple[str, ...] = ("",)) -> bool:
    """Have these loggers (the root by default) write JSON to standard error, if the environment says so.

    Their handlers for a terminal are replaced, others stay. Returns whether it does. Raises LogFormatError.
    """
    if log_format() != "json":
        return False
    for name in loggers:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, logging.StreamHandler):
                logger.removeHandler(handler)  # pyright: ignore[reportUnknownArgumentType]
        if logger.propagate and name:
            continue
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter(part))
        logger.addHandler(handler)
    return True
