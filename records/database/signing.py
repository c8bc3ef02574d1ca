"""A question, a vote or a decision in; its signature by the platform, or whether a signature is the platform's, out.

A row that says APPROVED is not an approval: whoever can write to the database could have written it. So the platform
signs what it asked, each vote and each decision with a key that is kept outside the database, and checks all of them
again in the transaction that begins the agent run.
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
_KEY_BYTES = 32
_VERSION = "v1"
# Not the edits: the digest covers the inputs with them.
_QUESTION = ("id", "workflowRunId", "nodeKey", "digest", "rule", "baseDigest")
_VOTE = ("approvalId", "voter", "name", "verified", "channel")
_DECISION = (*_QUESTION, "status", "respondedBy", "verified", "channel", "closedAs")


class SigningKeyUnusable(RecordsError):
    """The key file cannot be read or made, so nothing can be decided and nothing approved can run."""


class Signer:
    """Signs and checks with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

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
        return self._equal(row["questionSignature"], self.question(row))

    def voted(self, row: Mapping[Any, Any], *, digest: str) -> bool:
        """Whether the platform took this vote, for that digest."""
        return self._equal(row["signature"], self.vote(row, digest=digest))

    def decided(self, row: Mapping[Any, Any]) -> bool:
        """Whether the platform decided exactly this."""
        return self._equal(row["signature"], self.decision(row))

    def sign(self, kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> str:
        """The signature of these fields of a row of that kind."""
        return self._sign(kind, row, fields)

    def signed(self, kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> bool:
        """Whether the row's `signature` is the platform's."""
        return self._equal(row["signature"], self._sign(kind, row, fields))

    def _sign(self, kind: str, row: Mapping[Any, Any], fields: tuple[str, ...]) -> str:
        content = rfc8785.dumps([_VERSION, kind, {name: _plain(row[name]) for name in fields}])
        return f"{_VERSION}:{hmac.new(self._key, content, hashlib.sha256).hexdigest()}"

    @staticmethod
    def _equal(found: str | None, wanted: str) -> bool:
        return found is not None and hmac.compare_digest(found, wanted)


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value


class LazySigner:
    """The signer of one database; its key is read, or made, when the first signature is needed."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._signer: Signer | None = None

    def get(self) -> Signer:
        """The signer. Raises SigningKeyUnusable."""
        if self._signer is None:
            self._signer = Signer(_key(key_file(self._url)))
        return self._signer


def signer_of(connection: AsyncConnection) -> Signer:
    """The signer of the database that this connection belongs to."""
    options: Mapping[str, Any] = connection.sync_engine.get_execution_options()
    lazy: LazySigner = options["signer"]
    return lazy.get()


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
            return _checked(file.read_bytes(), file)
        _create(file)
        return _checked(file.read_bytes(), file)
    except OSError as exc:
        raise SigningKeyUnusable(
            f"the signing key {str(file)!r} cannot be used ({exc.strerror}): fix its permissions, or name another file "
            f"in {KEY_FILE_VARIABLE}"
        ) from exc


def _checked(key: bytes, file: Path) -> bytes:
    if len(key) != _KEY_BYTES:
        raise SigningKeyUnusable(
            f"the signing key {str(file)!r} has {len(key)} bytes, not {_KEY_BYTES}: restore it from a backup; with a "
            "new key, open approvals must be asked again"
        )
    return key


def _create(file: Path) -> None:
    """Make the file in one step, so that two processes that start together end with one key."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
