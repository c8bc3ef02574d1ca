"""Log records -> lines on stderr that the sandbox reads: a record separator, then JSON with level and text."""

from __future__ import annotations

import json
import logging
import sys
from typing import TextIO

from agents.sdk.spans import MARK


class LogHandler(logging.Handler):
    """Writes each record with a single write, so that lines of several threads do not mix."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; text over several lines stays one line of JSON."""
        line = json.dumps({"level": record.levelno, "text": record.getMessage()}, ensure_ascii=True)
        try:
            self._stream.write(f"{MARK}{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.handleError(record)


def open_log(name: str = "commandcenter.agent") -> logging.Logger:
    """The agent's logger, writing to stderr only."""
    log = logging.getLogger(name)
    log.handlers[:] = [LogHandler()]
    log.setLevel(logging.INFO)
    log.propagate = False
    return log
