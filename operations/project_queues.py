"""A project -> its work queue in Prefect: runs of projects are taken in turn, and a project's limit holds for it alone.

Prefect itself keeps to the queue's limit, whichever worker asks, and whoever pauses the queue pauses the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkQueue
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from operations.errors import TransientTriggerError
from records.projects.limits import ProjectLimits

_WEIGHT = re.compile(r"weight=(\d{1,3})\b")


def queue_of(project_id: int) -> str:
    """Name of a project's work queue."""
    return f"project-{project_id}"


def weight_of(queue: WorkQueue) -> int:
    """The project's share, as its queue says it; 1 where it says none."""
    found = _WEIGHT.search(queue.description or "")
    return max(1, int(found.group(1))) if found else 1


async def ensure_queue(client: PrefectClient, pool: str, project_id: int) -> str:
    """Make the project's queue in the pool, unless it is there; gives its name."""
    name = queue_of(project_id)
    if await _read(client, pool, name) is None:
        with suppress(ObjectAlreadyExists):
            about = _about(ProjectLimits(project_id=project_id))
            await client.create_work_queue(name, work_pool_name=pool, description=about)
    return name


async def apply_limits(client: PrefectClient, pool: str, limits: Iterable[ProjectLimits]) -> None:
    """Each project's queue, where there is one, has its weight and its limit of runs. Raises TransientTriggerError."""
    try:
        for each in limits:
            await _apply(client, pool, each)
    except httpx.HTTPError as exc:
        raise TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})") from exc


async def _apply(client: PrefectClient, pool: str, limits: ProjectLimits) -> None:
    found = await _read(client, pool, queue_of(limits.project_id))
    if found is None or (found.concurrency_limit, found.description) == (limits.runs_at_once, _about(limits)):
        return
    await client.update_work_queue(found.id, concurrency_limit=limits.runs_at_once, description=_about(limits))


def _about(limits: ProjectLimits) -> str:
    return f"Runs of project {limits.project_id}. weight={limits.weight}"


async def _read(client: PrefectClient, pool: str, name: str) -> WorkQueue | None:
    try:
        return await client.read_work_queue_by_name(name, work_pool_name=pool)
    except ObjectNotFound:
        return None
