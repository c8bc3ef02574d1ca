"""What a workflow's `outputs` gave -> a table on the run's page in Prefect."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
from prefect.artifacts import acreate_table_artifact
from prefect.logging import get_run_logger
from pydantic import JsonValue

from tasks.safe_text import safe_text

_MAX_SHOWN = 2_000


async def show_outputs(outputs: Mapping[str, JsonValue]) -> None:
    """Make the artifact. The run's record has the outputs; without Prefect's answer nothing is lost."""
    table = [{"output": name, "value": _shown(value)} for name, value in outputs.items()]
    try:
        await acreate_table_artifact(table=table, description="Outputs of the workflow")
    except (httpx.HTTPError, ValueError) as exc:
        get_run_logger().debug("the outputs are not shown in Prefect: %s", exc)


def _shown(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe_text(text, limit=_MAX_SHOWN)
