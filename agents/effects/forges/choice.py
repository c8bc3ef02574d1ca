"""The address of a remote, and settings -> which forge it is on, and where its API is.

`FORGE_URL` names a forge of one's own by its address, and `FORGE_KIND` what it is. github.com, gitlab.com and
codeberg.org are known; another host that no setting names is no forge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

from agents.effects.effect import EffectError
from agents.effects.forges.forge import Forge
from agents.effects.forges.gitea import Gitea
from agents.effects.forges.github import GitHub
from agents.effects.forges.gitlab import GitLab

Kind = Literal["github", "gitlab", "gitea"]
_KNOWN: Mapping[str, tuple[Kind, str]] = {
    "github.com": ("github", "https://api.github.com"),
    "gitlab.com": ("gitlab", "https://gitlab.com/api/v4"),
    "codeberg.org": ("gitea", "https://codeberg.org/api/v1"),
}
_APIS: Mapping[Kind, str] = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
_FORGES: Mapping[Kind, Callable[[str, str, str], Forge]] = {"github": GitHub, "gitlab": GitLab, "gitea": Gitea}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, kw_only=True)
class ForgeSite:
    """A project on a forge."""

    kind: Kind
    api: str
    """Address of its API, without a slash at its end."""
    project: str
    """`owner/name`; on GitLab with the groups."""
    host: str
    """Of the remote, `host` or `host:port`."""

    def open(self, token: str) -> Forge:
        """For the owner of that token."""
        return _FORGES[self.kind](self.api, self.project, token)


def find_forge(remote: str, settings: Mapping[str, str]) -> ForgeSite | None:
    """The forge that a remote (https, ssh, or `git@host:path`) is on; None for any other. Raises EffectError."""
    found = _host_and_path(remote)
    if found is None:
        return None
    host, path = found
    project = path.strip("/").removesuffix(".git")
    if "/" not in project:
        return None
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    base = settings.get("FORGE_URL", "").rstrip("/")
    if name in _KNOWN:
        kind, api = _KNOWN[name]
    elif base and (urlsplit(base).hostname or "") == name:
        kind = _kind(settings.get("FORGE_KIND", ""), name)
        api = settings.get("FORGE_API_URL", "").rstrip("/") or base + _APIS[kind]
        prefix = urlsplit(base).path.strip("/")
        project = project.removeprefix(f"{prefix}/") if prefix else project
    else:
        return None
    _check(api)
    return ForgeSite(kind=kind, api=api, project=project, host=host)


def _kind(told: str, host: str) -> Kind:
    if told.lower() in ("forgejo", "gitea"):
        return "gitea"
    if told.lower() in _APIS:
        return cast("Kind", told.lower())
    if told:
        raise EffectError(f"setting 'FORGE_KIND' is {told[:40]!r}; it must be github, gitlab, gitea or forgejo")
    for kind in ("github", "gitlab"):
        if kind in host:
            return kind
    return "gitea"


def _check(api: str) -> None:
    parts = urlsplit(api)
    if parts.scheme == "https" or (parts.scheme == "http" and (parts.hostname or "") in LOOPBACK):
        return
    raise EffectError(f"the forge's API at {api[:200]!r} is refused: the token would go there without encryption")


def _host_and_path(remote: str) -> tuple[str, str] | None:
    if "://" in remote:
        parts = urlsplit(remote)
        if parts.scheme not in ("https", "http", "ssh") or not parts.hostname:
            return None
        return (f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname), parts.path
    host, colon, path = remote.partition(":")
    if not colon or "/" in host:
        return None
    return host.rpartition("@")[2].lower(), path
