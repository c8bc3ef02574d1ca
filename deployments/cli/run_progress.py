"""One run on record -> what a terminal shows of it: each node, its state and its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from compiler.plan import Plan
from operations.run_detail import RunDetail
from tasks.card import in_reading_order
from tasks.safe_text import inert_json, safe_text

_LOOKS = {
    "PENDING": ("○", "dim"),
    "RUNNING": ("◐", "yellow"),
    "WAITING_APPROVAL": ("◆", "blue"),
    "SUCCESS": ("●", "green"),
    "FAILED": ("✗", "red"),
    "REJECTED": ("✗", "red"),
    "SKIPPED": ("-", "dim"),
}


@dataclass(frozen=True, kw_only=True)
class NodeView:
    """One node as the terminal shows it."""

    node_id: str
    action: str
    state: str
    seconds: float | None
    note: str


def node_views(plan: Plan, detail: RunDetail) -> list[NodeView]:
    """A line for each node of the plan, in plan order."""
    return [_view(plan, node_id=node.id, detail=detail) for node in plan.nodes]


def _view(plan: Plan, *, node_id: str, detail: RunDetail) -> NodeView:
    node = plan.node(node_id)
    runs = [each for each in detail.agent_runs if each.node_id == node_id]
    ended = detail.nodes.get((node_id, None))
    gate = next((each for each in detail.approvals if each.node_id == node_id and each.status == "PENDING"), None)
    state = "PENDING"
    if ended is not None:
        state = ended.status
    elif runs and runs[-1].status == "RUNNING":
        state = "RUNNING"
    elif gate is not None:
        state = "WAITING_APPROVAL"
    seconds = None
    if runs:
        last = runs[-1].finished_at or datetime.now(UTC)
        seconds = max(0.0, (last - runs[0].started_at).total_seconds())
    return NodeView(
        node_id=node_id,
        action=f"{node.agent}.{node.action}",
        state=state,
        seconds=seconds,
        note=(ended.reason or "") if ended is not None else ("waits for a person" if gate is not None else ""),
    )


def run_panel(title: str, *, link: str, views: list[NodeView]) -> RenderableType:
    """The whole run as one block, drawn anew on each change."""
    table = Table(show_header=True, show_edge=False, pad_edge=False, expand=True)
    table.add_column("node", no_wrap=True)
    table.add_column("agent.action", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("", ratio=1, overflow="fold")
    for view in views:
        mark, style = _LOOKS[view.state]
        table.add_row(
            view.node_id,
            view.action,
            Text(f"{mark} {view.state}", style=style),
            "" if view.seconds is None else f"{view.seconds:.2f} s",
            Text(safe_text(view.note, limit=300), style="dim"),
        )
    return Panel(
        Group(table, Text(f"\nPrefect UI: {link}", style="cyan")), title=Text(safe_text(title, limit=120))
    )


def approval_panel(card: Mapping[str, object]) -> RenderableType:
    """An approval's card: what will run, exactly, with everything from outside inert."""
    facts = Table(show_header=False, show_edge=False, pad_edge=False, box=None)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for label, key in (
        ("Node", "node"),
        ("Agent", "agent"),
        ("Version", "agentVersion"),
        ("Action", "action"),
        ("What it does", "description"),
        ("Risk", "risk"),
        ("Network", "network"),
        ("Secrets", "secrets"),
        ("Deadline", "deadline"),
        ("Digest", "digest"),
    ):
        value = card.get(key)
        text = (", ".join(map(str, value)) if isinstance(value, list) else str(value or "")) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        facts.add_row(label, Text(safe_text(text, limit=400)))
    for name, what in _entries(card, "bindings"):
        facts.add_row("Taken at", Text(safe_text(f"{name}: {what}", limit=400)))
    parts: list[RenderableType] = [
        facts,
        Text("\nInputs, exactly as they will be used:", style="bold"),
        Text(inert_json(in_reading_order(card.get("inputs")), limit=8_000)),
    ]
    for name, value in _entries(card, "upstream"):
        parts += [
            Text(safe_text(f"\nWhat {name} found:", limit=200), style="bold"),
            Text(inert_json(value, limit=1_500)),
        ]
    return Panel(Group(*parts), title="APPROVAL REQUIRED", border_style="yellow")


def _entries(card: Mapping[str, object], key: str) -> list[tuple[str, object]]:
    found = card.get(key)
    return list(cast("dict[str, object]", found).items()) if isinstance(found, dict) else []
