"""Every environment variable of the platform, as data: what reads it, its default, what it is for.

`docs/reference/settings.md` is generated from this list, and each part refuses to overlook a misspelt name: an unknown
`COMMANDCENTER_…` variable is reported when a command or a part starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

PREFIX = "COMMANDCENTER_"
FAMILIES = ("COMMANDCENTER_SETTING_", "COMMANDCENTER_SECRET_", "COMMANDCENTER_EGRESS_PROJECT_")
"""Beginnings of names that operators make up: settings and secrets of agents."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One environment variable."""

    name: str
    read_by: tuple[str, ...]
    """Parts: command, stack, worker, listener, api, sandbox."""
    default: str
    """In words or as the value."""
    text: str
    """What it is for, in one sentence."""
    aliases: tuple[str, ...] = ()
    """Other names of the same variable; the first name wins."""
    secret: bool = False
    """Whether the value is secret, so that `<NAME>_FILE` may name a file that holds it."""


def _setting(name: str, read_by: str, default: str, text: str, *aliases: str, secret: bool = False) -> Setting:
    return Setting(
        name=name, read_by=tuple(read_by.split()), default=default, text=text, aliases=aliases, secret=secret
    )


SETTINGS: Sequence[Setting] = (
    _setting(
        "COMMANDCENTER_STATE",
        "command stack worker api",
        "`.commandcenter`",
        "Folder in which everything is kept.",
    ),
    _setting(
        "COMMANDCENTER_MODE",
        "stack worker api command",
        "`embedded`",
        "`production` turns the two-person rule on: weaker gates and agents that reach anything need a second person.",
    ),
    _setting(
        "COMMANDCENTER_TOKEN",
        "command",
        "none",
        "Your personal token: commands act, and approvals count, under its person's name, which is verified then.",
    ),
    _setting(
        "COMMANDCENTER_OIDC_ISSUER",
        "api",
        "none: nobody but this platform signs people in",
        "OpenID provider that signs people in, as its metadata name it; see `docs/reference/people.md`.",
    ),
    _setting("COMMANDCENTER_OIDC_CLIENT_ID", "api", "none", "This API's name at that provider."),
    _setting(
        "COMMANDCENTER_OIDC_CLIENT_SECRET",
        "api",
        "none: a public client",
        "Its password there. PKCE is used with and without one.",
        secret=True,
    ),
    _setting(
        "COMMANDCENTER_OIDC_ROLES",
        "api",
        "none",
        'What groups may do here: `{"<group>": {"<project>": ["<role>", …]}}`.',
    ),
    _setting(
        "COMMANDCENTER_OIDC_EVERYBODY_VIEWS",
        "api",
        "none: who has no role is refused",
        "Projects, separated by commas, in which everybody whom the provider knows is viewer.",
    ),
    _setting("COMMANDCENTER_OIDC_GROUPS_CLAIM", "api", "`groups`", "Claim that lists somebody's groups."),
    _setting(
        "COMMANDCENTER_OIDC_NAME_CLAIM",
        "api",
        "`preferred_username`",
        "Claim that names somebody at the first sign-in; `email` counts only where it is verified.",
    ),
    _setting("COMMANDCENTER_OIDC_SCOPES", "api", "`openid profile email groups`", "Scopes that are asked for."),
    _setting("COMMANDCENTER_OIDC_LABEL", "api", "the issuer's host", "What the button of the console says."),
    _setting(
        "COMMANDCENTER_OIDC_DEVICE",
        "api",
        "`yes`",
        "Whether terminals sign in by a code (`commandcenter login`); anything but `yes` turns it off.",
    ),
    _setting("COMMANDCENTER_PROJECT_ID", "command", "`1`", "Project that commands work on."),
    _setting("COMMANDCENTER_HOST", "stack", "`127.0.0.1`", "Address on which Prefect's server listens."),
    _setting("COMMANDCENTER_PREFECT_PORT", "stack", "a free one, 4200 first", "Port of Prefect's server."),
    _setting("COMMANDCENTER_NATS_PORT", "stack", "a free one, 4222 first", "Port of NATS."),
    _setting(
        "COMMANDCENTER_DATABASE_URL",
        "stack command",
        "SQLite in the state folder",
        "The records: `postgresql://…` or `sqlite:///…`.",
        "DATABASE_URL",
        secret=True,
    ),
    _setting(
        "DATABASE_URL",
        "worker listener api",
        "SQLite in the state folder",
        "The same for a single part.",
        secret=True,
    ),
    _setting(
        "COMMANDCENTER_PREFECT_DATABASE_URL",
        "stack",
        "SQLite in the state folder",
        "Prefect's own database, `postgresql+asyncpg://…`.",
        secret=True,
    ),
    _setting(
        "NATS_URL", "listener command", "`nats://127.0.0.1:4222`", "NATS, with its credentials.", secret=True
    ),
    _setting("PREFECT_API_URL", "worker listener api command", "`http://127.0.0.1:4200/api`", "Prefect's API."),
    _setting(
        "PREFECT_API_AUTH_STRING",
        "stack worker listener api command",
        "made at the first start",
        "What Prefect's API asks for, as `name:password`; Prefect's UI asks a person for it once.",
        secret=True,
    ),
    _setting(
        "NATS_PUBLISHER_URL",
        "command",
        "made at the first start",
        "NATS, with credentials that may publish events and nothing else; `commandcenter env` prints it.",
        secret=True,
    ),
    _setting(
        "COMMANDCENTER_ALLOWED_HOSTS",
        "stack api",
        "names of this machine",
        "More names under which Prefect's UI and the API may be addressed, separated by commas.",
    ),
    _setting(
        "COMMANDCENTER_TLS_CERT",
        "stack api",
        "none: plain HTTP, for this machine alone",
        "Certificate (PEM, with its chain) that the API and Prefect's server show; they serve over TLS then.",
    ),
    _setting("COMMANDCENTER_TLS_KEY", "stack api", "none", "Its key, as PEM without a password."),
    _setting(
        "COMMANDCENTER_TLS_CA",
        "stack worker listener api command",
        "the system's authorities",
        "Authority (PEM) by which NATS, Prefect's API and a database with `sslmode=verify-…` are recognised.",
    ),
    _setting(
        "COMMANDCENTER_ALLOW_PLAINTEXT",
        "stack worker listener api command",
        "none: refused but on this machine",
        "Parts whose network is private: `database`, `nats`, `prefect`, `api`, separated by commas, or `yes` for all.",
    ),
    _setting(
        "COMMANDCENTER_POOL", "stack command", "`commandcenter`", "Work pool of the worker and of the deployments."
    ),
    _setting("COMMANDCENTER_WORKER_LIMIT", "stack", "no limit", "Runs that the worker has in hand at a time."),
    _setting("COMMANDCENTER_WORKER", "stack", "`true`", "Whether the stack has a worker."),
    _setting("COMMANDCENTER_LISTENER", "stack", "`true`", "Whether the stack has a NATS listener."),
    _setting("COMMANDCENTER_START_TIMEOUT", "stack", "`180`", "Seconds that a part may take until it answers."),
    _setting(
        "COMMANDCENTER_API_URL",
        "worker api command",
        "none",
        "Address of the HTTP API as browsers reach it: for links to files of agents, for sign-in by a provider, which "
        "sends browsers back to it, and for `login` and `sign-in`.",
    ),
    _setting(
        "COMMANDCENTER_REPOSITORIES",
        "worker",
        "none",
        "Folders that repositories named by events may lie in, separated as in PATH; others are refused.",
    ),
    _setting(
        "COMMANDCENTER_EGRESS",
        "worker",
        "what manifests and workflows name",
        "What agents may reach at most: `host:port`, `*.example.org:443` or `host:*`, separated by commas.",
    ),
    _setting(
        "COMMANDCENTER_PLATFORM_ADDRESSES",
        "worker",
        "set by the embedded stack",
        "Further servers of the platform, `host:port` separated by commas: no agent ever reaches them.",
    ),
    _setting(
        "COMMANDCENTER_SANDBOX",
        "worker command",
        "`bubblewrap`",
        "Sandbox of the agents: `bubblewrap` or `dagger`.",
        "SANDBOX",
    ),
    _setting(
        "COMMANDCENTER_AGENTS_AT_ONCE",
        "worker",
        "8 per CPU",
        "Agents that one worker runs side by side; others wait.",
    ),
    _setting(
        "COMMANDCENTER_WARM_JAILS",
        "worker",
        "`4`",
        "Jails that a worker starts ahead for the agents it ran last, while cores are idle; 0: none.",
    ),
    _setting(
        "COMMANDCENTER_DAGGER_IMAGE",
        "sandbox",
        "`python:3.11-slim`",
        "Image, OCI tarball or root folder for Dagger.",
    ),
    _setting("COMMANDCENTER_DAGGER_PYTHON", "sandbox", "`/usr/local/bin/python3`", "Python in that image."),
    _setting(
        "COMMANDCENTER_DAGGER_PACKAGES", "sandbox", "installed with pip", "Folder of packages to use in Dagger."
    ),
    _setting(
        "COMMANDCENTER_SIGNING_KEY_FILE",
        "worker listener api command",
        "`signing.key` in the state folder",
        "Key that signs decisions; every part that asks, decides or runs needs the same one.",
    ),
    _setting(
        "COMMANDCENTER_PEOPLE",
        "api",
        "none",
        "JSON file of further people of the API: SHA-256 of a token -> name, project, roles.",
    ),
    _setting(
        "COMMANDCENTER_MAX_EVENT_BYTES", "listener", "see the AsyncAPI limits", "Largest event that is accepted."
    ),
    _setting("COMMANDCENTER_MAX_EVENT_DEPTH", "listener", "`64`", "Deepest nesting of an event that is accepted."),
    _setting("COMMANDCENTER_EVENTS_AT_ONCE", "listener", "`8`", "Events that the listener works on side by side."),
    _setting(
        "COMMANDCENTER_SUBJECTS_REFRESH_SECONDS",
        "listener",
        "`5`",
        "How often the events stream is brought in line with the active workflows.",
    ),
    _setting(
        "COMMANDCENTER_READY_FILE",
        "worker listener",
        "none",
        "File that is created once the part is at work, and touched every few seconds while it is.",
    ),
    _setting(
        "COMMANDCENTER_HEALTH_FILE",
        "command",
        "none; set in the image",
        "File in which `server`, `worker`, `listener` and `api` say how their health is checked.",
    ),
    _setting(
        "COMMANDCENTER_REMOVE_GATES",
        "command",
        "none",
        "`yes` agrees to gates being removed or weakened in `prefect deploy`, for scripts.",
    ),
    _setting(
        "COMMANDCENTER_LOG_FORMAT",
        "worker listener api",
        "`text`",
        "`json` writes one line of JSON per log record, with run, node, attempt and trace, for production.",
    ),
    _setting(
        "COMMANDCENTER_METRICS_ADDRESS",
        "listener",
        "none",
        "`host:port` on which the listener serves `/metrics` for Prometheus, such as `127.0.0.1:9464`.",
    ),
    _setting(
        "COMMANDCENTER_METRICS_TOKEN_FILE",
        "listener api",
        "none",
        "File with the token that readers of `/metrics` send; without one the HTTP API has no such page.",
    ),
    _setting("COMMANDCENTER_FAULTS", "worker listener", "none", "Folder of the fault harness; for tests only."),
)
"""All of them, in the order of the page."""
# Set by the sandbox inside of a jail, never by an operator.
_IN_THE_JAIL = (
    "COMMANDCENTER_PRELOAD",
    "COMMANDCENTER_REQUEST",
    "COMMANDCENTER_REQUEST_FD",
    "COMMANDCENTER_RESULT",
    "COMMANDCENTER_ARTIFACTS",
    "COMMANDCENTER_SECRETS_FD",
    "COMMANDCENTER_EXECUTION",
    "COMMANDCENTER_NONCE",
)


