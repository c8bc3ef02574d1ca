"""Plan + context -> a flow run of the workflow's Prefect deployment, through one long-lived client."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID, uuid4

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled
from pydantic import JsonValue, ValidationError

from compiler.plan import Plan
from operations.deployment_names import deployment_name
from operations.errors import PermanentTriggerError, TransientTriggerError
from reliability.retry import retry_stale_connection

_WORTH_ANOTHER_TRY = frozenset({401, 403, 408, 423, 425, 429})
"""Besides 5xx: also refused credentials, because fixing them is a matter of configuration, not of the event."""


class NotDeployed(TransientTriggerError):
    """The workflow has no deployment (yet); a deploy may be under way."""


class Launcher:
    """Creates flow runs. Deployments are looked up once and again when they have been replaced.

    `parent`: the task run that stands for the runs in the run that calls them; Prefect draws them inside it.
    """

    def __init__(self, client: PrefectClient, *, parent: UUID | None = None) -> None:
        self._client = client
        self._parent = parent
        self._deployments: dict[str, UUID] = {}

    async def start(
        self,
        plan: Plan,
        *,
        context: Mapping[str, JsonValue],
        trigger: str,
        triggered_by: str,
        idempotency_key: str | None,
        arrived: datetime | None = None,
    ) -> str:
        """The id of the run, created or found by its key. Raises Transient or Permanent."""
        now = datetime.now(UTC)
        # A worker is given the runs, and `concurrency` its slots, in the order of these times; never in the future.
        due = min(arrived or now, now)
        name = deployment_name(plan.name, plan.project_id)
        parameters: dict[str, JsonValue] = {
            "context": dict(context),
            "trigger": trigger,
            "plan": plan.digest,
            "triggered_by": triggered_by,
        }
        try:
            known = self._deployments.get(name)
            if known is not None:
                try:
                    return await self._create(known, parameters, idempotency_key, due)
                except (ObjectNotFound, httpx.HTTPStatusError) as exc:
                    if not _not_found(exc):
                        raise
                    del self._deployments[name]
            deployment = (await retry_stale_connection(lambda: self._client.read_deployment_by_name(name))).id
            self._deployments[name] = deployment
            return await self._create(deployment, parameters, idempotency_key, due)
        except (ObjectNotFound, httpx.HTTPError, ValidationError) as exc:
            raise _judged(exc, name) from exc

    async def _create(
        self, deployment: UUID, parameters: dict[str, JsonValue], key: str | None, due: datetime
    ) -> str:
        key = key or str(uuid4())
        run = await retry_stale_connection(
            lambda: self._client.create_flow_run_from_deployment(
                deployment,
                parameters=parameters,
                idempotency_key=key,
                state=Scheduled(scheduled_time=due),
                parent_task_run_id=self._parent,
            )
        )
        return str(run.id)


def _not_found(exc: Exception) -> bool:
    return isinstance(exc, ObjectNotFound) or (
        isinstance(exc, httpx.HTTPStatusError) and exc.response.status_code == HTTPStatus.NOT_FOUND
    )


def _judged(exc: Exception, name: str) -> TransientTriggerError | PermanentTriggerError:
    if _not_found(exc):
        return NotDeployed(f"Prefect has no deployment {name!r}: run `commandcenter deploy`")
    if isinstance(exc, ValidationError):
        return PermanentTriggerError(f"the parameters for {name!r} are refused: {exc.errors()[0]['msg']}")
    if isinstance(exc, httpx.HTTPStatusError):
        status = exc.response.status_code
        detail = exc.response.text[:300]
        if status >= 500 or status in _WORTH_ANOTHER_TRY:
            return TransientTriggerError(f"Prefect answers {status} for {name!r}: {detail}")
        return PermanentTriggerError(f"Prefect refuses a run of {name!r} with {status}: {detail}")
    return TransientTriggerError(f"Prefect does not answer ({type(exc).__name__}: {exc})")
