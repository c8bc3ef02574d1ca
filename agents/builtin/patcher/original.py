"""A repository snapshot -> its committed files, as they are before any fix. Nothing is checked out or run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from agents.builtin.patcher.edit import CannotFixError
from agents.builtin.patcher.patch import has_plain_name
from agents.builtin.scanning.source_files import MAX_FILE_BYTES
from agents.repository.git import Git, GitError
from agents.sdk.errors import AgentError

_READS = r"(environ|getenv|process\.env|ENV|env)[^A-Za-z0-9_]{1,3}(get[^A-Za-z0-9_]{1,3})?[A-Z][A-Z0-9_]{2,}"


@dataclass(frozen=True, kw_only=True)
class Original:
    """The commit that a patch is made for."""

    git: Git
    commit: str

    def read(self, name: str) -> str:
        """A file's text. Raises CannotFixError for what must not or cannot be patched."""
        if not has_plain_name(name) or name.startswith("/") or {"..", ".git"} & set(name.lower().split("/")):
            raise CannotFixError("its name is not one that a patch may hold")
        entry = self.git.run("ls-tree", "-z", self.commit, "--", f":(literal){name}").split(b"\0")[0]
        mode = entry.split(b" ")[0]
        if mode not in (b"100644", b"100755"):
            raise CannotFixError("it is not a regular file of the commit")
        blob = entry.split(b"\t")[0].split(b" ")[2].decode()
        if int(self.git.text("cat-file", "-s", blob)) > MAX_FILE_BYTES:
            raise CannotFixError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
        try:
            return self.git.run("cat-file", "blob", blob).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise CannotFixError("it is not UTF-8 text") from exc

    def environment_names(self) -> frozenset[str]:
        """Environment variables that the commit's files read, as far as their text says so."""
        try:
            said = self.git.text("grep", "-h", "-o", "-I", "-E", _READS, self.commit, "--")
        except GitError:  # nothing was found
            return frozenset()
        return frozenset(re.findall(r"[A-Z][A-Z0-9_]{2,}$", said, re.MULTILINE))


def original(path: str) -> Original:
    """The snapshot's current commit. Raises AgentError where there is none."""
    folder = Path(path)
    git = Git(folder=folder)
    if not (folder / ".git").exists():
        raise AgentError(f"repository {path!r} has no git history; a fix needs a commit to build on")
    try:
        commit = git.commit("HEAD")
    except GitError as exc:
        raise AgentError(f"repository {path!r} cannot be read: {exc}") from exc
    if commit is None:
        raise AgentError(f"repository {path!r} has no commit yet; a fix needs one to build on")
    return Original(git=git, commit=commit)
