"""Files that the agents of a run saved: list and download. They are hostile: no browser may show them as a page."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Response

from api.context import Platform
from api.schemas import ArtifactAnswer
from api.sign_in import Caller
from operations.find_run import find_run
from operations.run_artifacts import artifact_of_run

router = APIRouter(prefix="/runs/{run_id}/artifacts", tags=["runs"])

_AS_A_FILE = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}


@router.get("", summary="List the artifacts of a run")
async def list_artifacts(run_id: str, caller: Caller, platform: Platform) -> list[ArtifactAnswer]:
    """Oldest first."""
    run = await find_run(platform.records, run_id, project_id=caller.projectId)
    return [ArtifactAnswer.of(each) for each in await platform.records.artifacts(run.id)]


@router.get(
    "/{artifact}",
    summary="Download an artifact",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The bytes, as a file to save."}},
)
async def download_artifact(run_id: str, artifact: str, caller: Caller, platform: Platform) -> Response:
    """By id, or by name where only one artifact of the run has it."""
    run = await find_run(platform.records, run_id, project_id=caller.projectId)
    found = await artifact_of_run(platform.records, run.id, artifact)
    content = await platform.records.artifact_content(found.id)
    named = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
    return Response(
        content, media_type="application/octet-stream", headers={**_AS_A_FILE, "Content-Disposition": named}
    )
