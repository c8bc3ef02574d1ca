"""Workflow files -> checked plans on record -> Prefect deployments named after their project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.utilities.callables import parameter_schema

from compiler import Diagnostic, Source, compile_all, load
from compiler.catalogue import Catalogue
from compiler.plan import Plan, ScheduleTrigger
from compiler.trigger_types.registry import type_of
from deployments.publishing.workflow_files import workflow_files
from deployments.worker.worker import CommandCenterWorker
from flows.compiled import entrypoint
from flows.run import workflow_flow
from operations.deploy import Deployed
from operations.launcher import deployment_name, project_name
from operations.project_queues import ensure_queue

_RETIRED = "archived"
"""Tag of a deployment that was paused because its workflow was archived, not by a person in Prefect."""


class CheckFailed(Exception):
    """At least one workflow has errors; nothing was deployed."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Sequence[Source]) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = tuple(sources)
        super().__init__(f"{len(self.diagnostics)} problems; nothing was deployed")


def compile_files(paths: Iterable[Path], catalogue: Catalogue, *, project_id: int) -> list[Plan]:
    """All plans, or `CheckFailed` with every problem of every file."""
    return list(compile_by_file(paths, catalogue, project_id=project_id).values())


def compile_by_file(paths: Iterable[Path], catalogue: Catalogue, *, project_id: int) -> dict[str, Plan]:
    """The plan of each file, by the file's absolute path. Raises `CheckFailed` with every problem of every file."""
    sources = [load(path) for path in workflow_files(paths)]
    compiled = compile_all(sources, catalogue, project_id=project_id)
    problems = [each for result in compiled for each in result.diagnostics if each.severity == "error"]
    if problems:
        raise CheckFailed(problems, sources)
    return {
        str(Path(source.path).absolute()): result.plan
        for source, result in zip(sources, compiled, strict=True)
        if result.plan is not None
    }


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


def tags(plan: Plan) -> list[str]:
    """Tags for the UI: project, and whether a person will be asked."""
    gated = any(node.gate is not None for node in plan.nodes)
    return [f"project:{plan.project_id}", *(["approval"] if gated else [])]


def schedules(plan: Plan, before: DeploymentResponse | None) -> list[DeploymentScheduleCreate]:
    """The plan's schedules; one that a person has paused in Prefect stays paused as long as it is the same one."""
    paused = {
        (each.schedule.cron, each.schedule.timezone)
        for each in (before.schedules if before else [])
        if not each.active and isinstance(each.schedule, CronSchedule)
    }
    made: list[DeploymentScheduleCreate] = []
    for index, trigger in enumerate(plan.triggers):
        if isinstance(trigger, ScheduleTrigger):
            made.append(
                DeploymentScheduleCreate(
                    schedule=CronSchedule(cron=trigger.cron, timezone=trigger.timezone),
                    active=(trigger.cron, trigger.timezone) not in paused,
                    slug=f"schedule-{index}",
                    parameters={"trigger": f"schedule:{trigger.cron}"},
                )
            )
    return made
