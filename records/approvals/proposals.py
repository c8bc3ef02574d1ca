"""What an agent proposed -> a row beside its gate, found again by the digest of what the agent was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.traces.parts import AttemptPart, model_use
from records.database.ids import new_id
from records.database.payload import checked, line
from records.database.read_row import read_row
from records.database.store import Store, first, rows
from records.measures.ended import model_samples
from records.measures.spans import trace_proposal
from records.measures.totals import count
from records.runs.fencing import lock_run
from records.runs.node_states import refuse_ended
from records.tables import PROPOSAL
from records.tables.columns import now
from reliability.shielded import shielded

_WHOLE = -1


@dataclass(frozen=True, kw_only=True)
class RecordedProposal:
    """One row of Proposal."""

    id: str
    run_id: str
    node_id: str
    item: int | None
    """Index in `foreach`; None for a node without."""
    key: str
    effect: str
    result: Any
    """What the agent returned; None where it failed."""
    error: str | None
    """Why it failed; None where it proposed."""
    duration_ms: int | None
    log_tail: str
    proposed_at: datetime
    model_use: dict[str, float] = field(default_factory=dict[str, float])
    """Calls of models, as the agent tells them."""


class ProposalStore(Store):
    """Proposals of agents. Nothing in them has happened."""

    @shielded
    async def save_proposal(
        self,
        *,
        run_id: str,
        node_id: str,
        item: int | None = None,
        key: str,
        effect: str,
        result: Any = None,
        error: str | None = None,
        duration_ms: int | None = None,
        log_tail: str = "",
        agent_name: str = "",
        parts: Sequence[AttemptPart] = (),
        fencing_token: int | None = None,
    ) -> RecordedProposal:
        """Record it; the first proposal of a key stands. `error`: the agent failed, and may be asked again.

        `parts`: what happened within the execution, for the trace.

        Raises StaleAttempt for an old fencing token or an ended run, PayloadRefused for what is no storable JSON.
        """
        checked(f"the proposal of node {node_id!r}", result)
        async with self._db.write() as connection:
            run = await lock_run(connection, run_id, fencing_token=fencing_token)
            refuse_ended(run)
            if error is None and (known := await _standing(connection, run_id, node_id, item, key)) is not None:
                return _proposal(known)
            values = {
                "id": new_id(),
                "workflowRunId": run_id,
                "nodeKey": node_id,
                "item": _WHOLE if item is None else item,
                "key": key,
                "effect": effect,
                "resultJson": result,
                "error": line(error),
                "durationMs": duration_ms,
                "logTail": line(log_tail) or None,
                "modelUse": (used := model_use(parts)).as_json() or None,
                "proposedAt": now(),
            }
            await connection.execute(PROPOSAL.insert().values(**values))
            await count(connection, *model_samples(agent_name, used))
            await trace_proposal(connection, values, run, agent=agent_name, parts=parts)
            row = await first(connection, select(PROPOSAL).where(PROPOSAL.c.id == values["id"]))
            assert row is not None
        return _proposal(row)

    @shielded
    async def proposal(self, run_id: str, node_id: str, item: int | None, *, key: str) -> RecordedProposal | None:
        """What the agent has proposed for exactly that work; None: nothing yet."""
        async with self._db.read() as connection:
            row = await _standing(connection, run_id, node_id, item, key)
        return None if row is None else _proposal(row)

    @shielded
    async def proposals(self, run_id: str) -> list[RecordedProposal]:
        """All proposals of a run, also failed ones, in the order in which they were made."""
        mine = select(PROPOSAL).where(PROPOSAL.c.workflowRunId == run_id)
        async with self._db.read() as connection:
            return [
                _proposal(row)
                for row in await rows(connection, mine.order_by(PROPOSAL.c.proposedAt, PROPOSAL.c.id))
            ]


async def _standing(
    connection: AsyncConnection, run_id: str, node_id: str, item: int | None, key: str
) -> RowMapping | None:
    wanted = (
        (PROPOSAL.c.workflowRunId == run_id)
        & (PROPOSAL.c.nodeKey == node_id)
        & (PROPOSAL.c.item == (_WHOLE if item is None else item))
        & (PROPOSAL.c.key == key)
        & PROPOSAL.c.error.is_(None)
    )
    return await first(connection, select(PROPOSAL).where(wanted))


def _proposal(row: RowMapping) -> RecordedProposal:
    return read_row(RecordedProposal, row, item=None if row["item"] == _WHOLE else row["item"])
