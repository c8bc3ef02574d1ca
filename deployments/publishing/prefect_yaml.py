"""Checked workflows and a `prefect.yaml` -> the entries that `prefect deploy --all` needs, and which of them it lacks.

New entries are put behind what is there, as text, so that comments and anchors stay as they are.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from compiler.plan import Plan
from deployments.errors import DeploymentError
from deployments.publishing.deployment_values import planned_schedules, tags
from flows.entrypoints import entrypoint
from operations.deployment_names import project_name

FILE = Path("prefect.yaml")
_HEAD = "name: commandcenter\n\ndeployments:\n"
_COMPARED = ("entrypoint", "tags", "schedules")


class PrefectYamlRefused(DeploymentError):
    """The file cannot be read, or nothing can be put behind its entries."""


@dataclass(frozen=True, kw_only=True)
class EntryState:
    """What a `prefect.yaml` says of one workflow."""

    workflow: str
    missing: bool
    differs: tuple[str, ...]
    """Keys of the entry that say something else than the workflow."""

    @property
    def sentence(self) -> str:
        """What is wrong, and what to do about it; empty where nothing is."""
        if self.missing:
            return f"no entry for workflow {self.workflow!r}: `commandcenter prefect-yaml` writes it"
        if self.differs:
            return f"the entry of workflow {self.workflow!r} has other {', '.join(self.differs)} than the workflow"
        return ""


def entry(plan: Plan, file: str, *, pool: str = "commandcenter") -> dict[str, Any]:
    """The entry of one workflow; `file` is its path from where `prefect deploy` is run."""
    made: dict[str, Any] = {
        "name": project_name(plan.project_id),
        "flow_name": plan.name,
        # Prefect fills templates in here, with variables of the environment: this is text.
        "description": plan.description.replace("{{", "{ {"),
        "entrypoint": entrypoint(plan.name),
        "work_pool": {"name": pool},
        "tags": tags(plan),
        "parameters": {"plan": "{{ registered.digest }}", "project_id": plan.project_id},
    }
    if planned := _schedules(plan):
        made["schedules"] = planned
    step = {"id": "registered", "file": file, "project_id": plan.project_id}
    return {**made, "build": [{"deployments.steps.register_workflow": step}], "push": None, "pull": None}


def _schedules(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "cron": each.cron,
            "timezone": each.timezone,
            "slug": each.slug,
            "parameters": each.parameters,
        }
        for each in planned_schedules(plan)
    ]


def entry_states(plans: Mapping[str, Plan], path: Path = FILE) -> list[EntryState]:
    """What the file says of each plan (by the workflow's file). Raises PrefectYamlRefused for what is no such file."""
    known = {(each.get("flow_name"), each.get("name")): each for each in _entries(path)}
    found: list[EntryState] = []
    for file, plan in plans.items():
        there = known.get((plan.name, project_name(plan.project_id)))
        wanted = entry(plan, file)
        differs = (
            () if there is None else tuple(key for key in _COMPARED if _said(there, key) != _said(wanted, key))
        )
        found.append(EntryState(workflow=plan.name, missing=there is None, differs=differs))
    return found


def _said(found: Mapping[str, Any], key: str) -> Any:
    value = cast("Any", found.get(key) or [])
    if key == "schedules":
        planned = [cast("dict[str, Any]", each) for each in value if isinstance(each, dict)]
        return [(each.get("cron"), each.get("timezone", "UTC")) for each in planned]
    return sorted(map(str, value)) if key == "tags" else value


def add_entries(plans: Mapping[str, Plan], path: Path = FILE, *, pool: str = "commandcenter") -> list[str]:
    """Put the missing entries behind those that are there; gives the names of their workflows.

    Raises PrefectYamlRefused where `deployments` is not the last key of the file: what stands behind it would be split.
    """
    missing = {each.workflow for each in entry_states(plans, path) if each.missing}
    new = {file: plan for file, plan in plans.items() if plan.name in missing}
    if not new:
        return []
    text = path.read_text(encoding="utf-8") if path.exists() else _HEAD
    if list(_document(text, path))[-1:] != ["deployments"]:
        raise PrefectYamlRefused(f"{path}: make `deployments` its last key, so that entries can be put behind it")
    blocks = [_block(entry(plan, file, pool=pool)) for file, plan in new.items()]
    whole = "\n".join([text.rstrip("\n"), *([""] if path.exists() else []), "\n".join(blocks)])
    _document(whole, path)  # what Prefect could not read is not written
    path.write_text(whole, encoding="utf-8")
    return [plan.name for plan in new.values()]


def _block(made: Mapping[str, Any]) -> str:
    return textwrap.indent(yaml.safe_dump([dict(made)], sort_keys=False, allow_unicode=True, width=120), "  ")


def _entries(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    entries = cast("list[Any]", _document(path.read_text(encoding="utf-8"), path).get("deployments") or [])
    return [cast("dict[str, Any]", each) for each in entries if isinstance(each, dict)]


def _document(text: str, path: Path) -> dict[str, Any]:
    try:
        data: object = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise PrefectYamlRefused(f"{path} is not YAML: {exc}") from exc
    if not isinstance(data, dict):
        raise PrefectYamlRefused(f"{path} is not a mapping with `deployments`")
    return cast("dict[str, Any]", data)
