"""A PostgreSQL database -> its rows at one moment, one file per table; and back into tables without rows.

Through SQL, so that neither `pg_dump` of the server's version nor its rights are needed: COPY in one transaction that
sees one snapshot. The tables themselves are made by their migrations before the rows come back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from records.copies.errors import CopyRefused
from records.database.connections import database_url
from records.tables import METADATA

RECORD_TABLES = tuple(METADATA.tables)
"""Names of the tables of the records."""
_CHUNK = 1 << 20
_CONNECT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class TableCopy:
    """One table in a copy."""

    name: str
    columns: tuple[str, ...]
    rows: int
    file: str

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> TableCopy:
        """From its JSON form."""
        columns = tuple(str(each) for each in found["columns"])
        return cls(name=str(found["name"]), columns=columns, rows=int(found["rows"]), file=str(found["file"]))

    def as_json(self) -> dict[str, Any]:
        """Its JSON form."""
        return asdict(self) | {"columns": list(self.columns)}


class PostgresSnapshot:
    """What the database holds when this is entered. For one thread. Raises CopyRefused."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        connection = connect(self._url)
        try:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute("SELECT 1 FROM pg_class LIMIT 1")
        except psycopg.Error as exc:
            connection.close()
            raise CopyRefused(f"the PostgreSQL database cannot be read ({_said(exc)})") from exc
        self._connection = connection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def tables(self) -> list[str]:
        """Names of the tables in the schema that comes first in the search path."""
        return _tables(self._open)

    def one(self, statement: str) -> Any:
        """The first value of a query of ours; None where it gives no row."""
        row = self._open.execute(statement.encode()).fetchone()
        return None if row is None else row[0]

    def sequences(self) -> dict[str, int]:
        """The last number of each sequence that gave one."""
        found = self._open.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema() "
            "AND last_value IS NOT NULL"
        ).fetchall()
        return {str(name): int(last) for name, last in found}

    def write(
        self, folder: Path, names: Iterable[str], *, only: Mapping[str, str] | None = None
    ) -> list[TableCopy]:
        """Write a file per table into the folder. `only`: a condition in SQL on the rows of a table."""
        return [self._write(folder, name, (only or {}).get(name)) for name in names]

    @property
    def _open(self) -> psycopg.Connection[tuple[Any, ...]]:
        assert self._connection is not None
        return self._connection

    def _write(self, folder: Path, name: str, only: str | None) -> TableCopy:
        columns = _columns(self._open, name)
        chosen = sql.SQL("SELECT {} FROM {}").format(_names(columns), sql.Identifier(name))
        if only is not None:
            chosen += sql.SQL(" WHERE ") + sql.SQL(only)  # pyright: ignore[reportArgumentType]
        file = folder / f"{name}.copy"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as out, self._open.cursor() as cursor:
                with cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(chosen)) as copy:
                    for chunk in copy:
                        out.write(chunk)
                rows = cursor.rowcount
        except psycopg.Error as exc:
            raise CopyRefused(f"the table {name!r} cannot be copied ({_said(exc)})") from exc
        return TableCopy(name=name, columns=tuple(columns), rows=rows, file=file.name)


def load(
    url: str, copies: Sequence[TableCopy], folder: Path, *, sequences: Mapping[str, int], replace: bool = False
) -> None:
    """Put the rows of a copy into tables that are there, in one transaction: all or nothing. Raises CopyRefused.

    `replace`: rows that the migrations made go first. Else a table with rows is refused.
    """
    with connect(url) as connection:
        known = set(_tables(connection))
        if missing := [each.name for each in copies if each.name not in known]:
            raise CopyRefused(f"the database has no table {missing[0]!r}: the copy is of other tables")
        try:
            if replace:
                connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(_names([each.name for each in copies])))
            elif filled := filled_tables(connection, [each.name for each in copies]):
                raise CopyRefused(f"the table {filled[0]!r} has rows already: restore into an empty database")
            # Rows refer to each other in circles, and only their owner's rights are needed for this.
            keys = _take_foreign_keys(connection)
            for each in copies:
                _read(connection, each, folder)
            for table, name, definition in keys:
                connection.execute(
                    sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                        sql.Identifier(table),
                        sql.Identifier(name),
                        sql.SQL(definition),  # pyright: ignore[reportArgumentType]
                    )
                )
            for name, last in sequences.items():
                connection.execute("SELECT setval(quote_ident(%s)::regclass, %s)", (name, last))
        except psycopg.Error as exc:
            raise CopyRefused(
                f"the rows do not fit into the database ({_said(exc)}); nothing was changed"
            ) from exc


def filled(url: str, names: Iterable[str]) -> list[str]:
    """Those of the tables that are in the database and have rows. Raises CopyRefused."""
    with connect(url) as connection:
        known = set(_tables(connection))
        return filled_tables(connection, [name for name in names if name in known])


def filled_tables(connection: psycopg.Connection[tuple[Any, ...]], names: Iterable[str]) -> list[str]:
    """Those of the tables that have rows."""
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {})")
    return [
        name
        for name in names
        if (row := connection.execute(query.format(sql.Identifier(name))).fetchone()) is not None and row[0]
    ]


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the database of the URL, in whichever form Prefect or Prisma writes it. Raises CopyRefused."""
    parsed = database_url(url).set(drivername="postgresql")
    query = dict(parsed.query)
    if (ssl := query.pop("ssl", None)) is not None:  # as asyncpg calls it
        query["sslmode"] = ssl
    # Other parts' limit for silent transactions: this one waits while another database is copied.
    options = str(query.pop("options", ""))
    query["options"] = f"{options} -c idle_in_transaction_session_timeout=0".strip()
    given = {"host": parsed.host, "port": parsed.port, "user": parsed.username, "password": parsed.password}
    named = {name: value for name, value in {**given, "dbname": parsed.database, **query}.items() if value}
    try:
        # As words, not as a URL: libpq and SQLAlchemy do not write spaces alike.
        return psycopg.connect(connect_timeout=_CONNECT_SECONDS, **named)  # pyright: ignore[reportArgumentType, reportCallIssue]
    except psycopg.Error as exc:
        shown = parsed.set(query={}).render_as_string(hide_password=True)
        raise CopyRefused(f"the database {shown} does not answer ({_said(exc)})") from exc


def _tables(connection: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    found = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    ).fetchall()
    return [str(name) for (name,) in found]


def _columns(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> list[str]:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
        "AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
        (table,),
    ).fetchall()
    return [str(name) for (name,) in found]


def _take_foreign_keys(connection: psycopg.Connection[tuple[Any, ...]]) -> list[tuple[str, str, str]]:
    """Drop all foreign keys of the schema; (table, name, definition) of each."""
    found = connection.execute(
        "SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k "
        "JOIN pg_class c ON c.oid = k.conrelid "
        "WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace"
    ).fetchall()
    keys = [(str(table), str(name), str(definition)) for table, name, definition in found]
    for table, name, _ in keys:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name))
        )
    return keys


def _read(connection: psycopg.Connection[tuple[Any, ...]], each: TableCopy, folder: Path) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(each.name), _names(each.columns))
    with connection.cursor() as cursor:
        with (folder / each.file).open("rb") as file, cursor.copy(statement) as copy:
            while chunk := file.read(_CHUNK):
                copy.write(chunk)
        if cursor.rowcount != each.rows:
            raise CopyRefused(f"the table {each.name!r} got {cursor.rowcount} rows, not {each.rows}")


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(name) for name in names])


def _said(exc: psycopg.Error) -> str:
    return " ".join(str(exc).split())[:300]
