"""A NATS message's bytes -> a bounded, checked Event, or the sentence that says why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from compiler.trigger_types.registry import NAMED
from operations.errors import PermanentTriggerError
from reliability import strict_json
from reliability.settings import MAX_EVENT_BYTES, MAX_EVENT_DEPTH

MANUAL = NAMED
"""What a manual trigger's subject starts with; the workflow's name follows."""
_PROJECT_ID_LIMIT = 2**31
_PREFECT_MARKER = "__prefect_kind"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in one project."""

    subject: str
    project_id: int
    context: Mapping[str, JsonValue]
    """What the run gets: the payload (of a manual trigger its `context`) and the projectId."""
    triggered_by: str
    workflow: str | None = None
    """The workflow a manual trigger asks for; None: whichever matches."""


class ManualStart(BaseModel):
    """Payload of `workflow.trigger.<workflowName>`. `projectId` is needed, here or in `context`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    workflowName: str | None = None
    projectId: int | None = None
    context: dict[str, Any] = Field(default_factory=dict)
    triggeredBy: str | None = Field(default=None, min_length=1, max_length=200)


def parse(
    subject: str,
    data: bytes,
    *,
    max_bytes: int = MAX_EVENT_BYTES,
    max_depth: int = MAX_EVENT_DEPTH,
    project_id: int | None = None,
    publisher: str | None = None,
) -> Event:
    """The event of a message. Raises Permanent with a sentence that names the fault and its cure.

    `project_id`: whose publisher sent it; a payload may leave its project out then, and names no other. None: the
    payload says it. `publisher`: who sent it, which is what `triggeredBy` becomes.
    """
    payload = _load(data, max_bytes=max_bytes, max_depth=max_depth)
    sender = f"publisher:{publisher}" if publisher is not None else None
    if subject.startswith(MANUAL):
        return _manual(subject, payload, of=project_id, sender=sender)
    found = _project_id(payload, payload.get("context"), of=project_id)
    return Event(
        subject=subject,
        project_id=found,
        context={**payload, "projectId": found},
        triggered_by=sender or f"event:{subject}",
    )


def _manual(subject: str, payload: dict[str, Any], *, of: int | None, sender: str | None) -> Event:
    name = subject.removeprefix(MANUAL)
    try:
        manual = ManualStart.model_validate(payload)
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "payload"
        raise PermanentTriggerError(
            f"the payload of {subject!r} is not {{workflowName, projectId, context, triggeredBy}}: "
            f"{place}: {first['msg']}"
        ) from exc
    if manual.workflowName not in (None, name):
        raise PermanentTriggerError(
            f"the subject asks for workflow {name!r}, its payload for {manual.workflowName!r}"
        )
    project_id = _project_id(payload, manual.context, of=of)
    # What a publisher of a project writes there is no more than what it claims.
    claimed = manual.triggeredBy if of is None else None
    return Event(
        subject=subject,
        project_id=project_id,
        context={**manual.context, "projectId": project_id},
        triggered_by=sender or claimed or f"event:{subject}",
        workflow=name,
    )


def _project_id(payload: Mapping[str, Any], context: object, *, of: int | None) -> int:
    inner = cast("Mapping[str, Any]", context).get("projectId") if isinstance(context, Mapping) else None
    outer = payload.get("projectId")
    found = outer if outer is not None else inner if inner is not None else of
    if found is None:
        raise PermanentTriggerError("the event names no project: put a whole number `projectId` into its payload")
    for value in (outer, inner):
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _PROJECT_ID_LIMIT:
            raise PermanentTriggerError(f"`projectId` must be a whole number from 1, not {str(value)[:40]!r}")
    if inner is not None and inner != found:
        raise PermanentTriggerError(
            f"`projectId` is {found} but `context.projectId` is {inner}: an event belongs to one project"
        )
    if of is not None and found != of:
        raise PermanentTriggerError(
            f"`projectId` is {found}, but its publisher belongs to project {of}: leave it out, or use a publisher of "
            f"project {found}"
        )
    return found


def _load(data: bytes, *, max_bytes: int, max_depth: int) -> dict[str, Any]:
    if len(data) > max_bytes:
        raise PermanentTriggerError(f"the payload has {len(data)} bytes; at most {max_bytes} are taken")
    try:
        payload: object = strict_json.loads(data.decode("utf-8"))
    except strict_json.TooDeep as exc:
        raise PermanentTriggerError(f"the payload is nested deeper than {max_depth} levels") from exc
    except ValueError as exc:
        raise PermanentTriggerError(f"the payload is not JSON: {str(exc)[:200]}") from exc
    check_value(payload, max_depth=max_depth)
    if not isinstance(payload, dict):
        raise PermanentTriggerError(f"the payload must be a JSON object, not {type(payload).__name__}")
    return cast("dict[str, Any]", payload)


def check_value(payload: object, *, max_depth: int) -> None:
    """Raises PermanentTriggerError for text that no database keeps, deeper nesting, and Prefect's marker."""
    level: list[object] = [payload]
    for _ in range(max_depth):
        inside: list[object] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, list):
                inside.extend(cast("list[object]", value))
            elif isinstance(value, dict):
                members = cast("dict[str, object]", value)
                for key in members:
                    _check_text(key)
                if _PREFECT_MARKER in members:
                    # Prefect's API would take such an object for an instruction and render its template.
                    raise PermanentTriggerError(
                        f"the payload has a key {_PREFECT_MARKER!r}, which Prefect would interpret"
                    )
                inside.extend(members.values())
        if not inside:
            return
        level = inside
    raise PermanentTriggerError(f"the payload is nested deeper than {max_depth} levels")


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise PermanentTriggerError("the payload has a text with U+0000, which PostgreSQL cannot keep")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise PermanentTriggerError("the payload has a text with half of a surrogate pair, which is not Unicode")
