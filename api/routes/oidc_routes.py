"""Sign-in by an OpenID provider: a browser is sent there and comes back (code flow), a terminal shows a code."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from api.browser import session_of, set_cookie
from api.context import Platform
from api.oidc.attempt import SignInAttempt, forget, recall, remember
from api.oidc.devices import DeviceAttempts
from api.oidc.provider import Denied, Pending, Provider, ProviderError
from api.oidc.settings import is_safe_url
from api.schemas import ResponseModel
from api.sign_in import SignIn
from operations.people import end_session
from operations.provider_sign_in import sign_in_browser, sign_in_terminal
from records.errors import NameRefused
from records.people.person import NotSignedIn

router = APIRouter(prefix="/sign-in", tags=["people"])
log = logging.getLogger(__name__)
_LEAST_INTERVAL = 1.0
_SLOW_DOWN_SECONDS = 5.0
_MAX_CODE = 4_000
_MAX_SHOWN = 2_000


class Oidc:
    """The provider, if there is one, and what terminals wait for; kept in `app.state.oidc`."""

    def __init__(self, provider: Provider | None) -> None:
        self.provider = provider
        self.devices = DeviceAttempts()


class ProviderAnswer(ResponseModel):
    """The provider as a page shows it."""

    label: str
    device: bool = Field(description="Whether a terminal may sign in by a code.")


class WaysAnswer(ResponseModel):
    """How one can sign in, besides by a token."""

    provider: ProviderAnswer | None


class DeviceAnswer(ResponseModel):
    """What a terminal shows, and by what it asks."""

    handle: str = Field(description="For POST /sign-in/device/token. Secret: who has it is signed in.")
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: int = Field(description="Seconds.")
    interval: float = Field(description="Seconds between two questions.")


class DeviceBody(BaseModel):
    """Which terminal asks."""

    model_config = ConfigDict(extra="forbid")

    handle: str = Field(min_length=1, max_length=200)


class DeviceTokenAnswer(ResponseModel):
    """Nothing yet, or a token."""

    status: Literal["pending", "signed-in"]
    interval: float = Field(description="Seconds to wait before the next question.")
    token: str | None = Field(default=None, description="As those of `commandcenter tokens add`. Shown once.")
    name: str | None = None
    expires_at: str | None = None


@router.get("", summary="Show how one can sign in")
async def show_ways(request: Request, response: Response) -> WaysAnswer:
    """For the page that signs people in: nobody has to be signed in for it."""
    response.headers["Cache-Control"] = "no-store"
    provider = _oidc(request).provider
    if provider is None:
        return WaysAnswer(provider=None)
    settings = provider.settings
    return WaysAnswer(provider=ProviderAnswer(label=settings.label, device=settings.device))


@router.get("/oidc", summary="Go to the provider", status_code=303, response_class=Response)
async def begin(
    request: Request,
    to: Annotated[
        str, Query(description="The console's page to come back to.", max_length=_MAX_SHOWN)
    ] = "/console",
) -> Response:
    """Sends the browser to the provider, with a cookie by which only this browser can come back."""
    provider = _provider(request)
    attempt = SignInAttempt.begin(to)
    try:
        where = await provider.authorization_url(
            state=attempt.state, nonce=attempt.nonce, verifier=attempt.verifier
        )
    except ProviderError as exc:
        log.error("The provider of sign-ins cannot be used: %s", exc)
        return _to_console(request, failed="unavailable")
    answer = RedirectResponse(where, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})
    remember(request, answer, attempt)
    return answer


@router.get("/oidc/callback", summary="Come back from the provider", status_code=303, response_class=Response)
async def come_back(
    request: Request,
    platform: Platform,
    state: Annotated[str, Query(max_length=_MAX_CODE)] = "",
    code: Annotated[str, Query(max_length=_MAX_CODE)] = "",
    iss: Annotated[str | None, Query(max_length=_MAX_CODE)] = None,
) -> Response:
    """Signs the browser in where everything is in order; else the console says that it was not.

    The answers go to a page: a person looks at them, and no detail is told to whoever tries.
    """
    provider, known = _provider(request), _sign_in(request)
    if known.waits(request) is not None:
        return _to_console(request, failed="too-many")
    attempt = recall(request)
    if attempt is None or not attempt.is_of(state):
        return _failed(request, "expired", "the browser has begun no such sign-in")
    if not code:
        return _failed(request, "denied", "the provider sends no code")
    try:
        await provider.check_issuer(iss)
        person = await provider.by_code(code, verifier=attempt.verifier, nonce=attempt.nonce)
        begun = await sign_in_browser(person, rules=provider.settings.rules, records=platform.records)
    except Denied as exc:
        return _failed(request, "denied", str(exc))
    except ProviderError as exc:
        return _failed(request, "not-in-order", str(exc))
    except NameRefused as exc:
        return _failed(request, "refused", str(exc))
    if isinstance(begun, NotSignedIn):
        return _failed(request, "refused", begun.reason)
    former = session_of(request)
    if former is not None:
        await end_session(former, records=platform.records)
    answer = _to_console(request, back_to=attempt.back_to)
    forget(request, answer)
    set_cookie(request, answer, begun.text, expires_at=begun.expires_at)
    return answer


@router.post("/device", status_code=201, summary="Begin the sign-in of a terminal")
async def begin_device(request: Request, response: Response) -> DeviceAnswer:
    """Gives a code that a person enters at the provider, in any browser. Nothing of it is secret but the handle."""
    provider, oidc, address = _provider(request), _oidc(request), _address(request)
    if not provider.settings.device:
        raise HTTPException(404, "terminals do not sign in by a code here: use a token")
    if _sign_in(request).waits(request) is not None or oidc.devices.is_full(address):
        raise HTTPException(429, "too many sign-ins of terminals are open: wait", headers={"Retry-After": "60"})
    try:
        found = await provider.begin_device()
        shown = _device(found)
    except ProviderError as exc:
        log.error("The provider of sign-ins gives no code for a terminal: %s", exc)
        raise HTTPException(503, "the provider of sign-ins gives no code: try again later") from exc
    handle = oidc.devices.add(
        found["device_code"], address=address, seconds=shown["expires_in"], interval=shown["interval"]
    )
    response.headers["Cache-Control"] = "no-store"
    return DeviceAnswer(handle=handle, **shown)


@router.post("/device/token", summary="Ask whether the terminal is signed in")
async def ask_device(
    body: DeviceBody, request: Request, response: Response, platform: Platform
) -> DeviceTokenAnswer:
    """Gives a token once the person has entered the code; it lasts as long as a browser's session."""
    provider, devices = _provider(request), _oidc(request).devices
    response.headers["Cache-Control"] = "no-store"
    if _sign_in(request).waits(request) is not None:
        raise HTTPException(429, "too many failed sign-ins from your address: wait", headers={"Retry-After": "60"})
    attempt = devices.take(body.handle)
    if attempt is None:
        raise _sign_in(request).failed(request, "no such device", "this sign-in is over: begin again")
    if devices.is_early(attempt):
        devices.put_back(body.handle, attempt, asked=False)
        return DeviceTokenAnswer(status="pending", interval=attempt.interval)
    try:
        person = await provider.by_device(attempt.device_code)
        issued = await sign_in_terminal(person, rules=provider.settings.rules, records=platform.records)
    except Pending as exc:
        attempt.interval += _SLOW_DOWN_SECONDS if exc.slow_down else 0
        devices.put_back(body.handle, attempt, asked=True)
        return DeviceTokenAnswer(status="pending", interval=attempt.interval)
    except (ProviderError, NameRefused) as exc:
        reason = "the provider refuses it, or you have no role here"
        raise _sign_in(request).failed(request, str(exc), reason) from exc
    ends = issued.record.expires_at
    return DeviceTokenAnswer(
        status="signed-in",
        interval=0,
        token=issued.text,
        name=issued.record.person,
        expires_at=ends.isoformat() if ends else None,
    )


