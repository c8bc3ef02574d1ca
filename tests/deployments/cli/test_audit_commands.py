"""`commandcenter audit`: the chain checked and exported by the command itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from forked_command import run_command
from sqlalchemy import create_engine, text

from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import ApprovalRule, Plan, PlanNode
from deployments.stack.addresses import Addresses, records_url, remembered
from deployments.stack.state_folder import StateFolder
from records import Records


@pytest.fixture
async def state(migrated_url: str, tmp_path: Path) -> Path:
    """A state folder whose records have one decided approval."""
    action = ActionSpec(name="act", input_schema={"type": "object"}, output_schema={"type": "object"})
    agent = AgentSpec(
        name="a", type="RULE", version="1", risk="AUTO", entry_path="agents.a", actions={"act": action}
    )
    node = PlanNode(
        id="fix",
        agent="a",
        agent_type="RULE",
        input_schema={"type": "object"},
        action="act",
        agent_version="1",
        entry_path="agents.a",
        risk="AUTO",
        inputs={},
        output_schema={"type": "object"},
        gate=ApprovalRule(),
    )
    plan = Plan(name="w", project_id=1, nodes=(node,))
    async with await Records.open(migrated_url) as records:
        await records.register_agent(1, agent)
        await records.save_workflow(plan)
        run_id = await records.start_run(flow_run_id="f", plan_digest=plan.digest, trigger="t", context={})
        approval = await records.open_gate(run_id=run_id, node_id="fix", digest="d", card={}, rule=ApprovalRule())
        await records.decide(approval.id, decision="REJECTED", by="ann", verified=True, channel="cli", notes="no")
    return tmp_path


def audit(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(["audit", *arguments, "--state", str(state)])


def test_the_audit_of_the_platform_on_the_folder_is_checked_and_not_that_of_a_file_in_it(
    state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After records have moved to another database, the old file is still there, and intact."""
    database = create_engine(f"sqlite:///{state / 'records.db'}")
    with database.begin() as connection:
        connection.execute(text('DROP TRIGGER "ApprovalAudit_no_update"'))
        connection.execute(text("UPDATE \"ApprovalAudit\" SET \"by\" = 'bob' WHERE event = 'rejected'"))
    database.dispose()
    folder = StateFolder(tmp_path_factory.mktemp("platform"))
    names = dict.fromkeys(("state", "api_url", "ui_url", "nats_url", "pool"), "")
    here = Addresses(**names, database_url=f"sqlite:///{state / 'records.db'}")
    folder.acquire()
    try:
        folder.remember({"addresses": remembered(here)})
        changed = audit(folder.path, "verify")
        assert changed.returncode == 1
        assert "the audit was changed at entry 3" in changed.stdout
        counted = run_command(["stats", "--json", "--state", str(folder.path)])
        assert counted.returncode == 0, counted.stderr
    finally:
        folder.release()
    # Where none runs, that of the one that ran last; SQLite's file moves with its folder.
    assert records_url(folder.path) == f"sqlite:///{folder.path / 'records.db'}"
    folder.remember({"addresses": remembered(replace(here, database_url="postgresql://db/records"))})
    assert records_url(folder.path) == "postgresql://db/records"


def test_an_audit_that_nobody_changed_is_intact_and_exported_with_its_hashes(state: Path) -> None:
    verified = audit(state, "verify")
    assert verified.returncode == 0, verified.stderr
    assert "the audit is intact: 3 entries" in verified.stdout
    lines = [json.loads(each) for each in audit(state, "export").stdout.splitlines()]
    assert [(line["schema"], line["event"], line["by"]) for line in lines] == [
        ("commandcenter.audit/v1", "row", None),
        ("commandcenter.audit/v1", "requested", None),
        ("commandcenter.audit/v1", "rejected", "ann"),
    ]
    for line, before in zip(lines[1:], lines, strict=False):
        assert line["previousHash"] == before["hash"]
    assert lines[2]["hash"] in verified.stdout


def test_a_changed_entry_makes_verify_fail_and_names_it(state: Path) -> None:
    engine = create_engine(f"sqlite:///{state}/records.db")
    with engine.begin() as connection:
        connection.execute(text('DROP TRIGGER "ApprovalAudit_no_update"'))
        connection.execute(text("""UPDATE "ApprovalAudit" SET event = 'approved' WHERE id = 2"""))
    engine.dispose()
    verified = audit(state, "verify", "--json")
    assert verified.returncode == 1
    assert json.loads(verified.stdout) | {"intact": False, "broken_at": 2} == json.loads(verified.stdout)
