"""The versions of this installation -> what the image needs so that the agents that ship with the platform run in it.

`python -m agents.sandbox.dagger.packages` prints it as requirements: for a folder of packages where the engine has no
network, `pip install --no-deps --only-binary :all: --target FOLDER --requirement FILE`.
"""

from __future__ import annotations

import importlib.metadata
import re

from agents.distributions import DISTRIBUTIONS, ENGINES

_USUAL = ("httpx",)
"""What agents of others may take for granted, as they do in bubblewrap."""
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_EXTRA = re.compile(r"\bextra\b")


def needed() -> list[str]:
    """`name==version` of what agents import, without what that needs."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in (*DISTRIBUTIONS, *_USUAL)]


def engines() -> list[str]:
    """`name==version` of the programs that agents call, if they are installed here; none of what they need is used."""
    return [pin for name in ENGINES if (pin := _pin(name))]


def all_needed() -> list[str]:
    """`needed`, all that it needs, and the engines: to be installed as they are."""
    pins: dict[str, str] = {}
    todo = [*DISTRIBUTIONS, *_USUAL]
    while todo:
        name = todo.pop()
        pin = _pin(name)
        if not pin or _canonical(name) in pins:
            continue
        pins[_canonical(name)] = pin
        # Those for other machines are not installed here, and so have no version.
        wanted = [each for each in importlib.metadata.requires(name) or () if not _EXTRA.search(each)]
        todo += [found.group() for each in wanted if (found := _NAME.match(each))]
    return sorted(pins.values()) + engines()


def _pin(name: str) -> str:
    try:
        return f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    print("\n".join(all_needed()))
