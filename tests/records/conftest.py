"""Records on both databases: each test that takes `records` or `url` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import ApprovalRule, Plan, PlanNode
from records import Records, upgrade
from records.tables import METADATA


def _agent(name: str, **changes: Any) -> AgentSpec:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    actions = changes.pop("actions", {"work": ActionSpec(name="work", input_schema=schema, output_schema=schema)})
    fields: dict[str, Any] = {
        "type": "SCRIPT",
        "version": "1.0.0",
        "risk": "AUTO",
        "entry_path": f"agents.{name}",
    } | changes
    return AgentSpec(name=name, actions=actions, **fields)


def _node(node_id: str, *depends_on: str, agent: str = "scanner", gate: ApprovalRule | None = None) -> PlanNode:
    return PlanNode(
        id=node_id,
        agent=agent,
        agent_type="SCRIPT",
        agent_version="1.0.0",
        entry_path=f"agents.{agent}",
        action="work",
        risk="AUTO",
        inputs={"path": "{{ context.path }}"},
        input_schema={},
        output_schema={},
        depends_on=depends_on,
        gate=gate,
    )


def _plan(*, name: str = "audit", project_id: int = 1, **changes: Any) -> Plan:
    nodes = changes.pop("nodes", (_node("scan"), _node("fix", "scan", agent="patcher", gate=ApprovalRule())))
    trigger: dict[str, Any] = {"event": "graph.file.updated"}
    return Plan(name=name, project_id=project_id, nodes=nodes, trigger_source=trigger, **changes)


@dataclass(frozen=True)
class Make:
    """Makes agents, nodes and plans with what a test does not care about filled in."""

    agent: Callable[..., AgentSpec] = _agent
    node: Callable[..., PlanNode] = _node
    plan: Callable[..., Plan] = _plan


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/records.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Any) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database. Emptying it is quicker than making another one."""
    name = postgres_server.create()
    url = postgres_server.url(name)
    asyncio.run(upgrade(url))
    yield url
    postgres_server.drop(name)


@pytest.fixture
def emptied_postgres(migrated_postgres: str) -> str:
    """The URL of the migrated PostgreSQL database, without rows."""
    with psycopg.connect(migrated_postgres, autocommit=True) as connection:
        # The audit's own trigger refuses to be emptied; replication passes it by.
        connection.execute("SET session_replication_role = replica")
        tables = ", ".join(f'"{name}"' for name in METADATA.tables)
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE".encode())
    return migrated_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database without rows."""
    if request.param == "postgresql":
        return request.getfixturevalue("emptied_postgres")
    return request.getfixturevalue("migrated_url")


@pytest.fixture
async def records(url: str, make: Make) -> AsyncIterator[Records]:
    """Records with the agents `scanner` and `patcher` registered in project 1."""
    async with await Records.open(url) as opened:
        await opened.register_agent(1, make.agent("scanner"))
        await opened.register_agent(1, make.agent("patcher", risk="APPROVAL_REQUIRED"))
        yield opened


@pytest.fixture
def begin(records: Records, make: Make) -> Callable[..., Any]:
    """Begins a run of a plan (by default scan → fix, and fix has a gate); gives its id."""

    async def _begin(plan: Plan | None = None, *, flow_run_id: str = "flow-1", **changes: Any) -> str:
        plan = plan or make.plan()
        await records.save_workflow(plan)
        fields = {"trigger": "graph.file.updated", "context": {"path": "a.py"}} | changes
        return await records.start_run(flow_run_id=flow_run_id, plan_digest=plan.digest, **fields)

    return _begin


@pytest.fixture
async def run_id(begin: Callable[..., Any]) -> str:
    """A run that has begun."""
    return await begin()
