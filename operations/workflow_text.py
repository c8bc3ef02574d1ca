"""A workflow's text in; the text saved as a new version under an ETag, renamed, or kept as a draft, out."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from compiler import Diagnostic, Source, compile
from compiler.diagnostics.diagnostic import DiagnosticList
from compiler.language.composer import compose
from compiler.language.document import Mapping, Scalar
from compiler.plan import Plan
from operations.compile_source import WorkflowMistakes
from operations.deploy import DeploymentPublisher, archive_workflow, deploy
from operations.known_workflows import known_catalogue
from operations.second_person import Acting
from records import NotFound, Records, WorkflowDraft, WorkflowVersion


class WrongWorkflow(ValueError):
    """The text holds another workflow than the address names."""


class WrongProject(ValueError):
    """The text is for another project."""


class EtagMismatch(ValueError):
    """Somebody has saved another version since the writer read it."""

    def __init__(self, current: WorkflowVersion | None) -> None:
        self.current = current
        now = "there is no such workflow" if current is None else f"version {current.number} is the newest"
        super().__init__(f"the workflow changed since you read it ({now}): look at it and save again")


class DraftChanged(ValueError):
    """Somebody has written another draft since the writer read it."""

    def __init__(self, current: WorkflowDraft) -> None:
        self.current = current
        super().__init__(
            f"{current.updated_by} has changed the draft since you read it: look at it and save again"
        )


@dataclass(frozen=True, kw_only=True)
class SavedWorkflow:
    """A text that compiled and is the newest version now."""

    plan: Plan
    warnings: tuple[Diagnostic, ...]
    etag: str


def etag_of(version: WorkflowVersion | None) -> str:
    """Changes with each version; the one of a workflow that is not there is `"0"`."""
    if version is None:
        return '"0"'
    said = hashlib.sha256(f"{version.plan_digest}\n{version.text}".encode()).hexdigest()
    return f'"{version.number}-{said[:16]}"'


def draft_etag_of(text: str | None) -> str:
    """Of a draft with that text; `"0"` where there is no draft."""
    return '"0"' if text is None else f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


async def save_workflow_text(
    name: str,
    text: str,
    *,
    records: Records,
    publisher: DeploymentPublisher,
    project_id: int,
    by: Acting,
    agreed_by: str | None = None,
    if_match: str | None = None,
) -> SavedWorkflow:
    """Compile and deploy. `if_match`: the ETag that the writer has read; `"0"` for a workflow that must be new.

    Raises WorkflowMistakes, WrongWorkflow, WrongProject, EtagMismatch, VersionConflict, and what `deploy` raises.
    """
    catalogue = await known_catalogue(records, project_id)
    source = Source(text=text, path=f"{name}.yaml")
    compiled = await asyncio.to_thread(compile, source, catalogue, project_id=project_id)
    plan = compiled.plan
    if plan is None:
        raise WorkflowMistakes(compiled.diagnostics)
    if plan.name != name:
        raise WrongWorkflow(f"the file's workflow is {plan.name!r}, the address names {name!r}")
    if plan.project_id != project_id:
        raise WrongProject(f"the file is for project {plan.project_id}, your token for {project_id}")
    before = await records.newest_version(project_id, name)
    if if_match is not None and if_match not in (etag_of(before), "*" if before is not None else ""):
        raise EtagMismatch(before)
    expected = {} if if_match is None else {name: 0 if before is None else before.number}
    await deploy(
        [plan],
        records=records,
        publisher=publisher,
        project_id=project_id,
        agreed_by=agreed_by,
        texts={name: text},
        by=by,
        expected=expected,
    )
    draft = await _draft(name, records=records, project_id=project_id)
    # What somebody else is writing stays.
    if draft is not None and (draft.text == text or draft.updated_by == by.name):
        await records.delete_draft(project_id, name)
    after = await records.newest_version(project_id, name)
    return SavedWorkflow(plan=plan, warnings=compiled.diagnostics, etag=etag_of(after))


async def rename_workflow(
    name: str, new: str, *, records: Records, publisher: DeploymentPublisher, project_id: int, by: Acting
) -> SavedWorkflow:
    """Save the text under another name and archive the old one; runs that wait go on. Gates stay as they are.

    Raises NotFound where no text is on record or the new name is taken, WorkflowMistakes for a name that is none.
    """
    before = await records.newest_version(project_id, name)
    if before is None or before.text is None:
        raise NotFound("the text of the workflow", name, "save it first: only its plan is on record")
    if any(each.name == new and each.status == "ACTIVE" for each in await records.workflows(project_id)):
        raise WrongWorkflow(f"project {project_id} has a workflow {new!r} already: archive it first")
    text = _renamed(before.text, new)
    saved = await save_workflow_text(new, text, records=records, publisher=publisher, project_id=project_id, by=by)
    await archive_workflow(name, records=records, publisher=publisher, project_id=project_id)
    return saved


async def save_draft(
    name: str,
    text: str,
    *,
    records: Records,
    project_id: int,
    by: str,
    base_etag: str | None = None,
    if_match: str | None = None,
) -> None:
    """Keep a text that need not compile, instead of the draft before.

    `if_match`: the ETag of the draft that the writer has read, `"0"` for none; raises DraftChanged, or VersionConflict,
    where it is another one now. None: whatever it is.
    """
    seen = None
    if if_match is not None:
        seen = await _unchanged(name, if_match, records=records, project_id=project_id)
    await records.save_draft(project_id, name, text, by=by, base_etag=base_etag, seen=seen)


async def discard_draft(name: str, *, records: Records, project_id: int, if_match: str | None = None) -> None:
    """Forget the draft. Raises NotFound, and DraftChanged as `save_draft` does."""
    if if_match is not None:
        await _unchanged(name, if_match, records=records, project_id=project_id)
    if not await records.delete_draft(project_id, name):
        raise NotFound("the draft", name, "the project has none of that name")


async def _unchanged(name: str, if_match: str, *, records: Records, project_id: int) -> str:
    """The text of the draft, which is the one that was read; empty where there is none, so that nothing can be lost."""
    draft = await _draft(name, records=records, project_id=project_id)
    if draft is None:
        return ""
    if draft_etag_of(draft.text) != if_match:
        raise DraftChanged(draft)
    return draft.text


async def _draft(name: str, *, records: Records, project_id: int) -> WorkflowDraft | None:
    try:
        return await records.draft(project_id, name)
    except NotFound:
        return None


def _renamed(text: str, new: str) -> str:
    """The text with another `name`; every other character stays."""
    document = compose(Source(text=text), DiagnosticList("<text>"))
    root = document.root if document is not None else None
    name = root.entries.get("name") if isinstance(root, Mapping) else None
    if not isinstance(name, Scalar) or name.span.line != name.span.end_line:
        raise WrongWorkflow("the text has no `name` on a line of its own to be changed")
    lines = text.split("\n")
    line, start, end = lines[name.span.line - 1], name.span.column - 1, name.span.end_column - 1
    lines[name.span.line - 1] = line[:start] + new + line[end:]
    return "\n".join(lines)
