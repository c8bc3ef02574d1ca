"""Subjects: which NATS subjects come in, which go out, and which more the workflows ask for.

A JetStream stream takes no two subjects that overlap, and what goes out must never come back in: an event trigger
on our own results would feed itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compiler.plan import Plan
from compiler.trigger_types.registry import listeners
from compiler.trigger_types.subjects import collide, overlapped, subject_fault

INCOMING = (
    "workflow.trigger.*",
    "graph.file.updated",
    "graph.symbol.changed",
    "audit.result.*",
    "hub.health.status",
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A subject that a workflow asks for and that the events stream must not take."""

    workflow: str
    subject: str
    reason: str


def covers(wide: str, narrow: str) -> bool:
    """Whether every subject that `narrow` matches is matched by `wide`."""
    wides, narrows = wide.split("."), narrow.split(".")
    for place, token in enumerate(wides):
        if token == ">":
            return len(narrows) > place
        if place >= len(narrows) or narrows[place] == ">":
            return False
        if token != "*" and token != narrows[place]:
            return False
    return len(wides) == len(narrows)


def merged(one: str, other: str) -> str:
    """The narrowest single pattern that covers both."""
    ones, others = one.split("."), other.split(".")
    tokens: list[str] = []
    for left, right in zip(ones, others, strict=False):
        if left == ">" or right == ">":
            return ".".join([*tokens, ">"])
        tokens.append(left if left == right else "*")
    if len(ones) != len(others):
        tokens[-1] = ">"
    return ".".join(tokens)


def incoming(plans: Iterable[Plan], *, foreign: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """The subjects of the events stream: the fixed ones and those that the plans' event triggers add.

    `foreign`: subjects of other streams of the same account. A trigger that needs one of them is refused alone, since
    JetStream would otherwise refuse the stream, and with it the events of all workflows.
    """
    taken = list(INCOMING)
    refusals: list[Refusal] = []
    for plan in plans:
        for trigger in listeners(plan):
            if any(covers(has, trigger.event) for has in taken):
                continue
            wanted, reason = _widen(taken, trigger.event, foreign)
            if reason:
                refusals.append(Refusal(workflow=plan.name, subject=trigger.event, reason=reason))
            else:
                taken = [has for has in taken if not covers(wanted, has)] + [wanted]
    return tuple(sorted(taken)), tuple(refusals)


def _widen(taken: Sequence[str], subject: str, foreign: Sequence[str]) -> tuple[str, str | None]:
    reason = subject_fault(subject)
    if reason:
        return subject, reason
    wanted = subject
    # Each merge may make the pattern collide with a further one; it only ever gets wider, so this ends.
    while clash := next((has for has in taken if collide(has, wanted) and not covers(wanted, has)), None):
        wanted = merged(clash, wanted)
    if (ours := overlapped(wanted)) is not None:
        return wanted, f"it overlaps {ours!r}, which this platform or NATS itself publishes; name it more narrowly"
    for theirs in foreign:
        if collide(wanted, theirs):
            return (
                wanted,
                f"it overlaps {theirs!r} of another JetStream stream; name another subject, or remove it there "
                "(`nats stream ls`)",
            )
    return wanted, None
