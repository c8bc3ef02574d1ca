"""A part of an action -> a line on the log pipe, from which the platform makes a span of the run's trace."""

from __future__ import annotations

import itertools
import json
import logging
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

MARK = "\x1e"
"""Begins a line of the log pipe that is JSON; any other line is text, as it is."""
_numbers = itertools.count()
_inside: ContextVar[int | None] = ContextVar("commandcenter_span", default=None)
Value = str | int | float | bool


@contextmanager
def span(
    name: str, attributes: Mapping[str, Value] | None = None, *, kind: str = "internal"
) -> Generator[dict[str, Value]]:
    """Time a part of the action. What is put into the given attributes before its end is shown with it.

    An exception marks it as failed, with the exception's type, and goes on.
    """
    number, within = next(_numbers), _inside.get()
    found: dict[str, Value] = dict(attributes or {})
    token = _inside.set(number)
    began, failed = time.time_ns(), False
    try:
        yield found
    except BaseException as exc:
        failed = True
        found.setdefault("error.type", type(exc).__name__)
        raise
    finally:
        _inside.reset(token)
        told = {
            "name": name,
            "start": began // 1_000_000,
            "end": time.time_ns() // 1_000_000,
            "kind": kind,
            "attributes": found,
            "failed": failed,
            "number": number,
            "within": within,
        }
        _tell(told)


def _tell(told: Mapping[str, object]) -> None:
    try:
        sys.stderr.write(f"{MARK}{json.dumps({'span': told}, default=str)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        logging.getLogger("commandcenter.agent").debug("A span could not be written")
