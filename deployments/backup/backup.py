"""A platform, running or stopped -> a folder or a tar file with all that it has on record.

What is copied first is what others refer to last: the streams of NATS, then the records, then Prefect's state. Read in
this order, the three stand to each other as after a crash between two steps, from which the platform goes on: an event
that had started its runs is known by its inbox row, and a run that Prefect has further than the records is reconciled.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from deployments.backup.databases import DatabaseSnapshot
from deployments.backup.errors import BackupFailed
from deployments.backup.manifest import Manifest, no_room, write_manifest
from deployments.backup.places import Places, open_nats
from deployments.stack.state_folder import StateFolder
from records.database.signing import KEY_FILE
from reliability.known_settings import FAMILIES, variables
from triggers.nats.stream_copies import StreamCopy, our_streams, save_stream

STREAMS, SECRETS = "streams", "secrets"
PASSWORDS, TOKEN = "stack.json", "admin.token"
_TARS = (".tar", ".tar.gz", ".tgz")
_NOT_SETTINGS = ("COMMANDCENTER_STATE", "COMMANDCENTER_SIGNING_KEY_FILE", "COMMANDCENTER_TOKEN")


@dataclass(frozen=True, kw_only=True)
class BackedUp:
    """What was written."""

    target: Path
    digest: str
    """SHA-256 of the manifest, which holds those of all files."""
    manifest: Manifest
    size: int
    """Bytes."""


async def backup(
    places: Places, target: Path, *, secrets: bool = False, prefect: bool = True, streams: bool = True
) -> BackedUp:
    """Write a backup to a new folder, or a tar file by its name. Whole or not at all: it appears when it is complete.

    `secrets`: with passwords, tokens and secrets of agents. `prefect`, `streams`: False leaves that part out.
    Raises BackupFailed, and what the parts raise.
    """
    target = target.absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise BackupFailed(f"{str(target)!r} is there already: name a new file or folder")
    if prefect and places.prefect_url is None:
        raise BackupFailed(
            "nothing says where Prefect keeps its state: set COMMANDCENTER_PREFECT_DATABASE_URL, or leave it out with "
            "--without prefect if it is backed up elsewhere"
        )
    if streams and places.nats_url is None and not (places.state.path / "nats").is_dir():
        raise BackupFailed(
            "nothing says where NATS is: set NATS_URL, or leave its streams out with --without streams"
        )
    draft = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with _lock_if_stopped(places), _folder(draft):
            manifest = await _write(places, draft, secrets=secrets, prefect=prefect, streams=streams)
            digest = await asyncio.to_thread(write_manifest, draft, manifest)
            size = sum(path.stat().st_size for path in draft.rglob("*") if path.is_file())
            await asyncio.to_thread(_finish, draft, target)
    except OSError as exc:
        raise no_room(exc, where=target.parent, kept="no backup was made") from exc
    return BackedUp(target=target, digest=digest, manifest=manifest, size=size)


async def _write(places: Places, folder: Path, *, secrets: bool, prefect: bool, streams: bool) -> Manifest:
    copied = await _streams(places, folder) if streams else None
    with ExitStack() as held:
        records = held.enter_context(DatabaseSnapshot(places.records_url))
        state = (
            held.enter_context(DatabaseSnapshot(places.prefect_url, prefect=True))
            if prefect and places.prefect_url is not None
            else None
        )
        records_copy = await asyncio.to_thread(records.write, folder, secrets=secrets)
        prefect_copy = None if state is None else await asyncio.to_thread(state.write, folder, secrets=secrets)
    await asyncio.to_thread(_files, places, folder, secrets=secrets)
    return Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        platform=version("commandcenter-automation"),
        prefect_version=version("prefect"),
        records=records_copy,
        prefect=prefect_copy,
        streams=copied,
        secrets=secrets,
        settings=plain_settings(),
    )


async def _streams(places: Places, folder: Path) -> tuple[StreamCopy, ...]:
    target = folder / STREAMS
    target.mkdir(mode=0o700)
    async with open_nats(places) as client:
        return tuple(
            [await save_stream(client, name, target / f"{name}.jetstream") for name in await our_streams(client)]
        )


def plain_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The settings of this process's environment that are no secrets."""
    plain = {name for each in variables() if not each.secret for name in each.names}
    families = tuple(family for family in FAMILIES if family != "COMMANDCENTER_SECRET_")
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith("COMMANDCENTER_")
        and name not in _NOT_SETTINGS
        and (name in plain or name.startswith(families))
    }


def _files(places: Places, folder: Path, *, secrets: bool) -> None:
    """The signing key always, since without it no approval that was given counts; secrets if they are wanted."""
    if places.signing_key.exists():
        _copy(places.signing_key, folder / KEY_FILE)
    if not secrets:
        return
    for name in (PASSWORDS, TOKEN):
        if (places.state.path / name).is_file():
            _copy(places.state.path / name, folder / name)
    given = places.state.path / SECRETS
    if given.is_dir():
        (folder / SECRETS).mkdir(mode=0o700)
        for each in sorted(given.iterdir()):
            if each.is_file() and not each.is_symlink():
                _copy(each, folder / SECRETS / each.name)


def _copy(source: Path, target: Path) -> None:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(source.read_bytes())


@contextmanager
def _lock_if_stopped(places: Places) -> Generator[None]:
    """Nothing starts on a stopped platform's state folder meanwhile."""
    state = StateFolder(places.state.path)
    if state.locked() or not state.path.is_dir():
        yield
        return
    state.acquire()
    try:
        yield
    finally:
        state.release()


@contextmanager
def _folder(draft: Path) -> Generator[None]:
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        yield
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _finish(draft: Path, target: Path) -> None:
    if not target.name.endswith(_TARS):
        _synchronise(draft)
        draft.replace(target)  # an empty folder gives way
        return
    archive = draft.with_suffix(".tar")
    try:
        descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        mode = "w:" if target.name.endswith(".tar") else "w:gz"
        with os.fdopen(descriptor, "wb") as out:
            with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
                for path in sorted(draft.rglob("*")):
                    if path.is_file():
                        tar.add(path, arcname=path.relative_to(draft).as_posix(), recursive=False)
            out.flush()
            os.fsync(out.fileno())
        archive.replace(target)
    finally:
        archive.unlink(missing_ok=True)


def _synchronise(folder: Path) -> None:
    """A backup that was reported is on the disk."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
