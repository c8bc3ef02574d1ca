"""A workflow's name and a context in; a checked context and a started run, or one sentence why not, out.

Every channel calls this: the command line, HTTP, and (through `operations.event`) NATS make the same checks, so that
nothing that an event may not carry comes in by another way.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from pydantic import JsonValue

from compiler.diagnostics.diagnostic import did_you_mean
from compiler.plan import Plan
from compiler.schemas.validation import validate_bounded
from compiler.trigger_types.registry import asks_person, start_misfits, started_context
from operations.errors import PermanentTriggerError
from operations.event import MANUAL, parse
from records import Records, RecordsError

REPLAY_TRIGGER = "manual"
"""A person started it: never the name of an event, which a policy may trust."""

_MOST_MISFITS = 5
_LARGEST_EXACT = 2**53 - 1
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?")


class Launch(Protocol):
    """Prefect, as far as starting runs needs it."""

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
        """The id of the flow run. Raises TransientTriggerError or PermanentTriggerError.

        `arrived`: when that came which starts it (None: now); runs of one workflow get their slots in this order.
        """
        ...


class NoActiveWorkflow(PermanentTriggerError):
    """The project has no workflow of that name that may start runs."""


class InvalidContext(PermanentTriggerError):
    """The context cannot be what a run starts with."""


@dataclass(frozen=True, kw_only=True)
class StartedRun:
    """A run that was asked for."""

    flow_run_id: str
    plan: Plan


async def active_plan(name: str, *, records: Records, project_id: int) -> Plan:
    """The current plan of a workflow that may start runs. Raises NoActiveWorkflow, which says why there is none."""
    for plan in await records.active_plans(project_id):
        if plan.name == name:
            return plan
    known = await records.workflows(project_id)
    for workflow in known:
        if workflow.name == name:
            raise NoActiveWorkflow(
                f"workflow {name!r} is {workflow.status}: deploy it again with `status: ACTIVE` to start runs"
            )
    near = did_you_mean(name, [each.name for each in known])
    raise NoActiveWorkflow(
        f"project {project_id} has no workflow {name!r}: "
        + (near if near.endswith("?") else "deploy it (`commandcenter deploy FILE`)")
    )


async def start_run(
    name: str,
    context: Mapping[str, Any],
    *,
    records: Records,
    launch: Launch,
    project_id: int,
    trigger: str,
    triggered_by: str,
    idempotency_key: str | None = None,
    traceparent: str | None = None,
    typed: bool = True,
    pinned: Plan | None = None,
) -> StartedRun:
    """Check the context and start the workflow. Raises NoActiveWorkflow, InvalidContext, or what `launch` raises.

    `traceparent`: the caller's W3C trace context, which becomes a link of the run's trace. `typed`: whether the context
    must be what the workflow's trigger `manual` declares, if it has one. `pinned`: the version of the workflow to run,
    the current one by default. It must be active either way.
    """
    current = await active_plan(name, records=records, project_id=project_id)
    plan = pinned or current
    if typed and (misfits := await asyncio.to_thread(start_misfits, plan, trigger, context)):
        raise InvalidContext(f"the context does not fit workflow {name!r}: {'; '.join(misfits[:_MOST_MISFITS])}")
    given = started_context(plan, trigger, context) if typed else context
    # Half a megabyte of JSON, a value at a time: others of this process go on meanwhile.
    checked = await asyncio.to_thread(checked_context, given, plan)
    if typed and (misfits := await asyncio.to_thread(context_misfits, plan, checked)):
        raise InvalidContext(f"the context does not fit workflow {name!r}: {'; '.join(misfits[:_MOST_MISFITS])}")
    flow_run_id = await launch.start(
        plan, context=checked, trigger=trigger, triggered_by=triggered_by, idempotency_key=idempotency_key
    )
    if traceparent is not None:
        with suppress(RecordsError):  # the run is started; a link that is missing must not make it look otherwise
            await records.note_caller(flow_run_id, traceparent)
    return StartedRun(flow_run_id=flow_run_id, plan=plan)


def context_misfits(plan: Plan, context: Mapping[str, JsonValue]) -> list[str]:
    """Why the run would fail before its first node, so that whoever starts it hears of it at once."""
    if plan.context_schema is None or asks_person(plan) is not None:
        return []
    due = {"scheduledAt": datetime.now(UTC).isoformat()}  # a run that stands for a schedule's is given one
    misfits = validate_bounded({**due, **context}, plan.context_schema)
    return misfits or _misspelt(plan.context_schema, context)


def _misspelt(schema: Mapping[str, Any], context: Mapping[str, JsonValue]) -> list[str]:
    """Keys that nothing declares, where a declared one that is missing is spelt nearly so: it would have its default.

    Others are let through: whoever starts a run may know more than the workflow uses.
    """
    declared = cast("Mapping[str, Any]", schema.get("properties") or {})
    missing = [name for name in declared if name not in context]
    hints = {key: did_you_mean(key, missing) for key in context if key not in declared}
    return [f"it declares no {key!r}: {hint}" for key, hint in hints.items() if hint.endswith("?")]


def checked_context(context: Mapping[str, Any], plan: Plan) -> dict[str, JsonValue]:
    """The context with the project's id, checked as an event is. A template that finds no value says so in the run."""
    try:
        data = json.dumps({"context": dict(context), "projectId": plan.project_id}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidContext(f"the context is not JSON: {exc}") from exc
    try:
        return dict(parse(f"{MANUAL}{plan.name}", data.encode("utf-8", "surrogatepass")).context)
    except PermanentTriggerError as exc:
        raise InvalidContext(str(exc).replace("the payload", "the context", 1)) from exc


def typed_context(pairs: Sequence[tuple[str, str]], plan: Plan) -> dict[str, Any]:
    """`key=value` pairs as typed at a terminal -> values of the types that the workflow's context declares.

    Where the schema says text, the value is the text as it was typed: `sha=12e4567` is no number. Where it says
    nothing, JSON is read as JSON and anything else is text. Raises InvalidContext.
    """
    asked = asks_person(plan)
    schema = plan.context_schema if asked is None else asked.context
    properties = cast("Mapping[str, Any]", (schema or {}).get("properties") or {})
    typed: dict[str, Any] = {}
    for key, text in pairs:
        kinds = _kinds(properties.get(key))
        if kinds and kinds <= {"string", "null"}:
            typed[key] = text
        elif kinds and kinds <= {"number", "integer", "null"} and _NUMBER.fullmatch(text):
            typed[key] = json.loads(text)  # 1.10 is a number where one is declared
        else:
            typed[key] = typed_value(text, key=key)
    return typed


def typed_value(text: str, *, key: str) -> Any:
    """A value of no declared type: JSON where it can be read as such, else text. Raises InvalidContext."""
    try:
        value: Any = json.loads(
            text, object_pairs_hook=lambda pairs: _unique(pairs, key), parse_constant=_Constant
        )
    except RecursionError as exc:
        raise InvalidContext(f"{key}: the JSON is nested too deeply") from exc
    except ValueError:
        return text
    if isinstance(value, _Constant) or _holds_constant(value):
        what = "is not" if isinstance(value, _Constant) else "holds what is not"
        raise InvalidContext(f"{key}: {text!r} {what} a finite number: write a number, or quote it as text")
    if isinstance(value, int | float) and not isinstance(value, bool):
        # 1.10, 007 or 12e4567 lose what was typed; a version or a commit is text. So is an id of many digits, which
        # not every reader of JSON keeps, so that it could be no input of a node.
        large = isinstance(value, int) and abs(value) > _LARGEST_EXACT
        return text if large or json.dumps(value) != text else value
    return value


class _Constant:
    """Stands for NaN or Infinity while a value is read."""

    def __init__(self, name: str) -> None:
        self.name = name


def _unique(pairs: list[tuple[str, Any]], key: str) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidContext(f"{key}: the key {twice[:80]!r} is there twice in its JSON object")
    return made


def _holds_constant(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_constant(each) for each in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(_holds_constant(each) for each in cast("list[object]", value))
    return isinstance(value, _Constant)


def _kinds(schema: object) -> set[str]:
    """The JSON types that a property's schema allows; empty where it does not say."""
    if not isinstance(schema, Mapping):
        return set()
    known = cast("Mapping[str, Any]", schema)
    if "anyOf" in known:
        found = [_kinds(each) for each in known["anyOf"]]
        empty: set[str] = set()
        return empty.union(*found) if all(found) else empty
    kinds = known.get("type")
    if kinds is None and known.get("enum"):
        return {"string"} if all(isinstance(each, str) for each in known["enum"]) else set()
    return {kinds} if isinstance(kinds, str) else set(cast("list[str]", kinds or []))
