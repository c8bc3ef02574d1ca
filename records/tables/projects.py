"""What each project may use, and who publishes its events."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from records.tables.columns import NOW, Moment, key, may, must
from records.tables.schema import METADATA

# A project without a row has the defaults.
PROJECT_LIMITS = Table(
    "ProjectLimits",
    METADATA,
    Column("projectId", Integer, primary_key=True, autoincrement=False),
    # Its share where projects wait for each other.
    must("weight", Integer, server_default=text("1")),
    # NULL: the default, or no limit.
    may("runsAtOnce", Integer),
    may("agentsAtOnce", Integer),
    may("eventMessages", BigInteger),
    may("eventBytes", BigInteger),
    may("workflows", Integer),
    may("agents", Integer),
    must("updatedAt", Moment, server_default=NOW),
    may("updatedBy", Text),
)

EVENT_PUBLISHER = Table(
    "EventPublisher",
    METADATA,
    key(),
    # As NATS knows the user.
    must("name", Text),
    must("projectId", Integer),
    # bcrypt: the password itself is stored nowhere.
    must("passwordHash", Text),
    must("createdAt", Moment, server_default=NOW),
    may("createdBy", Text),
    may("revokedAt", Moment),
    may("revokedBy", Text),
    # By the platform's key: whoever can write to the database lets nobody publish by it.
    must("signature", Text),
    Index("EventPublisher_name_key", "name", unique=True),
    Index("EventPublisher_projectId_idx", "projectId"),
)
