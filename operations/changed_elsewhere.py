"""Workflow files + what is deployed -> the workflows that were changed elsewhere since their file was deployed last.

A workflow can be deployed from a file and in the console. Each deployment from a file notes what the file said. So
three texts are compared: the file's, the deployed one, and the one that was noted. Where only the file has changed, it
is deployed. Where only what is deployed has changed, that stays. Where both have, that stays as well, and a person has
to choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compiler.plan import Plan, digest_of
from operations.deploy_review import NO_SOURCES, renamed_files
from records import Records, WorkflowVersion
from records.catalogue.workflow import Workflow
from records.errors import RowForged
from tasks.safe_text import safe_text


@dataclass(frozen=True, kw_only=True)
class ChangedElsewhere:
    """A workflow whose file would replace what somebody has changed by another way."""

    workflow: str
    """Its name in the file."""
    file: str
    deployed: str
    """What is deployed, as part of a sentence: the version, who deployed it and when."""
    both: bool
    """Whether the file has changed as well."""

    @property
    def kept(self) -> str:
        """One sentence: what stays, why, and how to deploy the file all the same."""
        why = (
            "its file has changed as well" if self.both else "its file has not changed since it was deployed last"
        )
        return (
            f"{self.workflow} stays as it is: {self.deployed}; {why}. `commandcenter deploy --replace {self.file}` "
            "deploys the file instead, and keeps the earlier versions"
        )

    @property
    def replaced(self) -> str:
        """One sentence: what the file has taken the place of."""
        return f"{self.workflow} is deployed from its file in place of another version: {self.deployed}"


async def changed_elsewhere(
    plans: Sequence[Plan],
    texts: Mapping[str, str],
    *,
    records: Records,
    project_id: int,
    sources: Mapping[str, str] = NO_SOURCES,
) -> list[ChangedElsewhere]:
    """Those of the plans that must not be deployed unless a person says so.

    `texts`, `sources`: the YAML and the file of each, by the workflow's name.
    """
    known = {each.name: each for each in await records.workflows(project_id)}
    renamed = await renamed_files(plans, records, project_id=project_id, sources=sources)
    found: list[ChangedElsewhere] = []
    for plan in plans:
        # A file that holds another name now archives the workflow of the old one.
        before = known.get(renamed.get(plan.name, plan.name))
        newest = None if before is None else await records.newest_version(project_id, before.name)
        if before is None or newest is None or newest.text is None:
            continue
        noted = before.file_digest or _noted_by_older_platforms(newest)
        archived = plan.status != "ARCHIVED" and await _archived_by_hand(before, newest, records)
        same = newest.text == texts[plan.name] or digest_of(newest.text) == noted
        if same and not archived:
            continue
        found.append(
            ChangedElsewhere(
                workflow=plan.name,
                file=sources.get(plan.name, plan.name),
                deployed=_described(before, newest, archived=archived),
                both=digest_of(texts[plan.name]) != noted,
            )
        )
    return found


def _noted_by_older_platforms(newest: WorkflowVersion) -> str | None:
    """They noted nothing; but what nobody is named for came from a file, by `commandcenter up`."""
    return digest_of(newest.text) if newest.saved_by is None else None


async def _archived_by_hand(workflow: Workflow, newest: WorkflowVersion, records: Records) -> bool:
    """Whether it is archived although what was deployed last says otherwise."""
    if workflow.status != "ARCHIVED":
        return False
    try:
        return (await records.plan(newest.plan_digest)).status != "ARCHIVED"
    except RowForged:
        # To deploy it again is what mends it.
        return False


def _described(workflow: Workflow, newest: WorkflowVersion, *, archived: bool) -> str:
    if archived:
        return f"it was archived on {workflow.updated_at:%Y-%m-%d %H:%M} UTC"
    by = f" by {safe_text(newest.saved_by, limit=200)}" if newest.saved_by else ""
    return f"version {newest.number} was deployed{by} on {newest.saved_at:%Y-%m-%d %H:%M} UTC"
