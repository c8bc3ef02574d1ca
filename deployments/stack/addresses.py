"""Where the parts of a running stack are → the environment that makes any process use them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from agents.sandbox.egress.platform_ports import VARIABLE as OWN_SERVERS
from deployments.errors import DeploymentError
from deployments.stack.state_folder import StateFolder
from reliability.mode import VARIABLE as MODE
from reliability.mode import is_production
from reliability.plaintext import refuse_plaintext
from reliability.public_address import VARIABLE as PUBLIC_ADDRESS

_VARIABLES = ("DATABASE_URL", "NATS_URL", "PREFECT_API_URL")
Part = Literal["nats", "prefect", "worker", "listener", "api"]
_SECRETS = "COMMANDCENTER_SECRET_"
_RECORDS = ("DATABASE_URL", "COMMANDCENTER_DATABASE_URL")
_NATS = ("NATS_URL", "NATS_PUBLISHER_URL")
_PREFECT = ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_KEY")
_PREFECT_DATABASE = ("PREFECT_API_DATABASE_CONNECTION_URL", "COMMANDCENTER_PREFECT_DATABASE_URL")
_PERSON = ("COMMANDCENTER_TOKEN",)
_SIGN_IN = ("COMMANDCENTER_OIDC_CLIENT_SECRET", "COMMANDCENTER_SLACK_SIGNING_SECRET")
_WITHHELD: Mapping[Part, frozenset[str]] = {
    "nats": frozenset(_RECORDS + _NATS + _PREFECT + _PREFECT_DATABASE + _PERSON + _SIGN_IN),
    "prefect": frozenset(_RECORDS + _NATS + _PREFECT + _PERSON + _SIGN_IN),
    "worker": frozenset((*_NATS, *_PREFECT[1:2], *_PREFECT_DATABASE, *_PERSON, *_SIGN_IN)),
    "listener": frozenset((_NATS[1], *_PREFECT[1:2], *_PREFECT_DATABASE, *_PERSON, *_SIGN_IN)),
    "api": frozenset((_NATS[1], *_PREFECT[1:2], *_PREFECT_DATABASE, *_PERSON)),
}
"""Credentials that a part does not need, and so is not given."""
_SHARED = (
    "COMMANDCENTER_EGRESS",
    "COMMANDCENTER_MODE",
    "COMMANDCENTER_PACKAGE_HOSTS",
    "COMMANDCENTER_REPOSITORIES",
    "COMMANDCENTER_SANDBOX",
    "COMMANDCENTER_SIGNING_KEY_FILE",
    "SANDBOX",
)
_SHARED_FAMILIES = (
    "COMMANDCENTER_DAGGER_",
    "COMMANDCENTER_EGRESS_PROJECT_",
    "COMMANDCENTER_REPOSITORIES_PROJECT_",
    "COMMANDCENTER_SETTING_",
)
"""What every worker of a platform must be told alike: else how a run ends depends on who takes it. No secrets."""


class NotRunning(DeploymentError):
    """No stack works on the state folder, and the environment names no other one."""

    def __init__(self, state: Path) -> None:
        super().__init__(
            f"no platform is running on {str(state.absolute())!r}: start one with `commandcenter up --state {state}`, "
            f"or set {', '.join(_VARIABLES)} for one that runs elsewhere"
        )


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
    """NATS, with the platform's credentials in it: as secret as a password."""
    database_url: str
    """The records."""
    pool: str
    """The work pool of the deployments."""
    prefect_auth: str = ""
    """What Prefect's API asks for, as `name:password`; empty: it asks for nothing."""
    publisher_url: str = ""
    """NATS, with credentials that publish events and do nothing else; empty: there are none of their own."""
    console_url: str = ""
    """The HTTP API and its console as browsers reach them; empty: none is served."""

    shared: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings of the stack's own worker, by variable, for every further one."""
    secrets: Sequence[str] = ()
    """Variables in which that worker was given secrets of agents; names only, the values stay in its environment."""

    def env(self) -> dict[str, str]:
        """The variables that Prefect, the worker, the listener and the command line read."""
        auth = {"PREFECT_API_AUTH_STRING": self.prefect_auth} if self.prefect_auth else {}
        publisher = {"NATS_PUBLISHER_URL": self.publisher_url} if self.publisher_url else {}
        links = {PUBLIC_ADDRESS: self.console_url} if self.console_url else {}
        return {
            **auth,
            **publisher,
            **links,
            **self.shared,
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

    def _own_servers(self) -> list[str]:
        """`host:port` of servers whose addresses the worker is not given, and so could not keep its agents from."""
        urls = [urlsplit(each) for each in (self.nats_url, self.ui_url) if each]
        return [f"{each.hostname}:{each.port}" for each in urls if each.hostname and each.port]

    def child_env(self, inherited: Mapping[str, str] = os.environ, *, part: Part = "worker") -> dict[str, str]:
        """The whole environment for a child process of the stack, with the credentials that this part needs."""
        withheld = _WITHHELD[part]
        known = {
            name: value
            for name, value in {**inherited, **self.env()}.items()
            if name not in withheld and (part == "worker" or not name.startswith(_SECRETS))
        }
        if part == "prefect" and self.prefect_auth:
            known["PREFECT_SERVER_API_AUTH_STRING"] = self.prefect_auth
        if part == "worker":
            known[OWN_SERVERS] = ",".join(filter(None, [inherited.get(OWN_SERVERS), *self._own_servers()]))
        # Compiled byte code halves the start of every Python process that imports Prefect.
        known.pop("PYTHONDONTWRITEBYTECODE", None)
        known["PYTHONUNBUFFERED"] = "1"
        # A proxy in the environment must not come between the parts.
        for name in ("NO_PROXY", "no_proxy"):
            known[name] = ",".join(filter(None, [known.get(name), "127.0.0.1", "localhost"]))
        return known


def shared_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those of this process that every worker needs; folders absolute, as a worker may be started anywhere."""
    found = {
        name: value
        for name, value in environment.items()
        if value and (name in _SHARED or name.startswith(_SHARED_FAMILIES))
    }
    for name, value in found.items():
        if name.startswith("COMMANDCENTER_REPOSITORIES"):
            found[name] = os.pathsep.join(str(Path(each).absolute()) for each in value.split(os.pathsep) if each)
    return found


def given_secrets(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names of the variables that hold secrets of agents."""
    return sorted(name for name, value in environment.items() if value and name.startswith(_SECRETS))


def running(state: Path) -> Addresses | None:
    """The addresses of the stack that works on this folder now, if there is one."""
    folder = StateFolder(state)
    folder.repair()
    found = folder.remembered().get("addresses")
    if not isinstance(found, dict) or not folder.locked():
        return None
    here = Addresses(**cast("dict[str, Any]", found))
    if is_production(here.shared):
        # A shell that does not say so must not be a way around the second person.
        os.environ[MODE] = here.shared[MODE]
    return here


def records_url(state: Path) -> str:
    """The records of the platform that runs on the folder, else of the one that ran there last, else SQLite in it.

    A command that looks at a file which is there by chance, and not at these, tells of the wrong platform.
    """
    if (here := running(state)) is not None:
        return here.database_url
    known = StateFolder(state).remembered().get("addresses")
    last = cast("dict[str, Any]", known).get("database_url") if isinstance(known, dict) else None
    # The folder may have been moved, and with it SQLite's file.
    if isinstance(last, str) and not last.startswith("sqlite"):
        return last
    return f"sqlite:///{state.absolute() / 'records.db'}"


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
            shared=shared_settings(),
        )
    if found is None:
        raise NotRunning(state)
    return found


def remembered(addresses: Addresses) -> dict[str, str]:
    """The JSON form that `running` reads."""
    return asdict(addresses)
