"""What a workflow's `outputs` gave -> a table on the run's page in Prefect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from uuid import UUID

from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterType
from prefect.logging import get_run_logger
from pydantic import JsonValue

from tasks.safe_text import safe_text

_MAX_SHOWN = 2_000
_TIMEOUT_SECONDS = 20.0
_DESCRIPTION = "Outputs of the workflow"


async def show_outputs(outputs: Mapping[str, JsonValue], *, flow_run_id: str) -> None:
    """Make the artifact, unless an earlier execution of the run has made it.

    The run has ended well on record, which has the outputs: whatever goes wrong here is no failure of it.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS), get_client() as client:
            if not await _is_shown(client, UUID(flow_run_id)):
                table = [{"output": name, "value": _shown(value)} for name, value in outputs.items()]
                await acreate_table_artifact(table=table, description=_DESCRIPTION)
    except Exception as exc:
        get_run_logger().warning(
            "the outputs are on record but not shown in Prefect: %s", exc or type(exc).__name__
        )


async def _is_shown(client: PrefectClient, flow_run_id: UUID) -> bool:
    of_run = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]), type=ArtifactFilterType(any_=["table"])
    )
    return any(each.description == _DESCRIPTION for each in await client.read_artifacts(artifact_filter=of_run))


def _shown(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe_text(text, limit=_MAX_SHOWN)