def _oidc(request: Request) -> Oidc:
    return request.app.state.oidc


def _sign_in(request: Request) -> SignIn:
    return request.app.state.sign_in


def _provider(request: Request) -> Provider:
    provider = _oidc(request).provider
    if provider is None:
        raise HTTPException(404, "no provider signs people in here: set COMMANDCENTER_OIDC_ISSUER")
    return provider


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _failed(request: Request, code: str, reason: str) -> Response:
    """Counted and logged; the person is told one of a few sentences, which the console has."""
    _sign_in(request).failed(request, reason, "")
    answer = _to_console(request, failed=code)
    forget(request, answer)
    return answer


def _to_console(request: Request, *, back_to: str = "/console", failed: str | None = None) -> Response:
    root = request.scope.get("root_path", "")
    where = root + back_to + (f"#sign-in-failed={failed}" if failed else "")
    return RedirectResponse(where, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})


def _device(found: Any) -> dict[str, Any]:
    """What may be shown of the provider's answer. Raises ProviderError."""
    code, where = found.get("user_code"), found.get("verification_uri")
    whole = found.get("verification_uri_complete")
    for text in (code, where):
        if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) < _MAX_SHOWN:
            raise ProviderError("its code or its address for devices cannot be shown")
    if not is_safe_url(where) or (whole is not None and not (isinstance(whole, str) and is_safe_url(whole))):
        raise ProviderError("its address for devices is no https address")
    seconds, interval = found.get("expires_in"), found.get("interval", _SLOW_DOWN_SECONDS)
    if not isinstance(seconds, int) or not isinstance(interval, int | float):
        raise ProviderError("it does not say how long the code is good")
    return {
        "user_code": code,
        "verification_uri": where,
        "verification_uri_complete": whole if whole is None or whole.isprintable() else None,
        "expires_in": seconds,
        "interval": max(_LEAST_INTERVAL, interval),
    }
