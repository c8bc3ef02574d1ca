"""What the dashboards show: each panel's title, unit and PromQL expressions. `build.py` makes Grafana's JSON of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from observability.metrics.definitions import METRICS

Look = Literal["stat", "graph", "bars"]
Unit = Literal["short", "ms", "percentunit", "s", "decmbytes", "bytes"]

GAUGES = (
    "commandcenter_runs",
    "commandcenter_oldest_queued_run_seconds",
    "commandcenter_approvals_pending_all",
    "commandcenter_approvals_pending",
    "commandcenter_oldest_approval_seconds",
    "commandcenter_outbox_events",
    "commandcenter_outbox_oldest_seconds",
    "commandcenter_spans_waiting",
    "commandcenter_dead_letters_stored",
    "commandcenter_database_bytes",
    "commandcenter_slots",
    "commandcenter_workers_online",
    "commandcenter_worker_heartbeat_age_seconds",
    "commandcenter_part_log_errors",
    "commandcenter_nats_pending",
    "commandcenter_nats_in_hand",
    "commandcenter_nats_redelivered",
    "commandcenter_metrics_source_up",
)
"""Metrics of this moment; the counted ones are in `observability.metrics.definitions`."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One expression and what its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel."""

    title: str
    queries: tuple[Query, ...]
    look: Look = "graph"
    unit: Unit = "short"
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def metric_names() -> set[str]:
    """Every series name of the page."""
    counted: set[str] = {"agent_execution_total"}
    for metric in METRICS:
        parts = ("bucket", "sum", "count") if metric.buckets else ("total",)
        counted |= {f"{metric.name}_{part}" for part in parts}
    return counted | set(GAUGES)


def _quantile(share: str, metric: str, by: str) -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket[$__rate_interval])))"


def _mean(metric: str, by: str) -> str:
    window = "[$__rate_interval]"
    return f"sum by ({by}) (rate({metric}_sum{window})) / sum by ({by}) (rate({metric}_count{window}))"


def _top(metric: str, by: str) -> str:
    return f"topk(10, sum by ({by}) (increase({metric}[$__range])))"


_RUNS = "workflow_run_duration_ms_count"
_GOOD = f'sum by (workflow_name) (rate({_RUNS}{{status="SUCCESS"}}[$__rate_interval]))'
_BAD_AGENTS = 'sum by (agent_name) (rate(agent_execution_total{status="FAILED"}[$__rate_interval]))'

