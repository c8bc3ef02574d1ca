"""A database URL in; one object with all stores of the records out."""

from __future__ import annotations

from types import TracebackType
from typing import Literal, Self

from records.approvals.audit import AuditStore
from records.approvals.deadlines import DeadlineStore
from records.approvals.decisions import DecisionStore
from records.approvals.gates import GateStore
from records.approvals.proposals import ProposalStore
from records.catalogue.agent_registry import AgentRegistry
from records.catalogue.bundle_store import BundleStore
from records.catalogue.versions import VersionStore
from records.catalogue.workflow_store import WorkflowStore
from records.database.connections import Database
from records.database.revisions import require_migrated
from records.events.changes import ChangeStore
from records.events.inbox import InboxStore
from records.events.outbox import OutboxStore
from records.events.received import ReceivedStore
from records.measures.builds import BuildStore
from records.measures.live import LiveStore
from records.measures.spans import SpanStore
from records.measures.totals import TotalStore
from records.people.change_store import ChangeRequestStore
from records.people.login_store import LoginStore
from records.people.people_store import PeopleStore
from records.people.session_store import SessionStore
from records.people.slack_store import SlackStore
from records.people.token_store import TokenStore
from records.projects.limits import LimitsStore
from records.projects.publishers import PublisherStore
from records.retention import RetentionStore
from records.runs.agent_history import AgentHistoryStore
from records.runs.agent_run_store import AgentRunStore
from records.runs.artifacts import ArtifactStore
from records.runs.call_store import CallStore
from records.runs.node_states import NodeStateStore
from records.runs.run_logs import RunLogStore
from records.runs.run_store import RunStore
from records.runs.slots import SlotStore
from records.signatures import SignatureStore
from records.statistics import StatisticsStore


class Records(
    AgentRegistry,
    BundleStore,
    WorkflowStore,
    RunStore,
    CallStore,
    SlotStore,
    NodeStateStore,
    AgentRunStore,
    AgentHistoryStore,
    ProposalStore,
    GateStore,
    DecisionStore,
    DeadlineStore,
    AuditStore,
    ArtifactStore,
    OutboxStore,
    InboxStore,
    TotalStore,
    SpanStore,
    BuildStore,
    LiveStore,
    SignatureStore,
    ReceivedStore,
    ChangeStore,
    VersionStore,
    RunLogStore,
    StatisticsStore,
    RetentionStore,
    PeopleStore,
    LoginStore,
    TokenStore,
    SessionStore,
    SlackStore,
    ChangeRequestStore,
    LimitsStore,
    PublisherStore,
):
    """The records in one database. Each store is in the file of its noun; none of them changes state in Prefect.

    Belongs to the event loop it was opened in. Close it, or use it as `async with await Records.open(url)`.
    """

    @classmethod
    async def open(cls, url: str, *, pool_size: int = 10) -> Self:
        """Connect. Raises DatabaseUnavailable, NotMigrated where `upgrade(url)` was not called, NewerDatabase."""
        database = Database(url, pool_size=pool_size)
        try:
            await require_migrated(database)
        except BaseException:
            await database.close()
            raise
        return cls(database)

    @property
    def database_kind(self) -> Literal["sqlite", "postgresql"]:
        """`sqlite` or `postgresql`."""
        return "sqlite" if self._db.is_sqlite else "postgresql"

    async def close(self) -> None:
        """Close all connections."""
        await self._db.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
