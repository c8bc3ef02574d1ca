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
_MAX_BORROWED = 20
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
    _copy_history(copy, _git_folders(source, allowed_roots), into / ".git")
    return into


@dataclass(frozen=True, kw_only=True)
class _GitFolders:
    own: Path
    """Holds `HEAD`."""
    common: Path
    """Holds objects and refs; another one only for a linked worktree."""
    objects: tuple[Path, ...]
    """Further object stores, which a shared clone borrows from."""


def _git_folders(source: Path, allowed_roots: Sequence[Path]) -> _GitFolders | None:
    """Where the history lies, as far as it lies in the allowed folders; None where there is none to see."""
    own = source / ".git"
    if own.is_symlink() or not own.exists():
        return None
    if own.is_file():
        linked = _pointed(own, prefix="gitdir:")
        if linked is None or not _allowed(linked, allowed_roots) or not _points_back(linked, own):
            return None
        own = linked
    shared = own / "commondir"
    common = _pointed(shared) if shared.is_file() and not shared.is_symlink() else own
    if common is None or not _allowed(common, allowed_roots):
        return None
    return _GitFolders(own=own, common=common, objects=tuple(_borrowed(common / "objects", allowed_roots)))


def _borrowed(objects: Path, allowed_roots: Sequence[Path]) -> list[Path]:
    """The stores named by `alternates`, each once. One outside of the allowed folders is left out."""
    found: dict[Path, None] = {}
    pending = [objects]
    while pending and len(found) < _MAX_BORROWED:
        store = pending.pop()
        listed = store / "info" / "alternates"
        if listed.is_symlink() or not listed.is_file():
            continue
        for line in listed.read_text("utf-8", "replace").split("\n"):
            named = line.strip()
            if not named or named.startswith("#"):
                continue
            other = Path(store, named).resolve()
            if other not in found and _allowed(other, allowed_roots):
                found[other] = None
                pending.append(other)
    return list(found)


def _points_back(linked: Path, file: Path) -> bool:
    """Whether git's folder knows the worktree: anybody can write a file that names the repository of another."""
    back = linked / "gitdir"
    return back.is_file() and not back.is_symlink() and _pointed(back) == file.resolve()


def _pointed(file: Path, *, prefix: str = "") -> Path | None:
    """The folder that a small file of git's names."""
    text = file.read_text("utf-8", "replace")[:4096].strip()
    if not text.startswith(prefix) or "\0" in text:
        return None
    return Path(file.parent, text.removeprefix(prefix).strip()).resolve()


def _allowed(path: Path, allowed_roots: Sequence[Path]) -> bool:
    real = path.resolve()
    return real.is_dir() and any(real.is_relative_to(root.resolve()) for root in allowed_roots)


def _copy_history(copy: _Copy, folders: _GitFolders | None, target: Path) -> None:
    if folders is None:
        return
    target.mkdir()
    for place in dict.fromkeys((folders.own, folders.common)):
        with _folder(place) as root:
            for name in _HISTORY:
                if not (target / name).exists() and (place == folders.common or name == "HEAD"):
                    copy.entry(root.descriptor, name, target / name)
    for store in folders.objects:
        with _folder(store) as root:
            copy.merge(root, target / "objects")
    (target / "objects" / "info" / "alternates").unlink(missing_ok=True)
    (target / "refs").mkdir(exist_ok=True)
    (target / "config").write_text(_SHA256_CONFIG if _uses_sha256(folders.common) else _PLAIN_CONFIG)


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

    def merge(self, folder: _Descriptor, target: Path) -> None:
        """Another object store into one: files of the same name have the same content."""
        for name in self.names(folder):
            place = target / name
            if place.is_dir():
                with _folder(name, within=folder.descriptor) as inner:
                    self.merge(inner, place)
            elif not place.exists():
                self.entry(folder.descriptor, name, place)

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
    if _git_folders(real, allowed_roots) is None:
        return ""
    try:
        return Git(folder=real).text("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitError:
        return ""
