"""`agent.yaml` of a program -> a manifest, as an agent in Python gives it. Nothing of the program runs for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agents.registration.manifest import ManifestError
from agents.runtime.program import PROGRAM_FILE
from agents.runtime.program_description import DescriptionRefused, command_of, read_description

_NAMES = {"memoryMb": "memory_mb", "timeoutSeconds": "timeout_seconds"}
_PLAIN = ("name", "type", "version", "risk", "description", "network", "secrets", "settings")
_SCHEMAS = {"input": "input_schema", "output": "output_schema", "result": "result_schema"}
_OF_ACTION = ("description", "risk", "effect")


def manifest_of(text: str) -> dict[str, Any]:
    """The manifest's data, for `agents.registration.manifest.from_json`. Raises ManifestError."""
    try:
        found = read_description(text)
        command_of(found)
    except DescriptionRefused as exc:
        raise ManifestError(str(exc)) from exc
    known = {*_PLAIN, *_NAMES, "run", "actions"}
    _refuse_unknown(found, known, PROGRAM_FILE)
    manifest: dict[str, Any] = {"type": "SCRIPT"}
    manifest |= {name: found[name] for name in _PLAIN if name in found}
    manifest |= {name: found[own] for own, name in _NAMES.items() if own in found}
    actions: object = found.get("actions")
    if not isinstance(actions, dict) or not actions:
        raise ManifestError(
            f"{PROGRAM_FILE}: actions must be a mapping of at least one action's name to what it is"
        )
    manifest["actions"] = [_action(str(name), each) for name, each in cast("dict[str, object]", actions).items()]
    return manifest


def _action(name: str, found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ManifestError(f"{PROGRAM_FILE}: action {name!r} must be a mapping with input and output")
    fields = cast("dict[str, Any]", found)
    _refuse_unknown(fields, {*_OF_ACTION, *_SCHEMAS}, f"{PROGRAM_FILE}: action {name!r}")
    action: dict[str, Any] = {"name": name}
    action |= {field: fields[field] for field in _OF_ACTION if field in fields}
    for own, field in _SCHEMAS.items():
        if own in fields:
            action[field] = fields[own]
    for own in ("input", "output"):
        if own not in fields:
            raise ManifestError(f"{PROGRAM_FILE}: action {name!r} has no {own}: give its JSON Schema")
    return action


def _refuse_unknown(found: Mapping[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(str(name) for name in found if name not in known)
    if unknown:
        raise ManifestError(f"{where} has an unknown key {unknown[0]!r:.60}; known: {', '.join(sorted(known))}")
