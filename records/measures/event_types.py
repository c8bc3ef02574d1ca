"""What triggered a run -> one of few names: a pattern that the workflow itself listens to, `schedule` or `manual`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast


def event_type(trigger: str, source: object) -> str:
    """`trigger`: the run's; `source`: the trigger as the workflow's file has it. An event's own text is never given."""
    if trigger.startswith("schedule"):
        return "schedule"
    patterns = list(_patterns(source))
    if trigger in patterns:
        return trigger
    return next((each for each in patterns if _takes(each, trigger)), "manual")


def _patterns(source: object) -> Iterator[str]:
    if isinstance(source, dict):
        fields = cast("dict[str, Any]", source)
        if isinstance(fields.get("event"), str):
            yield fields["event"]
        for value in fields.values():
            yield from _patterns(value)
    elif isinstance(source, list):
        for value in cast("list[Any]", source):
            yield from _patterns(value)


def _takes(pattern: str, subject: str) -> bool:
    """Whether a NATS subject fits the pattern."""
    wanted, given = pattern.split("."), subject.split(".")
    for number, token in enumerate(wanted):
        if token in (">", "**"):
            return len(given) > number
        if number >= len(given) or token not in ("*", given[number]):
            return False
    return len(wanted) == len(given)
