"""Log records of our runs -> safe text of the right level, without a traceback where there is no exception.

Prefect's engine logs every end but Completed as an ERROR, also a wait: a run that waits for a person or for another
run as it should. And it logs a task that returned `Failed` with the traceback of no exception: `NoneType: None`.
Messages hold what agents wrote and what events brought: on the worker's terminal they must not act.
"""

from __future__ import annotations

import logging

from tasks.safe_text import safe_text

_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
MAX_MESSAGE = 50_000
_WAITING = tuple(
    f"Finished in state {name}(" for name in ("Suspended", "AwaitingWorkflow", "AwaitingConcurrencySlot")
)


class RunLogFilter(logging.Filter):
    """Corrects a record before any handler sees it; lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True."""
        if record.exc_info and record.exc_info[0] is None:
            record.exc_info = None
        message = safe_text(record.getMessage(), limit=MAX_MESSAGE)
        record.msg, record.args = message, None
        if record.levelno >= logging.ERROR and message.startswith(_WAITING):
            record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return True


def correct_run_logs() -> None:
    """Add the filter to the loggers of flow runs and task runs of this process, once."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, RunLogFilter) for each in logger.filters):
            logger.addFilter(RunLogFilter())
