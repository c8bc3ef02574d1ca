"""Checked plans in; workflows on record and in Prefect, after a review that is the same on every channel, out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from compiler.plan import Plan, digest_of
from operations.deploy_review import NO_SOURCES, DeployReview, review
from operations.second_person import NOBODY, Acting, require_second_person
from records import NotFound, Records

log = logging.getLogger(__name__)

NO_EXPECTATIONS: Mapping[str, int] = MappingProxyType({})
"""Whatever the newest versions are."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """One workflow that is now in Prefect."""

    workflow: str
    deployment: str
    """`<workflow>/<project>` as `prefect deployment run` takes it."""
    digest: str
    entrypoint: str


class DeploymentPublisher(Protocol):
    """Prefect, as far as deploying needs it. Raises what its client raises."""

    async def publish(self, plan: Plan) -> Deployed:
        """Make or update the deployment; what people have paused stays paused."""
        ...

    async def retire(self, workflow: str, project_id: int) -> None:
        """Let the deployment start nothing any more; runs that wait can still go on."""
        ...


class RecordsOnly:
    """The publisher of a channel that leaves Prefect to others: `prefect deploy`, or an API beside no Prefect."""

    async def publish(self, plan: Plan) -> Deployed:
        """Nothing is made in Prefect."""
        return Deployed(workflow=plan.name, deployment="", digest=plan.digest, entrypoint="")

    async def retire(self, workflow: str, project_id: int) -> None:
        """Nothing is changed in Prefect."""


class AgreementMissing(Exception):
    """Less control or more trust than before, and nobody has agreed to that. Nothing was deployed."""

    def __init__(self, found: DeployReview) -> None:
        self.review = found
        what = "; ".join(f"{each.workflow}: {each.message}" for each in found.dangerous)
        super().__init__(f"nothing was deployed, as a person must agree: {what}")


async def deploy(
    plans: Sequence[Plan],
    *,
    records: Records,
    publisher: DeploymentPublisher,
    project_id: int,
    agreed_by: str | None = None,
    by: Acting = NOBODY,
    sources: Mapping[str, str] = NO_SOURCES,
    texts: Mapping[str, str] = NO_SOURCES,
    expected: Mapping[str, int] = NO_EXPECTATIONS,
) -> list[Deployed]:
    """Put the plans on record and into Prefect. Doing it again changes nothing.

    `texts`: the YAML of each plan, by the workflow's name, kept as a version that `by` saved. `expected`: the newest
    version that they know, by name; raises VersionConflict where it is another one.

    `sources`: the file of each plan, by the workflow's name; a workflow that was renamed in its file is archived under
    its old name, or both would run on each event.

    `agreed_by`: who agrees to gates being removed or weakened and to trust being added; None: nobody, so such a change
    raises AgreementMissing before anything is saved. `by`: who deploys; in production mode a second person must have
    confirmed such a change, or SecondPersonNeeded is raised before anything is saved. Raises NotFound for an agent that
    is not registered, also before.
    """
    found = await review(plans, records, project_id=project_id, sources=sources)
    if found.dangerous:
        if agreed_by is None:
            raise AgreementMissing(found)
        for change in found.dangerous:
            log.warning("%s agreed to a change of %r: %s", agreed_by, change.workflow, change.message)
    await _require_second_person(plans, found, by=by, records=records, project_id=project_id)
    await _require_agents(plans, records, project_id)
    for plan in plans:
        await records.save_workflow(
            plan,
            source=sources.get(plan.name),
            text=texts.get(plan.name),
            by=by.name or None,
            expected=expected.get(plan.name),
        )
    done = [await publisher.publish(plan) for plan in plans]
    for old in found.renamed.values():
        await archive_workflow(old, records=records, publisher=publisher, project_id=project_id)
    return done


async def _require_second_person(
    plans: Sequence[Plan], found: DeployReview, *, by: Acting, records: Records, project_id: int
) -> None:
    """Gates removed or weakened, trust added, and workflows that begin with gates that one person or nobody opens."""
    known = {plan.name for plan, _ in await records.current_plans(project_id)}
    deployed = {each.name for each in await records.workflows(project_id) if each.plan_digest is not None}
    reasons = [(each.workflow, each.message) for each in found.dangerous]
    reasons += [
        (plan.name, "what it was before cannot be told, as its row was changed in the database")
        for plan in plans
        if plan.name in deployed - known
    ]
    for plan in plans:
        if plan.name in known or plan.name in found.renamed:
            continue
        for node in plan.nodes:
            gate = node.gate
            if gate is None:
                continue
            if gate.trusted_triggers or gate.on_expiry == "approve":
                reasons.append((plan.name, f"the gate of {node.id!r} opens without a person"))
            elif gate.allow_self_approval:
                reasons.append((plan.name, f"who starts a run may open the gate of {node.id!r} alone"))
    if not reasons:
        return
    concerned = {name for name, _ in reasons}
    await require_second_person(
        "weaken-gates",
        digest=digest_of(sorted(plan.digest for plan in plans if plan.name in concerned)),
        summary="; ".join(f"{name}: {message}" for name, message in reasons),
        by=by,
        project_id=project_id,
        records=records,
    )


async def archive_workflow(
    name: str, *, records: Records, publisher: DeploymentPublisher, project_id: int
) -> None:
    """The workflow starts no more runs; what waits goes on. Raises NotFound."""
    if not await records.set_workflow_status(project_id, name, "ARCHIVED"):
        raise NotFound("the workflow", name, "list the workflows with `commandcenter workflows list`")
    await publisher.retire(name, project_id)


async def _require_agents(plans: Sequence[Plan], records: Records, project_id: int) -> None:
    known = (await records.catalogue(project_id)).agents
    given = {plan.digest for plan in plans}
    for plan in plans:
        for node in plan.nodes:
            if node.calls is not None:
                if node.calls.plan not in given:
                    await records.plan(node.calls.plan)
            elif node.agent not in known:
                hint = (
                    f"node {node.id!r} of {plan.name!r} needs it in project {plan.project_id}: register it first"
                )
                raise NotFound("the agent", node.agent, hint)
