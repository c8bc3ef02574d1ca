"""Servers that are there already (`up --prefect-api-url … --nats-url …`): asked before anything is started.

The parts wait for a server that is away, so a wrong address or password would look like a start that takes for ever.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import nats.errors
import nats.js.errors

from deployments.errors import DeploymentError
from reliability.tls import certificate_fault, client_context
from triggers.nats.connection import hosts_of, jetstream, open_as_platform

_SECONDS = 10
_OR_NONE = "or name none: `commandcenter up` starts its own"


class ServerUnreachable(DeploymentError):
    """A server that is there already, by the settings, does not answer, or not to us."""


async def require_prefect(api_url: str, auth: str) -> None:
    """Ask a Prefect server for its version. `auth`: user:password, or empty. Raises ServerUnreachable."""
    if urlsplit(api_url).scheme not in ("http", "https"):
        raise ServerUnreachable(
            f"--prefect-api-url {api_url!r} is no address of a Prefect server: write http://HOST:4200/api"
        )
    user, _, password = auth.partition(":")
    try:
        async with httpx.AsyncClient(
            trust_env=False, timeout=_SECONDS, verify=client_context(), auth=(user, password) if auth else None
        ) as client:
            answer = await client.get(f"{api_url}/admin/version")
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        if (fault := certificate_fault(exc)) is not None:
            raise ServerUnreachable(f"the Prefect server at {api_url} {fault}") from exc
        raise ServerUnreachable(
            f"no Prefect server answers at {api_url} ({exc or type(exc).__name__}): start it, {_OR_NONE}"
        ) from exc
    if answer.status_code in (401, 403):
        what = "the password in PREFECT_API_AUTH_STRING" if auth else "requests without a password"
        raise ServerUnreachable(
            f"the Prefect server at {api_url} refuses {what}: set PREFECT_API_AUTH_STRING=user:password as the server "
            "has it in PREFECT_SERVER_API_AUTH_STRING"
        )
    # Its UI answers any other address with a page.
    if not answer.is_success or "json" not in answer.headers.get("content-type", ""):
        more = "" if api_url.endswith("/api") else f"; did you mean {api_url}/api?"
        raise ServerUnreachable(
            f"{api_url} is not the API of a Prefect server (status {answer.status_code}): "
            f"correct the address, {_OR_NONE}{more}"
        )


async def require_nats(url: str) -> None:
    """Sign in to a NATS server and ask for its JetStream. Raises ServerUnreachable, which tells no password."""
    where = hosts_of(url)
    try:
        client = await open_as_platform(
            url, name="commandcenter-up", connect_timeout=_SECONDS, allow_reconnect=False, error_cb=_silent
        )
    except (OSError, ValueError, TimeoutError, nats.errors.Error) as exc:
        if (fault := certificate_fault(exc)) is not None:
            raise ServerUnreachable(f"the NATS server at {where} {fault}") from exc
        # nats-py raises what the server says as a plain error.
        if "authorization" in str(exc).lower():
            raise ServerUnreachable(
                f"the NATS server at {where} refuses this user: give one that may make streams, as "
                "COMMANDCENTER_NATS_URL=nats://USER:PASSWORD@HOST:4222"
            ) from exc
        raise ServerUnreachable(
            f"no NATS server answers at {where} ({exc or type(exc).__name__}): start it with --jetstream, {_OR_NONE}"
        ) from exc
    try:
        await jetstream(client).account_info()
    except (nats.js.errors.Error, nats.errors.Error, TimeoutError) as exc:
        raise ServerUnreachable(
            f"the NATS server at {where} has no JetStream for this user ({exc or type(exc).__name__}): start it with "
            "--jetstream, or enable it for the account of this user"
        ) from exc
    finally:
        await client.close()


async def _silent(_error: Exception) -> None:
    """What fails is raised; nats-py logs it as well, by default."""
