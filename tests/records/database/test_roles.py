"""What each role of PostgreSQL may do, and that the platform needs no more than its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from compiler import ApprovalRule
from operations.people import add_person, begin_session, identify_session, issue_link
from records import NotMigrated, Records, make_roles, upgrade
from records.database import migrate
from records.database.roles import READABLE, NoRoles
from records.people.person import Identity
from records.tables import METADATA

SECRET = ("AccessToken", "BrowserSession", "PersonRole", "PersonLogin", "Person", "ChangeRequest", "AgentBundle")


@pytest.fixture(scope="module")
def server_url(postgres_server: Any) -> Iterator[str]:
    name = postgres_server.create()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
async def urls(server_url: str) -> dict[str, str]:
    """The database as a login of each role sees it."""
    await upgrade(server_url)
    assert await make_roles(server_url) == (
        "commandcenter_owner",
        "commandcenter_platform",
        "commandcenter_reader",
    )
    await make_roles(server_url)  # safe to repeat
    with psycopg.connect(server_url, autocommit=True) as connection:
        for role in ("owner", "platform", "reader"):
            connection.execute(
                f"DO $$ BEGIN CREATE ROLE login_{role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
            connection.execute(f"GRANT commandcenter_{role} TO login_{role}".encode())
        # Whoever may connect can hold an advisory lock for ever, the reader too: nothing may wait for one.
        named = "SELECT oid::regprocedure::text FROM pg_proc WHERE proname LIKE '%advisory%'"
        for (function,) in connection.execute(named.encode()).fetchall():
            connection.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC".encode())
    return {role: server_url.replace("postgres@", f"login_{role}@") for role in ("owner", "platform", "reader")}


def refused(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


async def test_the_platform_works_and_can_neither_alter_tables_nor_rewrite_the_audit(
    urls: dict[str, str], make: Any
) -> None:
    platform = urls["platform"]
    assert await upgrade(platform) == migrate.head()  # what every part does at its start
    async with await Records.open(platform) as records:
        await records.register_agent(1, make.agent("scanner"))
        await records.register_agent(1, make.agent("patcher", risk="APPROVAL_REQUIRED"))
        plan = make.plan()
        await records.save_workflow(plan)
        run_id = await records.start_run(
            flow_run_id="f", plan_digest=plan.digest, trigger="graph.file.updated", context={"path": "a.py"}
        )
        await records.open_gate(run_id=run_id, node_id="fix", digest="sha256:a", card={}, rule=ApprovalRule())
        decided = await records.decide(
            (run_id, "fix"), decision="APPROVED", by="ann", verified=True, channel="api"
        )
        assert decided.applied
        assert (await records.verify_audit()).entries >= 2
        await add_person("Ann", records=records, project_id=1, roles=["admin"], by="test")
        link = await issue_link("Ann", records=records, by="test")
        session = await begin_session(link.text, records=records)
        assert isinstance(await identify_session(session.text, records=records), Identity)  # type: ignore[union-attr]
        later = datetime.now(UTC) + timedelta(days=1)
        await records.delete_inbox(later)
        await records.delete_plans(later - timedelta(days=400))
    for statement in (
        'UPDATE "ApprovalAudit" SET "by" = \'nobody\'',
        'DELETE FROM "ApprovalAudit"',
        'TRUNCATE "ApprovalAudit"',
        'DELETE FROM "WorkflowVersion"',
        'UPDATE "WorkflowVersion" SET "planDigest" = \'sha256:older\'',
        'ALTER TABLE "ApprovalAudit" DISABLE TRIGGER ALL',
        'ALTER TABLE "WorkflowRun" ADD COLUMN "x" TEXT',
        'DROP TABLE "Span"',
        'TRUNCATE "AccessToken"',
        "CREATE TABLE mine (x INT)",
        "UPDATE _commandcenter_migrations SET version_num = '0001'",
        "SET ROLE commandcenter_owner",
        "CREATE OR REPLACE FUNCTION \"ApprovalAudit_refuse\"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    ):
        refused(platform, statement)


async def test_the_reader_sees_dashboards_and_no_token_person_key_or_code(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["reader"], autocommit=True) as connection:
        for table in READABLE:
            connection.execute(f'SELECT * FROM "{table}" LIMIT 1'.encode())
    hidden = set(METADATA.tables) - set(READABLE)
    assert set(SECRET) <= hidden
    for table in hidden:
        refused(urls["reader"], f'SELECT 1 FROM "{table}"')
    for statement in (
        'INSERT INTO "RunSlot" DEFAULT VALUES',
        'DELETE FROM "WorkflowRun"',
        "CREATE TABLE mine (x INT)",
        *(f'LOCK TABLE "{table}" IN ROW SHARE MODE' for table in METADATA.tables),
        'SELECT 1 FROM "WorkflowRun" FOR KEY SHARE',
    ):
        refused(urls["reader"], statement)


async def test_the_owner_migrates_and_what_it_makes_is_for_the_roles_at_once(
    urls: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "head", lambda: "9999")
    with pytest.raises(NotMigrated, match="as their owner"):
        await upgrade(urls["platform"])

    def another(connection: Any, _revision: str) -> str:
        connection.execute(text('DROP TABLE "Span"'))
        METADATA.tables["Span"].create(connection)
        return "9999"

    monkeypatch.setattr(migrate, "_upgrade", another)
    await upgrade(urls["owner"])
    with psycopg.connect(urls["platform"], autocommit=True) as connection:
        connection.execute('INSERT INTO "Span" ("spanId", "traceId", "content") VALUES (\'a\', \'b\', \'{}\')')
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'Span'").fetchone()
    assert owner == ("commandcenter_owner",)
    refused(urls["reader"], 'SELECT 1 FROM "Span"')


async def test_a_login_that_may_not_make_roles_and_sqlite_are_told_so(urls: dict[str, str]) -> None:
    with pytest.raises(NoRoles, match="CREATEROLE"):
        await make_roles(urls["platform"])
    with pytest.raises(NoRoles, match="SQLite"):
        await make_roles("sqlite:///records.db")
