"""What is in a backup: `manifest.json`, with versions, and the digest of every file.

A backup is a folder, or a tar file of one. Its manifest is written last; a folder without one is no backup.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from deployments.backup.errors import BackupFailed, RestoreRefused
from records.copies.postgres_copy import TableCopy
from triggers.nats.stream_copies import StreamCopy

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_NO_SPACE = 28


@dataclass(frozen=True, kw_only=True)
class DatabaseCopy:
    """One database in a backup."""

    kind: Literal["sqlite", "postgresql"]
    revision: str
    """Of its tables, as Alembic counts."""
    file: str = ""
    """Of SQLite."""
    tables: tuple[TableCopy, ...] = ()
    """Of PostgreSQL."""
    sequences: Mapping[str, int] = field(default_factory=dict[str, int])
    folder: str = ""

    @classmethod
    def of(cls, found: Mapping[str, Any] | None) -> DatabaseCopy | None:
        """From its JSON form."""
        if found is None:
            return None
        return cls(
            kind=found["kind"],
            revision=str(found["revision"]),
            file=str(found["file"]),
            folder=str(found["folder"]),
            tables=tuple(TableCopy.of(each) for each in found["tables"]),
            sequences={str(name): int(last) for name, last in found["sequences"].items()},
        )

    def as_json(self) -> dict[str, Any]:
        """Its JSON form."""
        return {
            "kind": self.kind,
            "revision": self.revision,
            "file": self.file,
            "folder": self.folder,
            "tables": [each.as_json() for each in self.tables],
            "sequences": dict(self.sequences),
        }


@dataclass(frozen=True, kw_only=True)
class FileCopy:
    """One file in a backup."""

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A whole backup."""

    made_at: str
    platform: str
    """Version of this platform."""
    prefect_version: str
    records: DatabaseCopy
    prefect: DatabaseCopy | None
    """None: left out."""
    streams: tuple[StreamCopy, ...] | None
    """None: left out."""
    secrets: bool
    """Whether secrets and passwords are in it."""
    settings: Mapping[str, str]
    """Variables of the environment that are no secrets, for the person who restores."""
    files: Mapping[str, FileCopy] = field(default_factory=dict[str, FileCopy])

    def as_json(self) -> dict[str, Any]:
        """Its JSON form."""
        return {
            "format": FORMAT,
            "madeAt": self.made_at,
            "platform": self.platform,
            "prefectVersion": self.prefect_version,
            "records": self.records.as_json(),
            "prefect": self.prefect and self.prefect.as_json(),
            "streams": None if self.streams is None else [each.as_json() for each in self.streams],
            "secrets": self.secrets,
            "settings": dict(self.settings),
            "files": {name: {"sha256": each.sha256, "bytes": each.size} for name, each in self.files.items()},
        }


def write_manifest(folder: Path, manifest: Manifest) -> str:
    """Write the manifest of all files in the folder; gives its own digest, to be noted elsewhere."""
    files = {
        path.relative_to(folder).as_posix(): FileCopy(sha256=digest_of(path), size=path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    whole = manifest.as_json() | {
        "files": {name: {"sha256": each.sha256, "bytes": each.size} for name, each in files.items()}
    }
    path = folder / MANIFEST
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(whole, out, indent=2, ensure_ascii=False)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    return digest_of(path)


def read_manifest(folder: Path) -> Manifest:
    """The manifest, once every file is there, is whole, and is named in it. Raises RestoreRefused."""
    try:
        found = cast("dict[str, Any]", json.loads((folder / MANIFEST).read_text()))
        given = found.get("format")
    except FileNotFoundError as exc:
        raise RestoreRefused(f"{str(folder)!r} is no backup: it has no {MANIFEST}") from exc
    except (ValueError, AttributeError, OSError) as exc:
        raise RestoreRefused(f"the file {MANIFEST!r} of the backup cannot be read ({exc})") from exc
    if not isinstance(given, int) or given > FORMAT:
        raise RestoreRefused(
            f"the backup has format {given!r}, this version reads up to {FORMAT}: restore with the version "
            f"that made it ({found.get('platform', 'unknown')})"
        )
    try:
        records = DatabaseCopy.of(found["records"])
        streams = found["streams"]
        manifest = Manifest(
            made_at=str(found["madeAt"]),
            platform=str(found["platform"]),
            prefect_version=str(found["prefectVersion"]),
            records=cast("DatabaseCopy", records),
            prefect=DatabaseCopy.of(found["prefect"]),
            streams=None if streams is None else tuple(StreamCopy.of(each) for each in streams),
            secrets=bool(found["secrets"]),
            settings={str(name): str(value) for name, value in found["settings"].items()},
            files={
                str(name): FileCopy(sha256=str(each["sha256"]), size=int(each["bytes"]))
                for name, each in found["files"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise RestoreRefused(f"the file {MANIFEST!r} of the backup is damaged ({exc!r})") from exc
    _verify(folder, manifest)
    return manifest


def digest_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def no_room(exc: OSError, *, where: Path, kept: str) -> BackupFailed:
    """The error for a file system that refused a write. `kept`: what became of what was there."""
    reason = "no space is left" if exc.errno == _NO_SPACE else str(exc.strerror or exc)
    return BackupFailed(f"cannot write below {str(where)!r} ({reason}): {kept}")


def _verify(folder: Path, manifest: Manifest) -> None:
    root = folder.resolve()
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name, wanted in manifest.files.items():
        path = folder / name
        if name not in there or path.is_symlink() or not path.resolve().is_relative_to(root):
            raise RestoreRefused(f"the file {name!r} of the backup is missing: take another copy of the backup")
        if path.stat().st_size != wanted.size or digest_of(path) != wanted.sha256:
            raise RestoreRefused(f"the file {name!r} of the backup was changed or damaged: its digest differs")
    if unknown := sorted(there - set(manifest.files) - {MANIFEST}):
        raise RestoreRefused(f"the file {unknown[0]!r} is not named in the backup's {MANIFEST}")
