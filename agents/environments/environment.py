"""An agent's pins -> its environment: a folder below the store, named by its digest, made once in a jail.

The jail reaches the package index and nothing else, and only unpacks wheels. What it hands out is written by the
platform, for reading only, and compared with its digest when a process uses it for the first time. On another machine
it is made again from the same pins, whose hashes give the same files.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
import os
import platform
import shutil
import stat
import sys
import tarfile
import tempfile
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from weakref import WeakValueDictionary

from agents.environments.declared import declared
from agents.environments.installer import ARCHIVE, INDEX_SECRET, LACKING
from agents.environments.package_index import HOSTS_VARIABLE, machine_index, pip_path
from agents.environments.requirements import (
    FILE,
    EnvironmentRefused,
    EnvironmentUnavailable,
    Pin,
    canonical,
    read_pins,
)
from agents.sandbox.agent_image import FILE as IMAGE_FILE
from agents.sandbox.port import AgentRequest, Artifact, Limits, LogLine, Mount, Sandbox
from observability.environment_build import EnvironmentBuild, Outcome, TellBuild
from reliability.folder_lock import alone_in

_log = logging.getLogger("commandcenter.environments")
_SEAL = ".digest"
"""Beside an environment: the digest of its files."""
_SCHEMA = {"type": "object", "required": ["files", "sizeBytes"]}
_LIMITS = Limits(
    memory_mb=2048, timeout_seconds=900, cpu_seconds=900, file_size_mb=1024, tmp_mb=1536, open_files=1024
)
_MAX_FILES = 60_000
_KEPT_SECONDS = 14 * 24 * 3600
"""An environment of a project that was not used for so long is removed."""
_checked: dict[Path, tuple[int, int]] = {}
"""Environments that this process has compared with their digest -> number of files and newest change."""
_locks: WeakValueDictionary[tuple[int, Path], asyncio.Lock] = WeakValueDictionary()


def pins_of(folder: Path) -> tuple[Pin, ...]:
    """What the agent in the folder needs; nothing where it has no `requirements.txt`, or an image of its own, which
    holds its packages. Raises EnvironmentRefused."""
    file = folder / FILE
    if not file.is_file() or (folder / IMAGE_FILE).is_file():
        return ()
    try:
        return read_pins(file.read_text("utf-8"))
    except UnicodeDecodeError as exc:
        raise EnvironmentRefused(f"{FILE} is not UTF-8 text") from exc


def environment_digest(pins: tuple[Pin, ...]) -> str:
    """Digest of the pins and of the Python that they are installed for, in hexadecimal."""
    return environment_digest_of(canonical(pins))


def environment_digest_of(requirements: str) -> str:
    """The same of requirements in pip's form."""
    tag = f"{sys.implementation.cache_tag} {platform.system()} {platform.machine()} {platform.libc_ver()[0]}"
    return hashlib.sha256(f"{tag}\n{requirements}".encode()).hexdigest()


async def environment_of(
    folder: Path, *, store: Path, sandbox: Sandbox, tell: TellBuild | None = None
) -> Path | None:
    """The environment of the agent in the folder, made where it is missing; None: the agent needs none.

    `tell`: is told of a try to make it, before this returns or raises. Raises EnvironmentRefused, and
    EnvironmentUnavailable where another try may help.
    """
    pins = await asyncio.to_thread(pins_of, folder)
    if not pins:
        return None
    target = store / environment_digest(pins)
    lock = _locks.setdefault((id(asyncio.get_running_loop()), target), asyncio.Lock())
    async with lock:
        if not await asyncio.to_thread(_is_intact, target):
            await _make(_install(canonical(pins), sandbox, pinned=True), target, tell, packages=len(pins))
    return target


@dataclass(frozen=True, kw_only=True)
class ProjectEnvironment:
    """The packages that a project's tests need."""

    path: Path
    lacking: tuple[str, ...]
    """What there is no wheel of, for people to read."""


