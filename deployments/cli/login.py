"""The address of an API in; a token of whoever has entered the code at their organisation's provider, out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import httpx

from deployments.errors import DeploymentError
from reliability.plaintext import PlaintextRefused, refuse_plaintext
from tasks.safe_text import safe_text

_SECONDS = 30.0
_LEAST_SECONDS = 1.0


class SignInFailed(DeploymentError):
    """Nobody was signed in."""


async def sign_in_by_code(api_url: str, *, say: Callable[[str], None]) -> str:
    """Show a code by `say`, and wait until somebody has entered it; gives the token. Raises SignInFailed."""
    try:
        refuse_plaintext(api_url, "api")
    except PlaintextRefused as exc:
        raise SignInFailed(str(exc)) from exc
    async with httpx.AsyncClient(base_url=api_url.rstrip("/"), timeout=_SECONDS) as api:
        begun = await _post(api, "/sign-in/device")
        whole = begun.get("verificationUriComplete")
        say(f"Open {safe_text(str(begun['verificationUri']))} and enter {safe_text(str(begun['userCode']))}")
        if whole:
            say(f"or open {safe_text(str(whole))}")
        say("Enter only a code that you see in your own terminal.")
        ends, wait = time.monotonic() + float(begun["expiresIn"]), float(begun["interval"])
        while time.monotonic() < ends:
            await asyncio.sleep(max(_LEAST_SECONDS, wait))
            answer = await _post(api, "/sign-in/device/token", {"handle": begun["handle"]})
            if answer["status"] == "signed-in":
                say(f"You are {safe_text(str(answer['name']))} until {safe_text(str(answer['expiresAt']))}.")
                return str(answer["token"])
            wait = float(answer["interval"])
    raise SignInFailed("nobody has entered the code in time: begin again with `commandcenter login`")


async def _post(api: httpx.AsyncClient, path: str, body: Any = None) -> dict[str, Any]:
    try:
        answer = await api.post(path, json=body)
        found: Any = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
        raise SignInFailed(
            f"the API at {str(api.base_url)!r} does not answer as one ({type(exc).__name__}): name it by --api-url"
        ) from exc
    if not answer.is_success:
        detail = cast("dict[str, Any]", found).get("detail") if isinstance(found, dict) else None
        raise SignInFailed(f"the API refuses: {safe_text(str(detail or answer.status_code))}")
    return found
