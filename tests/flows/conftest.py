"""Flows on a real Prefect server and real records; only the sandbox is the scripted one that ships with the package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema

from agents.sandbox.in_memory import InMemorySandbox
from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import ApprovalRule, Plan, PlanNode
from deployments.worker.engine import InProcessEngine
from flows.run import workflow_flow
from records import Records, Run
from tasks.secrets import EnvironmentSecrets
from tasks.services import Services
from triggers.reconcile.resume import WAKE_INPUT

OPEN = {"type": "object"}
GATE = ApprovalRule()


@dataclass
class Bench:
    """Deploys plans and executes their runs in this process, as the worker does."""

    client: PrefectClient
    records: Records
    sandbox: InMemorySandbox
    services: Services

    async def deploy(self, *nodes: PlanNode, name: str = "flow-under-test", **plan: Any) -> Plan:
        """Agents, workflow and deployment for these nodes."""
        made = Plan(name=name, project_id=1, nodes=nodes, **plan)
        actions: dict[str, dict[str, ActionSpec]] = {}
        for node in nodes:
            spec = ActionSpec(
                name=node.action,
                effect=node.effect,
                input_schema=node.input_schema,
                output_schema=node.output_schema,
            )
            actions.setdefault(node.agent, {})[node.action] = spec
        for agent, found in actions.items():
            await self.register(agent, found)
        await self.records.save_workflow(made)
        flow_id = await self.client.create_flow_from_name(name)
        await self.client.create_deployment(
            flow_id=flow_id,
            name="project-1",
            entrypoint="tests",
            parameters={"plan": made.digest, "project_id": 1},
            parameter_openapi_schema=parameter_schema(workflow_flow(name)).model_dump_for_openapi(),
        )
        return made

    async def register(self, agent: str, actions: dict[str, ActionSpec], *, version: str = "1.0.0") -> None:
        spec = AgentSpec(name=agent, type="SCRIPT", version=version, risk="AUTO", entry_path="x", actions=actions)
        await self.records.register_agent(1, spec)

    async def start(self, made: Plan, /, **parameters: Any) -> FlowRun:
        """A new run of the plan's deployment."""
        deployment = await self.client.read_deployment_by_name(f"{made.name}/project-1")
        return await self.client.create_flow_run_from_deployment(deployment.id, parameters=parameters)

    async def execute(self, flow_run: FlowRun) -> State[Any]:
        """Execute the run once from the top; gives the state Prefect has afterwards."""

        @asynccontextmanager
        async def enter() -> AsyncIterator[Services]:
            yield self.services

        fresh = await self.client.read_flow_run(flow_run.id)
        deployment = await self.client.read_deployment(
            fresh.deployment_id or pytest.fail("a run without a deployment")
        )
        flow = workflow_flow(await self._name(fresh) if deployment.parameters else "", enter=enter)
        try:
            await InProcessEngine(flow=flow, flow_run=fresh, parameters=fresh.parameters).execute()
        except BaseException as exc:
            if type(exc).__name__ != "Pause":
                raise
        state = (await self.client.read_flow_run(flow_run.id)).state
        assert state is not None
        return state

    async def _name(self, flow_run: FlowRun) -> str:
        return (await self.client.read_flow(flow_run.flow_id)).name

    async def resume(self, flow_run: FlowRun, answer: dict[str, Any] | None = None) -> None:
        """Resume through Prefect's API, as the form in its UI does."""
        result = await self.client.resume_flow_run(UUID(str(flow_run.id)), run_input=answer or dict(WAKE_INPUT))
        assert result.status.value == "ACCEPT", result.details

    async def record(self, flow_run: FlowRun) -> Run:
        """The run on record."""
        run = await self.records.run_of_flow_run(str(flow_run.id))
        assert run is not None
        return run

    def ran(self) -> list[str]:
        """Ids of the nodes the sandbox was asked to run, in order."""
        return [request.node_id for request in self.sandbox.requests]


@pytest.fixture
async def bench(prefect_api: str, migrated_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """Everything a flow needs."""
    records, sandbox = await Records.open(migrated_url), InMemorySandbox()
    services = Services(
        records=records,
        sandbox=sandbox,
        secrets=(EnvironmentSecrets({}),),
        settings={},
        repository_roots=(tmp_path,),
        scratch=tmp_path,
    )
    with temporary_settings(updates={PREFECT_API_URL: prefect_api}):
        async with get_client() as client:
            yield Bench(client=client, records=records, sandbox=sandbox, services=services)
    await records.close()


@pytest.fixture
def node() -> Any:
    """Makes plan nodes."""

    def make(node_id: str, *after: str, **changes: Any) -> PlanNode:
        values: dict[str, Any] = {
            "id": node_id,
            "agent": "worker-bee",
            "agent_type": "SCRIPT",
            "agent_version": "1.0.0",
            "entry_path": "x",
            "action": "act",
            "risk": "AUTO",
            "inputs": {},
            "input_schema": OPEN,
            "output_schema": OPEN,
            "depends_on": after,
        }
        return PlanNode(**{**values, **changes})

    return make
