"""People whom a real OpenID provider signs in, by browser and by terminal, and all that must sign nobody in."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
import uvicorn
from openid_provider import SECRET, free_port, running_provider
from sqlalchemy import update

from api import create_app
from api.oidc.provider import Provider
from api.oidc.settings import OidcSettings, OidcSettingsError
from operations.people import add_person, identify
from operations.provider_sign_in import link_person
from operations.second_person import Acting, SecondPersonNeeded
from records import Records
from records.people.person import Identity, NotSignedIn
from records.tables import PERSON_LOGIN, PERSON_ROLE

ROLES = {"platform": {"1": ["admin"]}, "security": {"1": ["viewer"], "2": ["approver"]}}
_INPUT = re.compile(r"<input[^>]*>", re.I)
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    """Of the provider and of the API, whose address the provider must know."""
    return free_port(), free_port()


@pytest.fixture(scope="module")
def issuer(ports: tuple[int, int]) -> Iterator[str]:
    with running_provider(ports[0], f"http://127.0.0.1:{ports[1]}/sign-in/oidc/callback") as issuer:
        yield issuer


@pytest.fixture
def environment(issuer: str, ports: tuple[int, int]) -> dict[str, str]:
    return {
        "COMMANDCENTER_OIDC_ISSUER": issuer,
        "COMMANDCENTER_OIDC_CLIENT_ID": "commandcenter",
        "COMMANDCENTER_OIDC_CLIENT_SECRET": SECRET,
        "COMMANDCENTER_OIDC_ROLES": json.dumps(ROLES),
        "COMMANDCENTER_API_URL": f"http://127.0.0.1:{ports[1]}",
    }


@pytest.fixture
async def serve(
    records: Records, ports: tuple[int, int]
) -> AsyncIterator[Callable[[dict[str, str]], Awaitable[str]]]:
    servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def serve(environment: dict[str, str]) -> str:
        settings = OidcSettings.load(environment)
        assert settings is not None
        app = create_app(records, {}, provider=Provider(settings))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        listening = socket.create_server(("127.0.0.1", ports[1]))
        servers.append((server, asyncio.create_task(server.serve(sockets=[listening]))))
        return environment["COMMANDCENTER_API_URL"]

    yield serve
    for server, task in servers:
        server.should_exit = True
        await task


@pytest.fixture
async def api(serve: Any, environment: dict[str, str]) -> str:
    return await serve(environment)


class Browser:
    """Follows redirects and fills forms, as a person does who is called `login` at the provider."""

    def __init__(self, api: str, login: str) -> None:
        self.api = api
        self.login = login
        self.http = httpx.AsyncClient(timeout=60, headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"})

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def go(self, url: str, *, until: str, values: dict[str, str] | None = None) -> str:
        """The address that begins with `until`, not yet visited; or the text of the page where there is no form."""
        answer = await self.http.get(url)
        while True:
            if answer.is_redirect:
                where = urljoin(str(answer.url), answer.headers["location"])
                if where.startswith(until):
                    return where
                answer = await self.http.get(where)
                continue
            assert answer.status_code == 200, answer.text
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            if form is None:
                return answer.text
            given = {"login": self.login, "password": "any", **(values or {})}
            inputs = [dict(_ATTRIBUTE.findall(each)) for each in _INPUT.findall(answer.text)]
            data = {each["name"]: each.get("value", "") for each in inputs if each.get("name")}
            data |= {name: value for name, value in given.items() if name in data}
            if 'name="confirm"' in answer.text:
                data["confirm"] = "yes"
            answer = await self.http.post(urljoin(str(answer.url), unescape(form[1])), data=data)

    async def to_callback(self, page: str = "/console") -> str:
        """The address at which the provider sends it back, with a code."""
        url = f"{self.api}/sign-in/oidc"
        return await self.go(f"{url}?to={page}", until=f"{url}/callback")

    async def sign_in(self, page: str = "/console") -> str:
        """Where the console is opened in the end."""
        answer = await self.http.get(await self.to_callback(page))
        assert answer.status_code == 303
        return str(answer.headers["location"])

    async def me(self) -> httpx.Response:
        return await self.http.get(f"{self.api}/me", headers={"Sec-Fetch-Site": "same-origin"})


async def test_a_browser_is_signed_in_with_the_roles_of_its_groups(api: str) -> None:
    async with Browser(api, "ada") as ada:
        ways = (await ada.http.get(f"{api}/sign-in")).json()
        assert ways == {"provider": {"label": "127.0.0.1", "device": True}}
        assert await ada.sign_in("/console/runs/1") == "/console/runs/1"
        me = (await ada.me()).json()
        assert (me["name"], me["projectId"], me["roles"]) == ("ada", 1, ["viewer", "admin"])
        assert {each["projectId"]: each["roles"] for each in me["projects"]} == {
            1: ["viewer", "admin"],
            2: ["approver"],
        }
        cookies = {
            cookie.name.rpartition("_")[0] for cookie in ada.http.cookies.jar if "commandcenter" in cookie.name
        }
        assert cookies == {"commandcenter_session"}
        await ada.http.delete(f"{api}/session", headers={"Origin": api, "Sec-Fetch-Site": "same-origin"})
        assert (await ada.me()).status_code == 401


async def test_who_is_in_no_group_is_refused_or_looks_on_by_setting(
    serve: Any, environment: dict[str, str], records: Records
) -> None:
    await serve(environment)
    async with Browser(environment["COMMANDCENTER_API_URL"], "carl") as carl:
        assert await carl.sign_in() == "/console#sign-in-failed=refused"
        assert (await carl.me()).status_code == 401
    assert await records.people() == []


async def test_everybody_may_look_on_where_a_setting_says_so(serve: Any, environment: dict[str, str]) -> None:
    api = await serve(environment | {"COMMANDCENTER_OIDC_EVERYBODY_VIEWS": "2"})
    async with Browser(api, "carl") as carl:
        assert await carl.sign_in() == "/console"
        assert (await carl.me()).json()["projects"] == [{"projectId": 2, "role": "viewer", "roles": ["viewer"]}]


WRONG = [
    "issuer",
    "audience",
    "audiences",
    "party",
    "nonce",
    "no-nonce",
    "expired",
    "no-expiry",
    "future",
    "access-token",
    "key",
    "cut",
    "claims",
    "none",
    "shared-secret",
]


async def test_an_identity_token_that_is_wrong_in_any_way_signs_nobody_in(
    api: str, issuer: str, records: Records
) -> None:
    async with Browser(api, "ada") as ada:
        for what in WRONG:
            callback = await ada.to_callback()
            await ada.http.post(f"{issuer}/spoil", params={"what": what})
            try:
                answer = await ada.http.get(callback)
            finally:
                await ada.http.post(f"{issuer}/spoil")
            assert answer.headers["location"] == "/console#sign-in-failed=not-in-order", what
            assert "commandcenter_session" not in answer.headers.get("set-cookie", ""), what
        assert (await ada.me()).status_code == 401
        assert await records.people() == []
        assert await ada.sign_in() == "/console"


async def test_an_answer_counts_once_in_the_browser_that_asked_and_for_its_issuer(api: str) -> None:
    async with Browser(api, "ada") as ada, Browser(api, "mallory") as victim:
        callback = await ada.to_callback()
        # Somebody else's answer, as a link: it would sign the victim in as the attacker.
        assert (await victim.http.get(callback)).headers["location"] == "/console#sign-in-failed=expired"
        await victim.to_callback()
        assert (await victim.http.get(callback)).headers["location"] == "/console#sign-in-failed=expired"
        assert (await victim.me()).status_code == 401
        kept = list(ada.http.cookies.jar)
        other = callback.replace("iss=http", "iss=https")
        assert (await ada.http.get(other)).headers["location"] == "/console#sign-in-failed=not-in-order"
        for cookie in kept:
            ada.http.cookies.jar.set_cookie(cookie)
        without = re.sub(r"&iss=[^&]*", "", callback)
        assert (await ada.http.get(without)).headers["location"] == "/console#sign-in-failed=not-in-order"
        for cookie in kept:
            ada.http.cookies.jar.set_cookie(cookie)
        assert (await ada.http.get(callback)).headers["location"] == "/console"
        assert (await ada.me()).status_code == 200
        # The same code again, by whoever has copied the address and the cookie.
        async with Browser(api, "thief") as thief:
            for cookie in kept:
                thief.http.cookies.jar.set_cookie(cookie)
            assert (await thief.http.get(callback)).headers["location"] == "/console#sign-in-failed=denied"
            assert (await thief.me()).status_code == 401


async def test_a_code_is_worth_nothing_without_the_verifier_and_goes_to_one_address(api: str, issuer: str) -> None:
    async with Browser(api, "ada") as ada:
        begun = await ada.http.get(f"{api}/sign-in/oidc", params={"to": "https://evil.example/console"})
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
        assert (asked["code_challenge_method"], asked["redirect_uri"]) == ("S256", f"{api}/sign-in/oidc/callback")
        assert len(asked["state"]) >= 43
        assert len(asked["nonce"]) >= 43
        cookie = begun.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/sign-in/oidc", "max-age=600"))
        code = parse_qs(urlsplit(await ada.to_callback()).query)["code"][0]
        taken = await ada.http.post(
            f"{issuer}/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": asked["redirect_uri"],
                "code_verifier": "x" * 64,
            },
            auth=("commandcenter", "a%20secret%3A%20of%20ours%2F100%25"),
        )
        assert taken.json()["error"] == "invalid_grant"
        elsewhere = begun.headers["location"].replace("callback", "callback2")
        assert (await ada.http.get(elsewhere)).status_code == 400
    async with Browser(api, "ada") as ada:
        for page in (
            "https://evil.example/",
            "//evil.example",
            "/console/../x\\@evil",
            "/consolex",
            "javascript:1",
        ):
            assert await ada.sign_in(page) == "/console"


async def test_a_name_is_nobodys_because_the_provider_says_so(api: str, records: Records, issuer: str) -> None:
    """Approvals count by name, and many providers let people choose theirs."""
    await add_person("Ann", records=records, project_id=1, roles=["viewer"], by="root")
    async with Browser(api, "ann-again") as other:
        assert await other.sign_in() == "/console#sign-in-failed=refused"
    (ann,) = await records.people()
    assert ann.roles == {1: ("viewer",)}
    await link_person(
        "Ann",
        issuer=issuer,
        subject="ann-again",
        by=Acting(name="root", verified=True),
        project_id=1,
        records=records,
    )
    async with Browser(api, "ann-again") as linked:
        assert await linked.sign_in() == "/console"
        me = (await linked.me()).json()
        assert (me["name"], me["roles"]) == ("Ann", ["viewer", "admin"])


async def test_linking_needs_a_second_person_in_production(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMANDCENTER_MODE", "production")
    await add_person("Ann", records=records, project_id=1, roles=["admin"], by="root")
    for by in (Acting(name="Bob", verified=True), Acting(name="Bob", verified=False)):
        with pytest.raises(SecondPersonNeeded):
            await link_person("Ann", issuer="https://i", subject="bob", by=by, project_id=1, records=records)


async def test_roles_of_groups_end_unless_the_person_signs_in_again_and_rows_of_others_give_none(
    api: str, records: Records
) -> None:
    async with Browser(api, "bob") as bob:
        assert await bob.sign_in() == "/console"
        (person,) = await records.people()
        assert person.roles == {1: ("viewer",), 2: ("approver",)}
        async with records._db.write() as connection:
            await connection.execute(update(PERSON_ROLE).values(role="admin").where(PERSON_ROLE.c.projectId == 1))
            # No end, as for a role that was given by hand.
            changed = update(PERSON_ROLE).values(expiresAt=None).where(PERSON_ROLE.c.projectId == 2)
            await connection.execute(changed)
        assert (await bob.me()).status_code == 401
        async with Browser(api, "bob") as again:
            assert await again.sign_in() == "/console"
        late = datetime.now(UTC) + timedelta(days=300)
        async with records._db.write() as connection:
            await connection.execute(update(PERSON_ROLE).values(expiresAt=late.replace(microsecond=0)))
        assert (await bob.me()).status_code == 401
        async with records._db.write() as connection:
            await connection.execute(update(PERSON_LOGIN).values(subject="carl"))
        async with Browser(api, "carl") as carl:
            assert await carl.sign_in() == "/console#sign-in-failed=refused"


async def test_roles_of_groups_have_an_end_in_time(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    person = await records.sign_in_person(
        issuer="https://i", subject="1", name="Dora", roles={1: ["viewer"]}, until=soon
    )
    assert person.roles == {1: ("viewer",)}
    monkeypatch.setattr("records.people.people_store.now", lambda: datetime.now(UTC) + timedelta(seconds=2))
    (person,) = await records.people()
    assert person.roles == {}


async def test_a_terminal_is_signed_in_by_a_code(api: str, records: Records) -> None:
    async with httpx.AsyncClient(base_url=api, timeout=60) as terminal, Browser(api, "bob") as bob:
        shown = (await terminal.post("/sign-in/device")).json()
        ask = {"handle": shown["handle"]}
        first = (await terminal.post("/sign-in/device/token", json=ask)).json()
        assert (first["status"], first["token"]) == ("pending", None)
        page = await bob.go(shown["verificationUri"], until="nowhere", values={"user_code": shown["userCode"]})
        assert "success" in page.lower()
        deadline = asyncio.get_running_loop().time() + 60
        while (answer := (await terminal.post("/sign-in/device/token", json=ask)).json())["status"] == "pending":
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(answer["interval"])
        assert answer["name"] == "bob"
        found = await identify(answer["token"], records=records)
        assert isinstance(found, Identity)
        assert found.roles == {1: ("viewer",), 2: ("approver",)}
        (token,) = await records.tokens("bob")
        assert token.expires_at is not None
        assert timedelta(0) < token.expires_at - datetime.now(UTC) <= timedelta(hours=12)
        # A handle is good for one token, and another one for none.
        for handle in (shown["handle"], "guess"):
            answer = await terminal.post("/sign-in/device/token", json={"handle": handle})
            assert answer.status_code == 401
        # Who loses the roles loses what the token opens.
        await records.sign_in_person(
            issuer=str(token.created_by), subject="bob", name="bob", roles={}, until=datetime.now(UTC)
        )
        (left,) = await records.people()
        assert left.roles == {}


async def test_terminals_of_strangers_are_few_and_failures_are_counted(
    serve: Any, environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    api = await serve(environment)
    async with httpx.AsyncClient(base_url=api, timeout=60) as stranger:
        answers = [await stranger.post("/sign-in/device") for _ in range(11)]
        assert [each.status_code for each in answers] == [201] * 10 + [429]
        for number in range(21):
            await stranger.get("/sign-in/oidc/callback", params={"state": f"guess-{number}", "code": "x\nFORGED"})
        last = await stranger.get("/sign-in/oidc/callback", params={"state": "guess", "code": "x"})
        assert last.headers["location"] == "/console#sign-in-failed=too-many"
        answer = await stranger.post("/sign-in/device/token", json={"handle": answers[0].json()["handle"]})
        assert answer.status_code == 429
    lines = [record.getMessage() for record in caplog.records if record.name == "reliability.failed_sign_ins"]
    assert lines[0] == "Failed sign-in from 127.0.0.1: the browser has begun no such sign-in"
    assert not any("guess" in line or "\n" in line for line in lines)


async def test_terminals_sign_in_by_no_code_where_it_is_turned_off(
    serve: Any, environment: dict[str, str]
) -> None:
    api = await serve(environment | {"COMMANDCENTER_OIDC_DEVICE": "no"})
    async with httpx.AsyncClient(base_url=api, timeout=60) as terminal:
        assert (await terminal.post("/sign-in/device")).status_code == 404


async def test_a_provider_that_is_away_keeps_nobody_out_who_has_a_token(as_person: Any, records: Records) -> None:
    ann = as_person("ann")
    assert (await ann.get("/me")).status_code == 200
    assert (await ann.get("/sign-in")).json() == {"provider": None}
    assert (await ann.get("/sign-in/oidc")).status_code == 404
    settings = OidcSettings.load(
        {
            "COMMANDCENTER_OIDC_ISSUER": f"http://127.0.0.1:{free_port()}",
            "COMMANDCENTER_OIDC_CLIENT_ID": "c",
            "COMMANDCENTER_API_URL": "http://localhost:9002",
        }
    )
    assert settings is not None
    app = create_app(records, {}, provider=Provider(settings))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as nobody:
        answer = await nobody.get("/sign-in/oidc")
        assert answer.headers["location"] == "/console#sign-in-failed=unavailable"
        assert (await nobody.post("/sign-in/device")).status_code == 503


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"COMMANDCENTER_OIDC_ISSUER": "http://login.example.org"}, "must be an https:// address"),
        ({"COMMANDCENTER_API_URL": "http://cc.example.org"}, "must be an https:// address"),
        ({"COMMANDCENTER_API_URL": ""}, "COMMANDCENTER_API_URL must be, too"),
        ({"COMMANDCENTER_OIDC_CLIENT_ID": ""}, "CLIENT_ID must be, too"),
        ({"COMMANDCENTER_OIDC_ROLES": '{"g": {"1": ["root"]}}'}, "g.1.0: Input should be"),
        ({"COMMANDCENTER_OIDC_ROLES": "g=admin"}, "Invalid JSON"),
        ({"COMMANDCENTER_OIDC_EVERYBODY_VIEWS": "all"}, "names projects by number"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_a_sentence(changes: dict[str, str], said: str) -> None:
    good = {
        "COMMANDCENTER_OIDC_ISSUER": "https://login.example.org",
        "COMMANDCENTER_OIDC_CLIENT_ID": "c",
        "COMMANDCENTER_OIDC_CLIENT_SECRET": "top-secret",
        "COMMANDCENTER_API_URL": "https://cc.example.org/api/",
    }
    loaded = OidcSettings.load(good)
    assert loaded is not None
    assert loaded.redirect_uri == "https://cc.example.org/api/sign-in/oidc/callback"
    assert "top-secret" not in repr(loaded)
    with pytest.raises(OidcSettingsError, match=re.escape(said)):
        OidcSettings.load(good | changes)


async def test_a_refused_sign_in_makes_no_person(records: Records) -> None:
    found = await identify("cct_nobody", records=records)
    assert isinstance(found, NotSignedIn)
