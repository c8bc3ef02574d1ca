"""The environment -> the settings of one part of the platform, strictly checked.

Each part (command line, stack, server, worker, listener, HTTP API, sandbox) has a model, and each `COMMANDCENTER_…`
variable is a field of the models whose parts read it: its type, default and text are written down here and nowhere
else. `settings_page` makes `docs/reference/settings.md` of them, and `unknown_settings` knows a misspelt name.

To add a variable: a field in the model of the part that reads it, or in a base class that several parts share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, cast

from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reliability.mode import VARIABLE as MODE
from reliability.mode import is_production
from reliability.plaintext import refuse_plaintext

PREFIX = "COMMANDCENTER_"
DEFAULT_STATE = Path(".commandcenter")
MAX_EVENT_BYTES = 480 * 1024
"""Prefect keeps at most 512 KiB of parameters for a run, and the run's context is the payload."""
MAX_EVENT_DEPTH = 32
EVENTS_AT_ONCE = 8


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used. Never shows the value."""


def _variable(
    name: str,
    text: str,
    default: Any = None,
    *,
    alias: str | None = None,
    factory: Callable[[], Any] | None = None,
    shown: str | None = None,
    secret: bool = False,
    hidden: bool = False,
    tests_only: bool = False,
    **limits: Any,
) -> Any:
    """A field that the variable `name` (or `alias`; the first that is set) fills.

    `text`: what it is for, in one sentence. `shown`: the default in words. A `secret` may come from the file that
    `<NAME>_FILE` names. What is `hidden`, as a secret is, shows in no log of the settings. What is for `tests_only` is
    refused in production mode.
    """
    return Field(
        **({"default": default} if factory is None else {"default_factory": factory}),
        validation_alias=AliasChoices(name, alias) if alias else name,
        description=text,
        json_schema_extra={"shown": shown, "secret": secret, "tests_only": tests_only},
        repr=not (secret or hidden),
        **limits,
    )


def default_database_url() -> str:
    """SQLite in the state folder (`COMMANDCENTER_STATE`): where every part looks unless it is told otherwise."""
    state = Path(os.environ.get("COMMANDCENTER_STATE") or DEFAULT_STATE)
    return f"sqlite:///{state.absolute() / 'records.db'}"


class PartSettings(BaseSettings):
    """Base of all: a value that does not fit is refused, as is a field that the part does not have.

    A variable that is empty counts as one that is not set.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", populate_by_name=True, env_ignore_empty=True)

    @classmethod
    def load(cls) -> Self:
        """The settings of this process's environment. Raises SettingsError."""
        refuse_test_switches()
        try:
            return cls()
        except ValidationError as exc:
            first = exc.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise SettingsError(f"the environment variable {name} cannot be used: {first['msg']}") from exc


class _State(PartSettings):
    state: Path = _variable("COMMANDCENTER_STATE", "Folder in which everything is kept.", DEFAULT_STATE)


class _Mode(PartSettings):
    mode: str = _variable(
        "COMMANDCENTER_MODE",
        "`production` turns the two-person rule on: weaker gates and agents that reach anything need a second person.",
        "embedded",
    )


class _Signing(PartSettings):
    signing_key_file: Path | None = _variable(
        "COMMANDCENTER_SIGNING_KEY_FILE",
        "Key that signs decisions; every part that asks, decides or runs needs the same one.",
        shown="`signing.key` in the state folder",
    )


class _Records(PartSettings):
    database_url: str = _variable(
        "DATABASE_URL",
        "The records, for a single part: `postgresql://…` or `sqlite:///…`.",
        factory=default_database_url,
        shown="SQLite in the state folder",
        secret=True,
    )


class _PlatformRecords(PartSettings):
    database_url: str | None = _variable(
        "COMMANDCENTER_DATABASE_URL",
        "The records: `postgresql://…` or `sqlite:///…`.",
        alias="DATABASE_URL",
        shown="SQLite in the state folder",
        secret=True,
    )


class _Tls(PartSettings):
    tls_ca: Path | None = _variable(
        "COMMANDCENTER_TLS_CA",
        "Authority (PEM) by which NATS, Prefect's API and a database with `sslmode=verify-…` are recognised.",
        shown="the system's authorities",
    )
    allow_plaintext: str = _variable(
        "COMMANDCENTER_ALLOW_PLAINTEXT",
        "Parts whose network is private: `database`, `nats`, `prefect`, `api`, separated by commas, or `yes` for all.",
        "",
        shown="none: refused but on this machine",
    )


