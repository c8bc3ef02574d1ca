"""A vote by any channel -> the decision: the first one stands, later ones are told who decided."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.plan import ApprovalRule
from records.approvals.approval import Approval, Decision, DecisionValue
from records.approvals.audit import Actor, append_audit
from records.approvals.deadlines import expire
from records.approvals.gate_rows import GateRef, answer, approval_of, lock_gate, no_gate, one_gate, rule_of
from records.approvals.votes import votes_of
from records.database.ids import new_id
from records.database.payload import MAX_NOTES, line
from records.database.person_key import person_key
from records.database.signed_runs import require_as_begun
from records.database.signing import signer_of
from records.database.store import Store, first, insert_new
from records.errors import RowForged
from records.runs.fencing import read_run
from records.tables import APPROVAL_VOTE
from records.tables.columns import now
from reliability.fault_points import fault_point
from reliability.shielded import shielded

_MAX_NAME = 200
_WHOLE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class DecisionStore(Store):
    """Decides approvals."""

    @shielded
    async def decide(
        self,
        which: GateRef,
        *,
        decision: DecisionValue,
        by: str,
        verified: bool,
        channel: str,
        notes: str | None = None,
        digest: str | None = None,
        project_id: int | None = None,
    ) -> Decision:
        """Approve or reject. `digest`: what the person saw, if the channel knows it; another one is refused.

        A decision that does not count raises nothing: the result says why, and it is in the audit.
        Raises NotFound where there is no such approval (in that project).
        """
        actor = Actor(name=by, verified=verified, channel=channel)
        async with self._db.write() as connection:
            row = await lock_gate(connection, which, project_id)
            if row["status"] == "PENDING" and _is_due(row, now()):
                await expire(connection, row)
                row = await _again(connection, row)
            objection = _objection(row, decision, actor, digest) or await _forged(connection, row)
            if objection is not None:
                await append_audit(connection, row, "refused", actor, notes=f"{decision}: {objection}")
                return await _told(connection, row, reason=objection)
            if decision == "REJECTED":
                applied, again = await answer(connection, row, "REJECTED", actor=actor, notes=notes), False
            else:
                applied, again = await _vote(connection, row, actor, notes)
            decision_made = await _counted(connection, row, applied=applied, again=again)
        fault_point("decided")
        return decision_made

    @shielded
    async def votes(self, which: GateRef) -> tuple[str, ...]:
        """Names of those whose approvals of what is asked now count. Raises NotFound."""
        async with self._db.read() as connection:
            row = await first(connection, one_gate(which))
            if row is None:
                raise no_gate(which)
            return await votes_of(connection, row)

    @shielded
    async def objection(
        self,
        which: GateRef,
        *,
        decision: DecisionValue,
        by: str,
        verified: bool,
        channel: str,
        digest: str | None = None,
        project_id: int | None = None,
    ) -> str | None:
        """Why `decide` would refuse this now; None if it would count. Changes nothing."""
        async with self._db.read() as connection:
            row = await first(connection, one_gate(which))
        if row is None or project_id not in (None, row["projectId"]):
            return "there is no such approval"
        if row["status"] == "PENDING" and _is_due(row, now()):
            return "its deadline has passed"
        return _objection(row, decision, Actor(name=by, verified=verified, channel=channel), digest)


def _is_due(row: RowMapping, at: datetime) -> bool:
    return row["deadline"] is not None and row["deadline"] <= at and row["escalatedAt"] is None


def _objection(row: RowMapping, decision: DecisionValue, actor: Actor, digest: str | None) -> str | None:
    """Why this decision cannot count; None: it can."""
    if row["supersededAt"] is not None:
        return "what will run has changed since: look at the new question"
    if row["status"] != "PENDING":
        return _already(row)
    if digest is not None and digest != row["digest"]:
        if not _WHOLE_DIGEST.fullmatch(digest):
            # A beginning would bind to less than what was read.
            return "give the whole digest of the card, `sha256:` and 64 hexadecimal digits"
        return "what you saw is not what would run now: look at the card again"
    return _not_entitled(rule_of(row), row["triggeredBy"], decision, actor)


async def _forged(connection: AsyncConnection, row: RowMapping) -> str | None:
    """Why no decision on this row may count: its question, or who started its run, was not written by the platform."""
    if row["digest"] is None:
        return None
    if not signer_of(connection).asked(row):
        return "this question was not asked by the platform, or was changed in the database: it cannot be answered"
    try:
        require_as_begun(connection, await read_run(connection, row["workflowRunId"]))
    except RowForged as exc:
        return str(exc)
    return None


def _already(row: RowMapping) -> str:
    verb, at = row["status"].lower(), row["respondedAt"]
    when = "" if at is None else f" at {at:%Y-%m-%d %H:%M:%S} UTC"
    if row["closedAs"] == "expired":
        return f"its deadline has passed: it was {verb}{when}"
    if row["closedAs"] == "run-ended":
        return f"the run has ended{when}: there is nothing to decide any more"
    return f"it was {verb} by {row['respondedBy'] or 'nobody'}{when} already"


def _not_entitled(
    rule: ApprovalRule, triggered_by: str | None, decision: DecisionValue, actor: Actor
) -> str | None:
    name = person_key(actor.name or "")
    if not name:
        return "say who you are: a decision needs a name"
    if len(name) > _MAX_NAME:
        return f"a name has at most {_MAX_NAME} characters"
    if not actor.verified and not rule.allow_unverified:
        return (
            f"this gate takes verified names only, and {actor.channel} does not know who you are: use another one"
        )
    if rule.approvers and name not in {person_key(approver) for approver in rule.approvers}:
        return f"{actor.name!r} may not decide this; it is for {', '.join(rule.approvers)}"
    own = triggered_by is not None and name == person_key(triggered_by)
    if own and decision == "APPROVED" and not rule.allow_self_approval:
        return f"{actor.name!r} started this run and cannot approve it: another person must"
    return None


async def _vote(
    connection: AsyncConnection, row: RowMapping, actor: Actor, notes: str | None
) -> tuple[bool, bool]:
    """Count the vote: whether it reached the quorum, and whether the same person had voted before."""
    vote = {
        "id": new_id(),
        "approvalId": row["id"],
        "voter": person_key(actor.name or ""),
        "name": line(actor.name, 200),
        "verified": actor.verified,
        "channel": actor.channel or "",
        "notes": line(notes, MAX_NOTES),
        "votedAt": now(),
    }
    vote["signature"] = signer_of(connection).vote(vote, digest=row["digest"] or "")
    fresh = await insert_new(connection, APPROVAL_VOTE, vote)
    if len(await votes_of(connection, row)) >= rule_of(row).quorum:
        return await answer(connection, row, "APPROVED", actor=actor, notes=notes), not fresh
    if fresh:
        await append_audit(connection, row, "vote", actor, notes=notes)
    return False, not fresh


async def _again(connection: AsyncConnection, row: RowMapping) -> RowMapping:
    fresh = await first(connection, one_gate(row["id"]))
    assert fresh is not None
    return fresh


async def _told(connection: AsyncConnection, row: RowMapping, *, reason: str) -> Decision:
    votes = await votes_of(connection, row)
    return Decision(
        approval=approval_of(row),
        applied=False,
        counted=False,
        votes=votes,
        quorum=rule_of(row).quorum,
        reason=reason,
    )


async def _counted(connection: AsyncConnection, row: RowMapping, *, applied: bool, again: bool) -> Decision:
    approval: Approval = approval_of(await _again(connection, row))
    votes, quorum = await votes_of(connection, row), rule_of(row).quorum
    if applied:
        reason = f"{approval.status.lower()} by {approval.responded_by}"
    elif again:
        reason = f"you have approved this already, and count once: {len(votes)} of {quorum} so far"
    else:
        reason = f"your approval counts: {len(votes)} of {quorum} so far"
    return Decision(approval=approval, applied=applied, counted=True, votes=votes, quorum=quorum, reason=reason)
