"""Each act on a run, an approval, a workflow or an event is the same by command and over HTTP: outcome, audit, refusal.

Prefect's form decides as they do.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from forked_command import run_command
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId

from agents.sandbox.port import AgentFailure, AgentResult
from api import Person, create_app, token_digest
from compiler.plan import ApprovalRule, EventTrigger
from operations.launcher import Launcher
from triggers import resume

BROKEN = AgentResult(failure=AgentFailure(kind="exit", message="it broke"))
NUMBER = {"type": "object", "properties": {"n": {"type": "integer", "x-editable": True}}}
SUBJECT = "every.channel"
_ID = r"[0-9a-f]{8}-[0-9a-f-]{27}"
Names = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A bench, its records over HTTP, and the environment in which commands find them."""

    bench: Any
    node: Any
    http: httpx.AsyncClient
    env: Mapping[str, str]

    async def gated(self, name: str) -> dict[str, str]:
        """A run that waits for an approval of its node `fix`, whose input may be edited."""
        self.bench.sandbox.answer("fix", {})
        plan = await self.bench.deploy(
            self.node("fix", gate=ApprovalRule(), inputs={"n": 1}, input_schema=NUMBER, risk="APPROVAL_REQUIRED"),
            name=name,
        )
        flow_run = await self.bench.start(plan)
        assert (await self.bench.execute(flow_run)).is_paused()
        run = await self.bench.record(flow_run)
        approval = await self.bench.records.approval(run.id, "fix")
        return {"workflow": name, "run": run.id, "approval": approval.id, "flow": str(flow_run.id)}

    async def ended(self, name: str, *answers: Any) -> dict[str, str]:
        """A run that has ended, its node `act` as `answers` say."""
        self.bench.sandbox.answer("act", *answers, {}, {})
        flow_run = await self.bench.start(await self.bench.deploy(self.node("act"), name=name))
        await self.bench.execute(flow_run)
        run = await self.bench.record(flow_run)
        return {"workflow": name, "run": run.id, "flow": str(flow_run.id)}

    async def deployed(self, name: str) -> dict[str, str]:
        """A workflow that has never run."""
        await self.bench.deploy(self.node("act"), name=name, triggers=(EventTrigger(event=SUBJECT),))
        return {"workflow": name}

    async def given_up(self, name: str) -> dict[str, str]:
        """An event that was given up."""
        await self.deployed(name)
        await self.bench.records.dead_letter(
            name, 1, subject=SUBJECT, payload=b'{"projectId": 1}', reason="no worker", project_id=1
        )
        (letter,) = [each for each in await self.bench.records.dead_letters(1) if each.stream == name]
        return {"workflow": name, "letter": letter.id}

    async def seen(self, names: Names) -> dict[str, Any]:
        """What the records and Prefect say afterwards, without what differs by person and time."""
        records, found = self.bench.records, {}
        if run_id := names.get("run"):
            run = await records.run(run_id)
            found["run"] = (run.status, run.reopened, run.rerun_nodes)
            trail = await records.audit_trail(run_id=run_id)
            # A refusal is in the audit as well; looking at the card belongs to the command line.
            found["audit"] = [
                (each.event, each.node_id, re.sub(_ID, "…", each.notes or ""), bool(each.by))
                for each in trail
                if each.event not in ("viewed", "refused")
            ]
        if "approval" in names:
            approvals = await records.approvals(1, run_id=names["run"], superseded=True)
            found["approvals"] = sorted(f"{each.status} {each.closed_as} {each.edits}" for each in approvals)
        if letter_id := names.get("letter"):
            (letter,) = [each for each in await records.dead_letters(1) if each.id == letter_id]
            found["letter"] = (letter.settled_as, bool(letter.settled_by))
        (workflow,) = [each for each in await records.workflows(1) if each.name == names["workflow"]]
        found["workflow"] = workflow.status
        deployment = await self.bench.client.read_deployment_by_name(f"{workflow.name}/project-1")
        runs = await self.bench.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]))
        )
        found["runs in Prefect"] = sorted(each.state.type.value for each in runs)
        return found


@pytest.fixture
async def stage(bench: Any, node: Any, prefect_api: str, tmp_path: Any) -> AsyncIterator[Stage]:
    people = {token_digest("t"): Person(name="Ann", projectId=1)}
    app = create_app(
        bench.records,
        people,
        launch=Launcher(bench.client),
        resume=functools.partial(resume, bench.client),
        prefect=bench.client,
    )
    env = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/records.db",
        "PREFECT_API_URL": prefect_api,
        "NATS_URL": "nats://-",
    }
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": "Bearer t"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
        yield Stage(bench=bench, node=node, http=http, env=env)


