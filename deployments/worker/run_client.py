"""Prefect's API client, with fewer requests per run than the engine would make with the stock one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect import results
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRunPolicy, State, StateType
from prefect.client.schemas.responses import OrchestrationResult, StateWaitDetails, WorkerFlowRunResponse
from prefect.context import AsyncClientContext
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL
from prefect.states import Pending

from reliability.retry import retry_transient
from reliability.turns import LANE, Turns
from tasks.prefect_lanes import say_lane
from tasks.prefect_retry import is_transient
from tasks.shown_nodes import RunLabel

R = TypeVar("R")
REQUESTS_AT_ONCE = 16
EARLY_SECONDS = 30
"""Workers claim runs a few seconds before they are due. Who has to wait for longer was due by another clock."""
POLL_AT_MOST = 200
"""What Prefect's server gives at a time."""


class RunClient(PrefectClient):
    """The one client of all runs that a worker executes."""

    def __init__(self, *, owner: str, labels: Mapping[UUID, RunLabel] | None = None) -> None:
        """`labels`: those of runs in hand, set with the first update of each: else a request of their own."""
        super().__init__(
            PREFECT_API_URL.value(),
            auth_string=PREFECT_API_AUTH_STRING.value(),
            api_key=PREFECT_API_KEY.value(),
        )
        self._owner = owner
        # Filled later: an empty one is no reason for another.
        self._labels: Mapping[UUID, RunLabel] = {} if labels is None else labels
        self._turns = Turns(REQUESTS_AT_ONCE)
        say_lane(self)

    async def request(self, *args: Any, **options: Any) -> httpx.Response:
        """Any request, when it is its project's turn; made again for a minute while the server fails by itself.

        What waits in httpx's pool is gone through at every step of every request: a burst of runs would spend most of
        its time there. Prefect's client asks again by itself, but for HTTP 500: what the server says while its
        database is away.
        """
        return await retry_transient(lambda: self._in_turn(*args, **options), is_transient=is_transient)

    async def _in_turn(self, *args: Any, **options: Any) -> httpx.Response:
        async with self._turns.turn(LANE.get()):
            return await super().request(*args, **options)

    async def update_flow_run(
        self,
        flow_run_id: UUID,
        flow_version: str | None = None,
        parameters: dict[str, Any] | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        empirical_policy: FlowRunPolicy | None = None,
        infrastructure_pid: str | None = None,
        job_variables: dict[str, Any] | None = None,
    ) -> httpx.Response:
        """Update a run. The first update that the engine makes also says who executes the run."""
        if empirical_policy is not None and infrastructure_pid is None:
            infrastructure_pid = self._owner
            if (label := self._labels.get(flow_run_id)) is not None:
                tags, name = tags or label.tags, name or label.name
        return await super().update_flow_run(
            flow_run_id=flow_run_id,
            flow_version=flow_version,
            parameters=parameters,
            name=name,
            tags=tags,
            empirical_policy=empirical_policy,
            infrastructure_pid=infrastructure_pid,
            job_variables=job_variables,
        )

    async def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State[R], force: bool = False
    ) -> OrchestrationResult[R]:
        """Propose a state. A run that was due when it was claimed begins, though the clock was set back since."""
        answer = await super().set_flow_run_state(flow_run_id, state, force)
        if state.type != StateType.RUNNING or not isinstance(answer.details, StateWaitDetails):
            return answer
        if answer.details.delay_seconds <= EARLY_SECONDS:
            return answer
        claimed = (await self.read_flow_run(UUID(str(flow_run_id)))).state
        if claimed is None or claimed.type != StateType.PENDING:
            return answer
        # What else stands there, like the lease of a place, belongs to the run.
        due = claimed.state_details.model_copy(update={"scheduled_time": None})
        at_once = Pending(message="The clock was set back: the run was due, and begins now", state_details=due)
        await super().set_flow_run_state(flow_run_id, at_once, force=True)
        return await super().set_flow_run_state(flow_run_id, state, force)

    def context(self) -> AsyncClientContext:
        """The context that makes the engine, and everything in the flows, use this client."""
        context = AsyncClientContext()
        context.client = self
        return context


def use_no_result_storage() -> None:
    """From here on, runs of this process do not ask for the server's default result storage: they keep no results.

    The engine asks at the start of runs, holding up the event loop of all of them until a busy server answers; and
    whoever has Prefect's password chooses that storage, which the worker would open.
    """
    results._read_server_default_result_storage_block_id = _none  # pyright: ignore[reportPrivateUsage]
    results._aread_server_default_result_storage_block_id = _none_later  # pyright: ignore[reportPrivateUsage]


def _none() -> None:
    return None


async def _none_later() -> None:
    return None


async def waiting_runs(
    client: PrefectClient, pool: str, *, queues: Iterable[str], limit: int, before: datetime
) -> list[WorkerFlowRunResponse]:
    """Up to `limit` runs that wait in the pool, most urgent first. Raises ObjectNotFound: no such pool or queue."""
    body: dict[str, Any] = {"limit": min(limit, POLL_AT_MOST), "scheduled_before": before.isoformat()}
    if names := sorted(queues):
        body["work_queue_names"] = names
    path = "/work_pools/{name}/get_scheduled_flow_runs"
    try:
        response = await client.request("POST", path, path_params={"name": pool}, json=body)
    except httpx.HTTPStatusError as exc:
        if exc.response.status_code == HTTPStatus.NOT_FOUND:
            raise ObjectNotFound(exc) from exc
        raise
    return WorkerFlowRunResponse.model_validate_list(response.json())


async def disown(client: PrefectClient, flow_run_id: UUID, *, policy: FlowRunPolicy) -> None:
    """Say that nobody will go on with the run, so that any worker may take it.

    Whose it was stays to be read until the next one signs: of a process that dies before it has put the run back into
    the queue, the next sweep must still find it.
    """
    # A retry that the lost process would have made itself must be made by the next one: the server does not hand
    # out runs whose retries are marked as in-process.
    open_policy = policy.model_copy(update={"retry_type": None})
    await client.request(
        "PATCH",
        "/flow_runs/{id}",
        path_params={"id": flow_run_id},
        json={"empirical_policy": open_policy.model_dump(mode="json")},
    )
