"""Where the parts of a running stack are → the environment that makes any process use them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from deployments.stack.state_folder import StateFolder

_SECRETS = "COMMANDCENTER_SECRET_"


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What a process must know to talk to the stack."""

    state: str
    """The state folder, absolute."""
    api_url: str
    """Prefect's API, ending in `/api`."""
    ui_url: str
    """Prefect's UI, for people."""
    nats_url: str
    """NATS, with the token in it: as secret as a password."""
    database_url: str
    """The records."""
    pool: str
    """The work pool of the deployments."""

    def env(self) -> dict[str, str]:
        """The variables that Prefect, the worker, the listener and the command line read."""
        return {
            "COMMANDCENTER_STATE": self.state,
            "COMMANDCENTER_POOL": self.pool,
            "DATABASE_URL": self.database_url,
            "NATS_URL": self.nats_url,
            "PREFECT_API_URL": self.api_url,
            "PREFECT_UI_URL": self.ui_url,
            "PREFECT_HOME": str(Path(self.state) / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def child_env(self, inherited: Mapping[str, str] = os.environ, *, secrets: bool = False) -> dict[str, str]:
        """The whole environment for a child process of the stack, with the agents' secrets if it needs them."""
        known = {name: value for name, value in inherited.items() if secrets or not name.startswith(_SECRETS)}
        env = {**known, **self.env()}
        # Compiled byte code halves the start of every Python process that imports Prefect.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONUNBUFFERED"] = "1"
        # A proxy in the environment must not come between the parts.
        for name in ("NO_PROXY", "no_proxy"):
            env[name] = ",".join(filter(None, [env.get(name), "127.0.0.1", "localhost"]))
        return env


def running(state: Path) -> Addresses | None:
    """The addresses of the stack that works on this folder now, if there is one."""
    folder = StateFolder(state)
    folder.repair()
    found = folder.remembered().get("addresses")
    if not isinstance(found, dict) or not folder.locked():
        return None
    return Addresses(**cast("dict[str, str]", found))


def remembered(addresses: Addresses) -> dict[str, str]:
    """The JSON form that `running` reads."""
    return asdict(addresses)
