"""What people have of a run (its id, Prefect's, the beginning of one, the address of its page) -> the run."""

from __future__ import annotations

from records import NotFound, Records, Run
from records.database.beginnings import SHORTEST

_NONE = "no run begins so, by its own id or by Prefect's; one that no worker has begun is not on record yet"


async def find_run(records: Records, wanted: str, *, project_id: int) -> Run:
    """The run of the project. Raises NotFound, also where a beginning fits several."""
    wanted = wanted.strip().partition("?")[0].rstrip("/").rpartition("/")[2]
    try:
        return await records.run(wanted, project_id=project_id)
    except NotFound:
        of_prefect = await records.run_of_flow_run(wanted.lower())
        if of_prefect is not None and of_prefect.project_id == project_id:
            return of_prefect
        if len(wanted) < SHORTEST:
            raise
    found = await records.runs_beginning(wanted, project_id=project_id)
    if len(found) != 1:
        raise NotFound("the run", wanted, "several runs begin so: give more of the id" if found else _NONE)
    return await records.run(found[0].id)  # with its outputs
