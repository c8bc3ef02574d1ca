"""Dry runs and what was expected of them -> failures, branch coverage, and both as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import JsonValue

from compiler.expressions.filters import equal, to_json
from compiler.plan import Plan
from compiler.simulation.cases import Case, CaseError
from compiler.simulation.dry_run import NO_CALLEES, DryRun, dry_run

MAX_SHOWN = 120


@dataclass(frozen=True)
class CaseResult:
    """One case, played and compared."""

    case: str
    failures: tuple[str, ...]
    played: DryRun | None
    """None where the case could not be played at all."""

    @property
    def passed(self) -> bool:
        """Whether all that was expected happened."""
        return not self.failures


@dataclass(frozen=True)
class CaseResults:
    """All cases of one workflow."""

    workflow: str
    cases: tuple[CaseResult, ...]
    covered: tuple[str, ...]
    missed: tuple[str, ...]
    """Branches that no case took."""

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return all(case.passed for case in self.cases)


def run_cases(plan: Plan, cases: Sequence[Case], callees: Mapping[str, Plan] = NO_CALLEES) -> CaseResults:
    """Play all cases against the plan, calls of these workflows too. Never raises for what a case holds."""
    results = tuple(_judge(plan, case, callees) for case in cases)
    taken = {branch for result in results if result.played for branch in result.played.branches}
    branches = branches_of(plan)
    return CaseResults(
        workflow=plan.name,
        cases=results,
        covered=tuple(branch for branch in branches if branch in taken),
        missed=tuple(branch for branch in branches if branch not in taken),
    )


def branches_of(plan: Plan) -> list[str]:
    """All ways that nodes can go: conditions, gates, items, and failures that the workflow handles."""
    found: list[str] = []
    for node in plan.nodes:
        if node.when is not None and not isinstance(node.when, bool):
            found.extend((f"{node.id}: when true", f"{node.id}: when false"))
        if node.gate is not None:
            found.extend((f"{node.id}: gate approved", f"{node.id}: gate rejected"))
        if node.foreach is not None:
            found.extend((f"{node.id}: foreach some items", f"{node.id}: foreach no items"))
        found.append(f"{node.id}: succeeds")
        if node.on_failure != "fail":
            found.append(f"{node.id}: fails")
    return found


def _judge(plan: Plan, case: Case, callees: Mapping[str, Plan]) -> CaseResult:
    try:
        played = dry_run(plan, case, callees)
    except CaseError as exc:
        return CaseResult(case.name, (str(exc),), None)
    return CaseResult(case.name, tuple(_failures(case, played)), played)


def _failures(case: Case, played: DryRun) -> Iterable[str]:
    expected = case.expect
    if expected.started != played.started:
        because = f": {played.refused}" if played.refused else ""
        yield f"the event {'starts' if played.started else 'does not start'} the workflow{because}"
    if not played.started:
        return
    if expected.status is not None and expected.status != played.status:
        yield f"the run ended as {played.status}, expected {expected.status}{_reason(played)}"
    if expected.status is None and played.failure is not None:
        yield played.failure
    ran = sorted(played.ended("SUCCESS") + played.ended("FAILED"))
    found = {"ran": ran, "skipped": played.ended("SKIPPED"), "failed": played.ended("FAILED")}
    for what, names in (*found.items(), ("gates", played.gates)):
        wanted = cast("list[str] | None", getattr(expected, what))
        if wanted is not None and sorted(wanted) != sorted(names):
            yield f"{what}: {_listed(names)}, expected {_listed(wanted)}{_reason(played)}"
    for node, inputs in expected.inputs.items():
        yield from _wrong_inputs(node, inputs, played)
    for name, value in expected.outputs.items():
        outputs = played.outputs if isinstance(played.outputs, dict) else {}
        if not equal(outputs.get(name), value):
            yield f"the output {name!r} is {_short(outputs.get(name))}, expected {_short(value)}"


def _reason(played: DryRun) -> str:
    failed = [f"{run.node}: {run.error}" for run in played.runs.values() if run.status == "FAILED"]
    if played.failure is not None:
        failed.append(played.failure)
    return f" ({'; '.join(failed)})" if failed else ""


def _wrong_inputs(node: str, expected: dict[str, JsonValue], played: DryRun) -> Iterable[str]:
    run = played.runs[node]
    if not run.inputs:
        yield f"{node!r} got no inputs: it was skipped because {run.why}"
        return
    for name, value in expected.items():
        found = [cast("dict[str, Any]", inputs).get(name) for inputs in run.inputs]
        if not any(equal(each, value) for each in found):
            yield f"{node!r} got {name!r} = {_short(found[0])}, expected {_short(value)}"


def _short(value: Any) -> str:
    text = to_json(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def format_case_results(results: CaseResults) -> str:
    """The results as text, with the branches that were and were not covered."""
    lines = [results.workflow]
    for result in results.cases:
        lines.append(f"  {'ok  ' if result.passed else 'FAIL'} {result.case}{_path(result)}")
        lines.extend(f"       {failure}" for failure in result.failures)
    total = len(results.covered) + len(results.missed)
    lines.append(f"  branches covered: {len(results.covered)} of {total}")
    lines.extend(f"    not covered: {branch}" for branch in results.missed)
    return "\n".join(lines) + "\n"


def _path(result: CaseResult) -> str:
    if result.played is None or not result.played.started:
        return ""
    steps = [_step(run.node, run.status, run.asked) for run in result.played.runs.values()]
    return ": " + ", ".join(steps)


def _step(node: str, status: str, asked: bool) -> str:
    mark = {"SUCCESS": "", "FAILED": " failed", "SKIPPED": " skipped"}[status]
    return f"{'[gate] ' if asked else ''}{node}{mark}"
