"""Our migrated PostgreSQL, beside one that Prisma's own SQL made: equal but for what we add.

`prisma/prisma.sql` is what Prisma's schema engine prints for `prisma/schema.prisma` (see test_prisma_client.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from records import Records, upgrade

SQL = (Path(__file__).parent / "prisma" / "prisma.sql").read_text()
TABLES = (
    "Agent",
    "AgentCapability",
    "AgentRun",
    "Workflow",
    "WorkflowApproval",
    "WorkflowNode",
    "WorkflowRun",
)
COLUMNS = """
    SELECT table_name, column_name, ordinal_position, column_default, is_nullable, data_type, udt_name,
           datetime_precision, character_maximum_length, numeric_precision, is_identity, is_generated
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY(%s)
    ORDER BY table_name, ordinal_position
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS table_name, conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
      AND conrelid IN (SELECT oid FROM pg_class WHERE relname = ANY(%s))
    ORDER BY 1, 2
"""
INDEXES = """
    SELECT tablename AS table_name, indexname AS name, indexdef AS definition
    FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s) ORDER BY 1, 2
"""
ENUMS = """
    SELECT typname AS name, array_agg(enumlabel::text ORDER BY enumsortorder) AS labels
    FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid WHERE typnamespace = 'public'::regnamespace
    GROUP BY typname ORDER BY typname
"""


def _look(url: str, query: str, *, tables: bool = True) -> list[dict[str, Any]]:
    with psycopg.connect(url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), [list(TABLES)] if tables else None).fetchall()


@pytest.fixture(scope="module")
def prismas(postgres_server: Any) -> Iterator[str]:
    """A database made by Prisma's SQL."""
    name = postgres_server.create()
    with psycopg.connect(postgres_server.url(name)) as connection:
        connection.execute(SQL.encode())
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def ours(migrated_postgres: str) -> str:
    """A database made by our migrations."""
    return migrated_postgres


def test_every_column_of_prisma_is_ours_with_its_place_type_and_default(prismas: str, ours: str) -> None:
    theirs, found = _look(prismas, COLUMNS), _look(ours, COLUMNS)
    assert {row["table_name"] for row in theirs} == set(TABLES)
    assert len(theirs) == 56
    assert [row for row in found if row in theirs] == theirs
    names = {(row["table_name"], row["column_name"]) for row in theirs}
    additions = [row for row in found if (row["table_name"], row["column_name"]) not in names]
    assert len(found) == len(theirs) + len(additions)
    for row in additions:
        assert row["is_nullable"] == "YES" or row["column_default"] is not None, row


def test_keys_and_foreign_keys_with_their_cascades_are_exactly_prismas(prismas: str, ours: str) -> None:
    def keys(url: str) -> list[dict[str, Any]]:
        # PostgreSQL 18 lists NOT NULL as constraints as well; those are compared as columns.
        return [row for row in _look(url, CONSTRAINTS) if not row["definition"].startswith("NOT NULL")]

    assert keys(ours) == keys(prismas)
    assert len(keys(prismas)) == 14


def test_prismas_indexes_are_all_there_and_ours_bind_only_our_own_columns(prismas: str, ours: str) -> None:
    theirs, found = _look(prismas, INDEXES), _look(ours, INDEXES)
    assert [row for row in found if row in theirs] == theirs
    their_columns = {row["column_name"] for row in _look(prismas, COLUMNS)}
    for row in found:
        if row not in theirs and "UNIQUE" in row["definition"]:
            columns = row["definition"].split("(")[1].split(")")[0].replace('"', "").split(", ")
            assert set(columns) - their_columns, f"a Prisma client could not know of {row['name']}"


def test_enums_have_prismas_names_and_order_and_there_are_no_others(prismas: str, ours: str) -> None:
    assert _look(ours, ENUMS, tables=False) == _look(prismas, ENUMS, tables=False)


async def test_a_database_that_prisma_made_is_taken_over_with_its_rows(postgres_url: str, ours: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(SQL.encode())
        connection.execute(
            'INSERT INTO "Agent" (id, "projectId", name, type, "entryPath", version, "riskLevel", "updatedAt") '
            "VALUES ('c1', 1, 'old', 'RULE', 'x', '1', 'AUTO', now())"
        )
    await upgrade(postgres_url)
    for query in (COLUMNS, CONSTRAINTS, INDEXES):
        assert _look(postgres_url, query) == _look(ours, query)
    async with await Records.open(postgres_url) as records:
        (agent,) = await records.agents(1)
    assert (agent.name, agent.memory_mb, agent.network, agent.actions) == ("old", 512, (), {})
