"""Files that agents saved <-> references `artifact:<sha256>/<name>`, which outputs carry."""

from __future__ import annotations

import hashlib
import re

from sqlalchemy import select

from records.database.ids import new_id
from records.database.payload import MAX_ARTIFACT_BYTES
from records.database.store import Store, first, insert_new
from records.errors import NotFound, PayloadRefused
from records.runs.fencing import read_run
from records.tables import ARTIFACT
from reliability.shielded import shielded

_REF = re.compile(r"artifact:([0-9a-f]{64})/([^/\x00-\x1f]{1,255})")


class ArtifactStore(Store):
    """The bytes, once per run and name, found by what they are."""

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
        content = bytes(row["content"])
        if hashlib.sha256(content).hexdigest() != match[1]:
            raise PayloadRefused(
                f"the stored bytes of {ref!r} are not those that were saved: restore the database"
            )
        return content
