"""Which requests of browsers reach a server on an operator's machine."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from reliability.browser_borders import OwnPagesOnly, SecurityHeaders, allowed_hosts, is_own_origin


async def _answer(_request: object) -> PlainTextResponse:
    return PlainTextResponse("here")


async def _talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("here")
    await socket.close()


_APP = SecurityHeaders(
    Starlette(routes=[Route("/", _answer, methods=["GET", "POST"]), WebSocketRoute("/events", _talk)])
)
_HERE = "http://127.0.0.1:4200"


async def _status(method: str = "GET", **headers: str) -> int:
    answer = await _ask(method, **headers)
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert {"type", "title", "detail"} < set(answer.json())
    return answer.status_code


async def _ask(method: str, **headers: str) -> httpx.Response:
    app = OwnPagesOnly(_APP, hosts=allowed_hosts("127.0.0.1", "console.example.com"))
    transport = httpx.ASGITransport(app)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url=_HERE) as client:
        return await client.request(method, "/", headers=named)


async def test_programs_and_our_own_pages_are_let_through():
    assert await _status() == 200
    assert await _status("POST", origin=_HERE, sec_fetch_site="same-origin") == 200
    assert await _status(sec_fetch_site="none", sec_fetch_mode="navigate") == 200
    assert await _status(host="localhost:4200") == 200
    assert await _status(host="[::1]:4200") == 200
    assert await _status(host="console.example.com") == 200


async def test_a_name_that_was_pointed_here_is_refused():
    assert await _status(host="attacker.example:4200") == 400
    assert await _status("POST", host="attacker.example:4200", origin="http://attacker.example:4200") == 400


@pytest.mark.parametrize(
    "origin", ["https://attacker.example", "http://127.0.0.1:8000", "http://localhost:4200", "null", "file://"]
)
async def test_a_page_of_another_origin_is_refused(origin):
    assert await _status("POST", origin=origin) == 403


def test_a_proxy_that_ends_tls_may_be_in_front_and_a_page_without_tls_is_never_one_of_ours_with_it():
    def own(origin: str, scheme: str) -> bool:
        return is_own_origin(origin, host="cc.example.com", scheme=scheme)

    assert own("https://cc.example.com", "http")
    assert own("https://CC.example.com", "wss")
    assert own("http://cc.example.com", "ws")
    assert not own("http://cc.example.com", "https")
    assert not own("https://cc.example.com:8443", "https")
    assert not own("file://cc.example.com", "http")


async def test_a_page_of_another_site_cannot_embed_ours_but_may_link_to_it():
    assert await _status(sec_fetch_site="cross-site", sec_fetch_mode="no-cors") == 403
    assert await _status(sec_fetch_site="cross-site", sec_fetch_mode="navigate") == 200


def test_websockets_ask_as_well():
    app = OwnPagesOnly(_APP, hosts=allowed_hosts("127.0.0.1"))
    client = TestClient(app, base_url=_HERE)
    with client.websocket_connect("/events", headers={"host": "127.0.0.1:4200"}) as socket:
        assert socket.receive_text() == "here"
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/events", headers={"origin": "https://attacker.example"}),
    ):
        pass


async def test_answers_forbid_framing_and_guessing():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(_APP), base_url=_HERE) as client:
        headers = (await client.get("/")).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_server_on_every_address_knows_the_names_of_its_machine():
    assert "127.0.0.1" in allowed_hosts("0.0.0.0")
    assert "*" not in allowed_hosts("0.0.0.0", "")
