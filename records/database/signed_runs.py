"""A run on record -> whether it still is the one that began: with that plan, started by that trigger and person.

Whoever can write to the database could else have a run that waits go on with an older plan that has no gate, or take
its starter's name away and have that person approve it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.signing import signer_of
from records.errors import RowForged

RUN_FIELDS = ("id", "workflowId", "flowRunId", "planDigest", "trigger", "triggeredBy", "triggeredByVerified")


def sign_run(connection: AsyncConnection, row: Mapping[Any, Any]) -> str:
    """The signature of a run that begins."""
    return signer_of(connection).sign("run", row, RUN_FIELDS)


def is_as_begun(connection: AsyncConnection, row: Mapping[Any, Any]) -> bool:
    """Whether nothing of what it began with has changed. One that another program wrote has not begun here."""
    return signer_of(connection).signed("run", row, RUN_FIELDS)


def require_as_begun(connection: AsyncConnection, row: Mapping[Any, Any]) -> None:
    """Raises RowForged unless nothing of what the run began with has changed."""
    if not is_as_begun(connection, row):
        raise RowForged(
            f"run {row['id']!r} is not as it began: its plan, its trigger or who started it was changed in the "
            "database, or signed with a key that this part does not have (COMMANDCENTER_SIGNING_KEY_FILE); "
            "start it anew"
        )
