"""Outbox, inbox, dead letters, what came in, and what changed."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from records.tables.columns import JSON_VALUE, NOW, SERIAL, Moment, key, may, must
from records.tables.schema import METADATA

_UNPUBLISHED = text('"publishedAt" IS NULL')

OUTBOX = Table(
    "Outbox",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    must("messageId", Text),
    must("projectId", Integer),
    must("subject", Text),
    must("payload", JSON_VALUE),
    must("createdAt", Moment, server_default=NOW),
    may("publishedAt", Moment),
    # W3C trace context of the change; NULL without tracing.
    may("traceparent", Text),
    Index("Outbox_messageId_key", "messageId", unique=True),
    Index("Outbox_unpublished_idx", "id", postgresql_where=_UNPUBLISHED, sqlite_where=_UNPUBLISHED),
)

PROCESSED_EVENT = Table(
    "ProcessedEvent",
    METADATA,
    key(),
    must("stream", Text),
    must("sequence", BigInteger),
    # Empty: the message as a whole.
    must("workflow", Text, server_default=text("''")),
    may("projectId", Integer),
    must("subject", Text),
    may("flowRunId", Text),
    # Of what the run begins with, as the event gave it: a gate trusts the run for that, and for nothing else.
    may("contextDigest", Text),
    must("processedAt", Moment, server_default=NOW),
    # By the platform's key: a run is trusted for the event that started it.
    may("signature", Text),
    Index("ProcessedEvent_stream_sequence_workflow_key", "stream", "sequence", "workflow", unique=True),
    Index("ProcessedEvent_flowRunId_idx", "flowRunId"),
)

DEAD_LETTER = Table(
    "DeadLetter",
    METADATA,
    key(),
    must("stream", Text),
    must("sequence", BigInteger),
    may("projectId", Integer),
    must("subject", Text),
    must("payload", LargeBinary),
    must("reason", Text),
    must("deliveries", Integer, server_default=text("0")),
    must("createdAt", Moment, server_default=NOW),
    # Once a person has dealt with it: `replayed` or `discarded`.
    may("settledAs", Text),
    may("settledBy", Text),
    may("settledAt", Moment),
    Index("DeadLetter_stream_sequence_key", "stream", "sequence", unique=True),
    Index("DeadLetter_projectId_createdAt_idx", "projectId", "createdAt"),
    Index("DeadLetter_createdAt_idx", "createdAt"),
)

# What came in, whether or not it started anything.
RECEIVED_EVENT = Table(
    "ReceivedEvent",
    METADATA,
    key(),
    must("stream", Text),
    must("sequence", BigInteger),
    may("projectId", Integer),
    must("subject", Text),
    must("payload", LargeBinary),
    # `started`, `matched nothing`, `later`, `dead letter`.
    must("outcome", Text),
    # Each active workflow of then: name, digest of its plan, whether it matched, the flow run it started.
    must("looked", JSON_VALUE),
    must("receivedAt", Moment, server_default=NOW),
    Index("ReceivedEvent_stream_sequence_key", "stream", "sequence", unique=True),
    Index("ReceivedEvent_projectId_receivedAt_idx", "projectId", "receivedAt"),
)

# Written in the transaction of the change, for readers that follow: it says that something changed, not what.
CHANGE = Table(
    "Change",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    must("projectId", Integer),
    must("type", Text),
    must("ref", Text),
    may("runId", Text),
    must("at", Moment, server_default=NOW),
    Index("Change_projectId_id_idx", "projectId", "id"),
    Index("Change_at_idx", "at"),
)
