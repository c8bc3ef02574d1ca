"""A git command -> its output, with every feature switched off by which a repository could run code or redirect git.

Used in the jail to read a snapshot, and outside of it to publish a branch.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_OFF = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.sshCommand=false",
    "core.alternateRefsCommand=true",
    "core.askPass=true",
    "core.editor=true",
    "core.pager=cat",
    "core.symlinks=false",
    "core.protectNTFS=true",
    "core.protectHFS=true",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "credential.helper=",
    "diff.external=",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "submodule.recurse=false",
    "http.followRedirects=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "push.gpgSign=false",
    "protocol.ext.allow=never",
    "safe.directory=*",
)
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class GitError(Exception):
    """A git command failed; the message holds its name and what git said."""

    def __init__(self, command: Sequence[str], status: int, said: str) -> None:
        super().__init__(f"git {command[0]} ended with status {status}: {said or 'no message'}")
        self.command = tuple(command)
        self.status = status
        self.said = said


@dataclass(frozen=True, kw_only=True)
class Git:
    """Git for one repository. Arguments are a list: no shell ever sees them."""

    folder: Path
    """The git directory's parent, or a bare repository."""
    protocols: str = "none"
    """Transports git may use, colon-separated (`file`, `https`, `ssh`)."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    config: tuple[str, ...] = ()
    """Further `key=value` settings; they win over those that switch things off."""
    timeout_seconds: float = 60

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Standard output of `git <arguments>`. Raises GitError, also when it takes too long or git is missing."""
        settings = [part for setting in (*_OFF, *self.config) for part in ("-c", setting)]
        command = ["git", "-C", str(self.folder), *settings, *arguments]
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                env=self._environment(env or {}),
                timeout=self.timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise GitError(arguments, -1, f"no end after {self.timeout_seconds:g} s") from exc
        except FileNotFoundError as exc:
            raise GitError(arguments, -1, "there is no git program here; install git") from exc
        if done.returncode != 0:
            raise GitError(arguments, done.returncode, _brief(done.stderr))
        return done.stdout

    def text(self, *arguments: str, stdin: bytes = b"") -> str:
        """The same as text, without the line end."""
        return self.run(*arguments, stdin=stdin).decode("utf-8", "surrogateescape").rstrip("\n")

    def commit(self, name: str) -> str | None:
        """The full hash of the commit that `name` (a hash, branch, tag, or `HEAD~1`) refers to, or None."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}(?:[~^]\d{0,4}){0,5}", name) or ".." in name:
            return None
        try:
            found = self.text("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except GitError:
            return None
        return found if COMMIT.fullmatch(found) else None

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": self.protocols,
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            **self.env,
            **more,
        }


def _brief(stderr: bytes) -> str:
    text = " ".join(stderr[:2000].decode("utf-8", "replace").split())
    return "".join(char for char in text if char.isprintable())[:500]
