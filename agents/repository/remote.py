"""A repository's `origin` -> a remote that may be pushed to, or a refusal. The configuration is read as data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from agents.repository.git import Git, GitError
from agents.repository.repository_copy import RepositoryRefusedError, inside

_SCP = re.compile(
    r"(?:(?P<user>[A-Za-z0-9][A-Za-z0-9._-]*)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^:].*)"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_PATH = re.compile(r"[A-Za-z0-9/_~][A-Za-z0-9._/~+-]*")


class RemoteRefusedError(Exception):
    """The remote must not be pushed to; the message says why and how to fix it."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Where a branch goes."""

    url: str
    kind: Literal["file", "https", "http", "ssh"]
    """`http` only for a forge on this very machine."""

    @property
    def proposals(self) -> str:
        """The references that number proposals. Forges keep `refs/pull` for themselves."""
        return "refs/pull" if self.kind == "file" else "refs/commandcenter/pull"

    def address(self, number: int, branch: str) -> str:
        """Where a person finds the proposal."""
        if self.kind == "file":
            return f"{Path(self.url).as_uri()}?pull={number}"
        if self.kind in ("https", "http"):
            return f"{self.url.removesuffix('.git')}/compare/{quote(branch)}?expand=1"
        return f"{self.url}#{quote(branch)}"


def origin(repository: Path, *, allowed_roots: Sequence[Path], allowed_hosts: Sequence[str] = ()) -> Remote:
    """The repository's own `origin`, checked. Raises RemoteRefusedError."""
    config = repository / ".git" / "config"
    if not config.is_file():
        config = repository / "config"
    if config.is_symlink() or not config.is_file() or config.stat().st_size > 1_000_000:
        raise RemoteRefusedError(f"repository {str(repository)!r} has no readable git configuration")
    git = Git(folder=Path("/"))
    try:
        url = git.text("config", "--file", str(config), "--no-includes", "--get", "remote.origin.url")
    except GitError as exc:
        raise RemoteRefusedError(
            f"repository {str(repository)!r} has no remote 'origin'; add one with `git remote add origin …`"
        ) from exc
    return check_remote(url, repository=repository, allowed_roots=allowed_roots, allowed_hosts=allowed_hosts)


def check_remote(
    url: str, *, repository: Path, allowed_roots: Sequence[Path], allowed_hosts: Sequence[str] = ()
) -> Remote:
    """A remote of a kind that runs no command of its own: a folder in the roots, or an allowed host."""
    shown = f"remote {url[:200]!r}"
    if (
        not url
        or url.startswith("-")
        or "::" in url
        or any(not char.isprintable() or char.isspace() for char in url)
    ):
        raise RemoteRefusedError(f"{shown} is refused: it is neither a folder nor an https or ssh address")
    if "://" not in url or url.startswith("file://"):
        scp = _SCP.fullmatch(url) if "/" not in url.split(":", 1)[0] else None
        if scp is None:
            return _folder(url.removeprefix("file://"), repository, allowed_roots)
        user = f"{scp['user']}@" if scp["user"] else ""
        url = f"ssh://{user}{scp['host']}/{scp['path'].lstrip('/')}"
    parts = urlsplit(url)
    local = parts.scheme == "http" and (parts.hostname or "") in ("127.0.0.1", "localhost", "::1")
    if parts.scheme not in ("https", "ssh") and not local:
        raise RemoteRefusedError(f"{shown} is refused: use https, ssh or a folder")
    host = parts.hostname or ""
    if parts.password is not None or (parts.scheme != "ssh" and parts.username is not None):
        raise RemoteRefusedError(
            f"remote at {host!r} is refused: it holds a password or token; store it as a secret"
        )
    if (
        not _HOST.fullmatch(host)
        or not _PATH.fullmatch(parts.path)
        or parts.query
        or "/-" in parts.path
        or parts.fragment
    ):
        raise RemoteRefusedError(f"{shown} is refused: host or path is malformed")
    if host.lower() not in {allowed.lower() for allowed in allowed_hosts}:
        raise RemoteRefusedError(f"{shown} is refused: host {host!r} is not among the hosts allowed for branches")
    return Remote(url=url, kind="http" if local else "https" if parts.scheme == "https" else "ssh")


def _folder(path: str, repository: Path, allowed_roots: Sequence[Path]) -> Remote:
    try:
        real = inside(Path(repository, path), allowed_roots, what="remote")
    except RepositoryRefusedError as exc:
        raise RemoteRefusedError(str(exc)) from exc
    if not any((place / "HEAD").is_file() and (place / "objects").is_dir() for place in (real, real / ".git")):
        raise RemoteRefusedError(f"remote {str(real)!r} is not a git repository")
    return Remote(url=str(real), kind="file")