@dataclass(frozen=True, kw_only=True)
class Act:
    """One act, as each channel is asked for it."""

    prepare: Callable[[Stage, str], Any]
    command: str
    """Words of the command line, with names of what was prepared in braces."""
    http: str
    """Path to POST to."""
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    refused: str
    """What both say when it is asked for a second time, as a pattern."""
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names that the second time has instead."""


DECISION = "/approvals/{approval}/decision"
ACTS: dict[str, Act] = {
    "start": Act(
        prepare=Stage.deployed,
        command="trigger {workflow} --context n=1",
        http="/workflows/{workflow}/runs",
        body={"context": {"n": 1}},
        refused="nowhere",
        wrong={"workflow": "nowhere"},
    ),
    "approve": Act(
        prepare=Stage.gated,
        command="approve {run} fix --notes well",
        http=DECISION,
        body={"decision": "approve", "notes": "well"},
        refused="already",
    ),
    "reject": Act(
        prepare=Stage.gated,
        command="reject {run} fix --notes no",
        http=DECISION,
        body={"decision": "reject", "notes": "no"},
        refused="already",
    ),
    "edit inputs": Act(
        prepare=Stage.gated,
        command="approve {run} fix --set n=2",
        http=DECISION,
        body={"decision": "approve", "edits": {"n": 2}},
        refused="already|has changed since",
    ),
    "cancel": Act(
        prepare=Stage.gated,
        command="cancel {run} --reason enough",
        http="/runs/{run}/cancel",
        body={"reason": "enough"},
        refused="nothing to cancel",
    ),
    "retry": Act(
        prepare=lambda stage, name: stage.ended(name, BROKEN),
        command="retry {run}",
        http="/runs/{run}/retry",
        refused="only a failed run is retried",
    ),
    "rerun": Act(
        prepare=Stage.ended,
        command="rerun {run} {node}",
        http="/runs/{run}/rerun",
        body={"node": "{node}"},
        refused="no node 'z'",
        wrong={"node": "z"},
    ),
    "replay": Act(
        prepare=Stage.ended,
        command="replay {run}",
        http="/runs/{run}/replay",
        refused="nothing",
        wrong={"run": "nothing"},
    ),
    "archive": Act(
        prepare=Stage.deployed,
        command="workflows archive {workflow}",
        http="/workflows/{workflow}/archive",
        refused="nowhere",
        wrong={"workflow": "nowhere"},
    ),
    "replay a dead letter": Act(
        prepare=Stage.given_up,
        command="dead-letters replay {letter}",
        http="/dead-letters/{letter}/replay",
        refused="already",
    ),
    "discard a dead letter": Act(
        prepare=Stage.given_up,
        command="dead-letters discard {letter}",
        http="/dead-letters/{letter}/discard",
        refused="already",
    ),
}


async def by_command(stage: Stage, act: Act, names: Names) -> tuple[bool, str]:
    words = [word.format_map(names) for word in act.command.split()]
    done = await asyncio.to_thread(run_command, words, env=stage.env)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0, done.stdout + done.stderr


async def by_http(stage: Stage, act: Act, names: Names) -> tuple[bool, str]:
    body = {key: value.format_map(names) if isinstance(value, str) else value for key, value in act.body.items()}
    answer = await stage.http.post(act.http.format_map(names), json=body)
    assert answer.status_code < 500, answer.text
    return answer.is_success, answer.text


CHANNELS = {"command": by_command, "http": by_http}


@pytest.mark.parametrize("name", ACTS)
async def test_an_act_does_the_same_by_command_and_over_http_and_is_refused_alike(stage: Stage, name: str) -> None:
    act, outcomes = ACTS[name], {}
    for channel, ask in CHANNELS.items():
        workflow = f"{name} {channel}".replace(" ", "-")
        names = {"node": "act", **await act.prepare(stage, workflow)}
        done, said = await ask(stage, act, names)
        assert done, (channel, said)
        outcomes[channel] = await stage.seen(names)
        again, told = await ask(stage, act, {**names, **act.wrong})
        assert not again, (channel, told)
        assert re.search(act.refused, " ".join(told.split())), (channel, told)
        assert await stage.seen(names) == outcomes[channel], f"a refusal by {channel} changed something"
    assert outcomes["command"] == outcomes["http"]


async def test_prefects_form_decides_as_the_command_line_and_http_do(stage: Stage) -> None:
    outcomes = {}
    for channel in (*CHANNELS, "form"):
        names = await stage.gated(f"form-{channel}")
        flow_run = await stage.bench.client.read_flow_run(names["flow"])
        if channel == "form":
            asked = names["approval"]
            answer = {"your_name": "Ann", f"decision_{asked}": "approve", f"notes_{asked}": "well"}
            await stage.bench.resume(flow_run, answer)
        else:
            done, said = await CHANNELS[channel](stage, ACTS["approve"], names)
            assert done, said
        assert (await stage.bench.execute(flow_run)).is_completed()
        outcomes[channel] = await stage.seen(names)
    assert outcomes["command"] == outcomes["http"] == outcomes["form"]
