"""A gate that trusts an event: passed for what the listener itself took in, asked for whatever only looks like it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nats.js.errors import NoStreamResponseError

_AGENT = """\
from agents.sdk import Agent, Context, Schema, ShortText

agent = Agent(name="runbook", type="SCRIPT", version="1.0.0", risk="APPROVAL_REQUIRED", description="Acts")


class What(Schema):
    runbook: ShortText


@agent.action("act", description="Acts")
def act(inputs: What, context: Context) -> What:
    return inputs
"""
_WORKFLOW = """\
name: trusted-runbook
trigger:
  event: ops.runbook
approvalPolicy:
  trustedTriggers: [ops.runbook]
nodes:
  - id: act
    agent: runbook
    action: act
    approvalRequired: false
    inputs: {runbook: "{{ context.runbook }}"}
"""
_EVENT: dict[str, Any] = {"projectId": 1, "runbook": "r-1", "share": 0.1, "count": 10**12, "text": "é \u2028 ☂"}


async def test_an_event_passes_the_gate_that_trusts_it_and_a_run_that_claims_it_waits(
    platform: Any, watch: Any, tmp_path: Path
) -> None:
    folder, file = tmp_path / "runbook", tmp_path / "trusted.yaml"
    folder.mkdir()
    (folder / "agent.py").write_text(_AGENT, encoding="utf-8")
    platform.cli("agents", "register", str(folder))
    file.write_text(_WORKFLOW, encoding="utf-8")
    platform.cli("deploy", str(file))
    async with asyncio.timeout(240):
        while True:
            try:
                await platform.publish("ops.runbook", _EVENT)
                break
            except NoStreamResponseError:  # the listener has not heard of the workflow yet
                await asyncio.sleep(0.2)
    passed = await watch.ended({"runbook": "r-1"})
    (gate,) = passed.approvals
    assert (passed.run.status, gate.status, gate.closed_as) == ("SUCCESS", "APPROVED", "policy"), passed.as_json()

    prefect = watch.connection.prefect
    deployment = await prefect.read_deployment_by_name("trusted-runbook/project-1")
    claims = {"context": {**_EVENT, "runbook": "r-2"}, "trigger": "ops.runbook", "triggered_by": "ops"}
    await prefect.create_flow_run_from_deployment(deployment.id, parameters=claims)
    waiting = await watch.waiting({"runbook": "r-2"})
    assert [each.status for each in waiting.approvals] == ["PENDING"]
