"""People, tokens and sessions, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from operations import people
from operations.people import InvalidRole, issue_link, issue_token, token_digest
from operations.publishers import add_publisher, revoke_publisher
from records import NameRefused, NotFound, Records
from records.people.person import Identity, NotSignedIn
from records.tables import ACCESS_TOKEN, BROWSER_SESSION, CHANGE_REQUEST, EVENT_PUBLISHER, PERSON, PERSON_ROLE


async def _ada(records: Records, *roles: str, project_id: int = 1) -> None:
    await people.add_person("Ada", records=records, project_id=project_id, roles=roles or ("viewer",), by="root")


async def _opens(records: Records, text: str) -> dict[int, tuple[str, ...]]:
    found = await people.identify(text, records=records)
    assert isinstance(found, Identity), found
    return dict(found.roles)


async def _refusal(records: Records, text: str) -> str:
    found = await people.identify(text, records=records)
    assert isinstance(found, NotSignedIn)
    return found.reason


async def _change(records: Records, table: Any, **values: Any) -> None:
    """As a client of the database would."""
    async with records._db.write() as connection:
        await connection.execute(update(table).values(**values))


async def test_a_token_opens_what_its_person_has_in_each_project(records: Records) -> None:
    await _ada(records, "author", "operator")
    await _ada(records, "viewer", project_id=2)
    token = await issue_token("ada", records=records, by="root")
    assert token.text.startswith("cct_")
    assert await _opens(records, token.text) == {1: ("author", "operator"), 2: ("viewer",)}
    (listed,) = await records.people(2)
    assert (listed.name, listed.created_by) == ("Ada", "root")


async def test_only_the_hash_of_a_token_is_stored(records: Records) -> None:
    await _ada(records)
    token = await issue_token("Ada", records=records, by="root")
    async with records._db.read() as connection:
        row = (await connection.execute(select(ACCESS_TOKEN))).mappings().one()
    assert row["hash"] == token_digest(token.text)
    assert all(token.text not in str(value) for value in row.values())


async def test_a_token_is_limited_to_its_project_and_its_roles(records: Records) -> None:
    await _ada(records, "admin")
    await _ada(records, "author", project_id=2)
    one = await issue_token("Ada", records=records, by="root", project_id=2)
    assert await _opens(records, one.text) == {2: ("author",)}
    # An admin's may be limited to any role; another person's to what they have.
    reads = await issue_token("Ada", records=records, by="root", roles=["viewer"])
    assert await _opens(records, reads.text) == {1: ("viewer",)}
    more = await issue_token("Ada", records=records, by="root", project_id=2, roles=["admin"])
    assert await _refusal(records, more.text) == "no role"


async def test_a_revoked_or_expired_token_opens_nothing_from_that_moment(records: Records) -> None:
    await _ada(records)
    short = await issue_token("Ada", records=records, by="root", lifetime=timedelta(milliseconds=1))
    long = await issue_token("Ada", records=records, by="root", lifetime=None)
    await asyncio.sleep(0.01)
    assert await _refusal(records, short.text) == "expired"
    await _opens(records, long.text)
    revoked = await people.revoke_token(long.record.id[:10], records=records, by="root")
    assert revoked.state(datetime.now(UTC)) == "revoked"
    assert await _refusal(records, long.text) == "revoked"
    with pytest.raises(NotFound):
        await people.revoke_token("", records=records, by="root")


async def test_a_role_that_is_taken_away_counts_at_once_and_tokens_go_with_the_last(records: Records) -> None:
    await _ada(records, "author", "approver")
    token = await issue_token("Ada", records=records, by="root")
    await people.revoke_person("Ada", records=records, project_id=1, roles=["approver"], by="root")
    assert await _opens(records, token.text) == {1: ("author",)}
    gone = await people.revoke_person("Ada", records=records, project_id=None, roles=None, by="root")
    assert gone.roles == {}
    assert await _refusal(records, token.text) == "revoked"


async def test_the_use_of_a_token_is_noted(records: Records) -> None:
    await _ada(records)
    token = await issue_token("Ada", records=records, by="root", label="laptop")
    (before,) = await records.tokens("Ada")
    await _opens(records, token.text)
    (after,) = await records.tokens("Ada")
    assert (before.last_used_at, before.label) == (None, "laptop")
    assert after.last_used_at is not None


async def test_equal_names_are_one_person_and_odd_names_are_refused(records: Records) -> None:
    await _ada(records)
    same = await people.add_person(" ADA ", records=records, project_id=1, roles=["author"], by="root")
    assert (same.name, same.roles) == ("Ada", {1: ("viewer", "author")})
    for name in ("", "  ", "a\nb", "x" * 201, "\N{ZERO WIDTH SPACE}"):
        with pytest.raises(NameRefused):
            await people.add_person(name, records=records, project_id=1, roles=["viewer"], by="root")
    with pytest.raises(InvalidRole, match="'boss' is not a role"):
        await people.add_person("Bo", records=records, project_id=1, roles=["boss"], by="root")
    with pytest.raises(NotFound):
        await issue_token("Bo", records=records, by="root")


async def test_rows_that_a_client_of_the_database_wrote_make_nobody_an_admin(records: Records) -> None:
    await _ada(records)
    mine = await issue_token("Ada", records=records, by="root", roles=["viewer"])
    # Another role in the row of one that the platform gave.
    await _change(records, PERSON_ROLE, role="admin")
    assert await _refusal(records, mine.text) == "no role"
    await _ada(records, "viewer")
    # The role of another person, by changing who that is.
    await _change(records, PERSON, name="Root")
    assert await _refusal(records, mine.text) == "no role"
    await _change(records, PERSON, name="Ada")
    assert await _opens(records, mine.text) == {1: ("viewer",)}
    for changed in ({"roles": ["admin"]}, {"projectId": 2}, {"hash": token_digest("known")}):
        await _change(records, ACCESS_TOKEN, **changed)
    assert await _refusal(records, "known") == "forged"


async def test_a_revoked_token_is_not_revived_in_the_database(records: Records) -> None:
    await _ada(records)
    token = await issue_token("Ada", records=records, by="root")
    await people.revoke_token(token.record.id, records=records, by="root")
    await _change(records, ACCESS_TOKEN, revokedAt=None)
    assert await _refusal(records, token.text) == "forged"


async def test_a_session_opens_what_its_token_does_until_either_ends(records: Records) -> None:
    await _ada(records, "viewer")
    await _ada(records, "author", project_id=2)
    token = await issue_token("Ada", records=records, by="root")
    begun = await people.begin_session(token.text, records=records)
    assert isinstance(begun, people.BegunSession)
    await people.choose_project(begun.text, 2, records=records)
    found = await people.identify_session(begun.text, records=records)
    assert isinstance(found, Identity)
    assert (found.project_id, found.roles) == (2, {1: ("viewer",), 2: ("author",)})
    await people.revoke_token(token.record.id, records=records, by="root")
    assert await people.identify_session(begun.text, records=records) == NotSignedIn(
        reason="revoked", token_id=token.record.id
    )


async def test_a_session_ends_when_it_is_ended_and_by_its_time(records: Records) -> None:
    await _ada(records)
    token = await issue_token("Ada", records=records, by="root")
    first, second = [await people.begin_session(token.text, records=records) for _ in range(2)]
    assert isinstance(first, people.BegunSession)
    assert isinstance(second, people.BegunSession)
    await people.end_session(first.text, records=records)
    assert isinstance(await people.identify_session(first.text, records=records), NotSignedIn)
    assert isinstance(await people.identify_session(second.text, records=records), Identity)
    await _change(records, BROWSER_SESSION, expiresAt=datetime.now(UTC) + timedelta(days=900))
    assert await people.identify_session(second.text, records=records) == NotSignedIn(
        reason="forged", token_id=token.record.id
    )


async def test_a_link_signs_in_once_and_is_no_token_for_requests(records: Records) -> None:
    await _ada(records)
    link = await issue_link("Ada", records=records, by="root")
    assert await _refusal(records, link.text) == "not this kind"
    begun = await asyncio.gather(*[people.begin_session(link.text, records=records) for _ in range(8)])
    sessions = [each for each in begun if isinstance(each, people.BegunSession)]
    assert len(sessions) == 1
    assert isinstance(await people.identify_session(sessions[0].text, records=records), Identity)
    assert await people.begin_session(link.text, records=records) == NotSignedIn(reason="unknown")


async def _copy(records: Records, *tables: Any) -> dict[Any, list[dict[str, Any]]]:
    async with records._db.read() as connection:
        return {
            table: [dict(row) for row in (await connection.execute(select(table))).mappings().all()]
            for table in tables
        }


async def _put_back(records: Records, copy: dict[Any, list[dict[str, Any]]]) -> None:
    """As a client of the database would: every row as it was."""
    async with records._db.write() as connection:
        for table in reversed(copy):
            await connection.execute(delete(table))
        for table, found in copy.items():
            for row in found:
                await connection.execute(insert(table).values(**row))


async def test_a_role_that_was_taken_away_does_not_come_back_by_hand(records: Records) -> None:
    await _ada(records, "admin", "viewer")
    token = await issue_token("Ada", records=records, by="root")
    copy = await _copy(records, PERSON_ROLE)
    # Also where the row was hidden while the role was taken away.
    await _change_all(records, delete(PERSON_ROLE))
    await records.withdraw_roles("Ada", project_id=1, roles=["admin"])
    await _put_back(records, copy)
    assert await _opens(records, token.text) == {1: ("viewer",)}
    await _change_all(records, delete(PERSON_ROLE))
    await records.withdraw_roles("Ada")
    await _put_back(records, copy)
    assert await _refusal(records, token.text) == "no role"
    await _ada(records, "operator")
    assert await _opens(records, token.text) == {1: ("operator",)}
    # One that was given by hand again counts.
    await _ada(records, "admin")
    assert await _opens(records, token.text) == {1: ("operator", "admin")}


async def test_a_revoked_token_a_used_link_and_an_ended_session_do_not_come_back_by_hand(records: Records) -> None:
    await _ada(records)
    token = await issue_token("Ada", records=records, by="root")
    link = await issue_link("Ada", records=records, by="root")
    copy = await _copy(records, ACCESS_TOKEN, BROWSER_SESSION)
    until = datetime.now(UTC) + timedelta(hours=1)
    begun = await records.begin_session(
        token_hash=token_digest(link.text), session_hash="session", expires_at=until
    )
    assert isinstance(begun, Identity)
    await records.revoke_token(token.record.id)
    await _put_back(records, copy)
    assert await _refusal(records, token.text) == "forged"
    again = await records.begin_session(token_hash=token_digest(link.text), session_hash="2", expires_at=until)
    assert isinstance(again, NotSignedIn)
    third = await issue_token("Ada", records=records, by="root")
    await records.begin_session(token_hash=token_digest(third.text), session_hash="3", expires_at=until)
    copy = await _copy(records, ACCESS_TOKEN, BROWSER_SESSION)
    await records.end_session("3")
    await _put_back(records, copy)
    assert isinstance(await records.identify_session("3"), NotSignedIn)


async def test_a_publisher_that_was_revoked_or_given_another_password_does_not_come_back_by_hand(
    records: Records,
) -> None:
    old = await add_publisher("ci", records=records, project_id=1, by="ada")
    first = await _copy(records, EVENT_PUBLISHER)
    new = await add_publisher("ci", records=records, project_id=1, by="ada", replace=True)
    assert old.record.password_hash != new.record.password_hash
    second = await _copy(records, EVENT_PUBLISHER)
    await _put_back(records, first)
    assert await records.publishers() == []
    await _put_back(records, second)
    assert [each.password_hash for each in await records.publishers()] == [new.record.password_hash]
    await revoke_publisher("ci", records=records, by="ada")
    await _put_back(records, second)
    assert await records.publishers() == []
    # What a start of the stack does each time leaves no entry in the audit.
    embedded: dict[str, Any] = {"project_id": 1, "password_hash": "embedded", "replace": True}
    await records.add_publisher("publisher", **embedded)
    entries = (await records.verify_audit()).entries
    await records.add_publisher("publisher", **embedded)
    assert (await records.verify_audit()).entries == entries


async def test_a_confirmation_that_was_used_does_not_come_back_by_hand(records: Records) -> None:
    asked: dict[str, Any] = {"project_id": 1, "kind": "agent", "digest": "sha256:1"}
    request = await records.request_change(**asked, summary="less risk", by="ada")
    await records.confirm_change(request.id, project_id=1, by="bob")
    copy = await _copy(records, CHANGE_REQUEST)
    assert await records.use_confirmed_change(**asked, by="ada")
    await _put_back(records, copy)
    assert not await records.use_confirmed_change(**asked, by="ada")
    assert await records.change_requests(1) == []
    fresh = await records.request_change(**asked, summary="less risk", by="ada")
    await records.confirm_change(fresh.id, project_id=1, by="bob")
    assert await records.use_confirmed_change(**asked, by="ada")


async def _change_all(records: Records, statement: Any) -> None:
    async with records._db.write() as connection:
        await connection.execute(statement)