async def environment_of_project(
    folder: Path, *, store: Path, sandbox: Sandbox, tell: TellBuild | None = None
) -> ProjectEnvironment:
    """Wheels of what the project in the folder and its tests say that they need, made where they are missing.

    Kept by the digest of what is asked for: versions that it leaves open are those of the day it was made. Nothing of
    it runs where it is made; what was not used for two weeks is removed. `tell`: is told of a try to make it. Raises
    EnvironmentRefused, and EnvironmentUnavailable where another try may help.
    """
    needed = await asyncio.to_thread(declared, folder)
    target = store / environment_digest_of("\n".join([*needed.requirements, "versions", *needed.versions]))
    lock = _locks.setdefault((id(asyncio.get_running_loop()), target), asyncio.Lock())
    async with lock:
        if not await asyncio.to_thread(_is_intact, target):
            await asyncio.to_thread(forget_unused, store)
            requirements = "\n".join(needed.requirements) + "\n"
            asked = _install(requirements, sandbox, pinned=False, versions=needed.versions)
            await _make(asked, target, tell, packages=len(needed.requirements))
        return await asyncio.to_thread(_used, target)


def _used(target: Path) -> ProjectEnvironment:
    target.with_name(target.name + _SEAL).touch()
    lacking = json.loads((target / LACKING).read_text("utf-8"))
    return ProjectEnvironment(path=target, lacking=tuple(str(each) for each in lacking))


def forget_unused(store: Path) -> None:
    """Projects change what they need: what was made for an earlier state would stay for ever."""
    for seal in store.glob(f"*{_SEAL}"):
        if time.time() - seal.stat().st_mtime > _KEPT_SECONDS:
            _discard(seal.with_name(seal.name.removesuffix(_SEAL)))
            seal.unlink(missing_ok=True)


async def _make(asked: Coroutine[Any, Any, bytes], target: Path, tell: TellBuild | None, *, packages: int) -> None:
    began = time.time_ns()
    outcome: Outcome = "made"
    error: EnvironmentRefused | OSError | None = None
    try:
        archive = await asked
        await asyncio.to_thread(_unpack, archive, target)
        if not await asyncio.to_thread(_is_intact, target):
            raise EnvironmentRefused(f"the environment in {str(target)!r} is changed while it is made")
    except (EnvironmentRefused, OSError) as exc:
        outcome, error = "unavailable" if isinstance(exc, EnvironmentUnavailable) else "refused", exc
    if tell is not None:
        await tell(
            EnvironmentBuild(
                digest=target.name,
                packages=packages,
                start_ms=began // 1_000_000,
                end_ms=time.time_ns() // 1_000_000,
                outcome=outcome,
                message=str(error or ""),
            )
        )
    if error is not None:
        raise error


async def _install(requirements: str, sandbox: Sandbox, *, pinned: bool, versions: Sequence[str] = ()) -> bytes:
    index = await asyncio.to_thread(machine_index)
    place = pip_path()
    if place is None:
        raise EnvironmentRefused(
            "this Python has neither pip nor ensurepip, which make an agent's environment: install pip beside the "
            "platform"
        )
    folders = [Mount(name=f"wheels-{number}", source=each) for number, each in enumerate(index.folders)]
    certificates = [Mount(name="certificates.pem", source=index.certificates)] if index.certificates else []
    # Shown to the jail by itself: it may lie anywhere on this machine.
    wheel = [Mount(name=Path(place).name, source=Path(place))] if place else []
    addresses = [index.url, *index.further]
    # Only an address that holds a password is a secret: the jail's log is masked for it.
    secrets = {INDEX_SECRET: json.dumps(addresses)} if any("@" in each for each in addresses) else {}
    request = AgentRequest(
        run_id="environment",
        node_id="environment",
        entry_path="agents.environments.installer",
        action="install",
        inputs={
            "requirements": requirements,
            "pinned": pinned,
            "versions": list(versions),
            "pipPath": f"/work/{wheel[0].name}" if wheel else "",
            "folders": [f"/work/{mount.name}" for mount in folders],
            "links": list(index.links),
            "indexes": [] if secrets else addresses,
            "certificates": f"/work/{certificates[0].name}" if certificates else "",
            "trustedHosts": list(index.trusted_hosts),
        },
        result_schema=_SCHEMA,
        limits=_LIMITS,
        network=index.hosts,
        secrets=secrets,
        mounts=(*folders, *certificates, *wheel),
    )
    result = await sandbox.run(request, on_log=_tell)
    # What is taken as far as it goes must not lack what only could not be fetched now.
    if result.failure is not None or (not pinned and result.denied_egress):
        unknown = [each for each in result.denied_egress if each not in index.hosts]
        if unknown:
            raise EnvironmentRefused(
                f"the environment cannot be made: the package index keeps its files at {', '.join(unknown)}; where "
                f"that is right, name it in {HOSTS_VARIABLE}"
            )
        if result.denied_egress:
            raise EnvironmentUnavailable(f"the package index {', '.join(result.denied_egress)} did not answer")
        assert result.failure is not None
        kind = EnvironmentUnavailable if result.failure.retryable else EnvironmentRefused
        raise kind(f"the environment cannot be made: {result.failure.message}")
    return _archive(result.artifacts)


