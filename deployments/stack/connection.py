"""State folder or environment -> the parts of a running platform, for commands that talk to it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.stack.addresses import Addresses, NotRunning, addresses_of
from records import Records

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient


@dataclass(frozen=True, kw_only=True)
class StackConnection:
    """What a command talks to."""

    records: Records
    prefect: PrefectClient
    addresses: Addresses


@asynccontextmanager
async def connect(state: Path) -> AsyncGenerator[StackConnection]:
    """Open the records and a Prefect client for the platform on `state`."""
    async with connect_to(addresses_of(state)) as connection:
        yield connection


@asynccontextmanager
async def connect_to(addresses: Addresses) -> AsyncGenerator[StackConnection]:
    """The same for known addresses."""
    # Here, since commands that read the records need no Prefect, whose import costs more than they do.
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

    settings: dict[Any, str] = {PREFECT_API_URL: addresses.api_url, PREFECT_UI_URL: addresses.ui_url}
    if addresses.prefect_auth:
        settings[PREFECT_API_AUTH_STRING] = addresses.prefect_auth
    records = await Records.open(addresses.database_url)
    try:
        with temporary_settings(updates=settings):
            async with get_client() as prefect:
                yield StackConnection(records=records, prefect=prefect, addresses=addresses)
    finally:
        await records.close()


@asynccontextmanager
async def open_records(state: Path) -> AsyncGenerator[Records]:
    """The records alone of the platform on `state`, or those that DATABASE_URL names, which is enough for this.

    Raises NotRunning, and what `Records.open` raises.
    """
    async with await Records.open(_records_url(state)) as records:
        yield records


def _records_url(state: Path) -> str:
    try:
        return addresses_of(state).database_url
    except NotRunning:
        # A container of the stack knows no more servers than it needs: that of the worker has no address of NATS.
        if url := os.environ.get("DATABASE_URL"):
            return url
        raise