def unknown_settings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """One sentence for each `COMMANDCENTER_…` variable that nothing reads. Never shows a value."""
    known = [name for each in SETTINGS for name in (each.name, *each.aliases)]
    known += [f"{name}_FILE" for each in SETTINGS if each.secret for name in (each.name, *each.aliases)]
    return [
        _sentence(name, known)
        for name in sorted(environment)
        if name.startswith(PREFIX)
        and name not in known
        and name not in _IN_THE_JAIL
        and not any(name.startswith(family) and name != family for family in FAMILIES)
    ]


def settings_page() -> str:
    """The page of the documentation."""
    lines = [
        "# Settings",
        "",
        "All environment variables, generated from `reliability/settings.py`. A variable that begins with",
        "`COMMANDCENTER_` and is not listed here is reported when a command or a part starts.",
        "",
        "| variable | read by | default | what it is |",
        "|---|---|---|---|",
    ]
    for each in SETTINGS:
        names = ", ".join(f"`{name}`" for name in (each.name, *each.aliases))
        text = f"{each.text} Or `{each.name}_FILE`: a file that holds it." if each.secret else each.text
        lines.append(f"| {names} | {', '.join(each.read_by)} | {each.default} | {text} |")
    lines += [
        "| `COMMANDCENTER_EGRESS_PROJECT_<ID>` | worker | `COMMANDCENTER_EGRESS` | The same for one project. |",
        "| `COMMANDCENTER_SETTING_<NAME>` | worker | none | Setting `<NAME>` of agents, such as `SMTP_HOST`. |",
        "| `COMMANDCENTER_SECRET_<NAME>` | worker | none | Secret `<NAME>` of agents; also a file in `secrets/`. |",
    ]
    return "\n".join(lines) + "\n"


def _sentence(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, [*known, *FAMILIES], n=1, cutoff=0.7)
    hint = f"did you mean {near[0]}?" if near else "see docs/reference/settings.md for those there are"
    return f"the environment variable {name} is not a setting of the platform and has no effect: {hint}"
