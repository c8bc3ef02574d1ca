"""A host, a port and a database → Prefect's API and UI, served by this process.

The same server as `prefect server start`, with five differences: SQLite takes concurrent writers (see `sqlite`),
nothing is asked of the internet, who has no password holds up nobody (see `password_first`), what could not be read
again is not stored (see `readable_bodies`), and projects are served in turn (see `fair_requests`).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import uvloop

from deployments.prefect_server.password_first import PasswordFirst, PasswordMissing, require_password
from observability.json_logs import JsonLines, LogFormatError, log_as_json
from reliability.loaded_code import leave_alone_what_is_loaded
from reliability.mode import is_production
from reliability.plaintext import PlaintextRefused, refuse_plain_listener
from reliability.secret_files import SecretFileError, use_secret_files
from reliability.settings import ServerSettings, SettingsError
from reliability.slow_requests import LIMITS_WITH_WEBSOCKETS
from reliability.tested_versions import UntestedVersion
from reliability.tls import ServerCertificate, TlsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

DEFAULTS = {
    # The server reports home otherwise, and each attempt costs seconds where there is no way out.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Fetched from the internet to fill the UI's "what's new".
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    # A retryable error is an error of ours (see `sqlite`): it must be seen.
    "PREFECT_SERVER_LOG_RETRYABLE_ERRORS": "true",
    # Events and task-run states are written once a second, all at a time. One by one, each state costs four statements,
    # two of them compiled anew. (Prefect cuts these seconds down to a whole number.)
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # Reads every paused run each time. Ours have no time limit in Prefect: their gates' deadlines are on record.
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "60",
    # In a burst of events runs wait for their turn. Marking each of them as late costs as much as running it.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "60",
    # Cancelled runs that nobody holds should not linger for a visible time.
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "10",
    # Only then is a silent worker offline, and its runs are another's.
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "5",
}
"""Settings of the server process; any of them gives way to one that the environment already has."""


def serve(host: str, port: int, *, access_log: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. Reads the database's address from `PREFECT_API_DATABASE_CONNECTION_URL`."""
    use_secret_files()
    settings = ServerSettings.load()
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    # The browser calls the API at the address under which it sees the UI; the server has no other API to call.
    os.environ.setdefault("PREFECT_SERVER_UI_API_URL", "/api")
    os.environ.pop("PREFECT_API_URL", None)
    certificate = ServerCertificate.load()
    refuse_plain_listener(host, "prefect", tls=certificate is not None)
    scheme = "http" if certificate is None else "https"
    # No page of another origin may read an answer; the default lets every page.
    os.environ.setdefault(
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS", f"{scheme}://127.0.0.1:{port},{scheme}://localhost:{port}"
    )
    # An eighth less to compute for each request.
    uvloop.run(_serve(settings, host, port, access_log, certificate))


async def _serve(
    settings: ServerSettings, host: str, port: int, access_log: bool, certificate: ServerCertificate | None
) -> None:
    # Prefect reads its settings when it is imported: the environment must be complete by now.
    # Prefect loads this collection after its migrations, for which Alembic puts the current folder first on the path: a
    # folder `tasks` of the user's would be taken for ours.
    importlib.import_module("deployments.worker.worker")
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.server.utilities.database import get_dialect
    from prefect.settings import (
        PREFECT_API_DATABASE_CONNECTION_URL,
        PREFECT_SERVER_API_AUTH_STRING,
        PREFECT_SERVER_API_BASE_PATH,
    )
    from uvicorn.config import LOGGING_CONFIG

    from deployments.prefect_server import background_services, checked_schemas, sqlite
    from deployments.prefect_server.fair_requests import AT_ONCE, AT_ONCE_SQLITE, FairRequests
    from deployments.prefect_server.readable_bodies import ReadableBodies
    from reliability.browser_borders import OwnPagesOnly, SecurityHeaders, allowed_hosts

    password = PREFECT_SERVER_API_AUTH_STRING.value()
    require_password(password, host=host, production=is_production())
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    at_once = AT_ONCE
    if get_dialect(url).name == "sqlite":
        sqlite.use(url)
        at_once = AT_ONCE_SQLITE
    checked_schemas.use()
    background_services.use()
    answering: ASGIApp = ReadableBodies(FairRequests(create_app(final=True), at_once=at_once))
    if password:
        path = PREFECT_SERVER_API_BASE_PATH.value() or "/api"
        answering = PasswordFirst(answering, password=password, path=path)
    app = OwnPagesOnly(
        SecurityHeaders(answering),
        hosts=allowed_hosts(host, settings.allowed_hosts),
    )
    config = uvicorn.Config(
        _timed(app) if access_log else app,
        host=host,
        port=port,
        log_level="warning",
        # Its own handlers write text.
        log_config=None if isinstance(sys.stderr, JsonLines) else LOGGING_CONFIG,
        access_log=False,
        lifespan="on",
        # Open websockets (worker, browser tabs) would hold up the end for ever.
        timeout_graceful_shutdown=2,
        **LIMITS_WITH_WEBSOCKETS,
        ssl_certfile=None if certificate is None else certificate.cert,
        ssl_keyfile=None if certificate is None else certificate.key,
    )
    server = uvicorn.Server(config)
    leave_alone_what_is_loaded()
    await server.serve()
    if not server.started:
        sys.exit(1)


def _timed(app: ASGIApp) -> ASGIApp:
    """The application, printing each request with the milliseconds it took."""

    async def timed(scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        await app(scope, receive, send)
        if scope["type"] == "http":
            print(f"{scope['method']} {scope['path']} {(time.perf_counter() - began) * 1000:.1f}", flush=True)

    return timed


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: `python -m deployments.prefect_server --host … --port …`."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.prefect_server", description="Prefect's API and UI."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4200)
    parser.add_argument("--access-log", action="store_true", help="print each request")
    options = parser.parse_args(arguments)
    try:
        log_as_json("prefect")
        serve(options.host, options.port, access_log=options.access_log)
    except (
        LogFormatError,
        PasswordMissing,
        PlaintextRefused,
        SecretFileError,
        SettingsError,
        TlsError,
        UntestedVersion,
    ) as exc:
        sys.exit(f"error: {exc}")


if __name__ == "__main__":
    main()
