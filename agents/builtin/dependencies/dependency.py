"""One package in one version, as a lock file names it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """A package at one place of a lock file."""

    ecosystem: str
    """As OSV names it: `PyPI`, `npm`, `Go`, `crates.io`, `Maven`, `RubyGems`, `Packagist`."""
    name: str
    version: str
    line: int
    """From 1."""


@dataclass(frozen=True, kw_only=True)
class LockFile:
    """What a lock file holds."""

    dependencies: tuple[Dependency, ...]
    unknown: tuple[str, ...] = field(default=())
    """Packages whose version it does not say, each with the reason: they cannot be looked up."""


class NotALockFile(ValueError):
    """The text cannot be read as what its name says; the message says why."""
