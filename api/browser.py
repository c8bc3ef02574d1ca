"""Requests of browsers: the cookie of a session, and whether a page of ours asks.

Any page that is open in a person's browser can send requests here. So a session's cookie is kept from other sites
(`SameSite=Strict`) and from scripts (`HttpOnly`), and counts only for requests that the browser says come from a page
of this very origin. Another port of this machine is the same site, but another origin.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response

from reliability.browser_borders import is_own_origin

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(request: Request) -> str:
    """One name per port: browsers do not keep the cookies of two ports of a machine apart."""
    return f"commandcenter_session_{request.url.port or (443 if _is_tls(request) else 80)}"


def session_of(request: Request) -> str | None:
    """What the request's cookie holds."""
    return request.cookies.get(cookie_name(request)) or None


def set_cookie(request: Request, response: Response, session: str, *, expires_at: datetime) -> None:
    """Give the browser its session."""
    response.set_cookie(
        cookie_name(request),
        session,
        expires=expires_at,
        path="/",
        secure=_is_tls(request),
        httponly=True,
        samesite="strict",
    )


def clear_cookie(request: Request, response: Response) -> None:
    """Take it away."""
    response.delete_cookie(
        cookie_name(request), path="/", secure=_is_tls(request), httponly=True, samesite="strict"
    )


def comes_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that a page of another origin asks."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    return origin is not None and not is_own_origin(origin, host=host, scheme=request.url.scheme)


def may_use_cookie(request: Request) -> bool:
    """Whether the cookie counts: for what changes something, a page of ours must be shown to ask."""
    if comes_from_elsewhere(request):
        return False
    if request.method in _SAFE:
        return True
    return request.headers.get("sec-fetch-site") == "same-origin" or request.headers.get("origin") is not None


def _is_tls(request: Request) -> bool:
    return request.url.scheme == "https"
