"""Rights in PostgreSQL: who owns the tables, who runs the platform, who only reads -> three roles without a login.

The owner migrates. The platform reads and writes rows, and can neither change a table nor rewrite the audit. The reader
sees what dashboards show: no person, token, session, key, payload of an event, file or code. A login becomes one of
them by `GRANT commandcenter_platform TO its_name`.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from records.database.connections import Database
from records.errors import RecordsError
from records.tables import (
    AGENT,
    AGENT_CAPABILITY,
    AGENT_RUN,
    APPROVAL_AUDIT,
    APPROVAL_VOTE,
    METADATA,
    METRIC_TOTAL,
    NODE_STATE,
    RUN_SLOT,
    WORKFLOW,
    WORKFLOW_APPROVAL,
    WORKFLOW_NODE,
    WORKFLOW_RUN,
    WORKFLOW_VERSION,
)
from reliability.shielded import shielded

OWNER, PLATFORM, READER = "commandcenter_owner", "commandcenter_platform", "commandcenter_reader"
READABLE = tuple(
    table.name
    for table in (
        AGENT,
        AGENT_CAPABILITY,
        AGENT_RUN,
        APPROVAL_AUDIT,
        APPROVAL_VOTE,
        METRIC_TOTAL,
        NODE_STATE,
        RUN_SLOT,
        WORKFLOW,
        WORKFLOW_APPROVAL,
        WORKFLOW_NODE,
        WORKFLOW_RUN,
    )
)
"""Tables of dashboards."""
_REVISION = "_commandcenter_migrations"
_RIGHTS = {
    APPROVAL_AUDIT.name: "SELECT, INSERT",
    # Which of them is the newest decides what a workflow does; the signature is made anew with another key.
    WORKFLOW_VERSION.name: 'SELECT, INSERT, UPDATE ("signature")',
}
"""What the platform may do with tables of which nothing may be lost."""


class NoRoles(RecordsError):
    """The database has no roles, or the login may not make them."""


@shielded
async def make_roles(url: str) -> tuple[str, ...]:
    """Make the three roles where they are not there, and give each its rights; their names. Safe to repeat.

    For a login that may create roles and owns the tables, or is a superuser. Raises NoRoles.
    """
    database = Database(url)
    try:
        if database.is_sqlite:
            raise NoRoles("SQLite knows no roles: whoever can open its file can do everything")
        async with database.write() as connection:
            may = text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
            if not (await connection.execute(may)).scalar_one():
                raise NoRoles("this login may not make roles: use one with CREATEROLE that owns the tables")
            for role in (OWNER, PLATFORM, READER):
                if not await _exists(connection, role):
                    await connection.execute(text(f'CREATE ROLE "{role}" NOLOGIN'))
            # Whoever migrates now goes on to do so.
            await connection.execute(text(f'GRANT "{OWNER}" TO CURRENT_USER'))
            await _own(connection)
            await grant_rights(connection)
    finally:
        await database.close()
    return OWNER, PLATFORM, READER


async def become_owner(connection: AsyncConnection) -> None:
    """Let what this transaction makes belong to the owner's role, where the tables do and the login is a member."""
    owned = text(
        "SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE relname = :revision "
        "AND relnamespace = current_schema()::regnamespace AND pg_get_userbyid(relowner) = :role"
    )
    if (await connection.execute(owned, {"role": OWNER, "revision": _REVISION})).scalar_one_or_none():
        await connection.execute(text(f'SET LOCAL ROLE "{OWNER}"'))


async def may_migrate(connection: AsyncConnection) -> bool:
    """Whether this login may make tables."""
    asked = text("SELECT has_schema_privilege(current_user, current_schema(), 'CREATE')")
    return bool((await connection.execute(asked)).scalar_one())


async def grant_rights(connection: AsyncConnection) -> None:
    """Give the roles that are there exactly their rights on the tables that are there."""
    schema = await _schema(connection)
    present = await connection.run_sync(_tables)
    for role in (PLATFORM, READER):
        if not await _exists(connection, role):
            continue
        await connection.execute(text(f'REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM "{role}"'))
        await connection.execute(text(f'GRANT USAGE ON SCHEMA {schema} TO "{role}"'))
        for table in present:
            if rights := _rights(role, table):
                await connection.execute(text(f'GRANT {rights} ON {schema}."{table}" TO "{role}"'))
    if await _exists(connection, PLATFORM):
        given = f'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO "{PLATFORM}"'
        await connection.execute(text(given))


def _rights(role: str, table: str) -> str:
    if role == READER:
        return "SELECT" if table in READABLE else ""
    if table not in METADATA.tables:
        return "SELECT"  # the revision
    return _RIGHTS.get(table, "SELECT, INSERT, UPDATE, DELETE")


async def _own(connection: AsyncConnection) -> None:
    """Tables, types and functions of ours, and the schema's right to make more, go to the owner."""
    schema = await _schema(connection)
    await connection.execute(text(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"))
    await connection.execute(text(f'GRANT USAGE, CREATE ON SCHEMA {schema} TO "{OWNER}"'))
    for table in await connection.run_sync(_tables):
        await connection.execute(text(f'ALTER TABLE {schema}."{table}" OWNER TO "{OWNER}"'))
    enums = "SELECT typname FROM pg_type WHERE typtype = 'e' AND typnamespace = current_schema()::regnamespace"
    for name in (await connection.execute(text(enums))).scalars().all():
        await connection.execute(text(f'ALTER TYPE {schema}."{name}" OWNER TO "{OWNER}"'))
    functions = (
        "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace "
        "AND prorettype = 'trigger'::regtype AND proname LIKE '%\\_refuse'"
    )
    for name in (await connection.execute(text(functions))).scalars().all():
        await connection.execute(text(f'ALTER FUNCTION {schema}."{name}"() OWNER TO "{OWNER}"'))


def _tables(connection: Connection) -> list[str]:
    """Those of ours that are there, and the table of the revision."""
    found = set(inspect(connection).get_table_names())
    return sorted(found & {*METADATA.tables, _REVISION})


async def _exists(connection: AsyncConnection, role: str) -> bool:
    asked = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
    return bool((await connection.execute(asked, {"role": role})).scalar_one())


async def _schema(connection: AsyncConnection) -> str:
    """The schema's name, quoted."""
    return str((await connection.execute(text("SELECT quote_ident(current_schema())"))).scalar_one())
