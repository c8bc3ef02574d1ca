"""What the routes work with; built once in `create_app`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from prefect.client.orchestration import PrefectClient

from agents.sandbox.port import Sandbox
from operations.deploy import DeploymentPublisher
from operations.start_run import Launch
from records import Records

Resume = Callable[[str], Awaitable[str]]
"""Wakes a suspended flow run; gives what became of it. Raises triggers.Transient."""


@dataclass(frozen=True, kw_only=True)
class ApiServices:
    """The platform as the API sees it."""

    records: Records
    launch: Launch | None = None
    """None: runs cannot be started here."""
    resume: Resume | None = None
    """None: the reconciler wakes runs a moment later."""
    publisher: DeploymentPublisher | None = None
    """None: workflows are saved, and deployed by `commandcenter deploy`."""
    prefect: PrefectClient | None = None
    """None: runs cannot be cancelled or run again here."""
    sandbox: Callable[[], Sandbox] | None = None
    """Opens the jail in which uploaded code is asked for its manifest; None: nothing can be uploaded here."""
    agent_folders: tuple[Path, ...] = ()
    """Folders below which agents may be registered, besides those that are built in."""


def _parts(request: Request) -> ApiServices:
    return request.app.state.parts


Platform = Annotated[ApiServices, Depends(_parts)]
"""A parameter of a route."""
