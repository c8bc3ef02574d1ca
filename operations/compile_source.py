"""A workflow's text -> diagnostics with fixes, the plan with its graph, what deploying it would change. Saves nothing.

Also completions, dry runs and schedules: all that an editor asks for while a person writes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import JsonValue

from compiler import Case, CaseResults, Diagnostic, Plan, Proof, Source, compile, prove_gates, run_cases
from compiler.completion import Completion, complete
from compiler.offers import Connection, Offer, connections, offers
from compiler.plan_graph import PlanGraph, plan_graph
from compiler.simulation.cases import Mock, read_cases
from compiler.trigger_types.schedule import cron_fault, timezone_fault
from compiler.trigger_types.schedule_words import cron_in_words, next_times
from operations.deploy_review import DeployReview, review
from operations.known_workflows import known_catalogue
from records import Records

_MEANT = re.compile(r"did you mean [`'\"](?P<word>[\w.:/-]+)[`'\"]\??")
_WORD = re.compile(r"(?P<quote>['\"]?)(?P<bare>[\w.:/-]+)(?P=quote)")
_NAMED = re.compile(r"[`'\"]([\w.-]+)[`'\"]")


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A replacement of exactly what the diagnostic points at."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class CompiledSource:
    """What became of a text."""

    diagnostics: tuple[tuple[Diagnostic, Fix | None], ...]
    plan: Plan | None
    graph: PlanGraph | None
    proofs: tuple[Proof, ...]
    review: DeployReview | None
    """Against what is deployed under its name; None without a plan."""


class WorkflowMistakes(ValueError):
    """The text has errors, so there is no plan to work with."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        first = next(each for each in diagnostics if each.severity == "error")
        super().__init__(f"the workflow has mistakes: line {first.line}: {first.message}")


class InvalidSchedule(ValueError):
    """A cron expression or time zone that cannot be used."""


async def compile_source(text: str, *, records: Records, project_id: int) -> CompiledSource:
    """Compile against the project's agents and review against what is deployed."""
    catalogue = await known_catalogue(records, project_id)
    # Off the event loop: a hostile file may take a second.
    compiled = await asyncio.to_thread(compile, Source(text=text), catalogue, project_id=project_id)
    lines = text.split("\n")
    found = tuple((each, fix_of(each, lines)) for each in compiled.diagnostics)
    plan = compiled.plan
    if plan is None:
        return CompiledSource(diagnostics=found, plan=None, graph=None, proofs=(), review=None)
    return CompiledSource(
        diagnostics=found,
        plan=plan,
        graph=await asyncio.to_thread(plan_graph, plan),
        proofs=await asyncio.to_thread(prove_gates, plan),
        review=await review([plan], records, project_id=project_id),
    )


async def complete_source(
    text: str, line: int, column: int, *, records: Records, project_id: int
) -> list[Completion]:
    """What may stand at the cursor; the text need not be right, nor YAML."""
    catalogue = await known_catalogue(records, project_id)
    return await asyncio.to_thread(complete, text, line, column, catalogue)


async def offer_references(text: str, node: str, *, records: Records, project_id: int) -> list[Offer]:
    """What templates of the node may read, and which of its inputs takes each; the text may have errors."""
    catalogue = await known_catalogue(records, project_id)
    return await asyncio.to_thread(offers, Source(text=text), catalogue, node)


async def show_connections(text: str, node: str, *, records: Records, project_id: int) -> list[Connection]:
    """What edges that begin or end at the node could carry; the text may have errors."""
    catalogue = await known_catalogue(records, project_id)
    return await asyncio.to_thread(connections, Source(text=text), catalogue, node)


async def dry_run_source(
    text: str,
    *,
    records: Records,
    project_id: int,
    context: Mapping[str, JsonValue] | None = None,
    trigger: str | None = None,
    mocks: Mapping[str, Mapping[str, Any]] | None = None,
    approvals: Mapping[str, Literal["approve", "reject"]] | None = None,
    cases: str | None = None,
) -> tuple[Plan, CaseResults]:
    """Play one case, or those of a test file's text. Raises WorkflowMistakes, CaseError, pydantic.ValidationError."""
    catalogue = await known_catalogue(records, project_id)
    compiled = await asyncio.to_thread(compile, Source(text=text), catalogue, project_id=project_id)
    if compiled.plan is None:
        raise WorkflowMistakes(compiled.diagnostics)
    if cases is not None:
        chosen = await asyncio.to_thread(read_cases, Source(text=cases, path="cases"))
    else:
        given = {name: Mock.model_validate(dict(mock)) for name, mock in (mocks or {}).items()}
        chosen = [
            Case(
                name="dry run",
                trigger=trigger,
                context=None if context is None else dict(context),
                mocks=given,
                approvals=dict(approvals or {}),
            )
        ]
    return compiled.plan, await asyncio.to_thread(run_cases, compiled.plan, chosen, compiled.callees)


def explain_schedule(cron: str, timezone: str, *, at: datetime | None = None) -> tuple[str, list[datetime]]:
    """The schedule in words and its next five times. Raises InvalidSchedule."""
    fault = cron_fault(cron)
    if fault is not None:
        raise InvalidSchedule(fault)
    wrong = timezone_fault(timezone)
    if wrong is not None:
        raise InvalidSchedule(f"{wrong[0]}: {wrong[1]}")
    return cron_in_words(cron), next_times(cron, timezone, after=at or datetime.now(UTC))


def fix_of(diagnostic: Diagnostic, lines: Sequence[str]) -> Fix | None:
    """What to put in place of all that the diagnostic points at, in a text of these lines; None: that is not sure."""
    match = _MEANT.search(diagnostic.hint)
    one_line = diagnostic.line == diagnostic.end_line
    if match is None or not one_line or diagnostic.line > len(lines):
        return None
    wrong = _WORD.fullmatch(lines[diagnostic.line - 1][diagnostic.column - 1 : diagnostic.end_column - 1])
    if wrong is None:
        return None
    right = _in_path(wrong["bare"], match["word"], diagnostic.message)
    if right is None:
        return None
    return Fix(title=f"replace it with {right}", text=f"{wrong['quote']}{right}{wrong['quote']}")


def _in_path(wrong: str, word: str, message: str) -> str | None:
    """What is meant: the word, or the path with it in place of the one part that the message names."""
    if "." not in wrong or "." in word:
        return word
    named = set(_NAMED.findall(message))
    parts = wrong.split(".")
    places = [at for at, part in enumerate(parts) if part in named]
    if len(places) != 1:
        return None
    return ".".join([*parts[: places[0]], word, *parts[places[0] + 1 :]])
