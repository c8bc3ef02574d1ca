"""Workflow files -> checked plans on record -> Prefect deployments named after their project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists
from prefect.utilities.callables import parameter_schema

from compiler import Diagnostic, Source, compile_all, load
from compiler.catalogue import Catalogue
from compiler.plan import Plan, ScheduleTrigger
from deployments.publishing.workflow_files import workflow_files
from deployments.worker.worker import CommandCenterWorker
from flows.compiled import entrypoint
from flows.run import workflow_flow
from records import Records
from triggers import deployment_name, project_name


class CheckFailed(Exception):
    """At least one workflow has errors; nothing was deployed."""

    def __init__(self, diagnostics: Sequence[Diagnostic], sources: Sequence[Source]) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = tuple(sources)
        super().__init__(f"{len(self.diagnostics)} problems; nothing was deployed")


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """One workflow that is now in Prefect."""

    workflow: str
    deployment: str
    """`<workflow>/<project>` as `prefect deployment run` takes it."""
    digest: str
    entrypoint: str


def compile_files(paths: Iterable[Path], catalogue: Catalogue, *, project_id: int) -> list[Plan]:
    """All plans, or `CheckFailed` with every problem of every file."""
    sources = [load(path) for path in workflow_files(paths)]
    compiled = compile_all(sources, catalogue, project_id=project_id)
    problems = [each for result in compiled for each in result.diagnostics if each.severity == "error"]
    if problems:
        raise CheckFailed(problems, sources)
    return [result.plan for result in compiled if result.plan is not None]


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


async def deploy(plan: Plan, *, records: Records, client: PrefectClient, pool: str) -> Deployed:
    """Put a plan on record and make its deployment. Doing it again changes nothing."""
    await records.save_workflow(plan)
    flow = workflow_flow(plan.name)
    flow_id = await client.create_flow_from_name(plan.name)
    await client.create_deployment(
        flow_id=flow_id,
        name=project_name(plan.project_id),
        description=plan.description,
        entrypoint=entrypoint(plan.name),
        work_pool_name=pool,
        parameters=parameters(plan),
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        schedules=[_schedule(each, index) for index, each in enumerate(plan.triggers) if _is_schedule(each)],
        tags=tags(plan),
        paused=plan.status != "ACTIVE",
        version=plan.digest.removeprefix("sha256:")[:12],
    )
    return Deployed(
        workflow=plan.name,
        deployment=deployment_name(plan.name, plan.project_id),
        digest=plan.digest,
        entrypoint=entrypoint(plan.name),
    )


def parameters(plan: Plan) -> dict[str, Any]:
    """What every run of the deployment starts with: the plan, by digest."""
    return {"plan": plan.digest, "project_id": plan.project_id}


def tags(plan: Plan) -> list[str]:
    """Tags for the UI: project, and whether a person will be asked."""
    gated = any(node.gate is not None for node in plan.nodes)
    return [f"project:{plan.project_id}", *(["approval"] if gated else [])]


def _is_schedule(trigger: object) -> bool:
    return isinstance(trigger, ScheduleTrigger)


def _schedule(trigger: object, index: int) -> DeploymentScheduleCreate:
    assert isinstance(trigger, ScheduleTrigger)
    return DeploymentScheduleCreate(
        schedule=CronSchedule(cron=trigger.cron, timezone=trigger.timezone),
        slug=f"schedule-{index}",
        parameters={"trigger": f"schedule:{trigger.cron}"},
    )
