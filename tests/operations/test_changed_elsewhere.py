"""What becomes of a workflow that was changed in its file, by another way, or by both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.registration.builtin_agents import builtin_catalogue
from deployments.publishing.deploy_files import DeployableFiles, deployable_files
from operations.deploy import RecordsOnly, archive_workflow, deploy
from operations.second_person import Acting
from operations.workflow_text import rename_workflow, save_workflow_text
from records import Records

NOTE = """name: {name}
description: {words}
trigger: manual
nodes:
  - id: tell
    agent: notifier
    action: sendSlackAlert
    inputs: {{channel: "#a", message: hello}}
"""
CALLER = """name: caller
trigger: manual
nodes:
  - id: call
    workflow: note
"""


class Project:
    """A folder of workflow files, and what is deployed of them."""

    def __init__(self, records: Records, folder: Path) -> None:
        self.records = records
        self.folder = folder

    def write(self, words: str, *, name: str = "note", file: str = "note") -> None:
        (self.folder / f"{file}.yaml").write_text(NOTE.format(name=name, words=words))

    async def up(self, *, replace: bool = False) -> DeployableFiles:
        files = await deployable_files([self.folder], records=self.records, project_id=1, replace=replace)
        await deploy(
            files.compiled.plans,
            records=self.records,
            publisher=RecordsOnly(),
            project_id=1,
            sources=files.compiled.files,
            texts=files.compiled.texts,
        )
        return files

    async def in_console(self, words: str, *, name: str = "note") -> None:
        text = NOTE.format(name=name, words=words)
        ann = Acting(name="Ann", verified=True)
        await save_workflow_text(name, text, records=self.records, publisher=RecordsOnly(), project_id=1, by=ann)

    async def deployed(self, name: str = "note") -> str:
        newest = await self.records.newest_version(1, name)
        assert newest is not None
        assert newest.text is not None
        return newest.text.partition("description: ")[2].partition("\n")[0]

    async def statuses(self) -> dict[str, str]:
        return {each.name: each.status for each in await self.records.workflows(1)}


@pytest.fixture
async def project(migrated_url: str, tmp_path: Path) -> AsyncIterator[Project]:
    (tmp_path / "workflows").mkdir()
    async with await Records.open(f"sqlite:///{tmp_path}/records.db") as records:
        for spec in builtin_catalogue().agents.values():
            await records.register_agent(1, spec)
        project = Project(records, tmp_path / "workflows")
        project.write("first")
        await project.up()
        yield project


async def test_a_file_that_alone_has_changed_is_deployed(project: Project) -> None:
    project.write("second")
    assert (await project.up()).kept == ()
    assert await project.deployed() == "second"
    # Also back to what it said at the beginning.
    project.write("first")
    assert (await project.up()).kept == ()
    assert await project.deployed() == "first"


async def test_what_alone_was_changed_in_the_console_stays_and_one_sentence_says_so(project: Project) -> None:
    await project.in_console("of Ann")
    for _ in range(2):
        [kept] = (await project.up()).kept
        assert not kept.both
        assert "note stays as it is: version 2 was deployed by Ann on " in kept.kept
        assert "its file has not changed since it was deployed last" in kept.kept
        assert f"`commandcenter deploy --replace {project.folder / 'note.yaml'}`" in kept.kept
        assert await project.deployed() == "of Ann"


async def test_where_both_have_changed_a_person_chooses_and_nothing_is_lost(project: Project) -> None:
    await project.in_console("of Ann")
    project.write("second")
    [kept] = (await project.up()).kept
    assert kept.both
    assert "its file has changed as well" in kept.kept
    assert await project.deployed() == "of Ann"
    [replaced] = (await project.up(replace=True)).replaced
    assert "in place of another version: version 2 was deployed by Ann" in replaced.replaced
    assert await project.deployed() == "second"
    assert [each.saved_by for each in await project.records.workflow_versions(1, "note")] == [None, "Ann", None]
    # That is what the file said when it was deployed last.
    project.write("third")
    assert (await project.up()).kept == ()


async def test_a_file_that_has_caught_up_with_the_console_is_as_deployed(project: Project) -> None:
    await project.in_console("of Ann")
    project.write("of Ann")
    assert (await project.up()).kept == ()
    project.write("third")
    assert (await project.up()).kept == ()
    assert await project.deployed() == "third"


async def test_a_workflow_of_the_console_is_not_replaced_by_a_file_of_its_name(project: Project) -> None:
    await project.in_console("of Ann", name="other")
    project.write("of a file", name="other", file="other")
    [kept] = (await project.up()).kept
    assert (kept.workflow, kept.both) == ("other", True)
    assert await project.deployed("other") == "of Ann"


async def test_what_was_archived_or_renamed_by_hand_is_not_brought_back(project: Project) -> None:
    ann = Acting(name="Ann", verified=True)
    await rename_workflow("note", "new", records=project.records, publisher=RecordsOnly(), project_id=1, by=ann)
    [kept] = (await project.up()).kept
    assert "note stays as it is: it was archived on " in kept.kept
    assert await project.statuses() == {"note": "ARCHIVED", "new": "ACTIVE"}
    await archive_workflow("new", records=project.records, publisher=RecordsOnly(), project_id=1)
    await project.up(replace=True)
    assert await project.statuses() == {"note": "ACTIVE", "new": "ARCHIVED"}


async def test_a_file_that_got_another_name_archives_only_what_it_has_deployed(project: Project) -> None:
    project.write("first", name="renamed")
    assert (await project.up()).kept == ()
    assert await project.statuses() == {"note": "ARCHIVED", "renamed": "ACTIVE"}
    project.write("first")
    assert (await project.up()).kept == ()
    assert await project.statuses() == {"note": "ACTIVE", "renamed": "ARCHIVED"}
    await project.in_console("of Ann")
    project.write("first", name="renamed")
    [kept] = (await project.up()).kept
    assert (kept.workflow, kept.both) == ("renamed", True)
    assert await project.statuses() == {"note": "ACTIVE", "renamed": "ARCHIVED"}


async def test_a_caller_is_deployed_with_the_version_that_stays(project: Project) -> None:
    await project.in_console("of Ann")
    (project.folder / "caller.yaml").write_text(CALLER)
    files = await project.up()
    assert [each.workflow for each in files.kept] == ["note"]
    [caller] = files.compiled.plans
    newest = await project.records.newest_version(1, "note")
    assert newest is not None
    [call] = caller.nodes
    assert call.calls is not None
    assert call.calls.plan == newest.plan_digest
