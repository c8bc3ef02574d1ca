"""Facts and a policy of the project's own -> what of it is broken. A policy only compares facts with values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import JsonValue

from agents.builtin.violation import Violation
from agents.sdk.errors import AgentError
from agents.sdk.project_facts import ProjectFacts

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
    "contains": lambda left, right: right in left,
}


def value_at(facts: ProjectFacts | None, path: str) -> JsonValue:
    """The fact at a dotted path; `.length` counts a list. None where it is not known. Raises AgentError."""
    current: Any = facts.model_dump(mode="json", by_alias=True) if facts is not None else None
    known = ProjectFacts.model_json_schema(by_alias=True)["properties"]
    if path.split(".")[0] not in known:
        raise AgentError(f"fact {path!r} is not one the platform has; it has: {', '.join(sorted(known))}")
    for part in path.split("."):
        if current is None:
            return None
        if part == "length" and isinstance(current, list | dict):
            current = len(current)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(current, dict) and part in current:
            current = current[part]  # pyright: ignore[reportUnknownVariableType]
        else:
            raise AgentError(f"fact {path!r} has no part {part!r}")
    return current  # pyright: ignore[reportUnknownVariableType]


def holds(value: JsonValue, comparison: str, wanted: JsonValue) -> bool:
    """Whether a known value compares as wanted. Raises AgentError where the two cannot be compared."""
    try:
        return bool(_COMPARE[comparison](value, wanted))
    except TypeError as exc:
        raise AgentError(f"{value!r} and {wanted!r} cannot be compared by {comparison!r}") from exc


def violations_of(requirements: Sequence[Any], facts: ProjectFacts | None, policy: str) -> list[Violation]:
    """The requirements that do not hold; an unknown fact does not hold."""
    found: list[Violation] = []
    for requirement in requirements:
        value = value_at(facts, requirement.fact)
        if value is not None and holds(value, requirement.comparison, requirement.value):
            continue
        said = "is not known" if value is None else f"is {value!r}"
        wanted = f"{requirement.comparison} {requirement.value!r}"
        found.append(
            Violation(
                rule=policy,
                severity=requirement.severity,
                location=requirement.fact,
                remediation=requirement.remediation or f"Bring {requirement.fact} to {wanted}.",
                description=f"{requirement.fact} {said}; the policy asks for {wanted}",
            )
        )
    return found
