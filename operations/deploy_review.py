"""What is deployed + what would be -> the changes in meaning, and whether a person must agree to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler import Change, changes
from compiler.plan import Plan
from records import Records


@dataclass(frozen=True, kw_only=True)
class DeployReview:
    """All changes of one deploy."""

    changes: tuple[Change, ...]
    waiting: tuple[str, ...]
    """Ids of runs that wait for a person; they go on with the plan they started with."""

    @property
    def dangerous(self) -> tuple[Change, ...]:
        """Gates removed or weakened, triggers trusted: a person must agree."""
        return tuple(each for each in self.changes if each.dangerous)


async def review(plans: Sequence[Plan], records: Records, *, project_id: int) -> DeployReview:
    """Compare the plans with those deployed. A workflow without a plan here is left alone, not removed."""
    deployed = {plan.name: plan for plan in await records.active_plans(project_id)}
    found = [change for plan in plans for change in changes(deployed.get(plan.name), plan)]
    changed = {change.workflow for change in found}
    waiting = await records.runs(project_id, status="WAITING_APPROVAL", limit=1_000)
    return DeployReview(
        changes=tuple(found), waiting=tuple(run.id for run in waiting if run.workflow_name in changed)
    )
