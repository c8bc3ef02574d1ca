"""State folder or environment -> the parts of a running platform, for commands that talk to it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from deployments.errors import DeploymentError
from deployments.stack.addresses import Addresses, running
from records import Records
from reliability.plaintext import refuse_plaintext

_VARIABLES = ("DATABASE_URL", "NATS_URL", "PREFECT_API_URL")


class NotRunning(DeploymentError):
    """No stack works on the state folder, and the environment names no other one."""

    def __init__(self, state: Path) -> None:
        super().__init__(
            f"no platform is running on {str(state.absolute())!r}: start one with `commandcenter up --state {state}`, "
            f"or set {', '.join(_VARIABLES)} for one that runs elsewhere"
        )


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What a command talks to."""

    records: Records
    prefect: PrefectClient
    addresses: Addresses


def addresses_of(state: Path) -> Addresses:
    """The environment wins where it names all parts; else the stack that runs on `state`.

    Raises NotRunning, and PlaintextRefused where Prefect's API of another machine has no TLS.
    """
    found = running(state)
    if all(os.environ.get(name) for name in _VARIABLES):
        api = os.environ["PREFECT_API_URL"]
        refuse_plaintext(api, "prefect")
        return Addresses(
            state=str(state.absolute()),
            api_url=api,
            ui_url=os.environ.get("PREFECT_UI_URL") or api.removesuffix("/api"),
            nats_url=os.environ["NATS_URL"],
            database_url=os.environ["DATABASE_URL"],
            pool=os.environ.get("COMMANDCENTER_POOL", "commandcenter"),
            prefect_auth=os.environ.get("PREFECT_API_AUTH_STRING", ""),
            publisher_url=os.environ.get("NATS_PUBLISHER_URL", ""),
        )
    if found is None:
        raise NotRunning(state)
    return found


@asynccontextmanager
async def connect(state: Path) -> AsyncGenerator[Connection]:
    """Open the records and a Prefect client for the platform on `state`."""
    async with connect_to(addresses_of(state)) as connection:
        yield connection


@asynccontextmanager
async def connect_to(addresses: Addresses) -> AsyncGenerator[Connection]:
    """The same for known addresses."""
    settings: dict[Any, str] = {PREFECT_API_URL: addresses.api_url, PREFECT_UI_URL: addresses.ui_url}
    if addresses.prefect_auth:
        settings[PREFECT_API_AUTH_STRING] = addresses.prefect_auth
    records = await Records.open(addresses.database_url)
    try:
        with temporary_settings(updates=settings):
            async with get_client() as prefect:
                yield Connection(records=records, prefect=prefect, addresses=addresses)
    finally:
        await records.close()
