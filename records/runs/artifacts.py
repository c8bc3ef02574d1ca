"""Files that agents saved <-> references `artifact:<sha256>/<name>`, which outputs carry."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select

from records.database.ids import new_id
from records.database.payload import MAX_ARTIFACT_BYTES
from records.database.read_row import read_row
from records.database.store import Store, first, insert_new, rows
from records.errors import NotFound, PayloadRefused
from records.runs.fencing import read_run
from records.tables import ARTIFACT
from reliability.shielded import shielded

_REF = re.compile(r"artifact:([0-9a-f]{64})/([^/\x00-\x1f]{1,255})")


@dataclass(frozen=True, kw_only=True)
class RecordedArtifact:
    """One row of Artifact, without its bytes."""

    id: str
    run_id: str | None
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime

    @property
    def ref(self) -> str:
        """The reference that outputs carry."""
        return f"artifact:{self.sha256}/{self.name}"


class ArtifactStore(Store):
    """The bytes, once per run and name, found by what they are."""

    @shielded
    async def artifacts(self, run_id: str) -> list[RecordedArtifact]:
        """What the agents of a run saved, oldest first; without the bytes."""
        columns = [each for each in ARTIFACT.c if each.name != "content"]
        mine = select(*columns).where(ARTIFACT.c.workflowRunId == run_id)
        async with self._db.read() as connection:
            found = await rows(connection, mine.order_by(ARTIFACT.c.createdAt, ARTIFACT.c.id))
        return [_artifact(row) for row in found]

    @shielded
    async def artifact_content(self, artifact_id: str) -> bytes:
        """The bytes of one artifact. Raises NotFound, and PayloadRefused where they are not those that were saved."""
        async with self._db.read() as connection:
            row = await first(connection, select(ARTIFACT).where(ARTIFACT.c.id == artifact_id))
        if row is None:
            raise NotFound("the artifact", artifact_id, "list them with `commandcenter artifacts RUN`")
        return _content(row, sha256=row["sha256"], what=_artifact(row).ref)

    @shielded
    async def save_artifact(self, content: bytes, name: str, media_type: str, run_id: str | None = None) -> str:
        """Store the bytes; returns the reference, the same for the same bytes. Raises PayloadRefused."""
        digest = hashlib.sha256(content).hexdigest()
        ref = f"artifact:{digest}/{name}"
        if not _REF.fullmatch(ref) or name in (".", ".."):
            raise PayloadRefused(
                f"the artifact name {name!r} is not a plain file name: use no '/' and no control character"
            )
        if len(content) > MAX_ARTIFACT_BYTES:
            raise PayloadRefused(
                f"the artifact {name!r} has {len(content):,} bytes, at most {MAX_ARTIFACT_BYTES:,} are recorded"
            )
        async with self._db.write() as connection:
            project_id = None if run_id is None else (await read_run(connection, run_id))["projectId"]
            row = {
                "id": new_id(),
                "workflowRunId": run_id,
                "projectId": project_id,
                "sha256": digest,
                "name": name,
                "mediaType": media_type,
                "size": len(content),
                "content": content,
            }
            await insert_new(connection, ARTIFACT, row)
        return ref

    @shielded
    async def artifact(self, ref: str, *, project_id: int | None = None) -> bytes:
        """The bytes; with a project, only what a run of that project saved. Raises NotFound."""
        match = _REF.fullmatch(ref)
        if match is None:
            raise NotFound("the artifact", ref, "a reference reads artifact:<64 hex digits>/<name>")
        chosen = select(ARTIFACT.c.content).where(ARTIFACT.c.sha256 == match[1]).limit(1)
        if project_id is not None:
            chosen = chosen.where(ARTIFACT.c.projectId == project_id)
        async with self._db.read() as connection:
            row = await first(connection, chosen)
        if row is None:
            raise NotFound("the artifact", ref, "it was never saved, or by another project")
        return _content(row, sha256=match[1], what=ref)


def _content(row: RowMapping, *, sha256: str, what: str) -> bytes:
    content = bytes(row["content"])
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PayloadRefused(f"the stored bytes of {what!r} are not those that were saved: restore the database")
    return content


def _artifact(row: RowMapping) -> RecordedArtifact:
    return read_row(RecordedArtifact, row)
