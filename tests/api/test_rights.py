"""The table of routes and roles, each cell of it over HTTP."""

from __future__ import annotations

import itertools
import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import create_app
from api.rights import ALLOWED, ROUTES, Right, right_of
from operations.people import add_person, issue_token
from records.people.person import ROLES

TABLE = {
    "GET /health": "",
    "GET /metrics": "",
    "GET /asyncapi.json": "",
    "GET /docs": "",
    "GET /docs/start.js": "",
    "GET /docs/{name}": "",
    "GET /": "",
    "GET /console": "",
    "GET /console/{path:path}": "",
    "POST /session": "",
    "DELETE /session": "",
    "PATCH /session": "viewer author operator approver admin",
    "GET /sign-in": "",
    "GET /sign-in/oidc": "",
    "GET /sign-in/oidc/callback": "",
    "POST /sign-in/device": "",
    "POST /sign-in/device/token": "",
    "GET /me": "viewer author operator approver admin",
    "GET /changes": "viewer author operator approver admin",
    "POST /changes/{change_id}/confirm": "admin",
    "GET /agents": "viewer author operator approver admin",
    "GET /agents/{name}": "viewer author operator approver admin",
    "GET /agents/{name}/history": "viewer author operator approver admin",
    "POST /agents": "admin",
    "DELETE /agents/{name}": "admin",
    "POST /agents/review": "admin",
    "POST /agents/upload": "admin",
    "GET /workflows": "viewer author operator approver admin",
    "GET /workflows/{name}": "viewer author operator approver admin",
    "PUT /workflows/{name}": "author admin",
    "POST /workflows/{name}/archive": "author admin",
    "POST /workflows/{name}/rename": "author admin",
    "POST /workflows/{name}/review": "viewer author operator approver admin",
    "GET /workflows/{name}/versions": "viewer author operator approver admin",
    "GET /workflows/{name}/versions/{number}": "viewer author operator approver admin",
    "GET /drafts": "viewer author operator approver admin",
    "GET /workflows/{name}/draft": "viewer author operator approver admin",
    "PUT /workflows/{name}/draft": "author admin",
    "DELETE /workflows/{name}/draft": "author admin",
    "POST /compile": "viewer author operator approver admin",
    "POST /compile/complete": "viewer author operator approver admin",
    "POST /compile/offers": "viewer author operator approver admin",
    "POST /compile/connections": "viewer author operator approver admin",
    "POST /compile/dry-run": "viewer author operator approver admin",
    "POST /compile/schedule": "viewer author operator approver admin",
    "POST /compile/past-events": "viewer author operator approver admin",
    "GET /stream": "viewer author operator approver admin",
    "GET /statistics": "viewer author operator approver admin",
    "GET /workflows/{name}/missed": "viewer author operator approver admin",
    "POST /workflows/{name}/backfill": "operator admin",
    "POST /workflows/{name}/runs": "operator admin",
    "GET /runs": "viewer author operator approver admin",
    "GET /runs/{run_id}": "viewer author operator approver admin",
    "GET /runs/{run_id}/logs": "viewer author operator approver admin",
    "GET /runs/{run_id}/logs/stream": "viewer author operator approver admin",
    "POST /runs/{run_id}/cancel": "operator admin",
    "POST /runs/{run_id}/retry": "operator admin",
    "GET /runs/{run_id}/rerun": "viewer author operator approver admin",
    "POST /runs/{run_id}/rerun": "operator admin",
    "POST /runs/{run_id}/replay": "operator admin",
    "GET /runs/{run_id}/artifacts": "viewer author operator approver admin",
    "GET /runs/{run_id}/artifacts/{artifact}": "viewer author operator approver admin",
    "GET /approvals": "viewer author operator approver admin",
    "GET /approvals/{approval_id}": "viewer author operator approver admin",
    "GET /approvals/{approval_id}/slack-message": "viewer author operator approver admin",
    "POST /approvals/{approval_id}/decision": "approver admin",
    "POST /slack/actions": "",
    "GET /events": "viewer author operator approver admin",
    "POST /events/try-filter": "viewer author operator approver admin",
    "GET /events/{event_id}": "viewer author operator approver admin",
    "GET /events/{event_id}/why": "viewer author operator approver admin",
    "GET /dead-letters": "viewer author operator approver admin",
    "POST /dead-letters/{letter_id}/replay": "operator admin",
    "POST /dead-letters/{letter_id}/discard": "operator admin",
}
"""Written by hand, so that a change of `api.rights` is seen here. Empty: nobody has to sign in."""


