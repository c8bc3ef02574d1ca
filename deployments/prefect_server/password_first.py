"""Requests to Prefect's API -> those with its password; others are refused before anything else is done for them.

Prefect asks for the password itself, but only once it has the whole request, and waits for ever for the first message
of a websocket: whoever has no password could hold what others need to be answered.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from reliability.failed_sign_ins import FailedSignIns
from reliability.json_answers import answer_json
from reliability.plaintext import is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FIRST_MESSAGE_SECONDS = 15.0
"""A client of a websocket shows the password within this time."""
_OPEN = ("/health", "/ready")
_POLICY_VIOLATION = 1008


class PasswordMissing(ValueError):
    """The server would let everybody in."""


def require_password(password: str | None, *, host: str, production: bool) -> None:
    """Raises PasswordMissing where others than this machine's one operator could use the API without one."""
    if password or (is_loopback(host) and not production):
        return
    where = "in production mode" if is_loopback(host) else f"on {host or '0.0.0.0'!r:.100}, for other machines"
    raise PasswordMissing(
        f"Prefect's API would ask nobody for a password {where}: set PREFECT_SERVER_API_AUTH_STRING=name:password, or "
        "PREFECT_SERVER_API_AUTH_STRING_FILE to a file that holds it"
    )


class PasswordFirst:
    """ASGI middleware: answers 401 without reading the body. `path`: where the API is, such as `/api`.

    Wrong passwords are counted by address, logged, and after too many answered with 429; the right one counts always.
    """

    def __init__(self, app: ASGIApp, *, password: str, path: str, seconds: float = FIRST_MESSAGE_SECONDS) -> None:
        self._app = app
        self._password = password.encode()
        self._path = path.rstrip("/")
        self._seconds = seconds
        self._failures = FailedSignIns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it."""
        if scope["type"] == "websocket":
            await self._app(scope, self._first_soon(receive, send), send)
        elif scope["type"] != "http" or not self._is_asked(scope):
            await self._app(scope, receive, send)
        else:
            await self._refuse(scope, send)

    def _is_asked(self, scope: Scope) -> bool:
        """Whether this request must show a password, and does not."""
        path = scope["path"]
        if path != self._path and not path.startswith(f"{self._path}/"):
            return False
        if scope["method"] == "GET" and path.removeprefix(self._path) in _OPEN:
            return False
        return not hmac.compare_digest(_shown(scope) or b"", self._password)

    async def _refuse(self, scope: Scope, send: Send) -> None:
        status, headers = 401, list[tuple[bytes, bytes]]()
        # Prefect's pages ask without one before somebody has signed in.
        if _shown(scope) is not None:
            client = scope.get("client")
            address = client[0] if client else "unknown"
            wait = self._failures.add(address, "the password of Prefect's API is wrong")
            if wait is not None:
                status = 429
                headers.append((b"retry-after", str(wait).encode()))
        # As Prefect says it: its clients read this.
        await answer_json(send, status, {"exception_message": "Unauthorized"}, headers=headers)

    def _first_soon(self, receive: Receive, send: Send) -> Receive:
        """`receive`, which says that the client has left when its first message is not there in time."""
        first = True

        async def soon() -> Message:
            nonlocal first
            if not first:
                return await receive()
            try:
                async with asyncio.timeout(self._seconds):
                    message = await receive()
            except TimeoutError:
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "no password came"})
                return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}
            first = message["type"] == "websocket.connect"
            return message

        return soon


def _shown(scope: Scope) -> bytes | None:
    """What the request shows as `name:password`; None: nothing. Empty: what cannot be read."""
    header = next((value for name, value in scope["headers"] if name == b"authorization"), None)
    if header is None:
        return None
    scheme, _, credentials = header.partition(b" ")
    if scheme != b"Basic":
        return b""
    try:
        return base64.b64decode(credentials.strip(), validate=True)
    except binascii.Error:
        return b""
