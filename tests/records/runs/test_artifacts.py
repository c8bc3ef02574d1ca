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
    with pytest.raises(PayloadRefused, match="no plain file name"):
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
