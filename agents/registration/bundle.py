"""An agent's folder -> one archive of its source, addressed by digest; and back, checked, for reading only.

What was registered is what runs: later changes of the folder reach no run, and neither does byte code beside the
source, which Python would take instead of it.
"""

from __future__ import annotations

import io
import shutil
import stat
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agents.registration.code_digest import digest_of_contents, is_byte_code
from agents.runtime.loading import ENTRY_FILE
from agents.runtime.program import PROGRAM_FILE
from reliability.folder_lock import alone_in

MAX_FILES = 5_000
MAX_BYTES = 20_000_000


class BundleRefused(ValueError):
    """The folder, or the archive, cannot be an agent's code."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The code of one agent."""

    digest: str
    """SHA-256 over names and contents; see `code_digest`."""
    content: bytes
    """An uncompressed tar of the files, the same for the same files."""


def pack(folder: Path) -> Bundle:
    """Read the folder once; digest and content are of the same bytes. Raises BundleRefused."""
    files = _read(folder)
    if (ENTRY_FILE in files) == (PROGRAM_FILE in files):
        found = "both" if ENTRY_FILE in files else "neither"
        raise BundleRefused(
            f"agent folder {str(folder)!r} holds {found} of {ENTRY_FILE} (an agent in Python) and {PROGRAM_FILE} (a "
            "program); it needs exactly one"
        )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o444
            archive.addfile(member, io.BytesIO(files[name]))
    return Bundle(digest=digest_of_contents(files), content=buffer.getvalue())


def unpack(bundle: Bundle, target: Path) -> None:
    """Write the files below `target`, which appears whole or not at all. Raises BundleRefused and OSError."""
    files = _members(bundle.content)
    if digest_of_contents(files) != bundle.digest:
        raise BundleRefused(
            f"the stored code is not that of {bundle.digest}: it was changed since it was registered"
        )
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name[:16]}-", dir=target.parent))
    try:
        for name, content in files.items():
            file = draft / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        _for_reading(draft)
        # Another would take what was just put there for what was changed.
        with alone_in(target.parent):
            if not is_intact(target, bundle.digest):
                _remove(target)
                draft.rename(target)
    finally:
        _remove(draft)


def is_intact(folder: Path, digest: str) -> bool:
    """Whether the folder holds exactly the code of that digest, and nothing that could run in its place."""
    try:
        files = _read(folder, strict=True)
    except (BundleRefused, OSError):
        return False
    return digest_of_contents(files) == digest


def _read(folder: Path, *, strict: bool = False) -> dict[str, bytes]:
    """All regular files but byte code. `strict`: byte code is refused, not left out."""
    found: dict[str, bytes] = {}
    size = 0
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        state = file.lstat()
        mode = state.st_mode
        if stat.S_ISDIR(mode):
            continue
        if is_byte_code(name):
            if strict:
                raise BundleRefused(f"agent folder {str(folder)!r} holds byte code, {name!r}")
            continue
        if stat.S_ISLNK(mode):
            raise BundleRefused(f"agent folder {str(folder)!r} holds a link, {name!r}; put the file itself there")
        if not stat.S_ISREG(mode):
            raise BundleRefused(f"agent folder {str(folder)!r} holds {name!r}, which is no file: remove it")
        size += state.st_size
        if len(found) >= MAX_FILES or size > MAX_BYTES:  # before it is read
            raise BundleRefused(
                f"agent folder {str(folder)!r} holds more than {MAX_FILES:,} files or {MAX_BYTES:,} bytes"
            )
        found[name] = file.read_bytes()
    return found


def _members(content: bytes) -> dict[str, bytes]:
    """The files of an archive that may come from anywhere: plain names, plain files, bounded."""
    found: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                parts = PurePosixPath(member.name).parts
                if not member.isreg() or not parts or any(part in ("/", "..") for part in parts):
                    raise BundleRefused(f"the stored code holds {member.name!r:.80}, which is no plain file")
                # A sparse one is as long as its head says, whatever lies in the archive.
                size += member.size
                if len(found) >= MAX_FILES or size > MAX_BYTES:
                    raise BundleRefused("the stored code is larger than an agent's may be")
                stream = archive.extractfile(member)
                found[member.name] = stream.read() if stream else b""
    except tarfile.TarError as exc:
        raise BundleRefused(f"the stored code cannot be read: {exc}") from exc
    return found


def _for_reading(folder: Path) -> None:
    """Agents of any user may read it, nobody writes to it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() or _is_program(path) else 0o444)


def _is_program(file: Path) -> bool:
    """By its content, which the digest covers: a script that names its interpreter, or machine code."""
    with file.open("rb") as opened:
        return opened.read(4).startswith((b"#!", b"\x7fELF"))


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    for path in [folder, *(each for each in folder.rglob("*") if each.is_dir() and not each.is_symlink())]:
        path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
