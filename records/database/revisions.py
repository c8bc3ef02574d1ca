"""The revisions of the tables that this version knows, and the one that a database is at.

Read without Alembic, which only a migration needs: its import costs a command more than its work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from records.database.connections import Database
from records.errors import NewerDatabase, NotMigrated

VERSION_TABLE = "_commandcenter_migrations"
MIGRATIONS = Path(__file__).parents[1] / "migrations"
_LINE = re.compile(r"^(revision|down_revision)(?:: [^=]+)? = (?:\"(\w+)\"|None)$", re.M)


@cache
def known_revisions() -> Mapping[str, str | None]:
    """Each revision with the one before it."""
    found: dict[str, str | None] = {}
    for file in (MIGRATIONS / "versions").glob("*.py"):
        said = dict(_LINE.findall(file.read_text(encoding="utf-8")))
        found[said["revision"]] = said["down_revision"] or None
    return found


@cache
def head() -> str:
    """The newest revision. Raises ValueError where there is not exactly one."""
    known = known_revisions()
    (newest,) = set(known) - set(known.values())
    return newest


def is_known(revision: str) -> bool:
    """Whether this version can bring a database of that revision up to its own."""
    return revision in known_revisions()


def revision_of(connection: Connection) -> str | None:
    """The revision of the database; None: it has no tables of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return found


def refuse_newer(database: Database, found: str | None) -> None:
    """Raises NewerDatabase for a revision that this version does not know."""
    if found is not None and not is_known(found):
        raise NewerDatabase(
            f"the database {database.shown} is at revision {found!r}, which this version (up to {head()!r}) "
            "does not know: run the newer version that migrated it, or restore the backup from before"
        )


async def require_migrated(database: Database) -> None:
    """Raises NotMigrated if `upgrade` has not been called, NewerDatabase if one of a newer version has.

    Makes no file where there is none, as SQLite would.
    """
    if database.is_sqlite and not Path(str(database.url.database)).exists():
        raise NotMigrated(
            f"there is no database {database.shown}: check the path; `commandcenter up` and "
            "`commandcenter db upgrade` make one"
        )
    async with database.read() as connection:
        found = await connection.run_sync(revision_of)
    refuse_newer(database, found)
    if found != head():
        raise NotMigrated(
            f"the database {database.shown} is at revision {found!r}, this version needs {head()!r}: "
            "run `commandcenter db upgrade`"
        )
