"""What all stores share: the database, and inserts that happen once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.connections import Database


class Store:
    """Base of all stores: holds the database."""

    def __init__(self, database: Database) -> None:
        self._db = database


async def insert_new(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert the row unless its unique key exists; returns whether it was inserted."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    # Not `rowcount`: SQLAlchemy keeps it for UPDATE and DELETE only.
    return (await connection.execute(statement.returning(*table.primary_key))).first() is not None


async def first(connection: AsyncConnection, statement: Select[tuple[Any, ...]]) -> RowMapping | None:
    """The first row, by column name, or None."""
    return (await connection.execute(statement)).mappings().first()


async def rows(connection: AsyncConnection, statement: Select[tuple[Any, ...]]) -> list[RowMapping]:
    """All rows, by column name."""
    return list((await connection.execute(statement)).mappings().all())