class _Certificate(PartSettings):
    tls_cert: Path | None = _variable(
        "COMMANDCENTER_TLS_CERT",
        "Certificate (PEM, with its chain) that the API and Prefect's server show; they serve over TLS then.",
        shown="none: plain HTTP, for this machine alone",
    )
    tls_key: Path | None = _variable("COMMANDCENTER_TLS_KEY", "Its key, as PEM without a password.")


class _ApiUrl(PartSettings):
    api_url: str | None = _variable(
        "COMMANDCENTER_API_URL",
        "Address of the HTTP API as browsers reach it: for links to files of agents and to approvals, for sign-in by a "
        "provider, which sends browsers back to it, and for `login` and `sign-in`.",
        shown="none; `up` sets that of the API which it serves",
    )


class _Prefect(_Tls):
    prefect_api_url: str = _variable("PREFECT_API_URL", "Prefect's API.", "http://127.0.0.1:4200/api")
    prefect_api_auth_string: str | None = _variable(
        "PREFECT_API_AUTH_STRING",
        "What Prefect's API asks for, as `name:password`; Prefect's UI asks a person for it once.",
        shown="made at the first start",
        secret=True,
    )

    @field_validator("prefect_api_url")
    @classmethod
    def _not_in_plain_text(cls, url: str) -> str:
        refuse_plaintext(url, "prefect")
        return url


class _NatsTls(PartSettings):
    nats_ca_file: Path | None = _variable(
        "COMMANDCENTER_NATS_CA_FILE",
        "Authority (PEM) of NATS alone, where it begins with TLS (`handshake_first` in its `tls` block), whatever its "
        "address says. Without it, a `tls://` address is recognised by COMMANDCENTER_TLS_CA.",
        shown="no TLS",
    )


class _Nats(_NatsTls):
    nats_url: str = _variable("NATS_URL", "NATS, with its credentials.", "nats://127.0.0.1:4222", secret=True)

    @field_validator("nats_url")
    @classmethod
    def _nats_not_in_plain_text(cls, url: str, info: ValidationInfo) -> str:
        if info.data.get("nats_ca_file") is None:
            refuse_plaintext(url, "nats")
        return url


class _Pool(PartSettings):
    pool: str = _variable("COMMANDCENTER_POOL", "Work pool of the worker and of the deployments.", "commandcenter")


class _Packages(PartSettings):
    package_hosts: str = _variable(
        "COMMANDCENTER_PACKAGE_HOSTS",
        "More `host:port`, separated by commas, that environments of agents may be fetched from, beside pip's index.",
        "",
        shown="none",
    )


class _Project(PartSettings):
    project_id: int = _variable(
        "COMMANDCENTER_PROJECT_ID",
        "Project that commands work on, and whose events the embedded platform's own publisher publishes.",
        1,
    )


class _Sandbox(PartSettings):
    sandbox: str = _variable(
        "COMMANDCENTER_SANDBOX",
        "Sandbox of the agents: `bubblewrap` or `dagger`.",
        "bubblewrap",
        alias="SANDBOX",
    )


class _Hosts(PartSettings):
    allowed_hosts: str = _variable(
        "COMMANDCENTER_ALLOWED_HOSTS",
        "More names under which Prefect's UI and the API may be addressed, separated by commas.",
        "",
        shown="names of this machine",
    )


class _Ready(PartSettings):
    ready_file: Path | None = _variable(
        "COMMANDCENTER_READY_FILE",
        "File that is created once the part is at work, and touched every few seconds while it is.",
    )


class _Logs(PartSettings):
    log_format: str = _variable(
        "COMMANDCENTER_LOG_FORMAT",
        "`json` writes all that a part says as lines of JSON, with run, node, attempt and trace; `text` is for people.",
        "",
        shown="`json` in production mode, `text` otherwise and at a terminal",
    )


class _MetricsToken(PartSettings):
    metrics_token_file: Path | None = _variable(
        "COMMANDCENTER_METRICS_TOKEN_FILE",
        "File with the token that readers of `/metrics` send; without one the HTTP API has no such page.",
    )


