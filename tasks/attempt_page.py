"""An attempt at a node -> the page about it in Prefect: its inputs, its output or error, and the files that it saved.

The bytes of the files are in the records, which Prefect's UI cannot read. The page links to the HTTP API where the
environment says at which address people reach that, and always names the command. Secrets are in neither inputs nor
outputs; a long value is shortened, and the command for all of it is named.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import cast
from urllib.parse import quote

from pydantic import JsonValue

from agents.sandbox.port import AgentResult, Artifact
from tasks.card import Invocation
from tasks.outline import bounded
from tasks.safe_text import fenced, inline, safe_json

API_URL = "COMMANDCENTER_API_URL"
"""Address of the HTTP API as browsers reach it; none: no links."""
_MAX_SHOWN = 4_000


def references(result: AgentResult) -> tuple[str, ...]:
    """`artifact:<sha256>/<name>` of each file, as the records give it out."""
    return tuple(
        f"artifact:{hashlib.sha256(each.content).hexdigest()}/{each.name}"
        for each in result.artifacts
        if result.ok
    )


def attempt_page(invocation: Invocation, result: AgentResult, *, run_id: str) -> str:
    """Markdown; all that is from outside is text and nothing else."""
    parts = [f"Action {inline(invocation.node.action)} of agent {inline(invocation.node.agent)}."]
    parts += ["**Inputs**", _value(dict(invocation.inputs))]
    if result.failure is None:
        parts += ["**Output**", _value(cast("JsonValue", result.output))]
    else:
        parts += ["**Error**", fenced(result.failure.message)]
    if result.ok and result.artifacts:
        parts += ["**Files**", artifact_list(result.artifacts, run_id=run_id, api_url=os.environ.get(API_URL, ""))]
    return "\n\n".join([*parts, f"All of it: {inline(f'commandcenter show {run_id} --json')}"])


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


def _value(value: JsonValue) -> str:
    return fenced(safe_json(bounded(value, limit=_MAX_SHOWN)), limit=2 * _MAX_SHOWN)
