"""A backup -> a platform in an empty home, as it was; or a refusal, and nothing changed."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from packaging.version import InvalidVersion, Version

from deployments.backup.backup import PASSWORDS, SECRETS, STREAMS, TOKEN
from deployments.backup.databases import check_prefect, check_records, restore_prefect, restore_records
from deployments.backup.errors import RestoreRefused
from deployments.backup.manifest import MANIFEST, Manifest, digest_of, no_room, read_manifest
from deployments.backup.places import PREFECT_DATABASE, Places, open_nats
from deployments.stack.state_folder import StateFolder
from records import Records
from records.approvals.audit_chain import ChainReport
from records.database.signing import KEY_FILE
from triggers.nats.connection import jetstream
from triggers.nats.stream_copies import load_stream

_OCCUPIED = ("records.db", PREFECT_DATABASE, "nats", KEY_FILE, PASSWORDS)


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What came back."""

    manifest: Manifest
    audit: ChainReport
    """Whether the chain of the audit is whole."""
    messages: int
    """In all streams."""


async def restore(source: Path, places: Places, *, expected_digest: str | None = None) -> Restored:
    """Bring a backup back: into the state folder, and into the databases that `places` names.

    Everything is checked before anything is written: digests, versions, and that nothing is there which it would
    overwrite. `expected_digest`: what `backup` said when it was made. Raises RestoreRefused and what the parts raise.
    """
    with _unpacked(source.absolute(), near=places.state.path) as folder:
        if expected_digest is not None and digest_of(folder / MANIFEST) != expected_digest.removeprefix("sha256:"):
            raise RestoreRefused("the backup is not the one of that digest")
        manifest = read_manifest(folder)
        places = _with_prefect(places, manifest)
        _check(manifest, folder, places)
        state = StateFolder(places.state.path)
        existed = state.path.exists()
        state.acquire()
        try:
            return await _restore(manifest, folder, places)
        except BaseException as exc:
            # Nothing of it was there before, so nothing but this is lost.
            _clear(state, whole=not existed)
            if isinstance(exc, OSError):
                raise no_room(exc, where=state.path, kept="nothing was restored") from exc
            raise
        finally:
            state.release()


async def _restore(manifest: Manifest, folder: Path, places: Places) -> Restored:
    _files(folder, places)
    async with AsyncExitStack() as undo:
        messages = 0
        if manifest.streams is not None:
            # On a server of its own they are not in the folder that is emptied after a failure.
            loaded: list[str] = []
            undo.push_async_callback(_delete_streams, places, loaded)
            async with open_nats(places) as client:
                for each in manifest.streams:
                    await load_stream(client, each, folder / STREAMS / each.file)
                    loaded.append(each.name)
                    messages += each.messages
        if manifest.prefect is not None and places.prefect_url is not None:
            await restore_prefect(manifest.prefect, folder, places.prefect_url)
        await restore_records(manifest.records, folder, places.records_url)
        undo.pop_all()
    async with await Records.open(places.records_url) as records:
        return Restored(manifest=manifest, audit=await records.verify_audit(), messages=messages)


async def _delete_streams(places: Places, names: list[str]) -> None:
    if places.nats_url is not None and names:
        async with open_nats(places) as client:
            for name in names:
                await jetstream(client).delete_stream(name)


def _check(manifest: Manifest, folder: Path, places: Places) -> None:
    state = StateFolder(places.state.path)
    if state.locked():
        raise RestoreRefused(f"a platform runs on {str(state.path)!r}: restore into an empty home")
    for name in _OCCUPIED:
        if (state.path / name).exists():
            raise RestoreRefused(
                f"{str(state.path / name)!r} is there already: name an empty home with --state, or move that one away"
            )
    key, ours = places.signing_key, folder / KEY_FILE
    if key.exists() and (not ours.exists() or key.read_bytes() != ours.read_bytes()):
        raise RestoreRefused(f"there is another signing key already, {str(key)!r}: move it away first")
    check_records(manifest.records, places.records_url)
    if manifest.prefect is not None:
        _check_prefect_version(manifest.prefect_version)
        if places.prefect_url is None:
            raise RestoreRefused(
                "the backup holds Prefect's state of PostgreSQL: name a database for it in "
                "COMMANDCENTER_PREFECT_DATABASE_URL"
            )
        check_prefect(manifest.prefect, places.prefect_url)


def _check_prefect_version(made_with: str) -> None:
    here = version("prefect")
    try:
        newer = Version(made_with) > Version(here)
    except InvalidVersion as exc:
        raise RestoreRefused(f"the backup names no version of Prefect but {made_with!r:.40}") from exc
    if newer:
        raise RestoreRefused(
            f"the backup was made with Prefect {made_with}, and {here} is installed: install that version or a newer"
        )


def _with_prefect(places: Places, manifest: Manifest) -> Places:
    """Prefect's state goes where it was: into the state folder, unless it was in PostgreSQL."""
    copy = manifest.prefect
    if copy is None or copy.kind != "sqlite" or places.prefect_url is not None:
        return places
    return replace(places, prefect_url=f"sqlite:///{places.state.path / PREFECT_DATABASE}")


def _files(folder: Path, places: Places) -> None:
    if (folder / KEY_FILE).exists() and not places.signing_key.exists():
        _write(places.signing_key, (folder / KEY_FILE).read_bytes())
    for name in (PASSWORDS, TOKEN):
        if (folder / name).exists():
            _write(places.state.path / name, (folder / name).read_bytes())
    if (folder / SECRETS).is_dir():
        for each in sorted((folder / SECRETS).iterdir()):
            _write(places.state.path / SECRETS / each.name, each.read_bytes())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)


def _clear(state: StateFolder, *, whole: bool) -> None:
    for name in (*_OCCUPIED, TOKEN, SECRETS, "records.db-wal", "records.db-shm"):
        path = state.path / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if whole:
        shutil.rmtree(state.path, ignore_errors=True)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """One plain file below the folder. By hand, since Debian 12's Python has no filters for archives yet."""
    name = PurePosixPath(member.name)
    if not member.isfile() or name.is_absolute() or ".." in name.parts:
        raise RestoreRefused(f"the archive holds {member.name!r:.80}, which is no plain file of a backup")
    content = tar.extractfile(member)
    assert content is not None
    target = folder / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with content, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        shutil.copyfileobj(content, out, 1 << 20)


@contextmanager
def _unpacked(source: Path, *, near: Path) -> Generator[Path]:
    """The folder of the backup; a tar file is unpacked beside the state folder, where there is room for it anyway."""
    if source.is_dir():
        yield source
        return
    near.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".restore-", dir=near.parent))
    try:
        try:
            with tarfile.open(source) as tar:
                for member in tar:
                    _extract(tar, member, folder)
        except FileNotFoundError as exc:
            raise RestoreRefused(f"{str(source)!r} is not there") from exc
        except tarfile.TarError as exc:
            raise RestoreRefused(f"{str(source)!r} is not a backup ({exc})") from exc
        except OSError as exc:
            raise no_room(exc, where=near.parent, kept="nothing was restored") from exc
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
