"""Manifest JSON <-> AgentSpec. A manifest may come from an unreviewed agent: nothing in it is trusted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from agents.registration import network
from agents.sdk.agent import explain
from compiler.catalogue import ActionSpec, AgentSpec, Effect

MAX_MANIFEST_BYTES = 1_000_000


class ManifestError(ValueError):
    """The manifest cannot be registered."""


def _no_foreign_references(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    pending: list[JsonValue] = [schema]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                raise ValueError(f"$ref {reference!r} points outside of the schema; only '#/…' is followed")
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return schema


def _host(entry: str) -> str:
    if not network.declared(entry):
        raise ValueError("write host:port, as in 'hooks.example.org:443'")
    return entry


_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
_ActionName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
_Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
_Version = Annotated[str, Field(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}(?:[-+][0-9A-Za-z.+-]{1,64})?$")]
_Text = Annotated[str, Field(max_length=2000)]
_JsonSchema = Annotated[dict[str, JsonValue], AfterValidator(_no_foreign_references)]
_Risk = Literal["AUTO", "APPROVAL_REQUIRED"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ActionManifest(_Strict):
    name: _ActionName
    description: _Text = ""
    risk: _Risk | None = None
    effect: Effect | None = None
    input_schema: _JsonSchema
    output_schema: _JsonSchema
    result_schema: _JsonSchema | None = None


class _Manifest(_Strict):
    name: _Name
    type: Literal["LLM", "RULE", "API", "SCRIPT"]
    version: _Version
    risk: _Risk
    description: _Text = ""
    network: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(default=(), max_length=50)
    secrets: tuple[_Variable, ...] = Field(default=(), max_length=50)
    settings: tuple[_Variable, ...] = Field(default=(), max_length=50)
    memory_mb: int = Field(default=512, ge=64, le=65536)
    timeout_seconds: int = Field(default=300, ge=1, le=1800)
    entry_path: str = Field(default="", max_length=4096)
    code_digest: str = Field(default="", max_length=100)
    actions: tuple[_ActionManifest, ...] = Field(min_length=1, max_length=100)


_NAMES = {to_camel(name): name for model in (_Manifest, _ActionManifest) for name in model.model_fields}
"""As the HTTP API writes a manifest -> as its file does."""


def from_json(
    data: Any,
    *,
    entry_path: str | None = None,
    code_digest: str | None = None,
    settings: Mapping[str, str] | None = None,
    trusted: bool = False,
) -> AgentSpec:
    """The spec of a manifest. Its names may be camelCase, as the API answers them.

    `settings` fills the network entries that name one; without it they stay.
    `trusted`: the schemas are the platform's own and need no check, which takes most of the time.
    Raises ManifestError with a sentence that says what to fix.
    """
    manifest = _parse(data, trusted=trusted)
    hosts = manifest.network
    if settings is not None:
        try:
            hosts = network.resolve(hosts, settings)
        except ValueError as exc:
            raise ManifestError(f"agent {manifest.name!r}: {exc}") from exc
    return AgentSpec(
        name=manifest.name,
        type=manifest.type,
        version=manifest.version,
        risk=manifest.risk,
        entry_path=manifest.entry_path if entry_path is None else entry_path,
        description=manifest.description,
        actions={action.name: ActionSpec(**dict(action)) for action in manifest.actions},
        network=hosts,
        secrets=manifest.secrets,
        settings=manifest.settings,
        memory_mb=manifest.memory_mb,
        timeout_seconds=manifest.timeout_seconds,
        code_digest=manifest.code_digest if code_digest is None else code_digest,
    )


def to_json(spec: AgentSpec) -> dict[str, Any]:
    """The manifest of a spec; `from_json` gives the spec back."""
    return {
        "name": spec.name,
        "type": spec.type,
        "version": spec.version,
        "risk": spec.risk,
        "description": spec.description,
        "network": list(spec.network),
        "secrets": list(spec.secrets),
        "settings": list(spec.settings),
        "memory_mb": spec.memory_mb,
        "timeout_seconds": spec.timeout_seconds,
        "entry_path": spec.entry_path,
        "code_digest": spec.code_digest,
        "actions": [_action_to_json(action) for action in spec.actions.values()],
    }


def _action_to_json(action: ActionSpec) -> dict[str, Any]:
    return {
        "name": action.name,
        "description": action.description,
        "risk": action.risk,
        "effect": action.effect,
        "input_schema": dict(action.input_schema),
        "output_schema": dict(action.output_schema),
        "result_schema": dict(action.result_schema) if action.result_schema is not None else None,
    }


def _parse(data: Any, *, trusted: bool) -> _Manifest:
    try:
        if len(json.dumps(data)) > MAX_MANIFEST_BYTES:
            raise ManifestError(f"the manifest is larger than {MAX_MANIFEST_BYTES:,} bytes; shorten its schemas")
        manifest = _Manifest.model_validate(_spelled(data))
    except ManifestError:
        raise
    except ValidationError as exc:
        raise ManifestError(f"the manifest is refused: {explain(exc)}") from exc
    except (TypeError, ValueError, RecursionError) as exc:
        raise ManifestError(f"the manifest is not valid JSON: {exc}") from exc
    names = [action.name for action in manifest.actions]
    if len(set(names)) != len(names):
        raise ManifestError(f"agent {manifest.name!r} names an action twice: {', '.join(sorted(names))}")
    for action in manifest.actions if not trusted else ():
        _check_schemas(manifest.name, action)
    return manifest


def _spelled(data: Any) -> Any:
    """The manifest with the names of its file; what its schemas hold is left alone."""
    if not isinstance(data, dict):
        return data
    found = _renamed(cast("dict[str, Any]", data))
    if isinstance(found.get("actions"), list):
        actions = cast("list[Any]", found["actions"])
        found["actions"] = [
            _renamed(cast("dict[str, Any]", each)) if isinstance(each, dict) else each for each in actions
        ]
    return found


def _renamed(data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in data.items():
        spelled = _NAMES.get(name, name)
        if spelled in found:
            raise ManifestError(f"the manifest has {spelled!r} twice, once as {to_camel(spelled)!r}; leave one")
        found[spelled] = value
    return found


def _check_schemas(agent: str, action: _ActionManifest) -> None:
    from jsonschema import Draft202012Validator, SchemaError  # slow to import; most processes never register

    if (action.effect is None) != (action.result_schema is None):
        raise ManifestError(
            f"action {action.name!r} of agent {agent!r}: an effect needs a result_schema, and only it"
        )
    for what in ("input_schema", "output_schema", "result_schema"):
        schema = getattr(action, what)
        try:
            if schema is not None:
                Draft202012Validator.check_schema(schema)
        except (SchemaError, RecursionError) as exc:
            reason = exc.message if isinstance(exc, SchemaError) else "nested too deeply"
            raise ManifestError(
                f"{what} of action {action.name!r} of agent {agent!r} is not a JSON Schema: {reason}"
            ) from exc
