"""`commandcenter plan` and `deploy`: changes in meaning, and a person's word before a gate goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WITH_GATE = """\
name: asks-first
trigger: {event: graph.file.updated, filters: {branch: never}}
nodes:
  - {id: a, agent: security-scanner, action: scanRepository, approvalRequired: true,
     inputs: {repositoryPath: "{{ context.repositoryPath }}", scanType: FULL}}
"""


async def test_a_gate_is_removed_only_with_agreement_and_running_work_keeps_its_plan(
    platform: Any, connection: Any, tmp_path: Path
) -> None:
    file = tmp_path / "asks-first.yaml"
    file.write_text(WITH_GATE)
    planned = json.loads(platform.cli("plan", str(file), "--json").stdout)
    assert [each["kind"] for each in planned["changes"]] == ["workflow-added", "trigger-added", "gate-added"]
    platform.cli("deploy", str(file))
    assert json.loads(platform.cli("plan", str(file), "--json").stdout)["changes"] == []
    before = await _plan(connection)

    file.write_text(WITH_GATE.replace(" approvalRequired: true,", ""))
    planned = json.loads(platform.cli("plan", str(file), "--json").stdout)
    assert [(each["kind"], each["dangerous"]) for each in planned["changes"]] == [("gate-removed", True)]
    refused = platform.cli("deploy", str(file), check=False)
    assert refused.returncode == 1
    assert "--remove-gates" in refused.stderr
    assert await _plan(connection) == before

    platform.cli("deploy", str(file), "--remove-gates")
    after = await _plan(connection)
    assert after.nodes[0].gate is None
    assert await connection.records.plan(before.digest) == before


async def _plan(connection: Any) -> Any:
    (plan,) = [each for each in await connection.records.active_plans(1) if each.name == "asks-first"]
    return plan
