"""What is deployed + what would be -> the changes in meaning, and whether a person must agree to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from compiler import ReviewedChange, changes
from compiler.plan import Plan
from records import Records
from records.catalogue.workflow import Workflow

_SHARED_PARTS = 3
"""`/home/ada`, `/srv/x`: what lies below a folder of no more parts need not belong together."""
NO_SOURCES: Mapping[str, str] = MappingProxyType({})
"""Plans that came from no file."""


@dataclass(frozen=True, kw_only=True)
class DeployReview:
    """All changes of one deploy."""

    changes: tuple[ReviewedChange, ...]
    renamed: Mapping[str, str]
    """New name of a workflow -> the name under which its file was deployed before."""
    waiting: tuple[str, ...]
    """Ids of runs that wait for a person; they go on with the plan they started with."""

    @property
    def dangerous(self) -> tuple[ReviewedChange, ...]:
        """Gates removed or weakened, triggers trusted: a person must agree."""
        return tuple(each for each in self.changes if each.dangerous)


async def review(
    plans: Sequence[Plan], records: Records, *, project_id: int, sources: Mapping[str, str] = NO_SOURCES
) -> DeployReview:
    """Compare the plans with those deployed. A workflow without a plan here is left alone, not removed.

    One that is archived, or whose text switched it off, is compared with as well: a gate does not get lost by archiving
    its workflow first.

    `sources`: the file of each plan, by the workflow's name. A deployed workflow whose file now holds another one was
    renamed: the new one is compared with it, so that a gate does not get lost under a new name.
    """
    current = await records.current_plans(project_id)
    deployed = {plan.name: plan for plan, status in current if status == "ACTIVE"}
    resting = {plan.name: plan for plan, status in current if status != "ACTIVE"}
    renamed = await renamed_files(plans, records, project_id=project_id, sources=sources)
    found: list[ReviewedChange] = []
    names = {plan.name for plan in plans}
    for plan in plans:
        old = renamed.get(plan.name)
        before = deployed.get(plan.name) or (None if old is None else deployed.get(old)) or resting.get(plan.name)
        changed = changes(before, plan)
        if old is None and plan.name in resting and plan.status == "ACTIVE":
            message = "it starts runs again; below is what differs from the version that was switched off"
            found.append(ReviewedChange("workflow-changed", plan.name, "", message))
        found += changed
        if changed:
            found += _callers(plan, [each for each in deployed.values() if each.name not in names])
        if old is not None:
            message = (
                f"its file now holds {plan.name!r}: it is archived and starts no more runs; those that wait go on"
            )
            found.append(ReviewedChange("workflow-removed", old, "", message))
    left = deployed.keys() - names - set(renamed.values())
    found += _without_file(await records.workflows(project_id), left, sources)
    changed = {change.workflow for change in found}
    waiting = await records.runs(project_id, status="WAITING_APPROVAL", limit=1_000)
    return DeployReview(
        changes=tuple(found),
        renamed=renamed,
        waiting=tuple(run.id for run in waiting if run.workflow_name in changed),
    )


def _callers(plan: Plan, deployed: Sequence[Plan]) -> list[ReviewedChange]:
    """Workflows that call this one and go on with the version that they were checked with."""
    return [
        ReviewedChange(
            "workflow-changed",
            caller.name,
            node.id,
            f"its node {node.id!r} goes on to run the version of {plan.name!r} that it was deployed with; "
            "deploy it as well to run this one",
        )
        for caller in deployed
        for node in caller.nodes
        if node.calls is not None and node.calls.workflow == plan.name and node.calls.plan != plan.digest
    ]


def _without_file(
    workflows: Sequence[Workflow], left: Set[str], sources: Mapping[str, str]
) -> list[ReviewedChange]:
    """Workflows whose file was near one of `sources` and is gone: nothing else would tell that they go on.

    One that was moved to another folder and renamed at once is so told apart from a new one. Of folders that have
    nothing to do with those of `sources` nothing is said: they may be another machine's.
    """
    known = [Path(file) for file in sources.values()]
    return [
        ReviewedChange(
            "workflow-changed",
            each.name,
            "",
            f"its file {each.source!r} is gone, and it still starts runs; "
            f"`commandcenter workflows archive {each.name}` ends that",
        )
        for each in workflows
        if each.name in left and each.source
        if not Path(each.source).exists() and _is_near(Path(each.source), known)
    ]


def _is_near(gone: Path, known: Sequence[Path]) -> bool:
    """Whether another file is beside the one that is gone, in its repository, or in a folder beside its own."""
    left = next(each for each in gone.parents if each.is_dir())
    if any(each.parent == gone.parent for each in known):
        return True
    top = next((each for each in (left, *left.parents) if (each / ".git").exists()), None)
    common = top or (left.parent if left == gone.parent else left)
    return (top is not None or len(common.parts) > _SHARED_PARTS) and any(common in each.parents for each in known)


async def renamed_files(
    plans: Sequence[Plan], records: Records, *, project_id: int, sources: Mapping[str, str]
) -> dict[str, str]:
    """Name of a workflow -> the name under which its file (in `sources`) was deployed before, where it is another."""
    names = {plan.name for plan in plans}
    by_file = {
        workflow.source: workflow.name
        for workflow in await records.workflows(project_id)
        if workflow.source and workflow.status == "ACTIVE" and workflow.name not in names
    }
    return {name: by_file[file] for name, file in sources.items() if file in by_file}
