"""Browser sessions and sign-in, over HTTP."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from api import event_stream
from operations.people import add_person, issue_link, issue_token, revoke_token
from reliability.failed_sign_ins import FailedSignIns


@pytest.fixture
async def ada(records) -> str:
    """A token of an author of project 1 who may look at project 2."""
    await add_person("Ada", records=records, project_id=1, roles=["author", "operator"], by="root")
    await add_person("Ada", records=records, project_id=2, roles=["viewer"], by="root")
    return (await issue_token("Ada", records=records, by="root")).text


@pytest.fixture
async def browser_like(address) -> Any:
    """A client that keeps cookies, as a browser on a page of the API's own address."""
    headers = {"Origin": address, "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
        yield client


async def test_a_browser_signs_in_looks_around_and_signs_out(browser_like, ada) -> None:
    begun = await browser_like.post("/session", json={"token": ada})
    assert begun.status_code == 201
    me = {
        "name": "Ada",
        "projectId": 1,
        "role": "operator",
        "roles": ["author", "operator"],
        "may": ["read", "author", "operate"],
        "projects": [
            {"projectId": 1, "role": "operator", "roles": ["author", "operator"]},
            {"projectId": 2, "role": "viewer", "roles": ["viewer"]},
        ],
    }
    assert begun.json() == me
    assert (await browser_like.get("/me")).json() == me
    assert (await browser_like.delete("/session")).status_code == 204
    assert (await browser_like.get("/me")).status_code == 401


async def test_the_cookie_is_for_this_site_only_and_no_script_reads_it(browser_like, ada) -> None:
    cookie = (await browser_like.post("/session", json={"token": ada})).headers["set-cookie"]
    port = str(browser_like.base_url.port)
    assert cookie.startswith(f"commandcenter_session_{port}=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    assert ada not in cookie


async def test_the_cookie_is_secure_over_tls(browser_like, ada) -> None:
    # As a proxy on this machine says it, which ends the encryption.
    headers = {"X-Forwarded-Proto": "https", "Origin": str(browser_like.base_url).replace("http:", "https:")}
    answer = await browser_like.post("/session", json={"token": ada}, headers=headers)
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_signed_out_cookie_is_worth_nothing_where_it_was_copied_to(browser_like, ada) -> None:
    await browser_like.post("/session", json={"token": ada})
    copied = dict(browser_like.cookies)
    await browser_like.delete("/session")
    for name, value in copied.items():
        browser_like.cookies.set(name, value)
    assert (await browser_like.get("/me")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        # Another port of this machine, such as a page that an agent's artifact is shown on.
        {"Origin": "http://127.0.0.1:4200", "Sec-Fetch-Site": "same-site"},
        # A program that has the cookie and is no browser.
        {},
    ],
)
async def test_another_page_changes_nothing_with_a_cookie(address, browser_like, ada, headers) -> None:
    await browser_like.post("/session", json={"token": ada})
    async with httpx.AsyncClient(
        base_url=address, cookies=browser_like.cookies, headers=headers, timeout=60
    ) as evil:
        answer = await evil.put("/workflows/talk", content="name: talk")
        assert answer.status_code == 403
        assert ("another origin" if headers else "comes from elsewhere") in answer.json()["detail"]
        if headers:
            assert (await evil.get("/me")).status_code == 403
            assert (await evil.post("/session", json={"token": ada})).status_code == 403
            assert (await evil.delete("/session")).status_code == 403
    assert (await browser_like.get("/me")).status_code == 200


async def test_a_token_in_the_header_needs_no_origin(address, ada) -> None:
    async with httpx.AsyncClient(
        base_url=address, headers={"Authorization": f"Bearer {ada}"}, timeout=60
    ) as program:
        assert (await program.put("/workflows/talk", content="name: talk")).status_code == 422


async def test_a_project_is_chosen_by_header_or_by_session(browser_like, ada, address) -> None:
    await browser_like.post("/session", json={"token": ada})
    chosen = await browser_like.patch("/session", json={"projectId": 2})
    assert (chosen.status_code, chosen.json()["projectId"]) == (200, 2)
    assert (await browser_like.get("/me")).json()["role"] == "viewer"
    assert (await browser_like.get("/agents")).json() == []
    refused = await browser_like.put("/workflows/talk", content="name: talk")
    assert refused.status_code == 403
    assert (await browser_like.patch("/session", json={"projectId": 3})).status_code == 403
    async with httpx.AsyncClient(
        base_url=address, headers={"Authorization": f"Bearer {ada}"}, timeout=60
    ) as program:
        assert len((await program.get("/agents")).json()) == 1
        assert (await program.get("/agents", headers={"X-Project": "2"})).json() == []
        for other in ("3", "x", "-1", ""):
            assert (await program.get("/agents", headers={"X-Project": other})).status_code == 403


async def test_a_link_signs_in_once(browser_like, records, ada) -> None:
    link = await issue_link("Ada", records=records, by="root")
    bearer = await browser_like.get("/me", headers={"Authorization": f"Bearer {link.text}"})
    assert bearer.status_code == 401
    assert (await browser_like.post("/session", json={"token": link.text})).status_code == 201
    assert (await browser_like.post("/session", json={"token": link.text})).status_code == 401
    assert (await browser_like.get("/me")).status_code == 200


async def test_a_revoked_token_ends_its_sessions_at_once(browser_like, records, ada) -> None:
    await browser_like.post("/session", json={"token": ada})
    (token,) = await records.tokens("Ada")
    await revoke_token(token.id, records=records, by="root")
    assert (await browser_like.get("/me")).status_code == 401


@pytest.mark.parametrize("by", ["token", "session"])
@pytest.mark.parametrize("ends", ["revoked", "role taken away"])
async def test_an_open_stream_ends_once_its_reader_may_read_no_more(
    browser_like, records, ada, ends, by, monkeypatch
) -> None:
    """Nothing that happens after that is told."""
    assert event_stream._CHECK_SECONDS + event_stream.LOOK_SECONDS < 5
    monkeypatch.setattr(event_stream, "_CHECK_SECONDS", 0.2)
    monkeypatch.setattr(event_stream, "LOOK_SECONDS", 0.1)
    if by == "session":
        await browser_like.post("/session", json={"token": ada})
    headers = {"Authorization": f"Bearer {ada}"} if by == "token" else {}
    told: list[str] = []
    async with asyncio.timeout(60), browser_like.stream("GET", "/stream", headers=headers) as answer:
        async for line in answer.aiter_lines():
            told.append(line)
            if line.startswith("retry:"):
                assert await records.archive_agent(1, "speaker")
            if line == "event: agent":
                if ends == "revoked":
                    (token,) = await records.tokens("Ada")
                    await revoke_token(token.id, records=records, by="root")
                else:
                    await records.withdraw_roles("Ada", project_id=1)
    assert told.count("event: agent") == 1


async def test_failed_sign_ins_are_logged_without_the_token_and_throttled(address, ada, caplog) -> None:
    caplog.set_level(logging.WARNING)
    async with httpx.AsyncClient(base_url=address, timeout=60) as guesser:
        answers = [
            await guesser.get("/me", headers={"Authorization": f"Bearer guess-{number}"}) for number in range(22)
        ]
        assert [each.status_code for each in answers] == [401] * 20 + [429] * 2
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert (await guesser.post("/session", json={"token": "guess"})).status_code == 429
        # Whoever has a token is not locked out by somebody else.
        assert (await guesser.get("/me", headers={"Authorization": f"Bearer {ada}"})).status_code == 200
    lines = [record.getMessage() for record in caplog.records if record.name == "reliability.failed_sign_ins"]
    assert lines[0] == "Failed sign-in from 127.0.0.1: unknown"
    assert len(lines) == 21
    assert "guess" not in "".join(lines)


def test_failures_are_forgotten_after_the_window_and_bounded() -> None:
    at = 0.0
    failures = FailedSignIns(limit=1, clock=lambda: at)
    assert [failures.add("a", "unknown"), failures.add("a", "unknown")] == [None, 60]
    assert failures.add("b", "unknown") is None
    at = 60.0
    assert failures.add("a", "unknown") is None
    for number in range(20_000):
        failures.add(str(number), "unknown")
    assert len(failures._failures) == 10_000


def test_failures_of_one_token_are_counted_from_whichever_addresses_they_come() -> None:
    failures = FailedSignIns(limit=2, clock=lambda: 0.0)
    found = [failures.add(f"10.0.0.{number}", "revoked", token_id="t") for number in range(4)]
    assert found == [None, None, 60, 60]
    assert failures.add("10.0.0.9", "unknown") is None
