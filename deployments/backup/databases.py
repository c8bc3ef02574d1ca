"""The records' database and Prefect's -> both as they are at nearly one moment, in a backup; and back."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

from deployments.backup.errors import BackupFailed, RestoreRefused
from deployments.backup.manifest import DatabaseCopy
from deployments.backup.places import sqlite_file
from records.copies.postgres_copy import RECORD_TABLES, PostgresSnapshot, filled, load
from records.copies.sqlite_copy import SqliteSnapshot
from records.database.migrate import upgrade
from records.database.revisions import VERSION_TABLE, head, is_known

_PREFECT_VERSIONS = "alembic_version"
_PREFECT_SECONDS = 300
_SECRET_BLOCKS = (
    "SELECT id FROM block_document WHERE block_type_id IN (SELECT id FROM block_type WHERE slug = 'secret')"
)
_WITHOUT_SECRETS_SQLITE = (
    f"DELETE FROM block_document_reference WHERE parent_block_document_id IN ({_SECRET_BLOCKS}) "
    f"OR reference_block_document_id IN ({_SECRET_BLOCKS})",
    f"DELETE FROM block_document WHERE id IN ({_SECRET_BLOCKS})",
)
_WITHOUT_SECRETS_POSTGRES = {
    "block_document_reference": f"parent_block_document_id NOT IN ({_SECRET_BLOCKS}) "
    f"AND reference_block_document_id NOT IN ({_SECRET_BLOCKS})",
    "block_document": f"id NOT IN ({_SECRET_BLOCKS})",
}


class DatabaseSnapshot:
    """One database at the moment this is entered. `prefect`: it is Prefect's, not the records."""

    def __init__(self, url: str, *, prefect: bool = False) -> None:
        self._prefect = prefect
        file = sqlite_file(url)
        self._snapshot = PostgresSnapshot(url) if file is None else SqliteSnapshot(file)

    def __enter__(self) -> Self:
        self._snapshot.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._snapshot.__exit__(kind, error, trace)

    def write(self, folder: Path, *, secrets: bool) -> DatabaseCopy:
        """Write it into the folder of a backup. Raises CopyRefused, BackupFailed and OSError."""
        name = "prefect" if self._prefect else "records"
        versions = _PREFECT_VERSIONS if self._prefect else VERSION_TABLE
        scrub = self._prefect and not secrets
        if isinstance(self._snapshot, SqliteSnapshot):
            revision = self._revision(self._snapshot.one(f'SELECT version_num FROM "{versions}"'))
            file = f"{name}.db"
            self._snapshot.write(folder / file, without=_WITHOUT_SECRETS_SQLITE if scrub else ())
            return DatabaseCopy(kind="sqlite", revision=revision, file=file)
        tables = self._snapshot.tables()
        revision = self._revision(
            self._snapshot.one(f'SELECT version_num FROM "{versions}"') if versions in tables else None
        )
        # What others keep in the database of the records is theirs.
        chosen = [each for each in tables if (each != versions if self._prefect else each in RECORD_TABLES)]
        (folder / name).mkdir(mode=0o700)
        copies = self._snapshot.write(folder / name, chosen, only=_WITHOUT_SECRETS_POSTGRES if scrub else None)
        return DatabaseCopy(
            kind="postgresql",
            revision=revision,
            tables=tuple(copies),
            sequences=self._snapshot.sequences(),
            folder=name,
        )

    def _revision(self, found: object) -> str:
        if found is None:
            what = "Prefect's database" if self._prefect else "the database of the records"
            raise BackupFailed(f"{what} has no tables yet: there is nothing to back up")
        return str(found)


async def restore_records(copy: DatabaseCopy, folder: Path, url: str) -> None:
    """Bring the records back, and up to this version. Raises CopyRefused, and what `upgrade` raises."""
    file = sqlite_file(url)
    if file is not None:
        await asyncio.to_thread(_place, folder / copy.file, file)
        await upgrade(url)
        return
    # The tables as they were when they were copied; what came later is done to their rows afterwards.
    await upgrade(url, revision=copy.revision)
    await asyncio.to_thread(load, url, copy.tables, folder / copy.folder, sequences=copy.sequences)
    await upgrade(url)


async def restore_prefect(copy: DatabaseCopy, folder: Path, url: str) -> None:
    """Bring Prefect's state back; its server brings it up to its version when it starts. Raises CopyRefused."""
    file = sqlite_file(url)
    if file is not None:
        await asyncio.to_thread(_place, folder / copy.file, file)
        return
    await asyncio.to_thread(_prefect_tables, url, copy.revision)
    await asyncio.to_thread(load, url, copy.tables, folder / copy.folder, sequences=copy.sequences, replace=True)


def check_records(copy: DatabaseCopy, url: str) -> None:
    """Raises RestoreRefused where the copy cannot go into that database."""
    if not is_known(copy.revision):
        raise RestoreRefused(
            f"the backup's records are at revision {copy.revision!r}, which this version (up to {head()!r}) does not "
            "know: restore with the version that made it, or a newer one"
        )
    _check(copy, url, what="the records", option="--database-url", names=RECORD_TABLES)


def check_prefect(copy: DatabaseCopy, url: str) -> None:
    """The same for Prefect's database: one in which Prefect has run is not empty."""
    variable = "COMMANDCENTER_PREFECT_DATABASE_URL"
    _check(copy, url, what="Prefect's state", option=variable, names=("flow", "flow_run"))


def _check(copy: DatabaseCopy, url: str, *, what: str, option: str, names: Sequence[str]) -> None:
    file = sqlite_file(url)
    kind = "postgresql" if file is None else "sqlite"
    if kind != copy.kind:
        raise RestoreRefused(
            f"the backup holds {what} of {copy.kind}, and {option} names {kind}: restore into the same kind"
        )
    if file is not None:
        if file.exists():
            raise RestoreRefused(f"{what} are there already, in {str(file)!r}: restore into an empty home")
        return
    if found := filled(url, names):
        shown = make_url(url).render_as_string(hide_password=True).partition("?")[0]
        raise RestoreRefused(f"the database {shown} has rows in its table {found[0]!r}: restore into an empty one")


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())


def _prefect_tables(url: str, revision: str) -> None:
    """Have Prefect make its tables as they were at that revision."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_API_DATABASE_CONNECTION_URL": url, "DO_NOT_TRACK": "1"}
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-P",
                "-m",
                "prefect",
                "server",
                "database",
                "upgrade",
                "--yes",
                "--revision",
                revision,
            ],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PREFECT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise RestoreRefused("Prefect did not make its tables in time: see whether its database answers") from exc
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RestoreRefused(
            f"Prefect cannot make its tables at revision {revision!r} ({said[-1] if said else 'no reason given'}): "
            "restore with the version of Prefect that the backup names"
        )
