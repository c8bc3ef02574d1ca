"""Prefect's background services → looked after once a second.

Docket, which runs them, asks four times a second whether one of them is due, and none is due more often than every
five seconds: a sixth of what an idle server computes.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from docket import Worker
from prefect.server.api import background_workers

from reliability.tested_versions import require_tested

LOOK_EVERY = timedelta(seconds=1)


def use() -> None:
    """Make Prefect's server start its worker so. Raises UntestedVersion."""
    require_tested("prefect")
    often = partial(Worker, scheduling_resolution=LOOK_EVERY, minimum_check_interval=LOOK_EVERY)
    background_workers.Worker = often  # pyright: ignore[reportPrivateImportUsage, reportAttributeAccessIssue]
