"""A sign-in that was begun in a browser <-> the cookie that remembers it until the provider sends the browser back.

The cookie is `Lax`, since the provider's page leads here; it opens nothing by itself. Only the browser that began can
finish, so nobody can be signed in as somebody else by a link.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass

from fastapi import Request, Response

SECONDS = 600
_PATH = "/sign-in/oidc"
_BACK_TO = re.compile(r"/console(?:[/?][\w./~=&%-]*)?")
_TOO_LONG = 2_000


@dataclass(frozen=True, kw_only=True)
class SignInAttempt:
    """What must be known when the browser comes back."""

    state: str
    nonce: str
    verifier: str
    """Of PKCE: whoever steals the code cannot use it without this."""
    back_to: str

    @classmethod
    def begin(cls, back_to: str) -> SignInAttempt:
        """A new one. `back_to`: a page of the console; any other becomes its first page."""
        return cls(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            back_to=_page(back_to),
        )

    def is_of(self, state: str) -> bool:
        """Whether the provider's answer belongs to it."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "replace"))


def _page(path: str) -> str:
    return path if len(path) < _TOO_LONG and _BACK_TO.fullmatch(path) else "/console"


def remember(request: Request, response: Response, attempt: SignInAttempt) -> None:
    """Give it to the browser."""
    response.set_cookie(
        _name(request),
        json.dumps(asdict(attempt)).encode().hex(),
        max_age=SECONDS,
        path=request.scope.get("root_path", "") + _PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def recall(request: Request) -> SignInAttempt | None:
    """The one that this browser has begun. What is no attempt is none."""
    try:
        found = json.loads(bytes.fromhex(request.cookies.get(_name(request), "")))
        attempt = SignInAttempt(**{name: str(value) for name, value in found.items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return SignInAttempt(**{**asdict(attempt), "back_to": _page(attempt.back_to)})


def forget(request: Request, response: Response) -> None:
    """Take it away: an answer is taken once."""
    response.delete_cookie(
        _name(request),
        path=request.scope.get("root_path", "") + _PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _name(request: Request) -> str:
    return f"commandcenter_attempt_{request.url.port or (443 if request.url.scheme == 'https' else 80)}"
