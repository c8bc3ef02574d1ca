"""All records of the platform behind one object: what happened, and what is to be told of it."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from records.agent_runs import AgentRunStore
from records.artifacts import ArtifactStore
from records.audit import AuditStore
from records.database import Database
from records.deadlines import DeadlineStore
from records.decisions import DecisionStore
from records.gates import GateStore
from records.inbox import InboxStore
from records.migrate import require_migrated
from records.node_states import NodeStateStore
from records.outbox import OutboxStore
from records.registry import AgentRegistry
from records.runs import RunStore
from records.slots import SlotStore
from records.workflows import WorkflowStore


class Records(
    AgentRegistry,
    WorkflowStore,
    RunStore,
    SlotStore,
    NodeStateStore,
    AgentRunStore,
    GateStore,
    DecisionStore,
    DeadlineStore,
    AuditStore,
    ArtifactStore,
    OutboxStore,
    InboxStore,
):
    """The records in one database. Each part stands in a file of its noun; none of them sets state in Prefect.

    Belongs to the event loop it was opened in. Close it, or use it as `async with await Records.open(url)`.
    """

    @classmethod
    async def open(cls, url: str, *, pool_size: int = 10) -> Self:
        """Connect. Raises DatabaseUnavailable, and NotMigrated where `upgrade(url)` was not called."""
        database = Database(url, pool_size=pool_size)
        try:
            await require_migrated(database)
        except BaseException:
            await database.close()
            raise
        return cls(database)

    @property
    def database_kind(self) -> Literal["sqlite", "postgresql"]:
        """Which of the two it is."""
        return "sqlite" if self._db.is_sqlite else "postgresql"

    async def close(self) -> None:
        """Let go of all connections."""
        await self._db.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
