"""The workflow language as Pydantic models: what a YAML file may say, before it is checked against anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from compiler.language.context_fields import fields_schema
from compiler.plan import CALL, MAX_TIMEOUT_SECONDS, Missed

MAX_NODES = 20_000
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)


def _seconds(value: Any) -> Any:
    """`90s`, `30m`, `48h`, `7d` or whole seconds -> seconds."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None:
            raise PydanticCustomError("duration", "is not a duration such as 90s, 30m, 48h or 7d")
        return int(match[1]) * _SECONDS[match[2]]
    return value


def _as_list(value: Any) -> Any:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _unique(values: list[str]) -> list[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise PydanticCustomError("repeated", "names {value} twice", {"value": repr(value)})
        seen.add(value)
    return values


Text = Annotated[str, Field(max_length=10_000)]
Names = Annotated[list[str], AfterValidator(_unique)]
Duration = Annotated[int, BeforeValidator(_seconds), Field(ge=1, le=366 * 86400)]


class EventSpec(_Spec):
    """Starts a run for each matching event."""

    word: ClassVar[str] = "event"
    event: str
    """NATS subject, with `*` and `>`."""
    filters: dict[str, JsonValue] = Field(default_factory=dict)
    """Field of the event -> glob, value, list of values, or comparison."""
    expression: str | None = None
    """Condition over `context` that must hold as well."""


class ScheduleSpec(_Spec):
    """Starts a run at times given by cron."""

    word: ClassVar[str] = "schedule"
    schedule: str
    """Five cron fields: minute, hour, day, month, weekday."""
    timezone: str = "UTC"
    """IANA name, such as Europe/Vienna."""
    missed: Missed = "once"
    """What becomes of runs that could not begin when they were due: skip, once (the newest), or all, in order."""


class ManualSpec(_Spec):
    """Starts a run when a person asks for it, with typed values."""

    word: ClassVar[str] = "manual"
    manual: dict[str, JsonValue] | None = None
    """Field -> type, default, enum, description, required; left out: the workflow's `context`."""

    @model_validator(mode="before")
    @classmethod
    def _word_alone(cls, value: Any) -> Any:
        """`trigger: manual`."""
        return {} if value == cls.word else value


WrittenTrigger = EventSpec | ScheduleSpec | ManualSpec
"""All of them, in the order in which their words are looked for in a trigger."""
TRIGGER_SPECS: tuple[type[WrittenTrigger], ...] = get_args(WrittenTrigger)


def _trigger_kind(value: Any) -> str:
    for each in TRIGGER_SPECS:
        if isinstance(value, dict) and each.word in value:
            return f"<{each.word}>"
    return "<manual>" if value == ManualSpec.word else "<event>"


if TYPE_CHECKING:
    TriggerSpec = WrittenTrigger
else:
    # Pydantic asks for a tag at each of them, which a type checker cannot follow through a loop.
    _tagged = tuple(Annotated[each, Tag(f"<{each.word}>")] for each in TRIGGER_SPECS)
    TriggerSpec = Annotated[Union[_tagged], Discriminator(_trigger_kind)]  # noqa: UP007


class RetriesSpec(_Spec):
    """When a node that failed for a passing reason is tried again."""

    max: int = Field(ge=0, le=20)
    backoff_seconds: float = Field(default=1.0, ge=0, le=3600, strict=False)
    jitter: float = Field(default=0.5, ge=0, le=1, strict=False)


class ApprovalSpec(_Spec):
    """Who may open the node's gate, and what happens when nobody does."""

    approvers: Names = Field(default_factory=list)
    quorum: int = Field(default=1, ge=1, le=50)
    deadline: Duration | None = None
    on_expiry: Literal["reject", "escalate", "approve"] = "reject"
    allow_self_approval: bool = False
    allow_unverified: bool = True


class ApprovalPolicySpec(_Spec):
    """What the workflow trusts to pass without a person."""

    trusted_triggers: Names = Field(default_factory=list)
    """Triggers, by subject or `schedule`, whose runs pass gates of nodes with `approvalRequired: false`."""
    approve_on_expiry: Names = Field(default_factory=list)
    """Nodes whose gate may be given `onExpiry: approve`."""


class ConcurrencySpec(_Spec):
    """How many runs go on at once."""

    limit: int = Field(ge=1, le=1000)
    key: str | None = None
    on_conflict: Literal["queue", "skip", "cancel-older"] = "queue"


class NodeSpec(_Spec):
    """One step: an action of an agent, its inputs, and when and how it runs."""

    id: str
    agent: str
    action: str
    workflow: str | None = None
    """Another workflow, in place of `agent` and `action`: the node is a run of it."""
    description: Text = ""
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    depends_on: Names = Field(default_factory=list)
    approval_required: bool | None = None
    approval: ApprovalSpec | None = None
    when: str | bool | None = None
    foreach: str | list[JsonValue] | None = None
    max_parallel: int | None = Field(default=None, ge=1, le=100)
    retries: RetriesSpec | None = None
    timeout_seconds: int | None = Field(default=None, ge=1, le=MAX_TIMEOUT_SECONDS)
    memory_mb: int | None = Field(default=None, ge=64, le=16_384)
    network: Names | None = None
    secrets: Names | None = None
    on_failure: str = "fail"

    @model_validator(mode="before")
    @classmethod
    def _named_by_workflow(cls, value: Any) -> Any:
        """`workflow: NAME` stands for agent and action."""
        if not isinstance(value, dict) or "workflow" not in value:
            return cast("Any", value)
        given = cast("dict[str, Any]", value)
        name = given["workflow"]
        return {"agent": CALL, "action": name if isinstance(name, str) else "", **given}


class WorkflowSpec(_Spec):
    """A workflow file."""

    name: str
    description: Text = ""
    project_id: int | None = Field(default=None, ge=1, le=2**31 - 1)
    status: Literal["ACTIVE", "DRAFT", "ARCHIVED"] = "ACTIVE"
    trigger: Annotated[list[TriggerSpec], BeforeValidator(_as_list)] = Field(default_factory=list[TriggerSpec])
    context: dict[str, JsonValue] | None = None
    """The context, where the trigger's subject has no known one: a JSON Schema of an object, or its fields."""
    approval_policy: ApprovalPolicySpec | None = None
    concurrency: ConcurrencySpec | None = None
    nodes: list[NodeSpec] = Field(min_length=1, max_length=MAX_NODES)
    outputs: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def context_schema(self) -> dict[str, JsonValue] | None:
        """The declared context as a JSON Schema; None where none is declared."""
        return None if self.context is None else fields_schema(self.context)
