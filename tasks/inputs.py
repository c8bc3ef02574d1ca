"""A node's resolved inputs -> what the agent gets to see: files and repositories become mounts of its jail.

An input field that stands for something outside the jail says so in its schema by `x-kind`:

- `repository`: the path of a repository on this machine. The agent gets a snapshot at `/work/<field>`.
- `artifact`: a reference that an earlier agent returned. The agent gets the file at `/work/<field>/<name>`.
- `facts`: what the records know of the project; filled in where the workflow leaves it out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from agents.repository.repository_copy import RepositoryRefusedError, head_commit, snapshot
from agents.sandbox.port import Mount
from compiler.plan import PlanNode
from records import NotFound
from tasks.collect_project_facts import collect_project_facts
from tasks.services import RunRef, Services, Workplace

ARTIFACT_PREFIX = "artifact:"
_MAX_SCHEMAS = 100


class InputRefused(ValueError):
    """An input names something the agent may not have, or that is not there. Nothing was run."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Inputs as the agent sees them, and the mounts behind them."""

    inputs: Mapping[str, JsonValue]
    mounts: tuple[Mount, ...]


def kind_of(node: PlanNode, field: str) -> str | None:
    """The `x-kind` of an input field; None for plain data."""
    found = _annotation(node, field, "x-kind")
    return found if isinstance(found, str) else None


def is_editable(node: PlanNode, field: str) -> bool:
    """Whether who approves may change the input field (`x-editable: true`)."""
    return _annotation(node, field, "x-editable") is True


def editable(node: PlanNode) -> tuple[str, ...]:
    """The names of those fields."""
    return tuple(field for field in _properties(node) if is_editable(node, field))


def changeable(node: PlanNode) -> tuple[str, ...]:
    """Those among them whose values can be typed: a repository or the like can only be chosen by a new run."""
    return tuple(field for field in editable(node) if kind_of(node, field) is None)


async def complete(
    node: PlanNode,
    inputs: Mapping[str, JsonValue],
    *,
    run: RunRef,
    services: Services,
    shown: Mapping[str, JsonValue] | None = None,
) -> dict[str, Any]:
    """The inputs, with those filled in that the platform itself knows (`facts`).

    `shown`: the inputs on the card of the node's gate, once somebody was asked. Their facts stay what they were, for
    they would differ from one look to the next, and what was approved is what runs.
    """
    completed = dict(inputs)
    for field in fact_fields(node):
        if completed.get(field) is None:
            known = (shown or {}).get(field)
            completed[field] = known or await collect_project_facts(services, run.project_id)
    return completed


def fact_fields(node: PlanNode) -> tuple[str, ...]:
    """The input fields that the platform fills in from its records."""
    return tuple(field for field in _properties(node) if kind_of(node, field) == "facts")


async def bindings(node: PlanNode, inputs: Mapping[str, JsonValue], *, services: Workplace) -> dict[str, str]:
    """What inputs point at, pinned: field -> commit of the repository. An artifact's reference is its own digest."""
    pinned: dict[str, str] = {}
    for field, value in inputs.items():
        if kind_of(node, field) == "repository" and isinstance(value, str):
            try:
                roots = services.repository_roots
                pinned[field] = await asyncio.to_thread(head_commit, value, allowed_roots=roots)
            except RepositoryRefusedError as exc:
                raise InputRefused(f"input {field!r} of node {node.id!r}: {exc}") from exc
    return pinned


async def prepare(
    node: PlanNode,
    inputs: Mapping[str, JsonValue],
    pinned: Mapping[str, str],
    *,
    folder: Path,
    run: RunRef,
    services: Workplace,
) -> Prepared:
    """Make snapshots and files in `folder` for the inputs that need them. Raises `InputRefused`.

    `pinned` is what `bindings` gave when the work was resolved: a repository that has moved since is refused.
    """
    seen: dict[str, JsonValue] = {}
    mounts: list[Mount] = []
    for field, value in inputs.items():
        kind = kind_of(node, field)
        if value is None or kind not in ("repository", "artifact"):
            seen[field] = value
            continue
        where = f"input {field!r} of node {node.id!r}"
        if not isinstance(value, str):
            raise InputRefused(f"{where} must be text naming a {kind}, got {value!r:.80}")
        try:
            if kind == "repository":
                await _repository(value, pinned=pinned[field], into=folder / field, services=services)
                seen[field] = f"/work/{field}"
            else:
                name = await _artifact(value, into=folder / field, run=run, services=services)
                seen[field] = f"/work/{field}/{name}"
        except (RepositoryRefusedError, NotFound) as exc:
            raise InputRefused(f"{where}: {exc}") from exc
        writable = _annotation(node, field, "x-access") == "write"
        mounts.append(Mount(name=field, source=folder / field, writable=writable))
    return Prepared(inputs=seen, mounts=tuple(mounts))


async def _repository(path: str, *, pinned: str, into: Path, services: Workplace) -> None:
    await asyncio.to_thread(snapshot, path, allowed_roots=services.repository_roots, into=into)
    found = await asyncio.to_thread(head_commit, into, allowed_roots=(into,))
    if found != pinned:
        raise RepositoryRefusedError(
            f"repository {path!r} moved from commit {pinned or 'none'} to {found or 'none'} meanwhile; start a new run"
        )


async def _artifact(reference: str, *, into: Path, run: RunRef, services: Workplace) -> str:
    """Write the artifact below `into`; gives its file name."""
    content = await services.records.artifact(reference, project_id=run.project_id)
    name = Path(reference.removeprefix(ARTIFACT_PREFIX)).name or "file"
    into.mkdir(parents=True)
    await asyncio.to_thread((into / name).write_bytes, content)
    return name


def _properties(node: PlanNode) -> Mapping[str, Any]:
    properties = node.input_schema.get("properties")
    return cast("Mapping[str, Any]", properties) if isinstance(properties, dict) else {}


def _annotation(node: PlanNode, field: str, name: str) -> str | bool | None:
    """An `x-…` annotation of a field, wherever its schema carries it: itself, a reference, one of its alternatives."""
    definitions = cast("Mapping[str, Any]", node.input_schema.get("$defs") or {})
    schemas: list[Any] = [_properties(node).get(field)]
    for _ in range(_MAX_SCHEMAS):
        if not schemas:
            break
        schema = schemas.pop()
        if not isinstance(schema, dict):
            continue
        found = cast("dict[str, Any]", schema)
        if isinstance(value := found.get(name), str | bool):
            return value
        for keyword in ("anyOf", "oneOf", "allOf"):
            schemas += found.get(keyword) or []
        schemas.append(definitions.get(str(found.get("$ref", "")).removeprefix("#/$defs/")))
    return None
