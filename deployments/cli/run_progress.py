"""One run on record -> what a terminal shows of it: each node, its state and its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from compiler.plan import Plan
from operations.run_detail import RunDetail
from tasks.safe_text import safe_text

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
        action=node.action,
        state=state,
        seconds=seconds,
        note=(ended.reason or "") if ended is not None else ("waits for a person" if gate is not None else ""),
    )


def run_panel(title: str, *, link: str, views: list[NodeView]) -> RenderableType:
    """The whole run as one block, drawn anew on each change; fits 80 columns, notes stand below the table.

    The link stands below the frame, on a line of its own: one that is broken, or has a frame in it, cannot be opened.
    """
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for label in ("node", "action", "state"):
        table.add_column(label, no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for view in views:
        mark, style = _LOOKS[view.state]
        table.add_row(
            view.node_id,
            view.action,
            Text(f"{mark} {view.state}", style=style),
            "" if view.seconds is None else f"{view.seconds:.2f} s",
        )
    notes = [
        Text(f"{each.node_id}: {safe_text(each.note, limit=300)}", style="dim") for each in views if each.note
    ]
    below = [Text(), *notes] if notes else []
    panel = Panel(Group(table, *below), title=Text(safe_text(title, limit=120)))
    return Group(panel, Text("Prefect UI:", style="dim"), Text(link, style="cyan"))
