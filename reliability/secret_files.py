"""`DATABASE_URL_FILE=/run/secrets/url` in; `DATABASE_URL` with what the file holds out: secrets that stay in files."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

from reliability.known_settings import secret_names
from reliability.tls import let_prefect_trust_it

SUFFIX = "_FILE"
OF_PREFECT = (
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_API_KEY",
    "PREFECT_SERVER_API_AUTH_STRING",
)
"""Prefect's own variables that hold secrets. Prefect reads them when it is imported."""
MAX_BYTES = 65_536


class SecretFileError(ValueError):
    """A `…_FILE` variable that cannot be used. Never shows what is in the file."""


def names() -> tuple[str, ...]:
    """The variables that may be given as a file, by adding `_FILE` to their name."""
    return (*dict.fromkeys([*secret_names(), *OF_PREFECT]),)


def read_secret_files(environment: MutableMapping[str, str] = os.environ) -> frozenset[str]:
    """Set each variable whose file is named, and forget the file's name; the names that were set.

    The text is taken without white space at its end. Raises SecretFileError.
    """
    found: dict[str, str] = {}
    for name in names():
        if not (file := environment.get(name + SUFFIX)):
            continue
        if environment.get(name):
            raise SecretFileError(f"{name} and {name + SUFFIX} are both set: unset one of them")
        found[name] = _read(Path(file), name + SUFFIX)
    for name, value in found.items():
        environment[name] = value
        del environment[name + SUFFIX]
    return frozenset(found)


def use_secret_files() -> None:
    """The same for this process, at its start, and the authority that Prefect's client trusts.

    Starts the process again where Prefect was imported too early. Raises SecretFileError.
    """
    changed = not read_secret_files().isdisjoint(OF_PREFECT)
    if (let_prefect_trust_it() or changed) and "prefect" in sys.modules:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _read(file: Path, variable: str) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
        text = raw.decode().rstrip()
    except OSError as exc:
        raise SecretFileError(
            f"the file {str(file)!r} that {variable} names cannot be read ({exc.strerror}): create it, or make it "
            "readable for the user that the process runs as"
        ) from exc
    except UnicodeDecodeError as exc:
        raise SecretFileError(f"the file {str(file)!r} that {variable} names is not UTF-8 text") from exc
    if not text or len(raw) > MAX_BYTES or "\0" in text:
        raise SecretFileError(
            f"the file {str(file)!r} that {variable} names must hold between 1 and {MAX_BYTES} bytes of text"
        )
    return text
