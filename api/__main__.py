"""`python -m api`: the HTTP API as a process of its own. `commandcenter api` can deploy what it saves, too."""

from __future__ import annotations

import argparse
import asyncio
import functools
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from agents.sandbox.choice import open_sandbox
from api.app import create_app
from api.oidc.provider import Provider
from api.server import serve
from api.sign_in import People, PeopleError, load_people
from observability.json_logs import LogFormatError, log_as_json
from observability.metrics.settings import MetricsSettingsError
from records import Records, RecordsError, upgrade
from reliability.browser_borders import allowed_hosts
from reliability.known_settings import unknown_settings
from reliability.plaintext import PlaintextRefused
from reliability.secret_files import SecretFileError, use_secret_files
from reliability.settings import ApiSettings, SettingsError
from reliability.tls import TlsError
from triggers import Launcher, open_client, resume

_DESCRIPTION = """Serves agents, workflows, runs and approvals over HTTP. Reads DATABASE_URL and PREFECT_API_URL.
People are those of `commandcenter people`, and of a JSON file:
{"<sha256 of a token>": {"name": "Ann", "projectId": 1}}."""


async def main(options: argparse.Namespace, people: People) -> bool:
    """Serves until SIGINT or SIGTERM; gives whether it could begin."""
    settings = ApiSettings.load()
    await upgrade(settings.database_url)
    async with (
        await Records.open(settings.database_url) as records,
        open_client(settings.prefect_api_url) as client,
    ):
        app = create_app(
            records,
            people,
            launch=Launcher(client),
            prefect=client,
            resume=functools.partial(resume, client),
            sandbox=open_sandbox,
            agent_folders=options.agents,
            hosts=allowed_hosts(options.host, settings.allowed_hosts),
            provider=Provider.load(),
        )
        return await serve(app, host=options.host, port=options.port)


def run(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m api", description=_DESCRIPTION)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9002)
    parser.add_argument("--people", type=Path, metavar="FILE")
    parser.add_argument(
        "--agents",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="agents below it may be registered",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("httpx", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        log_as_json("api")
        for sentence in unknown_settings():
            logging.warning("%s", sentence)
        use_secret_files()
        file = options.people or ApiSettings.load().people
        people: People = load_people(file) if file else {}
        return 0 if asyncio.run(main(options, people)) else 1
    except (
        PeopleError,
        RecordsError,
        SecretFileError,
        SettingsError,
        LogFormatError,
        MetricsSettingsError,
        PlaintextRefused,
        TlsError,
    ) as exc:
        print(f"api: {exc}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(run())
