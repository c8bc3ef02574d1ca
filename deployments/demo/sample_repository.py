"""The sample application in `sample_app/` -> a git repository with two commits, and a bare remote beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from agents.repository.git import Git

_SAMPLE = Path(__file__).with_name("sample_app")
_AUTHOR = ("user.name=Corner Shop", "user.email=shop@example.org")


@dataclass(frozen=True, kw_only=True)
class DemoRepository:
    """What the demo works on."""

    path: Path
    remote: Path
    """The bare repository that `origin` points to."""
    branch: str
    base_commit: str
    """Before the change."""
    commit: str
    """After it."""
    changed_files: tuple[str, ...]


def make_repository(folder: Path) -> DemoRepository:
    """Make `shop/` and `shop.git/` in the folder, both new. Raises FileExistsError where one is there."""
    path, remote = (folder / "shop").resolve(), (folder / "shop.git").resolve()
    for place in (path, remote):
        place.mkdir(parents=True)
    Git(folder=remote).run("init", "--quiet", "--bare", "--template=", "--initial-branch=main")
    git = Git(folder=path, protocols="file", config=_AUTHOR)
    git.run("init", "--quiet", "--template=", "--initial-branch=main")
    git.run("remote", "add", "origin", str(remote))
    base = _commit(git, "first", "The corner shop opens")
    commit = _commit(git, "second", "Invoices, sessions, thumbnails and an administrator")
    git.run("push", "--quiet", "origin", "main:main")
    return DemoRepository(
        path=path,
        remote=remote,
        branch="main",
        base_commit=base,
        commit=commit,
        changed_files=tuple(git.text("diff-tree", "-r", "--name-only", base, commit).splitlines()),
    )


def _commit(git: Git, version: str, message: str) -> str:
    shutil.copytree(
        _SAMPLE / version, git.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", message)
    return git.text("rev-parse", "HEAD")
