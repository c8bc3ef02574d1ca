"""The embedded stack -> its HTTP API and console in this process, and the link that signs a browser in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from api import serving
from deployments.stack.addresses import Addresses
from deployments.stack.connection import connect_to
from deployments.stack.http_api import app_of
from deployments.stack.machine_admin import console_link, ensure_machine_admin
from reliability.mode import is_production

PORT = 9002


@asynccontextmanager
async def embedded_api(addresses: Addresses, *, project_id: int, port: int = PORT) -> AsyncGenerator[str]:
    """Serve on this machine only, on that port or, where it is taken, on any; gives the link, which works once.

    In production mode it is the console's address alone.
    """
    async with connect_to(addresses) as connection, serving(app_of(connection), port=port) as url:
        if is_production():
            # People sign in as themselves.
            yield f"{url}/console"
            return
        name = await ensure_machine_admin(connection.records, state=Path(addresses.state), project_id=project_id)
        yield await console_link(connection.records, api_url=url, name=name)