class _Faults(PartSettings):
    faults: Path | None = _variable(
        "COMMANDCENTER_FAULTS",
        "Folder of the fault harness; for tests only, refused in production mode.",
        tests_only=True,
    )


class _TestFlows(PartSettings):
    test_flows: str = _variable(
        "COMMANDCENTER_TEST_FLOWS",
        "Module whose flows the worker executes beside workflows; for tests only, refused in production mode.",
        "",
        shown="none",
        tests_only=True,
    )


class CommandSettings(
    _State,
    _Mode,
    _PlatformRecords,
    _Prefect,
    _Nats,
    _NatsTls,
    _Pool,
    _Project,
    _Sandbox,
    _Signing,
    _Packages,
    _ApiUrl,
):
    """The command line, and the steps of `prefect.yaml`."""

    token: str | None = _variable(
        "COMMANDCENTER_TOKEN",
        "Your personal token: commands act, and approvals count, under its person's name, which is verified then.",
        hidden=True,
    )
    nats_publisher_url: str | None = _variable(
        "NATS_PUBLISHER_URL",
        "NATS, with credentials that may publish events and nothing else; `commandcenter env` prints it.",
        shown="made at the first start",
        secret=True,
    )
    health_file: Path | None = _variable(
        "COMMANDCENTER_HEALTH_FILE",
        "File in which `server`, `worker`, `listener` and `api` say how their health is checked.",
        shown="none; set in the image",
    )
    remove_gates: str | None = _variable(
        "COMMANDCENTER_REMOVE_GATES",
        "`yes` agrees to gates being removed or weakened in `prefect deploy`, for scripts.",
    )


class StackSettings(_State, _Mode, _PlatformRecords, _Prefect, _Pool, _Project, _Hosts, _Certificate):
    """`commandcenter up` and `commandcenter demo`: everything that can be chosen about a stack."""

    host: str = _variable("COMMANDCENTER_HOST", "Address on which Prefect's server listens.", "127.0.0.1")
    """NATS always listens on this machine only."""
    prefect_port: int | None = _variable(
        "COMMANDCENTER_PREFECT_PORT", "Port of Prefect's server.", shown="a free one, 4200 first"
    )
    nats_port: int | None = _variable("COMMANDCENTER_NATS_PORT", "Port of NATS.", shown="a free one, 4222 first")
    given_prefect_api_url: str | None = _variable(
        "COMMANDCENTER_PREFECT_API_URL",
        "A Prefect server that is there, ending in `/api`; its credentials are in `PREFECT_API_AUTH_STRING`.",
        shown="one of its own",
    )
    given_nats_url: str | None = _variable(
        "COMMANDCENTER_NATS_URL",
        "A NATS server with JetStream that is there, with the credentials in it.",
        shown="one of its own",
        secret=True,
    )
    prefect_database_url: str | None = _variable(
        "COMMANDCENTER_PREFECT_DATABASE_URL",
        "Prefect's own database, `postgresql+asyncpg://…`.",
        shown="SQLite in the state folder",
        secret=True,
    )
    worker_limit: int | None = _variable(
        "COMMANDCENTER_WORKER_LIMIT", "Runs that the worker has in hand at a time.", shown="no limit"
    )
    worker: bool = _variable("COMMANDCENTER_WORKER", "Whether the stack has a worker.", True)
    listener: bool = _variable("COMMANDCENTER_LISTENER", "Whether the stack has a NATS listener.", True)
    start_timeout: float = _variable(
        "COMMANDCENTER_START_TIMEOUT", "Seconds that a part may take until it answers.", 180.0
    )


class ServerSettings(_Hosts, _Tls, _Certificate):
    """Prefect's server."""


