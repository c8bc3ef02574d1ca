"""Address and JSON document -> one POST request, signed by the Standard Webhooks specification where there is a key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import idna

from agents.builtin.notifier.attempts import NotTakenError, deliver, retry_after
from agents.builtin.notifier.connections import Bounded
from agents.builtin.notifier.tunnel import unreachable
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, BadRequestError

SIGNING_SECRET = "WEBHOOK_SIGNING_SECRET"
AUTHORIZATION_SECRET = "WEBHOOK_AUTHORIZATION"
_TIMEOUT_SECONDS = 30
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OURS = frozenset(
    "host content-length content-type transfer-encoding connection te upgrade trailer expect proxy-authorization "
    "user-agent idempotency-key".split()
)
_URL_SIGNS = "/%:@!$&'()*+,;=~?-._"
_SECRET_HEADERS = frozenset({"authorization", "cookie"})


class NoRedirects(HTTPRedirectHandler):
    """The allow-list is for the host that the workflow names, not for one that host names."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def host_of(url: str) -> str:
    """`host` or `host:port`. Raises AgentError for an address that is not plain http or https."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise AgentError(f"webhook address is refused: {exc}") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise AgentError("webhook address is refused: it must begin with https:// or http:// and name a host")
    if parts.username is not None or any(char.isspace() or not char.isprintable() for char in url):
        raise AgentError("webhook address is refused: it holds a user name, white space or control characters")
    return f"{host}:{port}" if port else host


def wire_url(url: str) -> str:
    """The address in ASCII, as a request line holds it. Raises AgentError for a host name that has no such form."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        name = host if ":" in host else (host if host.isascii() else idna.encode(host, uts46=True).decode("ascii"))
        name.encode("idna")  # as the client will: no empty label, and none of more than 63 letters
        path, query = (quote(part, safe=_URL_SIGNS) for part in (parts.path, parts.query))
    except UnicodeError as exc:
        raise AgentError(f"webhook address is refused: host or path is no text of an address ({exc})") from exc
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, (f"[{name}]" if ":" in name else name) + port, path, query, ""))


def check_payload(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document that JSON has words for. Raises ValueError: Python would write `NaN`, and half a character."""
    try:
        _json(payload)
    except UnicodeEncodeError as exc:
        raise ValueError("the payload holds half a character (a lone surrogate), which is no text") from exc
    return payload


def _json(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Headers of the workflow's own. Raises ValueError for those that are ours, or that belong into a secret."""
    for name, value in headers.items():
        lower = name.lower()
        if not _HEADER_NAME.fullmatch(name) or not value.isprintable() or not value.isascii() or len(value) > 4000:
            raise ValueError(f"header {name[:100]!r} is not a name and one line of ASCII text")
        if lower in _SECRET_HEADERS:
            raise ValueError(f"header {name!r} is given by the secret {AUTHORIZATION_SECRET!r}, not in a workflow")
        if lower in _OURS or lower.startswith("webhook-"):
            raise ValueError(f"header {name!r} is set by the notifier itself")
    return headers


def post(
    url: str,
    payload: Any,
    key: str,
    context: Context,
    headers: Mapping[str, str] | None = None,
    *,
    own: bool = False,
) -> None:
    """Send the document. The address's path is never logged: for many services it is the secret.

    `own`: an endpoint of the workflow's own, which gets its headers, the signature and the authorization.
    """
    host = host_of(url)
    address, body = wire_url(url), _json(payload)
    status = deliver(
        lambda: _once(address, host, body, _headers(body, key, headers or {}, context, own=own)), context
    )
    context.log.info("webhook at %s accepted the document with status %d", host, status)


def _headers(body: bytes, key: str, more: Mapping[str, str], context: Context, *, own: bool) -> dict[str, str]:
    """Made for each attempt: the signature covers the time of it."""
    made = {
        **more,
        "Content-Type": "application/json",
        "User-Agent": "commandcenter-notifier",
        "Idempotency-Key": key,
    }
    if not own:
        return made
    if authorization := context.optional_secret(AUTHORIZATION_SECRET):
        made["Authorization"] = authorization
    made |= {"webhook-id": key, "webhook-timestamp": str(int(time.time()))}
    if keys := context.optional_secret(SIGNING_SECRET):
        made["webhook-signature"] = signature(keys, key, made["webhook-timestamp"], body)
    return made


def signature(keys: str, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64>` for each key, separated by spaces: two keys are valid while one takes the other's place."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.digest(_key(key), signed, hashlib.sha256)).decode() for key in keys.split()
    )


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadRequestError(
            f"secret {SIGNING_SECRET!r} is not a key of the form whsec_ and Base64 (24 to 64 bytes)"
        ) from exc
    if not 24 <= len(key) <= 64:
        raise BadRequestError(f"secret {SIGNING_SECRET!r} must be a key of 24 to 64 bytes, it has {len(key)}")
    return key


def _once(url: str, host: str, body: bytes, headers: Mapping[str, str]) -> int:
    request = Request(url, data=body, headers=dict(headers), method="POST")
    try:
        with (
            Bounded(f"webhook at {host}") as bounded,
            build_opener(NoRedirects, *bounded.handlers()).open(request, timeout=_TIMEOUT_SECONDS) as answer,
        ):
            return int(answer.status)
    except HTTPError as exc:
        exc.close()
        sentence = f"webhook at {host} answered with status {exc.code}"
        if exc.code in (408, 425, 429) or exc.code >= 500:
            raise NotTakenError(sentence, retry_after=retry_after(exc.headers.get("Retry-After"))) from exc
        raise AgentError(sentence) from exc
    except (URLError, OSError, HTTPException) as exc:
        raise unreachable(f"webhook at {host}", exc) from exc
