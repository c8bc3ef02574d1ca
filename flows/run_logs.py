"""Prefect's own log lines about our runs -> lines of the right level, without a traceback that is none.

Prefect's engine logs every end but Completed as an ERROR, also a suspension: a run that waits for a person as it
should. And it logs a task that returned `Failed` with the traceback of no exception, which prints `NoneType: None`.
"""

from __future__ import annotations

import logging

_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
_SUSPENDED = "Finished in state Suspended("


class RunLogFilter(logging.Filter):
    """Corrects a record before any handler sees it; lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True."""
        if record.exc_info and record.exc_info[0] is None:
            record.exc_info = None
        if record.levelno >= logging.ERROR and record.getMessage().startswith(_SUSPENDED):
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return True


def correct_run_logs() -> None:
    """Add the filter to the loggers of flow runs and task runs of this process, once."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, RunLogFilter) for each in logger.filters):
            logger.addFilter(RunLogFilter())
