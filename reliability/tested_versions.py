"""Libraries whose private parts are replaced here -> their versions, or one sentence why this process does not start.

The worker overrides private methods of Prefect, its server's database configuration too, SQLite's connections swap
internals of aiosqlite, and a connection to NATS over TLS overrides a method of nats-py. Another version may have moved
them, and runs or passwords would be lost in silence: it is refused at the start.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

TESTED = {"prefect": "3.8.8", "aiosqlite": "0.22.1", "nats-py": "2.16.0"}
"""As in `constraints.txt`."""


class UntestedVersion(Exception):
    """A library has another version than the one whose private parts are replaced."""


def require_tested(library: str) -> None:
    """Return if the installed version is the one that the tests run with. Raises UntestedVersion."""
    found, wanted = installed(library), TESTED[library]
    if found != wanted:
        raise UntestedVersion(
            f"{library} {found or 'is not there: it'} cannot be used: this program replaces private parts of {library} "
            f"{wanted} and is tested with that version alone. Install it: pip install {library}=={wanted}"
        )


@cache
def installed(library: str) -> str | None:
    """The installed version of a library; None where it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


@cache
def versions() -> dict[str, str]:
    """What executes runs in this process, by name, as it is recorded with each of them."""
    found = {"commandcenter": installed("commandcenter-automation"), "prefect": installed("prefect")}
    return {name: text for name, text in found.items() if text} | {"python": python_version()}