class WorkerSettings(
    _State,
    _Mode,
    _Records,
    _Prefect,
    _Pool,
    _Sandbox,
    _Signing,
    _Ready,
    _Logs,
    _Faults,
    _TestFlows,
    _Packages,
    _ApiUrl,
):
    """The worker."""

    repositories: str = _variable(
        "COMMANDCENTER_REPOSITORIES",
        "Folders that repositories named by events may lie in, separated as in PATH; others are refused.",
        "",
        shown="none",
    )
    egress: str | None = _variable(
        "COMMANDCENTER_EGRESS",
        "What agents may reach at most: `host:port`, `*.example.org:443` or `host:*`, separated by commas.",
        shown="what manifests and workflows name",
    )
    platform_addresses: str = _variable(
        "COMMANDCENTER_PLATFORM_ADDRESSES",
        "Further servers of the platform, `host:port` separated by commas: no agent ever reaches them.",
        "",
        shown="set by the embedded stack",
    )
    agents_at_once: int | None = _variable(
        "COMMANDCENTER_AGENTS_AT_ONCE",
        "Agents that one worker runs side by side; others wait.",
        shown="8 per CPU",
        ge=1,
    )
    warm_jails: int = _variable(
        "COMMANDCENTER_WARM_JAILS",
        "Jails that a worker starts ahead for the agents it ran last, while cores are idle; 0: none.",
        6,
        ge=0,
    )
    """One for each of the last runs of agents; each holds about 40 MB for at most two minutes."""

    @property
    def repository_roots(self) -> tuple[Path, ...]:
        """The folders of `repositories`, absolute. None: no repository is allowed."""
        return tuple(Path(each).absolute() for each in self.repositories.split(os.pathsep) if each)


class ListenerSettings(
    _Records, _Prefect, _Nats, _NatsTls, _Pool, _Signing, _Ready, _Logs, _MetricsToken, _Faults
):
    """The listener for NATS events."""

    state: Path | None = _variable("COMMANDCENTER_STATE", "Folder in which everything is kept.")
    """None: there is no folder whose logs count as metrics."""
    max_event_bytes: int = _variable(
        "COMMANDCENTER_MAX_EVENT_BYTES", "Largest event that is accepted, in bytes.", MAX_EVENT_BYTES, gt=0
    )
    max_event_depth: int = _variable(
        "COMMANDCENTER_MAX_EVENT_DEPTH", "Deepest nesting of an event that is accepted.", MAX_EVENT_DEPTH, gt=0
    )
    events_at_once: int = _variable(
        "COMMANDCENTER_EVENTS_AT_ONCE", "Events that the listener works on side by side.", EVENTS_AT_ONCE, gt=0
    )
    refresh_seconds: float = _variable(
        "COMMANDCENTER_SUBJECTS_REFRESH_SECONDS",
        "How often the events stream is brought in line with the active workflows.",
        5.0,
        gt=0,
    )
    metrics_address: str | None = _variable(
        "COMMANDCENTER_METRICS_ADDRESS",
        "`host:port` on which the listener serves `/metrics` for Prometheus, such as `127.0.0.1:9464`.",
    )


class ApiSettings(
    _State,
    _Mode,
    _Records,
    _Prefect,
    _Hosts,
    _Signing,
    _Logs,
    _MetricsToken,
    _NatsTls,
    _Certificate,
    _ApiUrl,
):
    """The HTTP API. What the provider's settings mean is checked in `api.oidc.settings`."""

    oidc_issuer: str | None = _variable(
        "COMMANDCENTER_OIDC_ISSUER",
        "OpenID provider that signs people in, as its metadata name it; see `docs/reference/people.md`.",
        shown="none: nobody but this platform signs people in",
    )
    oidc_client_id: str | None = _variable("COMMANDCENTER_OIDC_CLIENT_ID", "This API's name at that provider.")
    oidc_client_secret: str | None = _variable(
        "COMMANDCENTER_OIDC_CLIENT_SECRET",
        "Its password there. PKCE is used with and without one.",
        shown="none: a public client",
        secret=True,
    )
    oidc_roles: str | None = _variable(
        "COMMANDCENTER_OIDC_ROLES", 'What groups may do here: `{"<group>": {"<project>": ["<role>", …]}}`.'
    )
    oidc_everybody_views: str | None = _variable(
        "COMMANDCENTER_OIDC_EVERYBODY_VIEWS",
        "Projects, separated by commas, in which everybody whom the provider knows is viewer.",
        shown="none: who has no role is refused",
    )
    oidc_groups_claim: str = _variable(
        "COMMANDCENTER_OIDC_GROUPS_CLAIM", "Claim that lists somebody's groups.", "groups"
    )
    oidc_name_claim: str = _variable(
        "COMMANDCENTER_OIDC_NAME_CLAIM",
        "Claim that names somebody at the first sign-in; `email` counts only where it is verified.",
        "preferred_username",
    )
    oidc_scopes: str = _variable(
        "COMMANDCENTER_OIDC_SCOPES", "Scopes that are asked for.", "openid profile email groups"
    )
    oidc_label: str | None = _variable(
        "COMMANDCENTER_OIDC_LABEL", "What the button of the console says.", shown="the issuer's host"
    )
    oidc_device: str = _variable(
        "COMMANDCENTER_OIDC_DEVICE",
        "Whether terminals sign in by a code (`commandcenter login`); anything but `yes` turns it off.",
        "yes",
    )

    slack_signing_secret: str | None = _variable(
        "COMMANDCENTER_SLACK_SIGNING_SECRET",
        "Signing secret of the Slack app whose buttons decide approvals; without it they decide nothing.",
        secret=True,
    )

    people: Path | None = _variable(
        "COMMANDCENTER_PEOPLE",
        "JSON file of further people of the API: SHA-256 of a token -> name, project, roles.",
    )


