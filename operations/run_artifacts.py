"""A run -> the files that its agents saved; and one of them, by name or by the beginning of its id, with its bytes."""

from __future__ import annotations

from collections.abc import Sequence

from records import NotFound, RecordedArtifact, Records


async def artifact_of_run(records: Records, run_id: str, wanted: str) -> RecordedArtifact:
    """The artifact of the run with that id, reference or name. Raises NotFound, also where a name fits several."""
    found = await records.artifacts(run_id)
    for each in found:
        if wanted in (each.id, each.ref):
            return each
    fitting = [each for each in found if wanted == each.name] or [
        each for each in found if len(wanted) >= 4 and each.id.startswith(wanted)
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise NotFound("the artifact", wanted, _hint(run_id, found, fitting))


def _hint(run_id: str, found: Sequence[RecordedArtifact], fitting: Sequence[RecordedArtifact]) -> str:
    if fitting:
        ids = ", ".join(each.id for each in fitting)
        return f"{len(fitting)} artifacts of run {run_id!r} fit, give the id of one: {ids}"
    names = ", ".join(repr(each.name) for each in found) or "none"
    return f"run {run_id!r} has these artifacts: {names}"
