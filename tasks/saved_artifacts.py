"""The files that an agent saved -> references for its record, and an entry on Prefect's page that says how to get them.

The bytes are in the records, which Prefect's UI cannot read. Its entry links to the HTTP API where the environment says
at which address people reach that, and always names the command.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
from prefect.artifacts import acreate_markdown_artifact

from agents.sandbox.port import AgentResult, Artifact
from tasks.safe_text import inline
from tasks.services import Run

API_URL = "COMMANDCENTER_API_URL"
"""Address of the HTTP API as browsers reach it; none: no links."""


def references(result: AgentResult) -> tuple[str, ...]:
    """`artifact:<sha256>/<name>` of each file, as the records give it out."""
    return tuple(
        f"artifact:{hashlib.sha256(each.content).hexdigest()}/{each.name}"
        for each in result.artifacts
        if result.ok
    )


async def show_in_prefect(
    result: AgentResult, *, node_id: str, run: Run, logger: logging.Logger | logging.LoggerAdapter[Any]
) -> None:
    """Make the entry. The run does not depend on it: where Prefect does not take it, only the log says so."""
    if not result.ok or not result.artifacts:
        return
    text = artifact_list(result.artifacts, run_id=run.run_id, api_url=os.environ.get(API_URL, ""))
    try:
        await acreate_markdown_artifact(markdown=text, description=f"Files saved by node {node_id}")
    except (httpx.HTTPError, ValueError) as exc:
        logger.warning("Prefect does not list the files that node %r saved: %s", node_id, exc)


def artifact_list(artifacts: Sequence[Artifact], *, run_id: str, api_url: str) -> str:
    """Markdown, in which names are safe text whatever they are."""
    lines: list[str] = []
    for each in artifacts:
        lines.append(f"- {inline(each.name)}, {inline(each.media_type)}, {len(each.content):,} bytes")
        if api_url.startswith(("https://", "http://")):
            name = quote(each.name, safe="")
            lines.append(f"  [Download]({quote(api_url.rstrip('/'), safe=':/')}/runs/{run_id}/artifacts/{name})")
    lines += ["", f"Download all: {inline(f'commandcenter artifacts {run_id} --all')}"]
    return "\n".join(lines)
