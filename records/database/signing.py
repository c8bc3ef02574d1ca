"""A question, a vote or a decision in; its signature by the platform, or whether a signature is the platform's, out.

A row that says APPROVED is not an approval: whoever can write to the database could have written it. So the platform
signs what it asked, each vote and each decision with a key that is kept outside the database, and checks all of them
again in the transaction that begins the agent run.

The file holds up to four keys, one after another: the first one signs, and what any of them has signed counts. So a key
can be replaced while approvals are open; see `operations.rotate_signing_key`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from records.errors import RecordsError

KEY_FILE = "signing.key"
KEY_FILE_VARIABLE = "COMMANDCENTER_SIGNING_KEY_FILE"
KEY_BYTES, MAX_KEYS = 32, 4
_VERSION = "v1"
_LARGEST_EXACT = 2**53 - 1
"""Of integers, as JSON holds them."""
# Not the edits: the digest covers the inputs with them.
_QUESTION = ("id", "workflowRunId", "nodeKey", "digest", "rule", "baseDigest")
_VOTE = ("approvalId", "voter", "name", "verified", "channel")
_DECISION = (*_QUESTION, "status", "respondedBy", "verified", "channel", "closedAs")


class SigningKeyUnusable(RecordsError):
    """The key file cannot be read or made, so nothing can be decided and nothing approved can run."""


class Signer:
    """Signs with the first of its keys, and checks with all of them."""

    def __init__(self, keys: bytes) -> None:
        self._keys = split_keys(keys)

    def question(self, row: Mapping[Any, Any]) -> str:
        """The signature of what was asked: node, digest and rule."""
        return self._sign("question", row, _QUESTION)

    def vote(self, row: Mapping[Any, Any], *, digest: str) -> str:
        """The signature of one vote, for the digest that was asked about."""
        return self._sign("vote", {**row, "digest": digest}, (*_VOTE, "digest"))

    def decision(self, row: Mapping[Any, Any]) -> str:
        """The signature of the answer together with its question."""
        return self._sign("decision", row, _DECISION)

    def asked(self, row: Mapping[Any, Any]) -> bool:
        """Whether the platform asked exactly this."""
        return self._is(row["questionSignature"], "question", row, _QUESTION)

    def voted(self, row: Mapping[Any, Any], *, digest: str) -> bool:
        """Whether the platform took this vote, for that digest."""
        return self._is(row["signature"], "vote", {**row, "digest": digest}, (*_VOTE, "digest"))

    def decided(self, row: Mapping[Any, Any]) -> bool:
        """Whether the platform decided exactly this."""
        return self._is(row["signature"], "decision", row, _DECISION)

    def sign(self, kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> str:
        """The signature of these fields of a row of that kind."""
        return self._sign(kind, row, fields)

    def signed(self, kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> bool:
        """Whether the row's `signature` is the platform's."""
        return self._is(row["signature"], kind, row, fields)

    @staticmethod
    def state(kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> str:
        """A digest of what would be signed: the same whatever the key is."""
        return f"sha256:{hashlib.sha256(_content(kind, row, fields)).hexdigest()}"

    def _sign(self, kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> str:
        return _signature(self._keys[0], _content(kind, row, fields))

    def _is(self, found: str | None, kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> bool:
        if found is None:
            return False
        content = _content(kind, row, fields)
        return any(hmac.compare_digest(found, _signature(key, content)) for key in self._keys)


def split_keys(content: bytes) -> list[bytes]:
    """The keys of a key file, the one that signs first."""
    return [content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES)]


def _content(kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> bytes:
    return rfc8785.dumps([_VERSION, kind, {name: _plain(row[name]) for name in fields}])


def _signature(key: bytes, content: bytes) -> str:
    return f"{_VERSION}:{hmac.new(key, content, hashlib.sha256).hexdigest()}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    # A sequence may be larger than what JSON holds exactly.
    return str(value) if isinstance(value, int) and abs(value) > _LARGEST_EXACT else value


class LazySigner:
    """The signer of one database; its key is read, or made, when the first signature is needed."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._signer: Signer | None = None

    def require_there(self) -> None:
        """Raises SigningKeyUnusable where there is no key yet: another one would make what is signed worth nothing."""
        file = key_file(self._url)
        if not file.exists():
            raise SigningKeyUnusable(
                f"the signing key {str(file)!r} is not there, and rows are signed with one: do this where it is, or "
                f"name its file in {KEY_FILE_VARIABLE}"
            )

    def get(self) -> Signer:
        """The signer. Raises SigningKeyUnusable."""
        if self._signer is None:
            self._signer = Signer(_key(key_file(self._url)))
        return self._signer


def signer_of(connection: AsyncConnection) -> Signer:
    """The signer of the database that this connection belongs to."""
    return lazy_signer_of(connection).get()


def lazy_signer_of(connection: AsyncConnection) -> LazySigner:
    """The same, without its key."""
    options: Mapping[str, Any] = connection.sync_engine.get_execution_options()
    return options["signer"]


def key_file(url: URL) -> Path:
    """Where the key of a database is: as the setting says, beside an SQLite file, else in the state folder."""
    named = os.environ.get(KEY_FILE_VARIABLE)
    if named:
        return Path(named)
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).with_name(KEY_FILE)
    return Path(os.environ.get("COMMANDCENTER_STATE", ".commandcenter")) / KEY_FILE


def _key(file: Path) -> bytes:
    try:
        with suppress(FileNotFoundError):
            return checked_keys(file.read_bytes(), file)
        _create(file)
        return checked_keys(file.read_bytes(), file)
    except OSError as exc:
        raise SigningKeyUnusable(
            f"the signing key {str(file)!r} cannot be used ({exc.strerror}): fix its permissions, or name another file "
            f"in {KEY_FILE_VARIABLE}"
        ) from exc


def checked_keys(content: bytes, file: Path) -> bytes:
    """The content of a key file. Raises SigningKeyUnusable where it is none."""
    if len(content) not in range(KEY_BYTES, KEY_BYTES * MAX_KEYS + 1, KEY_BYTES):
        raise SigningKeyUnusable(
            f"the signing key {str(file)!r} has {len(content)} bytes, not {KEY_BYTES}: restore it from a backup; with "
            "a new key, open approvals must be asked again"
        )
    return content


def _create(file: Path) -> None:
    """Make the file in one step, so that two processes that start together end with one key."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
