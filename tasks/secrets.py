"""Names of secrets -> their values, at the last moment, from outside the plan.

Values go from here to the agent's environment and to nowhere else: not to a record, an event, a log or a command line.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import httpx

from tasks.prefect_retry import until_answered

ENVIRONMENT_PREFIX = "COMMANDCENTER_SECRET_"


class UnknownSecret(LookupError):
    """A secret that a workflow names is not there: nothing is run."""


class SecretsUnavailable(Exception):
    """A place where a secret may be does not answer: nothing is run."""


class SecretSource(Protocol):
    """One place where secrets are kept."""

    async def get(self, name: str) -> str | None:
        """The value, or None where this place does not have it."""
        ...


@dataclass(frozen=True)
class EnvironmentSecrets:
    """`COMMANDCENTER_SECRET_<NAME>` in the environment of the worker."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    async def get(self, name: str) -> str | None:
        """The variable's value; an empty one counts as absent."""
        return self.environment.get(ENVIRONMENT_PREFIX + name) or None


@dataclass(frozen=True)
class FileSecrets:
    """One file per secret in a folder, as container platforms mount them. A trailing newline is not part of it."""

    folder: Path

    async def get(self, name: str) -> str | None:
        """The file's text; None where there is no such file."""
        path = self.folder / name
        if not path.is_file():
            return None
        return path.read_text(encoding="utf-8").rstrip("\r\n") or None


class PrefectSecrets:
    """Prefect Secret blocks. A block's name has hyphens where the secret's has underscores, in lower case."""

    async def get(self, name: str) -> str | None:
        """The block's value, as text; None where there is no such block."""
        from prefect.blocks.system import Secret

        block_name = name.lower().replace("_", "-")
        try:
            block = await until_answered(
                lambda: cast("Awaitable[Secret[str]]", Secret.aload(block_name, validate=False))
            )
        except httpx.HTTPError as exc:
            raise SecretsUnavailable(
                f"Prefect could not be asked for secret {name!r} ({type(exc).__name__}): the node can be tried again "
                "once its API answers"
            ) from exc
        except ValueError:  # what Prefect raises where there is no such block
            return None
        return block.get() or None


async def resolve(
    *, required: Iterable[str], optional: Iterable[str], sources: Iterable[SecretSource]
) -> dict[str, str]:
    """Values by name. Raises `UnknownSecret` where a required one is in none of the places."""
    places = tuple(sources)
    wanted = tuple(required)
    found: dict[str, str] = {}
    for name in dict.fromkeys((*wanted, *optional)):
        for place in places:
            if (value := await place.get(name)) is not None:
                found[name] = value
                break
    missing = [name for name in wanted if name not in found]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise UnknownSecret(
            f"no value for secret {names}: set {ENVIRONMENT_PREFIX}{missing[0]} for the worker, put a file of that "
            f"name into its secrets folder, or make a Prefect Secret block {missing[0].lower().replace('_', '-')!r}"
        )
    return found