def _archive(artifacts: tuple[Artifact, ...]) -> bytes:
    found = [each.content for each in artifacts if each.name == ARCHIVE]
    if not found:
        raise EnvironmentRefused("the environment cannot be made: the jail handed nothing out")
    return found[0]


def _tell(line: LogLine) -> None:
    _log.debug("%s", line.text)


def _unpack(content: bytes, target: Path) -> None:
    """Write the files below `target`, which appears whole or not at all."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name[:16]}-", dir=target.parent))
    try:
        _extract(content, draft)
        digest = _digest(draft)
        # Another process may have been faster; what it put there may be in use.
        with alone_in(target.parent):
            if not _is_intact(target):
                _discard(target)
                target.with_name(target.name + _SEAL).write_text(digest)
                draft.rename(target)
    finally:
        _discard(draft)


def _extract(content: bytes, draft: Path) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for number, member in enumerate(archive):
                parts = PurePosixPath(member.name).parts
                if not member.isreg() or not parts or any(part in ("/", "..") for part in parts):
                    raise EnvironmentRefused(f"the environment holds {member.name!r:.80}, which is no plain file")
                stream = archive.extractfile(member)
                if number >= _MAX_FILES or stream is None:
                    raise EnvironmentRefused("the environment is larger than one may be")
                file = draft / member.name
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("xb") as out:
                    shutil.copyfileobj(stream, out)
                file.chmod(0o555 if member.mode & 0o100 else 0o444)
    except (tarfile.TarError, FileExistsError, NotADirectoryError) as exc:
        raise EnvironmentRefused(f"the environment cannot be unpacked: {exc}") from exc
    for folder in [draft, *(each for each in draft.rglob("*") if each.is_dir())]:
        folder.chmod(0o555)


def _is_intact(target: Path) -> bool:
    """Whether it holds what was made. All of it is read once for each process; then sizes and times are looked at."""
    try:
        state = _state(target)
        if _checked.get(target) == state:
            return True
        sealed = target.with_name(target.name + _SEAL).read_text()
        if _digest(target) != sealed:
            return False
    except OSError:
        return False
    _checked[target] = state
    return True


def _state(target: Path) -> tuple[int, int]:
    """Number of entries, and the newest change of one. Raises OSError."""
    count, newest = 0, target.stat().st_ctime_ns
    pending = [os.fspath(target)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                count, newest = count + 1, max(newest, found.st_ctime_ns)
                if stat.S_ISDIR(found.st_mode):
                    pending.append(entry.path)
    return count, newest


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(each for each in folder.rglob("*") if not each.is_dir() or each.is_symlink()):
        name = file.relative_to(folder).as_posix()
        content = "link" if file.is_symlink() else hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{content}  {file.lstat().st_mode & 0o100:o}  {len(name)}  {name}\n".encode())
    return total.hexdigest()


def _discard(folder: Path) -> None:
    if not folder.exists():
        return
    for place in [folder, *(each for each in folder.rglob("*") if each.is_dir() and not each.is_symlink())]:
        place.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
