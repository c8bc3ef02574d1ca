"""`commandcenter prune` against a running platform."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from prefect.exceptions import ObjectNotFound

from records import NotFound


async def test_an_ended_run_is_deleted_here_and_in_prefect_and_a_waiting_one_is_not(
    platform, connection, change, commit_a_change, watch
) -> None:
    waiting = await watch.waiting(change.key)
    other = await commit_a_change(platform, "pruned")
    ended = await watch.waiting(other.key)
    platform.cli("reject", ended.run.id, "create-fix-pr", "--notes", "not now")
    ended = await watch.ended(other.key)

    assert "would be deleted" in platform.cli("prune", "--runs", "0", "--dry-run").stdout
    done = json.loads(platform.cli("prune", "--runs", "0", "--json").stdout)

    assert done["runs"] >= 1
    with pytest.raises(NotFound):
        await connection.records.run(ended.run.id)
    with pytest.raises(ObjectNotFound):
        await connection.prefect.read_flow_run(UUID(ended.flow_run_id))
    assert (await connection.records.run(waiting.run.id)).status == "WAITING_APPROVAL"
    assert "the audit is intact" in platform.cli("audit", "verify").stdout