async def test_every_route_is_in_the_table_and_the_table_names_no_other(records) -> None:
    app = create_app(records, {})
    found, listed = routes(app), set(ROUTES)
    assert len(found) > 25
    assert found - listed == set(), "add the route to api/rights.py, and to the table of this test"
    assert listed - found == set()


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Also those that the description of the API leaves out; not the description itself."""
    groups = [getattr(each, "original_router", None) for each in app.routes]
    return {
        (method, route.path)
        for group in groups
        if group is not None
        for route in group.routes
        for method in route.methods - {"HEAD"}
    }


def test_a_route_that_is_not_in_the_table_is_for_admins() -> None:
    assert right_of("POST", "/something-new") is Right.ADMIN


def test_the_table_is_the_one_that_was_agreed() -> None:
    said = {
        f"{method} {path}": " ".join(role for role in ROLES if role in ALLOWED.get(right, ROLES))
        if right is not Right.OPEN
        else ""
        for (method, path), right in ROUTES.items()
    }
    assert said == TABLE


@pytest.fixture(params=[1])
async def of_role(records, address, request) -> Any:
    """A client for each role in a project, with a token of the records."""
    clients = {}
    for role in ROLES:
        await add_person(f"the {role}", records=records, project_id=request.param, roles=[role], by="root")
        token = await issue_token(f"the {role}", records=records, by="root")
        headers = {"Authorization": f"Bearer {token.text}"}
        clients[role] = httpx.AsyncClient(base_url=address, headers=headers, timeout=60)
    yield clients
    for client in clients.values():
        await client.aclose()


async def test_each_role_gets_through_where_the_table_says_so_and_nowhere_else(of_role, as_person) -> None:
    stranger = as_person(None)
    for (method, path), right in ROUTES.items():
        address = re.sub(r"\{\w+\}", "none", path)
        unknown = await stranger.request(method, address)
        assert (unknown.status_code == 401) == (right is not Right.OPEN), (method, path)
        for role in ROLES:
            # A stream has no end of its own.
            query = {"limit": "0"} if path == "/stream" else None
            answer = await of_role[role].request(method, address, params=query)
            refused = right not in (Right.OPEN, Right.SIGNED_IN) and role not in ALLOWED[right]
            assert (answer.status_code == 403) == refused, (method, path, role, answer.text)
            assert answer.status_code not in (401, 500), (method, path, role)


async def test_a_refusal_says_which_role_is_missing(of_role) -> None:
    answer = await of_role["viewer"].post("/workflows/talk/runs", json={})
    assert answer.json()["detail"] == ("in project 1 you are viewer; this needs admin or operator")


@pytest.fixture
async def things(ann, ask, records) -> dict[str, list[str]]:
    """What project 1 has, by the parameter of the routes that names it."""
    approval = await ask()
    assert (await ann.put("/workflows/marked-draft/draft", json={"source": "name: MARKED"})).status_code == 204
    await records.save_artifact(b"MARKED", "MARKED.txt", "text/plain", approval.run_id)
    payload = b'{"MARKED": 1}'
    await records.receive_event("S", 1, subject="a.b", payload=payload, outcome="started", project_id=1)
    await records.dead_letter("S", 2, subject="a.b", payload=payload, reason="MARKED", project_id=1)
    change = await records.request_change(
        project_id=1, kind="people", digest="sha256:1", summary="MARKED", by="Ann"
    )
    run = await records.run(approval.run_id)
    return {
        "run_id": [run.id, run.flow_run_id],
        "approval_id": [approval.id],
        "event_id": [each.id for each in await records.received_events(1)],
        "letter_id": [each.id for each in await records.dead_letters(1)],
        "change_id": [change.id],
        "artifact": [each["id"] for each in (await ann.get(f"/runs/{run.id}/artifacts")).json()],
        "name": ["talk", "marked-draft", "speaker"],
        "number": ["1"],
    }


BODIES: dict[str, Any] = {
    "/approvals/{approval_id}/decision": {"decision": "APPROVED", "digest": "sha256:1"},
    "/runs/{run_id}/rerun": {"from": "speak"},
    "/workflows/{name}/runs": {"context": {}},
    "/workflows/{name}/backfill": {"times": ["2026-01-01T00:00:00Z"]},
    "/workflows/{name}/rename": {"name": "other", "source": "name: other"},
    "/workflows/{name}/review": {"source": "name: talk"},
}
MAKES = {("PUT", "/workflows/{name}"), ("PUT", "/workflows/{name}/draft"), ("POST", "/workflows/{name}/review")}
"""Whoever names something here means what the own project has, or will have, by that name."""


@pytest.mark.parametrize("of_role", [2], indirect=True)
async def test_what_another_project_has_is_answered_as_what_nobody_has(of_role, things, records) -> None:
    """By each route, for a role that may use it: not even that it exists can be told, and nothing of it happens."""
    tried = 0
    for (method, path), right in ROUTES.items():
        names = re.findall(r"\{(\w+)\}", path)
        if right is Right.OPEN or not names or (method, path) in MAKES:
            continue
        assert set(names) <= set(things), "say what project 1 has of it"
        for each in itertools.product(*(things[name] for name in names)):
            real = dict(zip(names, each, strict=True))
            unknown = {name: value if name == "number" else value.translate(OTHER) for name, value in real.items()}
            role = next(each for each in ROLES if right is Right.SIGNED_IN or each in ALLOWED[right])
            answers = []
            for ids in (real, unknown):
                body = {"json": BODIES.get(path, {})} if method in ("POST", "PUT", "PATCH") else {}
                answer = await of_role[role].request(method, path.format(**ids), **body)
                said = answer.text
                for value in ids.values():
                    said = said.replace(value, "…")
                answers.append((answer.status_code, said, answer.headers.get("etag")))
            assert answers[0] == answers[1], (method, path, role)
            # 503: this server has no Prefect, which is said before anything is looked up.
            assert answers[0][0] in (404, 409, 422, 503), (method, path, role, answers[0])
            tried += 1
    assert tried > 60
    lists = [path for (method, path), right in ROUTES.items() if (method, right) == ("GET", Right.READ)]
    for path in (each for each in lists if "{" not in each and each != "/stream"):
        found = (await of_role["viewer"].get(path)).text
        assert "MARKED" not in found, path
        assert "talk" not in found, path
    for said in ("1", "01", "1,2", "+1", "2,1"):
        refused = await of_role["viewer"].get("/runs", headers={"X-Project": said})
        assert refused.status_code == 403
    run = await records.run(things["run_id"][0])
    assert run.finished_at is None
    assert [each.status for each in await records.approvals(project_id=1)] == ["PENDING"]


OTHER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "hijklmnopqrstuvwxyzabcdefg")
