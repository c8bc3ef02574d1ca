"""A command line → a worker in this process, until SIGTERM or Ctrl-C: `python -m deployments.worker`.

The same worker as `prefect worker start --type commandcenter`, without the second that Prefect's command line
takes to load, and waiting for a server that is still starting.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from prefect.client.orchestration import get_client

from deployments.errors import DeploymentError
from deployments.worker.worker import CommandCenterWorker
from observability.json_logs import LogFormatError, log_as_json, name_runs
from records.database.ids import id_of_flow_run
from reliability.known_settings import unknown_settings
from reliability.loaded_code import leave_alone_what_is_loaded
from reliability.secret_files import SecretFileError, use_secret_files
from reliability.settings import SettingsError, WorkerSettings
from reliability.tested_versions import UntestedVersion

SERVER_SECONDS = 120.0


class ServerMissing(DeploymentError):
    """Prefect's API does not answer."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker described on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.worker", description="Runs flows in this process."
    )
    parser.add_argument(
        "--pool",
        help="the work pool to serve; made if it is not there",
    )
    parser.add_argument("--name", help="the worker's name; each of a pool's workers needs its own")
    parser.add_argument("--limit", type=int, help="how many runs to have in hand at a time")
    options = parser.parse_args(arguments)
    try:
        log_as_json("worker")
        name_runs(id_of_flow_run)
        for sentence in unknown_settings():
            print(f"warning: {sentence}", file=sys.stderr)
        use_secret_files()
        settings = WorkerSettings.load()
        asyncio.run(_work(options.pool or settings.pool, options.name, options.limit))
    except (DeploymentError, LogFormatError, SecretFileError, SettingsError, UntestedVersion) as exc:
        sys.exit(f"error: {exc}")


async def _work(pool: str, name: str | None, limit: int | None) -> None:
    await _wait_for_server()
    leave_alone_what_is_loaded()
    with suppress(asyncio.CancelledError):
        await CommandCenterWorker(pool, name=name, limit=limit).start()


async def _wait_for_server() -> None:
    deadline = time.monotonic() + SERVER_SECONDS
    async with get_client() as client:
        while (failure := await client.api_healthcheck()) is not None:
            if time.monotonic() > deadline:
                raise ServerMissing(
                    f"Prefect's API at {client.api_url} does not answer ({failure!r}): start the server, or set "
                    "PREFECT_API_URL to where it is"
                )
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
