"""The last run of a page -> a cursor; a cursor -> which runs belong to the pages behind it.

A cursor names a place in the order and not a number of rows, so that runs that start meanwhile shift nothing.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from records.errors import PayloadRefused
from records.runs.run import Run
from records.tables import WORKFLOW_RUN


def run_cursor(run: Run) -> str:
    """Where the run stands in the order of `Records.runs`, as an opaque text."""
    place = f"{run.started_at.isoformat()} {run.id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def older_than(cursor: str) -> ColumnElement[bool]:
    """Runs that come after the cursor's in the order of `Records.runs`. Raises PayloadRefused."""
    started, run_id = _read(cursor)
    column = WORKFLOW_RUN.c.startedAt
    return or_(column < started, and_(column == started, WORKFLOW_RUN.c.id > run_id))


def _read(cursor: str) -> tuple[datetime, str]:
    refused = PayloadRefused("the cursor is not one that a list of runs has given: start from the first page")
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        moment, _, run_id = text.partition(" ")
        started = datetime.fromisoformat(moment)
    except (binascii.Error, UnicodeDecodeError, ValueError) as exc:
        raise refused from exc
    if not run_id or started.tzinfo is None:
        raise refused
    return started, run_id
