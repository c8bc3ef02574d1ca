"""Column types: what Prisma uses on PostgreSQL, and the nearest thing on SQLite.

`TIMESTAMP(3)` holds UTC without saying so, as Prisma writes it; Python sees aware datetimes only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Enum, ForeignKey, Integer, Text, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """Aware UTC datetime in milliseconds <-> `TIMESTAMP(3)`."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(precision=3))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


JSON_VALUE = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
"""`Json` of Prisma. Python's None is SQL NULL."""
TEXT_LIST = JSON().with_variant(postgresql.ARRAY(Text()), "postgresql")
"""`String[]` of Prisma."""
SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""Growing number given by the database (SQLite counts only INTEGER keys up)."""
NOW = text("CURRENT_TIMESTAMP")

AGENT_TYPE = Enum("LLM", "RULE", "API", "SCRIPT", name="AgentType")
RISK_LEVEL = Enum("AUTO", "APPROVAL_REQUIRED", name="RiskLevel")
RUN_STATUS = Enum("PENDING", "RUNNING", "SUCCESS", "FAILED", "WAITING_APPROVAL", name="RunStatus")
WORKFLOW_STATUS = Enum("ACTIVE", "DRAFT", "ARCHIVED", name="WorkflowStatus")
APPROVAL_STATUS = Enum("PENDING", "APPROVED", "REJECTED", name="ApprovalStatus")


def key() -> Column[str]:
    """`String @id`; the value is a cuid that the writer makes."""
    return Column("id", Text, primary_key=True)


def must(name: str, type_: Any, **options: Any) -> Column[Any]:
    """A column that is never NULL."""
    return Column(name, type_, nullable=False, **options)


def may(name: str, type_: Any, **options: Any) -> Column[Any]:
    """A column that may be NULL."""
    return Column(name, type_, nullable=True, **options)


def refer(table: str, column: str, target: str, on_delete: str, *, nullable: bool = False) -> Column[str]:
    """A foreign key, named and cascading as Prisma does it."""
    reference = ForeignKey(target, name=f"{table}_{column}_fkey", ondelete=on_delete, onupdate="CASCADE")
    return Column(column, Text, reference, nullable=nullable)


def now() -> datetime:
    """The current time, in the precision of the database."""
    return stored(datetime.now(UTC))


def stored(moment: datetime) -> datetime:
    """A moment in the precision of the database, so that what is computed of it is what its row gives later."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
