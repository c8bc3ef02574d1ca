"""Every metric that is counted on record: its name, labels and buckets. `docs/reference/metrics.md` lists them.

Labels are bounded: names of deployed workflows and registered agents, and values of closed lists. What an event or an
agent says is never a label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A counter, or with `buckets` a histogram."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[int, ...] = ()
    """Upper bounds, ascending; one more bucket without a bound follows."""

    def bucket_of(self, value: int) -> int:
        """Number of the bucket that a value falls into."""
        return bisect_left(self.buckets, value)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Something to count: once, or `count` times."""

    metric: Metric
    labels: tuple[str, ...] = ()
    value: int = 0
    """In the unit of a histogram's name; unused for a counter."""
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Example:
    """One of the values in a bucket, and the trace of the run that it comes from."""

    trace_id: str
    value: int
    at: float
    """Seconds since 1970, UTC."""


@dataclass(frozen=True, kw_only=True)
class Total:
    """What one bucket of one metric with these labels has counted."""

    metric: str
    labels: tuple[str, ...]
    bucket: int
    count: int
    sum: int
    example: Example | None = None
    """The newest one, where runs are traced."""


_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_AGENT_MS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, _MINUTE, 5 * _MINUTE, 30 * _MINUTE)
_RUN_MS = (*_AGENT_MS[3:], _HOUR, 6 * _HOUR, _DAY, 7 * _DAY)
_PERSON_MS = (
    _SECOND,
    5 * _SECOND,
    15 * _SECOND,
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    _HOUR,
    4 * _HOUR,
    12 * _HOUR,
    _DAY,
    3 * _DAY,
    7 * _DAY,
)
_MEMORY_MB = (16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096)

# The four of the design document, by its names and labels. `agent_execution_total` is the count of the first one.
AGENT_DURATION = Metric(
    name="agent_execution_duration_ms",
    help="Agent execution time in milliseconds",
    labels=("agent_name", "status"),
    buckets=_AGENT_MS,
)
RUN_DURATION = Metric(
    name="workflow_run_duration_ms",
    help="Workflow run time in milliseconds",
    labels=("workflow_name", "status"),
    buckets=_RUN_MS,
)
APPROVAL_RESPONSE = Metric(
    name="approval_response_time_ms",
    help="Time from approval request to response",
    labels=("workflow_name", "approved"),
    buckets=_PERSON_MS,
)
# What operators need besides.
RUNS_STARTED = Metric(
    name="commandcenter_runs_started",
    help="Runs begun, by workflow and what triggered them: a pattern of the workflow, schedule or manual",
    labels=("workflow_name", "event_type"),
)
EVENT_TO_RUN = Metric(
    name="commandcenter_event_to_run_ms",
    help="Time from an event's arrival in NATS to the run it started",
    labels=("workflow_name",),
    buckets=_AGENT_MS,
)
TRIGGER_TO_COMPLETION = Metric(
    name="commandcenter_trigger_to_completion_ms",
    help="Time from an event's arrival in NATS to the end of its run",
    labels=("workflow_name", "status"),
    buckets=_RUN_MS,
)
DECISION_TO_RESUME = Metric(
    name="commandcenter_decision_to_resume_ms",
    help="Time from the last decision to the run going on",
    labels=(),
    buckets=_AGENT_MS,
)
APPROVALS_CLOSED = Metric(
    name="commandcenter_approvals_closed",
    help="Approvals closed, by how: decided by a person, expired, policy, superseded, run-ended",
    labels=("workflow_name", "closed_as"),
)
DEAD_LETTERS = Metric(
    name="commandcenter_dead_letters",
    help="Events given up, by reason",
    labels=("reason",),
)
AGENT_FAILURES = Metric(
    name="commandcenter_agent_failures",
    help="Failed executions by kind of failure, such as sandbox-unavailable, timeout or worker-lost",
    labels=("agent_name", "kind"),
)
JAIL_DENIALS = Metric(
    name="commandcenter_jail_denials",
    help="Connections that the jail refused its agents",
    labels=("agent_name",),
)
AGENT_MEMORY = Metric(
    name="commandcenter_agent_memory_mb",
    help="Memory that an execution's largest process used, in MiB",
    labels=("agent_name",),
    buckets=_MEMORY_MB,
)
AGENT_CPU = Metric(
    name="commandcenter_agent_cpu_ms",
    help="Processor time that an execution used",
    labels=("agent_name",),
    buckets=_AGENT_MS,
)
MODEL_CALLS = Metric(
    name="commandcenter_model_calls",
    help="Calls of models, as agents tell them",
    labels=("agent_name",),
)
MODEL_TOKENS = Metric(
    name="commandcenter_model_tokens",
    help="Tokens of models' calls, by direction: input, output",
    labels=("agent_name", "direction"),
)
MODEL_COST = Metric(
    name="commandcenter_model_cost_microdollars",
    help="Cost of models' calls in millionths of a US dollar, where the prices are set",
    labels=("agent_name",),
)
ENVIRONMENT_BUILD = Metric(
    name="commandcenter_environment_build_ms",
    help="Time to make an agent's environment, by outcome: made, refused, unavailable",
    labels=("outcome",),
    buckets=_AGENT_MS[6:],
)

METRICS: Sequence[Metric] = (
    AGENT_DURATION,
    RUN_DURATION,
    APPROVAL_RESPONSE,
    RUNS_STARTED,
    EVENT_TO_RUN,
    TRIGGER_TO_COMPLETION,
    DECISION_TO_RESUME,
    APPROVALS_CLOSED,
    DEAD_LETTERS,
    AGENT_FAILURES,
    JAIL_DENIALS,
    AGENT_MEMORY,
    AGENT_CPU,
    MODEL_CALLS,
    MODEL_TOKENS,
    MODEL_COST,
    ENVIRONMENT_BUILD,
)

DEAD_LETTER_REASONS = ("not-an-event", "no-workflow", "not-deployed", "refused", "error")
"""The closed list for the label `reason`."""
