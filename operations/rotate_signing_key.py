"""A new signing key in three steps, with open approvals and runs that go on.

Every part must be started again with the file of each step before the next one: `add`, so that all accept what the new
key signs; `use`, so that they sign with it; `retire`, after which what the old keys have signed is signed with the
new one, and they count no more.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from records import Records, RecordsError
from records.database.signing import KEY_BYTES, MAX_KEYS, SigningKeyUnusable, checked_keys, split_keys


class NothingToRotate(RecordsError):
    """The step before was not done."""


def add_key(file: Path) -> int:
    """Append a new key, which is accepted from now on; gives how many there are. Raises SigningKeyUnusable."""
    keys = _read(file)
    if len(keys) == MAX_KEYS:
        raise NothingToRotate(f"{str(file)!r} has {MAX_KEYS} keys: retire the old ones first")
    _write(file, [*keys, secrets.token_bytes(KEY_BYTES)])
    return len(keys) + 1


def use_newest_key(file: Path) -> None:
    """Have the key that was added last sign. Raises SigningKeyUnusable and NothingToRotate."""
    keys = _read(file)
    if len(keys) == 1:
        raise NothingToRotate(f"{str(file)!r} has one key only: add one, and start every part again, first")
    _write(file, [keys[-1], *keys[:-1]])


async def retire_old_keys(file: Path, records: Records) -> int:
    """Sign everything again with the first key and drop the others; gives how many rows have changed.

    The records have to be opened with this very file. Raises SigningKeyUnusable and NothingToRotate.
    """
    keys = _read(file)
    if len(keys) == 1:
        raise NothingToRotate(f"{str(file)!r} has one key only: there is none to retire")
    changed = await records.sign_again()
    _write(file, keys[:1])
    return changed


def _read(file: Path) -> list[bytes]:
    try:
        return split_keys(checked_keys(file.read_bytes(), file))
    except OSError as exc:
        raise SigningKeyUnusable(f"the signing key {str(file)!r} cannot be read ({exc.strerror})") from exc


def _write(file: Path, keys: list[bytes]) -> None:
    """In one step, with the rights that the file has."""
    rights = file.stat().st_mode & 0o777
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(b"")
    draft.chmod(rights)
    try:
        with draft.open("wb") as stream:
            stream.write(b"".join(keys))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
