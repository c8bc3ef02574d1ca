"""Registered agents and what they can do."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, text

from records.tables.columns import AGENT_TYPE, JSON_VALUE, NOW, RISK_LEVEL, Moment, key, may, must, refer
from records.tables.schema import METADATA

_EMPTY_LIST = text("'[]'")

AGENT = Table(
    "Agent",
    METADATA,
    key(),
    must("projectId", Integer),
    must("name", Text),
    must("type", AGENT_TYPE),
    may("description", Text),
    must("entryPath", Text),
    must("version", Text),
    must("riskLevel", RISK_LEVEL),
    must("registeredAt", Moment, server_default=NOW),
    must("updatedAt", Moment),
    # Ours: the rest of an AgentSpec.
    must("network", JSON_VALUE, server_default=_EMPTY_LIST),
    must("secrets", JSON_VALUE, server_default=_EMPTY_LIST),
    must("settings", JSON_VALUE, server_default=_EMPTY_LIST),
    must("memoryMb", Integer, server_default=text("512")),
    must("timeoutSeconds", Integer, server_default=text("300")),
    must("codeDigest", Text, server_default=text("''")),
    # Removed by a person; NULL: in use. Registering it again brings it back.
    may("archivedAt", Moment),
    # By the platform's key: what decides whether its actions need an approval.
    may("signature", Text),
    Index("Agent_projectId_name_key", "projectId", "name", unique=True),
    Index("Agent_projectId_type_idx", "projectId", "type"),
)

AGENT_CAPABILITY = Table(
    "AgentCapability",
    METADATA,
    key(),
    refer("AgentCapability", "agentId", "Agent.id", "CASCADE"),
    must("name", Text),
    may("description", Text),
    must("inputSchema", JSON_VALUE),
    must("outputSchema", JSON_VALUE),
    # Ours.
    may("resultSchema", JSON_VALUE),
    may("riskLevel", RISK_LEVEL),
    may("effect", Text),
    Index("AgentCapability_agentId_name_key", "agentId", "name", unique=True),
)

AGENT_BUNDLE = Table(
    "AgentBundle",
    METADATA,
    # SHA-256 over the agent's files, as `agents.registration.code_digest` makes it.
    Column("digest", Text, primary_key=True),
    must("content", LargeBinary),
    must("sizeBytes", Integer),
    must("createdAt", Moment, server_default=NOW),
)
