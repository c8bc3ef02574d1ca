"""A workflow that runs another one, on a whole platform that is killed three times on the way."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from deployments.stack.connection import connect_to
from records import Run

_OUTER = """\
name: outer-workflow
trigger: manual
context:
  standard: {type: string, enum: [SOC2, GDPR], default: SOC2}
nodes:
  - id: ask
    workflow: inner-workflow
    inputs: {standard: "{{ context.standard }}"}
outputs:
  score: "{{ nodes.ask.output.score }}"
"""
_INNER = """\
name: inner-workflow
trigger: manual
context:
  standard: {type: string, enum: [SOC2, GDPR]}
nodes:
  - id: audit
    agent: compliance-checker
    action: auditProject
    approvalRequired: true
    inputs: {projectId: "{{ context.projectId }}", standards: ["{{ context.standard }}"]}
outputs:
  score: "{{ nodes.audit.output.score }}"
"""


async def run_of(platform: Any, workflow: str, *statuses: str) -> Run:
    """The one run of the workflow, as soon as it has one of the statuses."""
    deadline = time.monotonic() + 240
    found: list[Run] = []
    async with connect_to(platform.addresses) as connection:
        while time.monotonic() < deadline:
            found = await connection.records.runs(1, workflow=workflow)
            assert len(found) <= 1, "no second run"
            if found and found[0].status in statuses:
                return found[0]
            await asyncio.sleep(0.02)
    raise AssertionError(f"{workflow} is at {[(each.status, each.message) for each in found]}")


async def test_a_call_outlives_the_platform_and_its_gate_is_the_inner_runs(
    own_platform: Any, tmp_path: Path
) -> None:
    files = [tmp_path / "outer.yaml", tmp_path / "inner.yaml"]
    for file, text in zip(files, (_OUTER, _INNER), strict=True):
        file.write_text(text)
    own_platform.cli("deploy", *map(str, files))
    wrong = own_platform.cli("trigger", "outer-workflow", "--context", "standard=ISO", check=False)
    own_platform.cli("trigger", "outer-workflow", "--context", "standard=GDPR")
    await run_of(own_platform, "inner-workflow", "RUNNING", "WAITING_APPROVAL")
    own_platform.kill_everything()
    own_platform.start_again()
    inner = await run_of(own_platform, "inner-workflow", "WAITING_APPROVAL")
    own_platform.kill_everything()
    own_platform.start_again()
    own = own_platform.cli("approve", inner.id, "audit", check=False)
    own_platform.cli("approve", inner.id, "audit", "--by", "another", "--notes", "go")
    inner = await run_of(own_platform, "inner-workflow", "SUCCESS", "FAILED")
    own_platform.kill_everything()
    own_platform.start_again()
    outer = await run_of(own_platform, "outer-workflow", "SUCCESS", "FAILED")

    assert wrong.returncode != 0
    assert "standard" in wrong.stderr + wrong.stdout
    assert "started this run and cannot approve it" in own.stderr + (own.stdout + own.stderr), (
        "nor what it leads to"
    )
    assert (inner.status, outer.status) == ("SUCCESS", "SUCCESS"), (inner.message, outer.message)
    shown = {each.id: json.loads(own_platform.cli("show", each.id, "--json").stdout) for each in (outer, inner)}
    assert shown[inner.id]["run"]["parentRunId"] == outer.id
    assert [each["runId"] for each in shown[outer.id]["called"]] == [inner.id]
    assert shown[outer.id]["run"]["outputs"] == shown[inner.id]["run"]["outputs"]
    assert shown[inner.id]["run"]["context"] == {"projectId": 1, "standard": "GDPR"}
    audits = [each for each in shown[inner.id]["agentRuns"] if each["status"] == "SUCCESS"]
    assert len(audits) == 1
