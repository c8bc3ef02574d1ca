"""Who may still write to a run: its row is locked for the transaction, and the writer's fencing token compared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.store import first
from records.errors import NotFound, StaleAttempt
from records.tables import WORKFLOW, WORKFLOW_RUN

# One definition of a run with the names it goes by, for locked and plain reads.
_SELECT_RUN = select(
    WORKFLOW_RUN, WORKFLOW.c.name.label("workflowName"), WORKFLOW.c.projectId.label("projectId")
).join(WORKFLOW, WORKFLOW.c.id == WORKFLOW_RUN.c.workflowId)
_WITHOUT_OUTPUTS = [column for column in _SELECT_RUN.selected_columns if column.name != "outputJson"]


def select_run(*, outputs: bool = True) -> Select[tuple[Any, ...]]:
    """Runs with the name and project of their workflow; lists do without the outputs, which may be megabytes each."""
    return _SELECT_RUN if outputs else _SELECT_RUN.with_only_columns(*_WITHOUT_OUTPUTS)


async def read_run(connection: AsyncConnection, run_id: str) -> RowMapping:
    """The run with its workflow's name and project. Raises NotFound."""
    row = await first(connection, _SELECT_RUN.where(WORKFLOW_RUN.c.id == run_id))
    if row is None:
        raise NotFound("the run", run_id, "list the runs with `commandcenter runs`")
    return row


async def lock_run(connection: AsyncConnection, run_id: str, *, fencing_token: int | None = None) -> RowMapping:
    """The run, locked until the transaction ends. Raises NotFound, and StaleAttempt for an old fencing token.

    Every writer locks the run first, so that writers cannot deadlock.
    """
    locked = _SELECT_RUN.where(WORKFLOW_RUN.c.id == run_id).with_for_update(of=WORKFLOW_RUN)
    row = await first(connection, locked)
    if row is None:
        raise NotFound("the run", run_id, "list the runs with `commandcenter runs`")
    if fencing_token is not None and fencing_token != row["fencingToken"]:
        raise StaleAttempt(
            f"run {run_id!r} was taken over: its fencing token {fencing_token} is not the "
            f"current {row['fencingToken']}; nothing was changed"
        )
    return row