class SandboxSettings(PartSettings):
    """The sandbox that runs agents with Dagger."""

    dagger_image: str = _variable(
        "COMMANDCENTER_DAGGER_IMAGE", "Image, OCI tarball or root folder for Dagger.", "python:3.11-slim"
    )
    dagger_python: str = _variable(
        "COMMANDCENTER_DAGGER_PYTHON", "Python in that image.", "/usr/local/bin/python3"
    )
    dagger_packages: str = _variable(
        "COMMANDCENTER_DAGGER_PACKAGES", "Folder of packages to use in Dagger.", "", shown="installed with pip"
    )
    dagger_images: str = _variable(
        "COMMANDCENTER_DAGGER_IMAGES",
        "Folder with the OCI tarballs and root folders that an agent's `image.toml` may name.",
        "",
        shown="none",
    )
    dagger_registries: str = _variable(
        "COMMANDCENTER_DAGGER_REGISTRIES",
        "Registries, separated by commas, whose images an agent's `image.toml` may name, by digest.",
        "docker.io",
    )


PARTS: dict[str, type[PartSettings]] = {
    "command": CommandSettings,
    "stack": StackSettings,
    "server": ServerSettings,
    "worker": WorkerSettings,
    "listener": ListenerSettings,
    "api": ApiSettings,
    "sandbox": SandboxSettings,
}
"""The model of each part, by its name."""


_OF_OTHERS = (
    # With the folder of the fault harness, kills a process of the platform.
    "CRASH_AT",
    # Prefect's: certificates of the server are not checked, so that whoever is on the way gives the worker its runs.
    "PREFECT_API_TLS_INSECURE_SKIP_VERIFY",
    # Prefect's: what holds its own tests together; clients fall back to other servers and databases.
    "PREFECT_TEST_MODE",
    "PREFECT_TESTING_TEST_MODE",
    "PREFECT_UNIT_TEST_MODE",
    "PREFECT_TESTING_UNIT_TEST_MODE",
)
"""Switches for tests and for debugging that are not settings of ours."""
_OFF = frozenset({"", "0", "false", "no", "off", "n", "f"})


def switches_for_tests() -> tuple[str, ...]:
    """The variables that only tests and debugging may set."""
    ours = {
        str(name)
        for model in PARTS.values()
        for field in model.model_fields.values()
        if cast("Mapping[str, Any]", field.json_schema_extra or {}).get("tests_only")
        for name in _aliases(field.validation_alias)
    }
    return (*sorted(ours), *_OF_OTHERS)


def refuse_test_switches(environment: Mapping[str, str] = os.environ) -> None:
    """Raises SettingsError in production mode where one of them is set: each lets somebody do what nobody may."""
    if not is_production(environment):
        return
    if found := [name for name in switches_for_tests() if environment.get(name, "").strip().lower() not in _OFF]:
        names = " and ".join(found)
        raise SettingsError(f"{names}: for tests only, and refused where {MODE} is production: unset it")


def _aliases(alias: object) -> tuple[object, ...]:
    return tuple(alias.choices) if isinstance(alias, AliasChoices) else (alias,)
