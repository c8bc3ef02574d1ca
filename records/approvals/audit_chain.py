"""Audit entries in order -> a hash chain, and the first place where it is broken.

Each entry's hash covers its values and the hash of the entry before it. Changing, removing or inserting an entry
in the database breaks the chain from there on; a cut-off end is found by comparing with a head that was noted
down elsewhere (`commandcenter audit verify --head`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

FIRST = "sha256:" + "0" * 64
"""What the first entry names as the one before it."""
_FIELDS = (
    "approvalId",
    "workflowRunId",
    "nodeKey",
    "projectId",
    "event",
    "by",
    "verified",
    "channel",
    "digest",
    "notes",
)


@dataclass(frozen=True, kw_only=True)
class ChainReport:
    """Whether the audit is as it was written."""

    entries: int
    """Entries in the chain."""
    before_chain: int
    """Older entries, written by a version without the chain."""
    head: str
    """Hash of the last entry."""
    broken_at: int | None
    """Number of the first entry that does not fit; None: all do."""
    fault: str | None

    @property
    def intact(self) -> bool:
        """Whether every entry fits."""
        return self.broken_at is None


def entry_hash(values: Mapping[Any, Any], previous: str) -> str:
    """The hash of an entry that follows the one with hash `previous`."""
    content = {name: values[name] for name in _FIELDS} | {"at": values["at"].isoformat(timespec="milliseconds")}
    return f"sha256:{hashlib.sha256(rfc8785.dumps([previous, content])).hexdigest()}"


class ChainCheck:
    """Checks entries as they come, oldest first."""

    def __init__(self) -> None:
        self._head = FIRST
        self._entries = self._before = 0
        self._broken: tuple[int, str] | None = None

    def add(self, rows: Iterable[Mapping[Any, Any]]) -> None:
        """Look at the next entries."""
        for row in rows:
            if row["hash"] is None and not self._entries:
                self._before += 1
                continue
            self._entries += 1
            fault = self._fault(row)
            if fault is not None and self._broken is None:
                self._broken = (row["id"], fault)
            self._head = row["hash"] or self._head

    def _fault(self, row: Mapping[Any, Any]) -> str | None:
        if row["previousHash"] != self._head:
            return "the entry before it was removed, inserted or changed"
        if row["hash"] != entry_hash(row, self._head):
            return "its values are not those that were written"
        return None

    def report(self, *, expected_head: str | None = None) -> ChainReport:
        """What was found. `expected_head`: a head noted down earlier, which must be part of the chain's end."""
        broken = self._broken
        if broken is None and expected_head is not None and expected_head != self._head:
            broken = (
                0,
                f"the last entry is {self._head}, not {expected_head}: entries at the end are gone or new",
            )
        return ChainReport(
            entries=self._entries,
            before_chain=self._before,
            head=self._head,
            broken_at=None if broken is None else broken[0],
            fault=None if broken is None else broken[1],
        )
