"""What was signed, and replaced or taken back since -> counts no more, also where somebody puts the old row back.

A signature says that the platform wrote a row, not that the row is its last word: whoever can write to the database
keeps a copy of a role, and puts it back once it was taken away. So each such change also appends to the audit, which
nobody can change or shorten, what counts for that row from now on. These entries have a number for each row and are
signed with it: of those that the platform wrote the one with the highest number counts, wherever a copy of an older
one is appended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from records.approvals.audit import ROW_EVENT, Actor, append_row_audit, lock_audit
from records.database.signing import signer_of
from records.database.store import rows
from records.tables import APPROVAL_AUDIT

GONE = "none"
"""Stands for a row that was taken away."""
_FIELDS = ("subject", "number", "state")
_NOTES = re.compile(r"(\d{1,9}) (\S+)")


async def newest_states(connection: AsyncConnection, subjects: Iterable[str]) -> dict[str, str]:
    """What counts for each subject: the digest of its row, or GONE. Those that never changed are not there."""
    return {subject: state for subject, (_, state, _) in (await _newest(connection, subjects)).items()}


async def subjects_with(connection: AsyncConnection, begin: str) -> list[str]:
    """The names of rows that were kept and begin so."""
    audit = APPROVAL_AUDIT.c
    chosen = select(audit.approvalId).where(
        audit.approvalId.startswith(begin, autoescape=True), audit.event == ROW_EVENT
    )
    return [row["approvalId"] for row in await rows(connection, chosen.distinct())]


async def keep_newest(
    connection: AsyncConnection, subject: str, state: str, *, project_id: int = 0, by: str | None = None
) -> None:
    """From now on only this counts for the subject. To be called in the transaction that changes the row."""
    await lock_audit(connection)
    number, _, _ = (await _newest(connection, [subject])).get(subject, (0, "", ""))
    await _append(connection, subject, number + 1, state, project_id=project_id, by=by)


async def sign_newest_again(connection: AsyncConnection) -> int:
    """After another key has become the first: what counts is appended anew, signed with it. How many were."""
    await lock_audit(connection)
    signer, changed = signer_of(connection), 0
    subjects = select(APPROVAL_AUDIT.c.approvalId).where(APPROVAL_AUDIT.c.event == ROW_EVENT).distinct()
    known = [row["approvalId"] for row in await rows(connection, subjects)]
    for subject, (number, state, signature) in (await _newest(connection, known)).items():
        values = {"subject": subject, "number": number, "state": state}
        if signature != signer.sign("newest", values, _FIELDS):
            await _append(connection, subject, number + 1, state, project_id=0, by=None)
            changed += 1
    return changed


async def _append(
    connection: AsyncConnection, subject: str, number: int, state: str, *, project_id: int, by: str | None
) -> None:
    values = {"subject": subject, "number": number, "state": state}
    signature = signer_of(connection).sign("newest", values, _FIELDS)
    await append_row_audit(
        connection,
        subject,
        ROW_EVENT,
        Actor(name=by),
        project_id=project_id,
        digest=state,
        notes=f"{number} {signature}",
    )


async def _newest(connection: AsyncConnection, subjects: Iterable[str]) -> dict[str, tuple[int, str, str]]:
    """Subject -> number, state and signature of the entry that counts."""
    found: dict[str, tuple[int, str, str]] = {}
    wanted, audit = sorted(set(subjects)), APPROVAL_AUDIT.c
    for start in range(0, len(wanted), 500):
        mine = audit.approvalId.in_(wanted[start : start + 500])
        chosen = select(audit.approvalId, audit.digest, audit.notes).where(mine, audit.event == ROW_EVENT)
        for row in await rows(connection, chosen):
            entry = _read(connection, row)
            if entry is not None and entry[0] > found.get(row["approvalId"], (0,))[0]:
                found[row["approvalId"]] = entry
    return found


def _read(connection: AsyncConnection, row: RowMapping) -> tuple[int, str, str] | None:
    """None for one that the platform did not write."""
    match = _NOTES.fullmatch(row["notes"] or "")
    if match is None:
        return None
    values: Mapping[str, object] = {
        "subject": row["approvalId"],
        "number": int(match[1]),
        "state": row["digest"],
        "signature": match[2],
    }
    if not signer_of(connection).signed("newest", values, _FIELDS):
        return None
    return int(match[1]), row["digest"], match[2]