WORKFLOWS = Board(
    uid="commandcenter-workflows",
    title="CommandCenter: workflow overview",
    panels=(
        *(
            Panel(title=f"Runs in {span}", look="stat", queries=(Query(expr=f"sum(increase({_RUNS}[{span}]))"),))
            for span in ("24h", "7d", "30d")
        ),
        Panel(
            title="Success rate by workflow",
            unit="percentunit",
            queries=(
                Query(
                    expr=f"({_GOOD} or 0 * sum by (workflow_name) (rate({_RUNS}[$__rate_interval])))"
                    f" / sum by (workflow_name) (rate({_RUNS}[$__rate_interval]))",
                    legend="{{workflow_name}}",
                ),
            ),
        ),
        Panel(
            title="Average duration by workflow",
            unit="ms",
            queries=(Query(expr=_mean("workflow_run_duration_ms", "workflow_name"), legend="{{workflow_name}}"),),
        ),
        Panel(
            title="Most triggered workflows",
            look="bars",
            queries=(
                Query(expr=_top("commandcenter_runs_started_total", "workflow_name"), legend="{{workflow_name}}"),
            ),
        ),
        Panel(
            title="Open runs", queries=(Query(expr="sum by (status) (commandcenter_runs)", legend="{{status}}"),)
        ),
        Panel(
            title="Oldest queued run",
            unit="s",
            queries=(Query(expr="commandcenter_oldest_queued_run_seconds", legend="oldest"),),
        ),
    ),
)
AGENTS = Board(
    uid="commandcenter-agents",
    title="CommandCenter: agent performance",
    panels=(
        *(
            Panel(
                title=f"Execution time, {name}",
                unit="ms",
                queries=(
                    Query(
                        expr=_quantile(share, "agent_execution_duration_ms", "agent_name"), legend="{{agent_name}}"
                    ),
                ),
            )
            for name, share in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99"))
        ),
        Panel(
            title="Failure rate by agent",
            unit="percentunit",
            queries=(
                Query(
                    expr=f"({_BAD_AGENTS} or 0 * sum by (agent_name) (rate(agent_execution_total[$__rate_interval])))"
                    " / sum by (agent_name) (rate(agent_execution_total[$__rate_interval]))",
                    legend="{{agent_name}}",
                ),
            ),
        ),
        Panel(
            title="Memory of the largest process, p95",
            unit="decmbytes",
            queries=(
                Query(
                    expr=_quantile("0.95", "commandcenter_agent_memory_mb", "agent_name"), legend="{{agent_name}}"
                ),
            ),
        ),
        Panel(
            title="Processor time per execution",
            unit="ms",
            queries=(Query(expr=_mean("commandcenter_agent_cpu_ms", "agent_name"), legend="{{agent_name}}"),),
        ),
        Panel(
            title="Most used agents",
            look="bars",
            queries=(Query(expr=_top("agent_execution_total", "agent_name"), legend="{{agent_name}}"),),
        ),
    ),
)
APPROVALS = Board(
    uid="commandcenter-approvals",
    title="CommandCenter: approval metrics",
    panels=(
        Panel(
            title="Pending approvals", look="stat", queries=(Query(expr="commandcenter_approvals_pending_all"),)
        ),
        Panel(
            title="Oldest pending approval",
            look="stat",
            unit="s",
            queries=(Query(expr="commandcenter_oldest_approval_seconds"),),
        ),
        Panel(
            title="Average response time",
            unit="ms",
            queries=(Query(expr=_mean("approval_response_time_ms", "workflow_name"), legend="{{workflow_name}}"),),
        ),
        Panel(
            title="Approved and rejected",
            look="bars",
            queries=(
                Query(
                    expr="sum by (approved) (increase(approval_response_time_ms_count[$__range]))",
                    legend="approved: {{approved}}",
                ),
            ),
        ),
        Panel(
            title="Approval backlog",
            queries=(Query(expr="commandcenter_approvals_pending_all", legend="pending"),),
        ),
        Panel(
            title="From decision to the run going on, p95",
            unit="ms",
            queries=(
                Query(
                    expr="histogram_quantile(0.95, sum by (le) "
                    "(rate(commandcenter_decision_to_resume_ms_bucket[$__rate_interval])))",
                    legend="p95",
                ),
            ),
        ),
        Panel(
            title="How approvals were closed",
            look="bars",
            queries=(
                Query(
                    expr="sum by (closed_as) (increase(commandcenter_approvals_closed_total[$__range]))",
                    legend="{{closed_as}}",
                ),
            ),
        ),
    ),
)
EVENTS = Board(
    uid="commandcenter-events",
    title="CommandCenter: event triggers",
    panels=(
        Panel(
            title="Trigger frequency by event type",
            queries=(
                Query(
                    expr="sum by (event_type) (rate(commandcenter_runs_started_total[$__rate_interval]))",
                    legend="{{event_type}}",
                ),
            ),
        ),
        Panel(
            title="Trigger to completion, p95",
            unit="ms",
            queries=(
                Query(
                    expr=_quantile("0.95", "commandcenter_trigger_to_completion_ms", "workflow_name"),
                    legend="{{workflow_name}}",
                ),
            ),
        ),
        Panel(
            title="From event to run, p95",
            unit="ms",
            queries=(
                Query(
                    expr=_quantile("0.95", "commandcenter_event_to_run_ms", "workflow_name"),
                    legend="{{workflow_name}}",
                ),
            ),
        ),
        Panel(
            title="Failed triggers by reason",
            queries=(
                Query(
                    expr="sum by (reason) (rate(commandcenter_dead_letters_total[$__rate_interval]))",
                    legend="{{reason}}",
                ),
            ),
        ),
        Panel(
            title="Failed trigger rate",
            unit="percentunit",
            queries=(
                Query(
                    expr="sum(rate(commandcenter_dead_letters_total[$__rate_interval])) / "
                    "(sum(rate(commandcenter_dead_letters_total[$__rate_interval])) + "
                    "sum(rate(commandcenter_runs_started_total[$__rate_interval])))",
                    legend="failed",
                ),
            ),
        ),
        Panel(
            title="Events in NATS",
            queries=(
                Query(expr="commandcenter_nats_pending", legend="waiting"),
                Query(expr="commandcenter_nats_in_hand", legend="in hand"),
                Query(expr="commandcenter_nats_redelivered", legend="redelivered"),
            ),
        ),
        Panel(
            title="Oldest unpublished event",
            unit="s",
            queries=(Query(expr="commandcenter_outbox_oldest_seconds", legend="oldest"),),
        ),
    ),
)
BOARDS: Sequence[Board] = (WORKFLOWS, AGENTS, APPROVALS, EVENTS)
