"""A gated node -> its approval, asked for once per digest. The row decides; nothing else opens a gate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from compiler.plan import ApprovalRule
from records import Approval
from tasks.services import RunRef, Services
from tasks.work import NodeWork


async def ask(
    work: NodeWork, *, upstream: Mapping[str, JsonValue], run: RunRef, services: Services, trusted: bool = False
) -> Approval:
    """Open the gate, or find it open or decided for exactly this work. Work that changed is asked about anew.

    `trusted`: the workflow's approval policy lets this run's trigger pass; that too is on record as an approval.
    """
    rule = work.node.gate
    assert rule is not None, "only gated nodes are asked about"
    return await services.records.open_gate(
        run_id=run.run_id,
        node_id=work.node.id,
        digest=work.digest,
        card=work.card(upstream=upstream, deadline=_deadline(rule)),
        rule=rule,
        trusted=run.trigger if trusted else None,
        fencing_token=run.fencing_token,
    )


def allowed(approval: Approval, work: NodeWork) -> NodeWork | None:
    """The work that may run now: approved for exactly its digest, with the approver's edits. None: it may not."""
    edited = work.edited(approval.edits) if approval.edits else work
    return edited if approval.allows(edited.digest) else None


def _deadline(rule: ApprovalRule) -> str | None:
    if rule.deadline_seconds is None:
        return None
    return (datetime.now(UTC) + timedelta(seconds=rule.deadline_seconds)).isoformat(timespec="seconds")
