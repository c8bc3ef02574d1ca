"""The embedded stack -> its HTTP API and console in this process, and the link that signs a browser in."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from api import serving
from deployments.stack.connection import connect_to
from deployments.stack.http_api import app_of
from deployments.stack.machine_admin import console_link, ensure_machine_admin
from deployments.stack.stack import Stack
from reliability.mode import is_production
from reliability.public_address import VARIABLE

PORT = 9002


@asynccontextmanager
async def embedded_api(stack: Stack, *, project_id: int) -> AsyncGenerator[str]:
    """Serve on this machine only, on the stack's port for it or, where it is taken, any; gives the link for one use.

    In production mode it is the console's address alone. Events that this process causes link to it meanwhile.
    """
    addresses = stack.addresses
    async with (
        _known_as(addresses.console_url),
        connect_to(addresses) as connection,
        serving(app_of(connection), port=stack.api_port or PORT) as url,
    ):
        if is_production():
            # People sign in as themselves.
            yield f"{url}/console"
            return
        name = await ensure_machine_admin(connection.records, state=Path(addresses.state), project_id=project_id)
        yield await console_link(connection.records, api_url=url, name=name)


@asynccontextmanager
async def _known_as(url: str) -> AsyncGenerator[None]:
    before = os.environ.get(VARIABLE)
    if url:
        os.environ[VARIABLE] = url
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
