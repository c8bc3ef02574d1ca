"""Checked plans on record -> Prefect deployments named after their project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

from compiler.plan import Plan
from compiler.trigger_types.registry import type_of
from deployments.publishing.deployment_values import planned_schedules, tags
from deployments.worker.worker import CommandCenterWorker
from flows.entrypoints import entrypoint
from flows.run import workflow_flow
from operations.deploy import Deployed
from operations.deployment_names import deployment_name, project_name
from operations.project_queues import ensure_queue

_RETIRED = "archived"
"""Tag of a deployment that was paused because its workflow was archived, not by a person in Prefect."""


async def ensure_work_pool(client: PrefectClient, pool: str) -> None:
    """Make the pool our worker works on, unless it is there."""
    try:
        await client.create_work_pool(
            WorkPoolCreate(
                name=pool,
                type=CommandCenterWorker.type,
                base_job_template=CommandCenterWorker.get_default_base_job_template(),
            )
        )
    except ObjectAlreadyExists:
        return


@dataclass
class PrefectPublisher:
    """Makes and retires Prefect deployments; the publisher of `operations.deploy`."""

    client: PrefectClient
    pool: str
    """The work pool that the deployments use; made if it is not there."""
    _pool_is_there: bool = field(default=False, init=False)

    async def publish(self, plan: Plan) -> Deployed:
        """Make or update the deployment. Doing it again changes nothing; what people have paused stays paused."""
        if not self._pool_is_there:
            await ensure_work_pool(self.client, self.pool)
            self._pool_is_there = True
        flow_id = await self.client.create_flow_from_name(plan.name)
        before = await self._existing(plan)
        await self.client.create_deployment(
            flow_id=flow_id,
            name=project_name(plan.project_id),
            description=plan.description,
            entrypoint=entrypoint(plan.name),
            work_pool_name=self.pool,
            # Of the project: workers take projects in turn.
            work_queue_name=await ensure_queue(self.client, self.pool, plan.project_id),
            parameters=parameters(plan),
            parameter_openapi_schema=run_form(plan),
            enforce_parameter_schema=True,
            schedules=schedules(plan, before),
            tags=tags(plan),
            paused=plan.status != "ACTIVE"
            or (before is not None and before.paused and _RETIRED not in before.tags),
            version=plan.digest.removeprefix("sha256:")[:12],
        )
        return Deployed(
            workflow=plan.name,
            deployment=deployment_name(plan.name, plan.project_id),
            digest=plan.digest,
            entrypoint=entrypoint(plan.name),
        )

    async def retire(self, workflow: str, project_id: int) -> None:
        """Pause the deployment: its schedules start nothing, and runs that are suspended can still be resumed."""
        try:
            found = await self.client.read_deployment_by_name(deployment_name(workflow, project_id))
        except ObjectNotFound:
            return
        tagged = DeploymentUpdate(paused=True, tags=[*(each for each in found.tags if each != _RETIRED), _RETIRED])
        await self.client.update_deployment(found.id, tagged)

    async def _existing(self, plan: Plan) -> DeploymentResponse | None:
        try:
            return await self.client.read_deployment_by_name(deployment_name(plan.name, plan.project_id))
        except ObjectNotFound:
            return None


def parameters(plan: Plan) -> dict[str, Any]:
    """What every run of the deployment starts with: the plan, by digest."""
    return {"plan": plan.digest, "project_id": plan.project_id}


def run_form(plan: Plan) -> dict[str, Any]:
    """The schema of a run's parameters, from which Prefect makes the form that starts one, and refuses what is wrong.

    Where the workflow is started by hand, `context` asks for its fields. Another trigger brings what it brings.
    """
    schema = parameter_schema(workflow_flow(plan.name)).model_dump_for_openapi()
    forms = [type_of(each).form(each) for each in plan.triggers]
    asked = [each for each in forms if each is not None]
    if not asked:
        return schema
    context = schema["properties"]["context"]
    place = {key: context[key] for key in ("position", "title") if key in context}
    if len(asked) < len(plan.triggers):
        other = {"type": "object", "title": "Of another trigger"}
        schema["properties"]["context"] = {**place, "anyOf": [{**asked[0], "title": "Started by hand"}, other]}
        return schema
    schema["properties"]["context"] = {**asked[0], **place}
    if asked[0].get("required"):
        schema["required"] = [*schema.get("required", []), "context"]
    return schema


async def paused_in_prefect(client: PrefectClient, plans: Iterable[Plan]) -> list[str]:
    """What people have paused of these workflows in Prefect, a sentence each: a deploy leaves it so.

    Raises httpx.HTTPError.
    """
    said: list[str] = []
    for plan in plans:
        planned = planned_schedules(plan)
        if not planned or plan.status != "ACTIVE":
            continue
        try:
            found = await client.read_deployment_by_name(deployment_name(plan.name, plan.project_id))
        except ObjectNotFound:
            continue
        if found.paused and _RETIRED not in found.tags:
            said.append(f"{plan.name}: its deployment is paused in Prefect and stays so: no schedule starts a run")
        paused = paused_schedules(found)
        said += [
            f"{plan.name}: its schedule {each.cron!r} ({each.timezone}) is paused in Prefect and stays so"
            for each in planned
            if (each.cron, each.timezone) in paused
        ]
    return said


def paused_schedules(found: DeploymentResponse) -> set[tuple[str, str | None]]:
    """Cron expression and time zone of each that a person has paused."""
    return {
        (each.schedule.cron, each.schedule.timezone)
        for each in found.schedules
        if not each.active and isinstance(each.schedule, CronSchedule)
    }


def schedules(plan: Plan, before: DeploymentResponse | None) -> list[DeploymentScheduleCreate]:
    """The plan's schedules; one that a person has paused in Prefect stays paused as long as it is the same one."""
    paused = paused_schedules(before) if before else set[tuple[str, str | None]]()
    return [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=each.cron, timezone=each.timezone),
            active=(each.cron, each.timezone) not in paused,
            slug=each.slug,
            parameters=each.parameters,
        )
        for each in planned_schedules(plan)
    ]
