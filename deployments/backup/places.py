"""A state folder and the environment -> where the parts keep what a backup holds."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from sqlalchemy.engine import make_url

from deployments.errors import ProcessFailed
from deployments.stack.addresses import Addresses, running
from deployments.stack.free_ports import Ports
from deployments.stack.nats_server import PLATFORM, PUBLISHER, nats_server, write_settings
from deployments.stack.probe import NatsProbe
from deployments.stack.process import Command
from deployments.stack.state_folder import StateFolder
from deployments.stack.supervised_process import SupervisedProcess
from records.database.connections import database_url
from records.database.signing import key_file
from triggers.nats.connection import open_as_platform

PREFECT_DATABASE = "prefect/prefect.db"
_PREFECT_VARIABLES = ("COMMANDCENTER_PREFECT_DATABASE_URL", "PREFECT_API_DATABASE_CONNECTION_URL")


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where everything is kept."""

    state: StateFolder
    records_url: str
    prefect_url: str | None
    """None: nothing says where Prefect keeps its state."""
    nats_url: str | None
    """Of a server that runs; None: the stopped server of the state folder."""
    signing_key: Path


def places_of(state: Path, *, database: str | None = None) -> Places:
    """Where the platform keeps what it has, whether it runs on the state folder now or not."""
    folder = StateFolder(state)
    here = running(state)
    url = database or (here.database_url if here else _stopped_records_url(folder))
    return Places(
        state=folder,
        records_url=url,
        prefect_url=_prefect_url(folder),
        nats_url=_nats_url(folder, here),
        signing_key=key_file(database_url(url)),
    )


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for another database."""
    parsed = make_url(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


@asynccontextmanager
async def open_nats(places: Places) -> AsyncGenerator[Client]:
    """A connection to the server that runs, or to one that is started on the state folder for as long as this lasts.

    Raises ProcessFailed, and NATS's own errors for a server that refuses.
    """
    if places.nats_url is not None:
        client = await _connect(places.nats_url)
        try:
            yield client
        finally:
            await client.close()
        return
    ports = Ports()
    port = ports.choose(None, remembered=None, part="NATS", option="--nats-port")
    passwords = {name: places.state.password(f"{name} of a backup") for name in (PLATFORM, PUBLISHER)}
    settings = write_settings(places.state, port=port, passwords=passwords, name="nats-backup.conf")
    server = SupervisedProcess(
        Command(
            name="nats",
            arguments=[nats_server(), "--config", str(settings)],
            env={"PATH": os.environ.get("PATH", "")},
            log=places.state.logs / "nats-backup.log",
            umask=0o077,
        ),
        probe=NatsProbe(port),
        timeout=60,
        report=lambda part, event: None,
    )
    try:
        await server.start()
        client = await _connect(f"nats://{PLATFORM}:{passwords[PLATFORM]}@127.0.0.1:{port}")
        try:
            yield client
        finally:
            await client.close()
    finally:
        await server.stop()
        ports.release()
        settings.unlink(missing_ok=True)


async def _connect(url: str) -> Client:
    try:
        return await open_as_platform(url, connect_timeout=10, allow_reconnect=False)
    except (nats.errors.Error, OSError, TimeoutError) as exc:
        where = f"{urlsplit(url).hostname}:{urlsplit(url).port}"
        raise ProcessFailed(
            "nats", f"at {where} does not answer ({exc or type(exc).__name__})", log=Path("nats.log"), tail=""
        ) from exc


def _stopped_records_url(folder: StateFolder) -> str:
    """A database that is no file of the folder's stays where the last `up` was told that it is."""
    addresses = folder.remembered().get("addresses")
    known = cast("dict[str, Any]", addresses).get("database_url") if isinstance(addresses, dict) else None
    if isinstance(known, str) and known and sqlite_file(known) is None:
        return known
    return f"sqlite:///{folder.path / 'records.db'}"


def _prefect_url(folder: StateFolder) -> str | None:
    for name in _PREFECT_VARIABLES:
        if found := os.environ.get(name):
            return found
    known = folder.remembered().get("prefect_database_url")
    if isinstance(known, str) and known:
        return known
    return f"sqlite:///{folder.path / PREFECT_DATABASE}" if (folder.path / PREFECT_DATABASE).exists() else None


def _nats_url(folder: StateFolder, here: Addresses | None) -> str | None:
    if here is not None:
        return here.nats_url
    # Of this folder's own server, if it has one: an address in the shell may be another platform's.
    return None if (folder.path / "nats").is_dir() else os.environ.get("NATS_URL")
