"""A plan -> what its deployment says in Prefect and in `prefect.yaml` alike: tags and schedules."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.plan import Plan, ScheduleTrigger


@dataclass(frozen=True, kw_only=True)
class PlannedSchedule:
    """A cron schedule."""

    cron: str
    timezone: str
    slug: str
    parameters: dict[str, str]
    """Of the runs that it starts."""


def tags(plan: Plan) -> list[str]:
    """Tags for the UI: project, and whether a person will be asked."""
    gated = any(node.gate is not None for node in plan.nodes)
    return [f"project:{plan.project_id}", *(["approval"] if gated else [])]


def planned_schedules(plan: Plan) -> list[PlannedSchedule]:
    """The plan's schedules. A slug names the place of a trigger, so that a change of one leaves the others alone."""
    return [
        PlannedSchedule(
            cron=each.cron,
            timezone=each.timezone,
            slug=f"schedule-{index}",
            parameters={"trigger": f"schedule:{each.cron}"},
        )
        for index, each in enumerate(plan.triggers)
        if isinstance(each, ScheduleTrigger)
    ]
