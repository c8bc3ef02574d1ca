"""A YAML file beside a workflow -> test cases: what starts the run, how agents answer, and what is expected."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from compiler.diagnostics.diagnostic import Diagnostic, DiagnosticList, quoted
from compiler.language.composer import compose
from compiler.language.document import plain
from compiler.language.source import Source


class CaseError(ValueError):
    """A test file that cannot be used; the message says where and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)


class Mock(_Strict):
    """How one node's agent answers."""

    output: JsonValue = None
    """The answer; fields that are left out, or all of it, are filled in from an example of the output schema."""
    outputs: list[JsonValue] | None = None
    """Answers for the items of a `foreach` node, in order."""
    fail: str | None = None
    """The node fails with that message."""
    failures: int | None = Field(default=None, ge=1)
    """How many attempts fail before the answer comes; None: all."""


class Expectation(_Strict):
    """What must have happened; what is left out is not looked at."""

    started: bool = True
    """Whether the event starts the workflow at all."""
    status: Literal["SUCCESS", "FAILED"] | None = None
    ran: list[str] | None = None
    """Nodes that ran, in any order; exactly these."""
    skipped: list[str] | None = None
    failed: list[str] | None = None
    gates: list[str] | None = None
    """Nodes whose gate was opened and asked; exactly these."""
    inputs: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """Node -> inputs it must have got; others are not looked at."""
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    """Outputs of the workflow."""


class Case(_Strict):
    """One run of the workflow without containers and models."""

    name: str = "default"
    trigger: str | None = None
    """Subject, `schedule` or `manual`; None: the workflow's first trigger."""
    context: dict[str, JsonValue] | None = None
    """None: an example of the trigger's context schema."""
    mocks: dict[str, Mock] = Field(default_factory=dict)
    approvals: dict[str, Literal["approve", "reject"]] = Field(default_factory=dict)
    """Node -> decision; gates that are not named are approved."""
    expect: Expectation = Field(default_factory=Expectation)


class _File(_Strict):
    cases: Annotated[list[Case], Field(min_length=1, max_length=1000)]


def read_cases(source: Source) -> list[Case]:
    """The cases of a test file. Raises CaseError."""
    report = DiagnosticList(source.path)
    document = compose(source, report)
    found = report.diagnostics()
    if document is None or report.failed:
        raise CaseError("; ".join(_line(each) for each in found if each.severity == "error"))
    data: Any = plain(document.root)
    try:
        return _File.model_validate(data).cases
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        place = ".".join(map(str, error["loc"]))
        span = document.span(tuple(error["loc"]))
        raise CaseError(f"{source.path}:{span.line}:{span.column}: {quoted(place)}: {error['msg']}") from exc


def _line(found: Diagnostic) -> str:
    return f"{found.place}: {found.message}"
