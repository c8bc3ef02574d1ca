"""A repository of the host -> a snapshot to show to an agent: no links, no hooks, no settings, no passwords."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.repository.git import Git, GitError

MAX_BYTES = 500_000_000
MAX_FILES = 200_000
_MAX_DEPTH = 100
_LEFT_OUT = frozenset({".git", "node_modules", ".venv", "venv", ".tox", "__pycache__"})
_HISTORY = ("HEAD", "objects", "refs", "packed-refs", "shallow")
"""All of git's folder that reading the history takes. Its `config` may hold credentials and commands."""
_PLAIN_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
_SHA256_CONFIG = "[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tobjectFormat = sha256\n"


class RepositoryRefusedError(Exception):
    """A path that must not, or cannot, be given to an agent; the message says why and how to fix it."""


def inside(path: Path | str, allowed_roots: Sequence[Path], *, what: str = "repository") -> Path:
    """The real path, where it is an existing folder in one of the roots. Raises RepositoryRefusedError."""
    given = Path(path)
    if "\0" in str(path) or not given.is_absolute():
        raise RepositoryRefusedError(f"{what} {str(path)!r} is refused: give an absolute path")
    try:
        real = given.resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise RepositoryRefusedError(f"{what} {str(path)!r} is not there") from exc
    if not any(real.is_relative_to(root.resolve()) for root in allowed_roots):
        roots = ", ".join(str(root) for root in allowed_roots) or "none"
        raise RepositoryRefusedError(
            f"{what} {str(path)!r} lies outside of the folders that agents may see ({roots}); add its folder there"
        )
    if not real.is_dir():
        raise RepositoryRefusedError(f"{what} {str(path)!r} is not a folder")
    return real


def snapshot(path: Path | str, *, allowed_roots: Sequence[Path], into: Path, max_bytes: int = MAX_BYTES) -> Path:
    """Copy a repository to `into`, which must be new or empty. Returns `into`. Raises RepositoryRefusedError.

    Links, special files and third-party folders are left out; of git's own folder only the history is copied.
    """
    source = inside(path, allowed_roots)
    if into.resolve().is_relative_to(source):
        raise RepositoryRefusedError(f"the snapshot of {str(path)!r} cannot lie inside of it")
    into.mkdir(parents=True, exist_ok=True)
    copy = _Copy(source=source, max_bytes=max_bytes)
    with _folder(source) as root:
        for name in copy.names(root):
            copy.entry(root.descriptor, name, into / name)
    copy.left_out = frozenset()
    _copy_history(copy, source / ".git", into / ".git")
    return into


def _copy_history(copy: _Copy, source: Path, target: Path) -> None:
    # A `.git` file points somewhere else; following it would leave the allowed folder.
    if source.is_symlink() or not source.is_dir():
        return
    target.mkdir()
    with _folder(source) as root:
        for name in _HISTORY:
            copy.entry(root.descriptor, name, target / name)
    (target / "objects" / "info" / "alternates").unlink(missing_ok=True)
    (target / "refs").mkdir(exist_ok=True)
    (target / "config").write_text(_SHA256_CONFIG if _uses_sha256(source) else _PLAIN_CONFIG)


def _uses_sha256(source: Path) -> bool:
    config = source / "config"
    if config.is_symlink() or not config.is_file():
        return False
    git = Git(folder=source.parent.parent)
    try:
        return git.text("config", "--file", str(config), "--get", "extensions.objectFormat").lower() == "sha256"
    except GitError:
        return False


@dataclass
class _Descriptor:
    descriptor: int

    def __enter__(self) -> _Descriptor:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def _folder(path: Path | str, *, within: int | None = None) -> _Descriptor:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return _Descriptor(os.open(path, flags, dir_fd=within))


@dataclass(kw_only=True)
class _Copy:
    """Copies entries by descriptor, so that none can be swapped for a link on the way; counts as it goes."""

    source: Path
    max_bytes: int
    left_out: frozenset[str] = _LEFT_OUT
    size: int = 0
    files: int = 0

    def names(self, folder: _Descriptor) -> list[str]:
        """What is in the folder and wanted."""
        return [name for name in os.listdir(folder.descriptor) if name not in self.left_out]  # noqa: PTH208

    def entry(self, parent: int, name: str, target: Path, *, depth: int = 0) -> None:
        """One file, or a folder with all below it; nothing where it is neither."""
        try:
            kind = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISREG(kind):
            self._file(parent, name, target)
        elif stat.S_ISDIR(kind):
            if depth > _MAX_DEPTH:
                raise RepositoryRefusedError(f"repository {str(self.source)!r} is nested too deeply")
            target.mkdir()
            with _folder(name, within=parent) as folder:
                for one in self.names(folder):
                    self.entry(folder.descriptor, one, target / one, depth=depth + 1)

    def _file(self, within: int, name: str, target: Path) -> None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, dir_fd=within), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return
            self.size += status.st_size
            self.files += 1
            if self.size > self.max_bytes or self.files > MAX_FILES:
                raise RepositoryRefusedError(
                    f"repository {str(self.source)!r} is too large to show to an agent: more than "
                    f"{self.max_bytes // 1_000_000:,} MB or {MAX_FILES:,} files"
                )
            with target.open("xb") as out:
                shutil.copyfileobj(file, out, 1 << 20)
            target.chmod(0o755 if status.st_mode & stat.S_IXUSR else 0o644)


def head_commit(path: Path | str, *, allowed_roots: Sequence[Path]) -> str:
    """The commit the repository is at; empty where the folder has no history. Raises RepositoryRefusedError."""
    real = inside(path, allowed_roots)
    if (real / ".git").is_symlink() or not (real / ".git").is_dir():
        return ""
    try:
        return Git(folder=real).text("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitError:
        return ""
