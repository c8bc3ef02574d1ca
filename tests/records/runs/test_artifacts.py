"""An artifact is found by what it is, and only by who may."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import update

from records import NotFound, PayloadRefused, Records
from records.tables import ARTIFACT


async def test_saved_bytes_come_back_by_their_reference(run_id: str, records: Records) -> None:
    content = bytes(range(256)) * 10
    ref = await records.save_artifact(content, "report.pdf", "application/pdf", run_id)
    assert ref == f"artifact:{hashlib.sha256(content).hexdigest()}/report.pdf"
    assert await records.save_artifact(content, "report.pdf", "application/pdf", run_id) == ref
    assert await records.artifact(ref) == content


async def test_an_artifact_of_one_project_does_not_exist_for_another(run_id: str, records: Records) -> None:
    ref = await records.save_artifact(b"secret", "a.txt", "text/plain", run_id)
    assert await records.artifact(ref, project_id=1) == b"secret"
    with pytest.raises(NotFound, match="by another project"):
        await records.artifact(ref, project_id=2)


@pytest.mark.parametrize(
    "ref", ["", "artifact:abc/x", "artifact:" + "0" * 64, "artifact:" + "0" * 64 + "/a/b", "/etc/passwd"]
)
async def test_a_malformed_reference_is_told_from_a_missing_one(records: Records, ref: str) -> None:
    with pytest.raises(NotFound, match="a reference reads"):
        await records.artifact(ref)
    with pytest.raises(NotFound, match="never saved"):
        await records.artifact("artifact:" + "0" * 64 + "/x")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\nb", "a\0", "x" * 256])
async def test_a_name_that_is_no_file_name_is_refused(records: Records, name: str) -> None:
    with pytest.raises(PayloadRefused, match="not a plain file name"):
        await records.save_artifact(b"", name, "text/plain")


async def test_an_artifact_that_is_too_large_is_refused(records: Records, monkeypatch: Any) -> None:
    monkeypatch.setattr("records.runs.artifacts.MAX_ARTIFACT_BYTES", 10)
    with pytest.raises(PayloadRefused, match="has 11 bytes, at most 10"):
        await records.save_artifact(b"x" * 11, "a", "text/plain")


async def test_bytes_changed_in_the_database_are_noticed(records: Records) -> None:
    ref = await records.save_artifact(b"good", "a", "text/plain")
    async with records._db.write() as connection:
        await connection.execute(update(ARTIFACT).values(content=b"evil"))
    with pytest.raises(PayloadRefused, match="not those that were saved"):
        await records.artifact(ref)


async def test_the_artifacts_of_a_run_are_listed_without_their_bytes_and_read_one_by_one(
    begin: Any, records: Records
) -> None:
    mine, other = await begin(flow_run_id="a"), await begin(flow_run_id="b")
    ref = await records.save_artifact(b"%PDF", "report.pdf", "application/pdf", mine)
    await records.save_artifact(b"x", "notes.txt", "text/plain", mine)
    await records.save_artifact(b"%PDF", "report.pdf", "application/pdf", other)
    found = await records.artifacts(mine)
    assert sorted((each.name, each.size, each.media_type) for each in found) == [
        ("notes.txt", 1, "text/plain"),
        ("report.pdf", 4, "application/pdf"),
    ]
    report = next(each for each in found if each.name == "report.pdf")
    assert report.ref == ref
    assert await records.artifact_content(report.id) == b"%PDF"
    with pytest.raises(NotFound, match="commandcenter artifacts"):
        await records.artifact_content("nothing")
