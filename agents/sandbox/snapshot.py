"""A file or folder of the host -> a path that is safe to show in the jail: itself, or a copy.

A folder is shown as it is when the agent's user can read all of it and it holds plain files, folders and links
only. Otherwise (files of one user only, sockets and pipes, through which an agent could reach a process of the
host even on a read-only mount) a copy without those is shown.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def show(source: Path, target: Path, *, other_user: bool) -> Path:
    """The path to mount: `source`, or `target`, where the copy was put. Raises OSError."""
    source = source.resolve(strict=True)
    if _safe(source, other_user=other_user):
        return source
    _copy(source, target)
    return target


def _safe(path: Path, *, other_user: bool) -> bool:
    mode = path.stat().st_mode
    if not _plain(mode, other_user=other_user):
        return False
    if not stat.S_ISDIR(mode):
        return True
    folders = [os.fspath(path)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    continue
                if not _plain(entry.stat(follow_symlinks=False).st_mode, other_user=other_user):
                    return False
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
    return True


def _plain(mode: int, *, other_user: bool) -> bool:
    if stat.S_ISDIR(mode):
        return not other_user or mode & 0o005 == 0o005
    return stat.S_ISREG(mode) and (not other_user or mode & 0o004 != 0)


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
        return
    target.mkdir()
    target.chmod(0o755)
    for entry in source.iterdir():
        if entry.is_symlink():
            (target / entry.name).symlink_to(entry.readlink())
        elif entry.is_dir() or entry.is_file():
            _copy(entry, target / entry.name)
