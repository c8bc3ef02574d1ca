"""Address and JSON document -> one POST request."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from agents.builtin.notifier.tunnel import unreachable
from agents.sdk.context import Context
from agents.sdk.errors import AgentError, TransientError

_TIMEOUT_SECONDS = 30


class _NoRedirects(HTTPRedirectHandler):
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


def post(url: str, payload: dict[str, Any], key: str, context: Context) -> None:
    """Send the document. The address's path is never logged: for many services it is the secret."""
    host = host_of(url)
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "commandcenter-notifier", "Idempotency-Key": key}
    request = Request(url, data=body, headers=headers, method="POST")
    try:
        with build_opener(_NoRedirects).open(request, timeout=_TIMEOUT_SECONDS) as answer:
            status = answer.status
    except HTTPError as exc:
        exc.close()
        kind = TransientError if exc.code == 429 or exc.code >= 500 else AgentError
        raise kind(f"webhook at {host} answered with status {exc.code}") from exc
    except (URLError, OSError) as exc:
        raise unreachable(f"webhook at {host}", exc) from exc
    context.log.info("webhook at %s accepted the document with status %d", host, status)
