"""A file that pins versions, and its vulnerable packages -> the file with safe upgrades, and what is left, with a hint.

Safe is a step within a major version, in a file that nothing else has to agree with: `requirements*.txt` without
hashes, and a version that stands in `pom.xml` itself. A lock file with hashes takes the index to write.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cmp_to_key
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from agents.builtin.dependencies.versions import key_of, same_major
from agents.builtin.patcher.edit import CannotFixError
from agents.builtin.scanning.vulnerability import Upgrade, Vulnerability

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+!-]{0,100}")
_PACKAGE = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9._/:@-]{0,200}")
_HINTS = {
    "package-lock.json": "npm update {package}",
    "npm-shrinkwrap.json": "npm update {package}",
    "pnpm-lock.yaml": "pnpm update {package}",
    "yarn.lock": "yarn upgrade {package}@{version}",
    "poetry.lock": "poetry update {package}",
    "uv.lock": "uv lock --upgrade-package {package}=={version}",
    "Cargo.lock": "cargo update -p {package} --precise {version}",
    "go.mod": "go get {package}@v{version}",
    "go.sum": "go get {package}@v{version}",
    "Gemfile.lock": "bundle update --conservative {package}",
    "composer.lock": "composer update {package}",
}
"""What the ecosystem's own tool is told, which knows the index."""


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    """One file after its upgrades."""

    text: str
    fixed: tuple[tuple[Vulnerability, str], ...]
    """Each with what was done."""
    left: tuple[tuple[Vulnerability, str], ...]
    """Each with the reason, and what a person may do."""


NOTE = "Install the upgraded packages and run the tests with them: what they ran with here may be the versions before."


def upgrade_all(name: str, text: str, found: Iterable[Vulnerability]) -> Upgraded:
    """One step for each package, high enough for all of its findings."""
    packages: dict[tuple[str, str], list[tuple[Vulnerability, Upgrade]]] = defaultdict(list)
    for one in found:
        assert one.upgrade is not None
        packages[one.upgrade.package, one.upgrade.installed].append((one, one.upgrade))
    fixed: list[tuple[Vulnerability, str]] = []
    left: list[tuple[Vulnerability, str]] = []
    for pairs in packages.values():
        ones = [one for one, _ in pairs]
        try:
            target = _target([upgrade for _, upgrade in pairs])
            text = _written(name, text, pairs[0][1], target, ones[0].line)
        except CannotFixError as exc:
            left += [(one, str(exc)) for one in ones]
            continue
        shown = pairs[0][1]
        fixed += [(one, f"upgrade {shown.package} from {shown.installed} to {target}") for one in ones]
    return Upgraded(text=text, fixed=tuple(fixed), left=tuple(left))


def _target(upgrades: list[Upgrade]) -> str:
    """The highest of the versions that fix one of the findings each. Raises CannotFixError."""
    first = upgrades[0]
    if not _PACKAGE.fullmatch(first.package) or not _VERSION.fullmatch(first.installed):
        raise CannotFixError("its package or version is not one that a file may hold")
    known = [each.fixed_in for each in upgrades]
    versions = [version for version in known if version is not None and _VERSION.fullmatch(version)]
    if len(versions) != len(known):
        raise CannotFixError(
            f"no version of {first.package} without the weakness is known: replace it, or see if it is used that way"
        )
    found = {version: key_of(first.ecosystem, version) for version in versions}
    keys = {version: key for version, key in found.items() if key is not None}
    here = key_of(first.ecosystem, first.installed)
    if here is None or len(keys) != len(found):
        raise CannotFixError(f"the versions of {first.package} cannot be compared: upgrade it by hand")

    def order(one: str, other: str) -> int:
        return -1 if keys[one] < keys[other] else 1 if keys[other] < keys[one] else 0

    target = max(versions, key=cmp_to_key(order))
    if not same_major(first.ecosystem, first.installed, target):
        raise CannotFixError(
            f"{first.package} {target} is another major version than {first.installed} and may break its users: "
            "read its notes and upgrade by hand"
        )
    if not here < keys[target]:
        raise CannotFixError(f"{first.package} {target} is not later than {first.installed}")
    return target


def _written(name: str, text: str, upgrade: Upgrade, target: str, line: int) -> str:
    """The file with the new version. Raises CannotFixError."""
    file = PurePosixPath(name).name
    hint = _HINTS.get(file)
    if hint is not None:
        told = hint.format(package=upgrade.package, version=target)
        raise CannotFixError(
            f"{file} holds hashes or choices that only its own tool can make: run `{told}` for {target}"
        )
    if file == "pom.xml":
        return _in_pom(text, upgrade, target)
    if file.endswith(".txt"):
        return _in_requirements(text, upgrade, target, line)
    raise CannotFixError(f"{file!r} is no file whose versions are changed here")


def _in_requirements(text: str, upgrade: Upgrade, target: str, line: int) -> str:
    if "--hash" in text:
        raise CannotFixError(
            f"the file pins hashes, which take the index to make: pin {upgrade.package}=={target} where it is made from"
        )
    lines = text.split("\n")
    if not 0 < line <= len(lines):
        raise CannotFixError("the file has changed since it was scanned")
    old = lines[line - 1]
    try:
        requirement = Requirement(re.sub(r"(^|\s)#.*$", "", old).strip().removeprefix("\ufeff"))
    except InvalidRequirement as exc:
        raise CannotFixError("the file has changed since it was scanned") from exc
    exact = f"=={upgrade.installed}"
    clauses = [str(each) for each in requirement.specifier]
    if canonicalize_name(requirement.name) != upgrade.package or clauses != [exact] or requirement.url:
        raise CannotFixError(f"the line does not pin {upgrade.package} to {upgrade.installed} alone")
    pattern = re.compile(rf"==(\s*){re.escape(upgrade.installed)}(?![0-9A-Za-z._+!-])")
    new, count = pattern.subn(lambda match: f"=={match[1]}{target}", old, count=1)
    if count != 1:
        raise CannotFixError(f"the line does not pin {upgrade.package} to {upgrade.installed} alone")
    lines[line - 1] = new
    return "\n".join(lines)


def _in_pom(text: str, upgrade: Upgrade, target: str) -> str:
    group, _, artifact = upgrade.package.partition(":")
    blocks = [
        match
        for match in re.finditer(r"<dependency>(?:(?!</?dependency>).){0,5000}</dependency>", text, re.DOTALL)
        if re.search(rf"<groupId>\s*{re.escape(group)}\s*</groupId>", match[0])
        and re.search(rf"<artifactId>\s*{re.escape(artifact)}\s*</artifactId>", match[0])
    ]
    written = [
        (match, re.search(rf"(<version>\s*){re.escape(upgrade.installed)}(\s*</version>)", match[0]))
        for match in blocks
    ]
    if not written or any(version is None for _, version in written):
        raise CannotFixError(
            f"the version of {upgrade.package} comes from a property or another file: set it to {target} there"
        )
    for block, version in reversed(written):
        assert version is not None
        new = f"{block[0][: version.start()]}{version[1]}{target}{version[2]}{block[0][version.end() :]}"
        text = text[: block.start()] + new + text[block.end() :]
    return text
