"""`requirements.txt` of an agent -> its pins. Each names one version and the SHA-256 of its wheels, or is refused.

The file may come from anybody: no option, address, path or further file of it reaches pip. What pip reads is written
from the pins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

FILE = "requirements.txt"
"""Its name in an agent's folder."""
MAX_PINS = 500
_HASH = re.compile(r"--hash=(?P<kind>[a-z0-9_]+):(?P<value>[0-9a-fA-F]+)")
_COMMENT = re.compile(r"(^|\s)#.*$")
_HOW = f"make it with `uv pip compile --generate-hashes` or `pip-compile --generate-hashes -o {FILE}`"


class EnvironmentRefused(ValueError):
    """The environment cannot be made as it is described."""


class EnvironmentUnavailable(EnvironmentRefused):
    """It cannot be made now: the package index did not answer."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One package in one version."""

    requirement: str
    """As in `name[extra]==1.2.3; python_version < "3.12"`."""
    name: str
    hashes: tuple[str, ...]
    """SHA-256 of the wheels that are accepted, in hexadecimal."""


def read_pins(text: str) -> tuple[Pin, ...]:
    """The pins, by name. Raises EnvironmentRefused, which names the line and how to fix it."""
    pins = [_pin(number, line) for number, line in _logical_lines(text)]
    if len(pins) > MAX_PINS:
        raise EnvironmentRefused(f"{FILE} names more than {MAX_PINS} packages")
    if not pins:
        raise EnvironmentRefused(f"{FILE} names no package: remove the file, or pin what the agent imports")
    seen: dict[tuple[str, str], Pin] = {}
    for pin in pins:
        key = (pin.name, pin.requirement.partition(";")[2])
        if key in seen:
            raise EnvironmentRefused(f"{FILE} names {pin.name!r} twice; keep one version of it")
        seen[key] = pin
    return tuple(sorted(pins, key=lambda pin: (pin.name, pin.requirement)))


def canonical(pins: Iterable[Pin]) -> str:
    """The pins as a file that pip reads; the same for the same pins."""
    lines = [" ".join([pin.requirement, *(f"--hash=sha256:{value}" for value in pin.hashes)]) for pin in pins]
    return "".join(f"{line}\n" for line in lines)


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with their continuations, without comments, by the number of their first."""
    found: list[tuple[int, str]] = []
    start, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw).rstrip()
        start = start or number
        parts.append(line.removesuffix("\\").strip())
        if line.endswith("\\"):
            continue
        joined = " ".join(part for part in parts if part)
        if joined:
            found.append((start, joined))
        start, parts = 0, []
    if leftover := " ".join(part for part in parts if part):
        found.append((start, leftover))
    return found


def _pin(number: int, line: str) -> Pin:
    where = f"{FILE}, line {number}"
    if line.startswith("-"):
        raise EnvironmentRefused(
            f"{where}: {line.split()[0]!r:.60} is refused: the file holds pins only; the index is the machine's"
        )
    named, hashes = _split(where, line)
    try:
        requirement = Requirement(named)
    except InvalidRequirement as exc:
        raise EnvironmentRefused(f"{where}: {named!r:.80} is no requirement; write name==version") from exc
    if requirement.url is not None:
        raise EnvironmentRefused(
            f"{where}: {requirement.name!r} comes from an address; pin a version of the index"
        )
    clauses = list(requirement.specifier)
    exact = len(clauses) == 1 and clauses[0].operator == "==" and not clauses[0].version.endswith(".*")
    if not exact:
        raise EnvironmentRefused(
            f"{where}: {requirement.name!r} is not pinned to one version (name==1.2.3); {_HOW}"
        )
    if not hashes:
        raise EnvironmentRefused(f"{where}: {requirement.name!r} has no --hash=sha256:…; {_HOW}")
    return Pin(requirement=str(requirement), name=canonicalize_name(requirement.name), hashes=hashes)


def _split(where: str, line: str) -> tuple[str, tuple[str, ...]]:
    """The requirement, and its hashes. Raises EnvironmentRefused for any other option."""
    words, found = line.split(), list[str]()
    rest: list[str] = []
    for word in words:
        match = _HASH.fullmatch(word)
        if match is None:
            rest.append(word)
        elif match["kind"] != "sha256" or len(match["value"]) != 64:
            raise EnvironmentRefused(f"{where}: only hashes of kind sha256 (64 hexadecimal digits) are accepted")
        else:
            found.append(match["value"].lower())
    option = next((word for word in rest if word.startswith("-")), None)
    if option is not None:
        raise EnvironmentRefused(
            f"{where}: the option {option!r:.60} is refused; only --hash=sha256:… is accepted"
        )
    return " ".join(rest), tuple(sorted(set(found)))
