"""`commandcenter people|tokens|sign-in`, on real records."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agents.registration.builtin_agents import builtin_spec
from deployments.cli.identity import NotAllowed, acting
from deployments.cli.main import app
from deployments.stack.addresses import Addresses, remembered, running
from deployments.stack.machine_admin import TOKEN_FILE, ensure_machine_admin
from deployments.stack.state_folder import StateFolder
from operations.people import BegunSession, begin_session, identify
from records import Records, upgrade
from records.people.person import Identity, NotSignedIn
from reliability.mode import is_production


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path / "state"


def command(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--state", str(state)])


def identity(state: Path, token: str) -> Identity | NotSignedIn:
    async def look() -> Identity | NotSignedIn:
        async with await Records.open(f"sqlite:///{state}/records.db") as records:
            return await identify(token, records=records)

    return asyncio.run(look())


def test_a_person_gets_roles_and_a_token_that_is_printed_alone(state: Path) -> None:
    added = command(state, "people", "add", "Ada", "--role", "author", "--role", "viewer", "--project", "3")
    assert added.exit_code == 0, added.output
    assert "project 3: viewer, author" in added.output
    token = command(state, "tokens", "add", "ada", "--project", "3", "--role", "viewer").stdout.strip()
    assert identity(state, token) == Identity(name="Ada", roles={3: ("viewer",)}, token_id=listed(state)[0]["id"])


def test_whoever_makes_new_records_is_told_and_an_unknown_person_can_be_added(state: Path) -> None:
    assert (
        f"No platform has run on '{state}' yet"
        in command(state, "people", "add", "Ada", "--role", "author").stderr
    )
    assert command(state, "people", "add", "Bob", "--role", "author").stderr == ""
    unknown = command(state, "tokens", "add", "Eve")
    assert unknown.exit_code != 0
    assert "`commandcenter people add` adds one" in str(unknown.exception)


def listed(state: Path) -> list[dict[str, str]]:
    return json.loads(command(state, "tokens", "list", "--json").stdout)


def test_tokens_are_listed_without_what_they_are_and_revoked(state: Path) -> None:
    command(state, "people", "add", "Ada", "--role", "viewer")
    token = command(state, "tokens", "add", "Ada", "--days", "7", "--label", "laptop").stdout.strip()
    (row,) = listed(state)
    assert (row["person"], row["label"], row["state"]) == ("Ada", "laptop", "active")
    assert token not in json.dumps(row)
    revoked = command(state, "tokens", "revoke", row["id"][:8])
    assert revoked.exit_code == 0
    assert identity(state, token) == NotSignedIn(reason="revoked", token_id=row["id"])
    assert listed(state) == []
    assert json.loads(command(state, "tokens", "list", "--all", "--json").stdout)[0]["state"] == "revoked"


def test_taking_the_last_role_away_ends_the_tokens(state: Path) -> None:
    command(state, "people", "add", "Ada", "--role", "viewer")
    token = command(state, "tokens", "add", "Ada").stdout.strip()
    assert command(state, "people", "revoke", "Ada").exit_code == 0
    assert isinstance(identity(state, token), NotSignedIn)
    assert json.loads(command(state, "people", "list", "--json").stdout) == []


@pytest.mark.parametrize("roles", [(), ("--role", "boss")])
def test_a_person_without_a_known_role_is_refused(state: Path, roles: tuple[str, ...]) -> None:
    done = command(state, "people", "add", "Ada", *roles)
    assert done.exit_code == 2
    assert "viewer, author, operator, approver, admin" in " ".join(done.output.replace("│", " ").split())


def test_the_link_signs_in_the_admin_of_this_machine_once(state: Path) -> None:
    link = command(state, "sign-in", "--api-url", "http://127.0.0.1:9009").stdout.strip()
    address, _, token = link.partition("#token=")
    assert address == "http://127.0.0.1:9009/console"

    async def twice() -> list[object]:
        async with await Records.open(f"sqlite:///{state}/records.db") as records:
            return [await begin_session(token, records=records) for _ in range(2)]

    first, second = asyncio.run(twice())
    assert isinstance(first, BegunSession)
    assert first.identity.roles == {1: ("admin",)}
    assert isinstance(second, NotSignedIn)


def test_the_token_of_this_machine_is_for_its_owner_only_and_lasts(state: Path) -> None:
    command(state, "sign-in")
    file = state / TOKEN_FILE
    before = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    found = identity(state, before.strip())
    assert isinstance(found, Identity)
    command(state, "sign-in")
    assert file.read_text() == before


def test_a_token_that_was_revoked_is_replaced(state: Path) -> None:
    command(state, "sign-in")
    before = (state / TOKEN_FILE).read_text().strip()
    own = next(row for row in listed(state) if row["label"] != "sign-in link")
    command(state, "tokens", "revoke", own["id"])

    async def again() -> None:
        async with await Records.open(f"sqlite:///{state}/records.db") as records:
            await ensure_machine_admin(records, state=state, project_id=1)

    asyncio.run(again())
    after = (state / TOKEN_FILE).read_text().strip()
    assert after != before
    assert isinstance(identity(state, before), NotSignedIn)
    assert isinstance(identity(state, after), Identity)


def who(state: Path, **asked: Any) -> Any:
    async def look() -> Any:
        async with await Records.open(f"sqlite:///{state}/records.db") as records:
            return await acting(records, project_id=1, **asked)

    return asyncio.run(look())


def test_a_token_says_who_acts_at_the_terminal_and_what_they_may(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(state, "people", "add", "Ada", "--role", "approver")
    assert not who(state, right="admin").verified
    assert who(state, right="approver", by="Bob").name == "Bob"
    token = command(state, "tokens", "add", "Ada").stdout.strip()
    monkeypatch.setenv("COMMANDCENTER_TOKEN", token)
    assert (who(state, right="approver").name, who(state, right="approver").verified) == ("Ada", True)
    with pytest.raises(NotAllowed, match="'Ada' is approver in project 1; this needs admin"):
        who(state, right="admin")
    with pytest.raises(NotAllowed, match="--by does not go together"):
        who(state, right="approver", by="Bob")
    monkeypatch.setenv("COMMANDCENTER_TOKEN", "wrong")
    with pytest.raises(NotAllowed, match="it is unknown") as caught:
        who(state, right="approver")
    assert token not in str(caught.value)


ACTS = [
    "trigger w",
    "cancel r",
    "retry r",
    "rerun r n",
    "replay r",
    "dead-letters replay l",
    "dead-letters discard l",
    "workflows archive w",
    "workflows missed w --start",
    "agents remove a",
    "agents run security-scanner scanRepository --input {input}",
    "projects set 1 --runs 3",
    "publishers add p",
    "publishers revoke p",
    "people add Bob --role viewer",
    "people revoke Ada",
    "people slack Ada --team T1 --user U1",
    "changes confirm c",
]


def test_a_token_that_may_only_look_opens_no_command_that_acts(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(state, "people", "add", "Ada", "--role", "viewer")
    monkeypatch.setenv("COMMANDCENTER_TOKEN", command(state, "tokens", "add", "Ada").stdout.strip())
    # A platform elsewhere, of which only the records are there: a command that asks for more has gone too far.
    for name, value in {"DATABASE_URL": f"sqlite:///{state}/records.db", "NATS_URL": "nats://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")

    async def register() -> None:
        async with await Records.open(f"sqlite:///{state}/records.db") as records:
            await records.register_agent(1, builtin_spec("security-scanner"))

    asyncio.run(register())
    given = tmp_path / "input.json"
    given.write_text(json.dumps({"repositoryPath": str(tmp_path), "scanType": "FULL"}))
    for act in ACTS:
        done = command(state, *act.format(input=given).split())
        assert isinstance(done.exception, NotAllowed), (act, done.output, done.exception)


def test_a_shell_that_forgot_the_mode_is_no_way_around_it(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMMANDCENTER_MODE", raising=False)
    folder = StateFolder(state)
    folder.create()
    folder.acquire()
    try:
        where = {name: "x" for name in ("api_url", "ui_url", "nats_url", "database_url", "pool")}
        addresses = Addresses(state=str(state), **where, shared={"COMMANDCENTER_MODE": "production"})
        folder.remember({"addresses": remembered(addresses)})
        assert not is_production()
        # Set and taken back by the fixture, as a command's process ends with it.
        monkeypatch.setenv("COMMANDCENTER_MODE", "embedded")
        assert running(state) is not None
        assert is_production()
    finally:
        folder.release()


def test_a_publisher_of_ones_own_nats_is_told_what_the_server_needs(state: Path) -> None:
    folder = StateFolder(state)
    folder.create()
    folder.acquire()
    try:
        where: dict[str, Any] = {
            "api_url": "x",
            "ui_url": "x",
            "pool": "x",
            "nats_url": "nats://us:secret@127.0.0.1:9",
        }
        database = f"sqlite:///{state}/records.db"
        asyncio.run(upgrade(database))
        # As `up --nats-url` leaves it: with no publisher of the embedded server.
        folder.remember({"addresses": remembered(Addresses(state=str(state), database_url=database, **where))})
        added = command(state, "publishers", "add", "ci")
        gone = command(state, "publishers", "revoke", "ci")
    finally:
        folder.release()
    assert added.exit_code == gone.exit_code == 0, added.output + gone.output
    assert re.search(r"nats://ci:\S+@127\.0\.0\.1:9\b", added.output)
    assert "us:secret" not in added.output
    assert "does not know it yet: include what `commandcenter publishers config` prints" in added.output
    assert "knows it still: include what `commandcenter publishers config` prints" in gone.output
