"""A signing key is replaced with an open approval and a decided one; what was forged stays forged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from compiler.plan import ApprovalRule
from operations.people import issue_token, token_digest
from operations.publishers import add_publisher
from operations.rotate_signing_key import NothingToRotate, add_key, retire_old_keys, use_newest_key
from records import NotApproved, Records
from records.database.signing import KEY_FILE_VARIABLE, SigningKeyUnusable
from records.tables import METADATA, PERSON_ROLE, WORKFLOW_APPROVAL

DIGEST = "sha256:a"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key file with one key, which all records of the test are opened with."""
    place = tmp_path / "signing.key"
    place.write_bytes(b"1" * 32)
    place.chmod(0o640)
    monkeypatch.setenv(KEY_FILE_VARIABLE, str(place))
    return place


async def open_gate(records: Records, run_id: str, node_id: str) -> Any:
    fields = {"card": {"action": "work"}, "rule": ApprovalRule()}
    return await records.open_gate(run_id=run_id, node_id=node_id, digest=DIGEST, **fields)


async def begin(records: Records, run_id: str, node_id: str) -> Any:
    return await records.start_attempt(
        run_id=run_id, node_id=node_id, agent_name="patcher", inputs={}, approved=DIGEST
    )


async def decide(records: Records, approval_id: str) -> Any:
    return await records.decide(approval_id, decision="APPROVED", by="ann", verified=True, channel="cli")


async def test_an_open_approval_outlives_the_key_and_a_forged_one_does_not_become_true(
    file: Path, url: str, records: Records, run_id: str
) -> None:
    first = await open_gate(records, run_id, "one")
    forged = await open_gate(records, run_id, "two")
    async with records._db.write() as connection:
        this = WORKFLOW_APPROVAL.c.id == forged.id
        await connection.execute(update(WORKFLOW_APPROVAL).where(this).values(status="APPROVED", signature="v1:x"))

    async def opened_again() -> Records:
        return await Records.open(url)

    # Added: a part that is started now accepts both and signs with the old one.
    assert add_key(file) == 2
    async with await opened_again() as part:
        second = await open_gate(part, run_id, "three")
    use_newest_key(file)
    async with await opened_again() as part:
        assert (await decide(part, first.id)).applied
        assert (await decide(part, second.id)).applied
        assert await retire_old_keys(file, part) >= 2
    assert len(file.read_bytes()) == 32
    assert file.read_bytes() != b"1" * 32
    assert file.stat().st_mode & 0o777 == 0o640
    async with await opened_again() as part:
        assert await begin(part, run_id, "one")
        assert await begin(part, run_id, "three")
        with pytest.raises(NotApproved):
            await begin(part, run_id, "two")
        assert await part.sign_again() == 0


async def _signatures(records: Records) -> dict[str, set[str]]:
    """Table and column -> all signatures."""
    found: dict[str, set[str]] = {}
    async with records._db.read() as connection:
        for table in METADATA.sorted_tables:
            for column in (each for each in table.c if each.name.lower().endswith("signature")):
                rows = (await connection.execute(select(column))).scalars().all()
                found[f"{table.name}.{column.name}"] = {each for each in rows if each is not None}
    return found


async def test_nothing_that_is_signed_is_left_with_a_key_that_was_retired(
    file: Path, url: str, records: Records, run_id: str
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await records.add_person("Ada", project_id=1, roles=["admin"])
    await records.sign_in_person(issuer="p", subject="1", name="Kim", roles={1: ["viewer"]}, until=later)
    token = await issue_token("Ada", records=records, by="root")
    await records.begin_session(token_hash=token_digest(token.text), session_hash="s", expires_at=later)
    await records.map_slack_user("T1", "U1", "Ada", by="root")
    await records.request_change(project_id=1, kind="agent", digest=DIGEST, summary="less risk", by="Ada")
    publisher = await add_publisher("ci", records=records, project_id=1, by="Ada")
    await records.record_event("S", 1, subject="a", workflow="audit", project_id=1, flow_run_id="f")
    await open_gate(records, run_id, "one")
    await decide(records, (await open_gate(records, run_id, "one")).id)
    before = await _signatures(records)
    assert all(before.values()), before
    add_key(file)
    use_newest_key(file)
    async with await Records.open(url) as part:
        await retire_old_keys(file, part)
    async with await Records.open(url) as part:
        after = await _signatures(part)
        assert {name for name, found in before.items() if found & after[name]} == set()
        assert [each.password_hash for each in await part.publishers()] == [publisher.record.password_hash]
        assert {each.name: each.roles for each in await part.people()} == {
            "Ada": {1: ("admin",)},
            "Kim": {1: ("viewer",)},
        }
        again = await part.sign_in_person(issuer="p", subject="1", name="Kim", roles={}, until=later)
        assert again.name == "Kim"


def test_steps_that_are_left_out_are_named(file: Path) -> None:
    with pytest.raises(NothingToRotate, match="add one"):
        use_newest_key(file)
    for count in (2, 3, 4):
        assert add_key(file) == count
    with pytest.raises(NothingToRotate, match="retire the old ones first"):
        add_key(file)
    file.write_bytes(b"short")
    with pytest.raises(SigningKeyUnusable, match="has 5 bytes, not 32"):
        add_key(file)


async def test_what_was_taken_away_stays_so_with_another_key(file: Path, url: str, records: Records) -> None:
    await records.add_person("Ada", project_id=1, roles=["admin", "viewer"])
    async with records._db.read() as connection:
        copy = [dict(row) for row in (await connection.execute(select(PERSON_ROLE))).mappings().all()]
    await records.withdraw_roles("Ada", project_id=1, roles=["admin"])
    add_key(file)
    use_newest_key(file)
    async with await Records.open(url) as part:
        # Put back in time to be signed with the new key.
        async with part._db.write() as connection:
            await connection.execute(delete(PERSON_ROLE))
            for row in copy:
                await connection.execute(insert(PERSON_ROLE).values(**row))
        await retire_old_keys(file, part)
    async with await Records.open(url) as part:
        assert [each.roles for each in await part.people()] == [{1: ("viewer",)}]
        assert (await part.verify_audit()).intact
