"""An entry of OSV's schema -> which versions it is about, how bad it is, and where it is fixed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from packaging.utils import canonicalize_name

from agents.builtin.dependencies.cvss import base_score, severity_of
from agents.builtin.dependencies.dependency import Dependency
from agents.builtin.dependencies.versions import Key, key_of
from agents.builtin.scanning.vulnerability import Severity

_RATED: dict[str, Severity] = {
    "LOW": "LOW",
    "MODERATE": "MEDIUM",
    "MEDIUM": "MEDIUM",
    "HIGH": "HIGH",
    "IMPORTANT": "HIGH",
    "CRITICAL": "CRITICAL",
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,60}")


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """A known vulnerability."""

    id: str
    aliases: frozenset[str]
    summary: str
    severity: Severity
    score: float | None
    """CVSS base score, where it has one."""
    cwe: str | None
    affected: tuple[Mapping[str, Any], ...]

    @property
    def shown(self) -> str:
        """Its CVE, where it has one; else that of GitHub, else its own."""
        names = sorted({self.id, *self.aliases})
        for beginning in ("CVE-", "GHSA-"):
            for name in names:
                if name.startswith(beginning):
                    return name
        return self.id

    def concerns(self, dependency: Dependency) -> bool:
        """Whether that version is affected."""
        return any(_is_affected(each, dependency) for each in self._entries(dependency))

    def fixed_in(self, dependency: Dependency) -> str | None:
        """The first version above this one that is not affected; None where none is known."""
        here = key_of(dependency.ecosystem, dependency.version)
        if here is None:
            return None
        candidates: list[tuple[Key, str]] = []
        for entry in self._entries(dependency):
            for event in _events(entry):
                fixed = event.get("fixed")
                key = key_of(dependency.ecosystem, fixed) if isinstance(fixed, str) else None
                if key is not None and here < key:
                    candidates.append((key, cast("str", fixed)))
        for _, version in sorted(candidates, key=lambda each: each[0]):
            other = Dependency(
                ecosystem=dependency.ecosystem, name=dependency.name, version=version, line=dependency.line
            )
            if not self.concerns(other):
                return version
        return None

    def _entries(self, dependency: Dependency) -> Iterable[Mapping[str, Any]]:
        return (each for each in self.affected if _is_about(each, dependency))


def read_advisory(entry: Any) -> Advisory | None:
    """None for what was withdrawn, or is no entry."""
    if not isinstance(entry, dict):
        return None
    fields = cast("dict[str, Any]", entry)
    name, affected = fields.get("id"), fields.get("affected")
    if (
        not isinstance(name, str)
        or not _ID.fullmatch(name)
        or fields.get("withdrawn")
        or not isinstance(affected, list)
    ):
        return None
    entries = tuple(cast("dict[str, Any]", each) for each in cast("list[Any]", affected) if isinstance(each, dict))
    score = max(
        (each for each in (base_score(vector) for vector in _vectors(fields)) if each is not None), default=None
    )
    rated = str(_specific(fields).get("severity", "")).upper()
    cwes = _specific(fields).get("cwe_ids")
    first = cast("list[Any]", cwes)[0] if isinstance(cwes, list) and cwes else None
    text = str(fields.get("summary") or fields.get("details") or "a known vulnerability")
    return Advisory(
        id=name,
        aliases=frozenset(each for each in _texts(fields.get("aliases")) if _ID.fullmatch(each)),
        summary=" ".join(text.split())[:400],
        severity=severity_of(score) if score is not None else _RATED.get(rated, "MEDIUM"),
        score=score,
        cwe=first if isinstance(first, str) and re.fullmatch(r"CWE-\d{1,6}", first) else None,
        affected=entries,
    )


def package_name(ecosystem: str, name: str) -> str:
    """A name as it is compared."""
    if ecosystem == "PyPI":
        return canonicalize_name(name)
    return name.lower() if ecosystem in ("Packagist", "npm") else name


def one_of_each(advisories: Iterable[Advisory]) -> list[Advisory]:
    """Entries of several databases for one vulnerability -> one: rated by a score, if one of them is."""
    kept: list[Advisory] = []
    for each in sorted(advisories, key=lambda one: (one.score is None, not one.id.startswith("GHSA-"), one.id)):
        names = {each.id, *each.aliases}
        if not any(names & {one.id, *one.aliases} for one in kept):
            kept.append(each)
    return kept


def _is_about(entry: Mapping[str, Any], dependency: Dependency) -> bool:
    package: Any = entry.get("package") or {}
    ecosystem = str(package.get("ecosystem", "")).partition(":")[0]
    return ecosystem == dependency.ecosystem and package_name(
        ecosystem, str(package.get("name", ""))
    ) == package_name(ecosystem, dependency.name)


def _is_affected(entry: Mapping[str, Any], dependency: Dependency) -> bool:
    if dependency.version in _texts(entry.get("versions")):
        return True
    here = key_of(dependency.ecosystem, dependency.version)
    return here is not None and any(_is_in_range(each, here, dependency.ecosystem) for each in _ranges(entry))


def _is_in_range(events: list[Mapping[str, Any]], here: Key, ecosystem: str) -> bool:
    """As OSV's schema evaluates a range: events in order of version, each switching it on or off."""
    switches: list[tuple[Key, bool, bool]] = []
    begins_with_all = False
    for event in events:
        for kind, value in event.items():
            if kind == "introduced" and value == "0":
                begins_with_all = True
                continue
            key = key_of(ecosystem, value) if isinstance(value, str) else None
            if key is not None and kind in ("introduced", "fixed", "last_affected"):
                switches.append((key, kind == "introduced", kind == "last_affected"))
    on = begins_with_all
    for key, switches_on, is_last in sorted(switches, key=lambda each: each[0]):
        if here < key or (is_last and here == key):
            break
        on = switches_on
    return on


def _ranges(entry: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    found: list[list[Mapping[str, Any]]] = []
    for each in _objects(entry.get("ranges")):
        if each.get("type") in ("SEMVER", "ECOSYSTEM"):
            found.append(_objects(each.get("events")))
    return found


def _events(entry: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (event for each in _ranges(entry) for event in each)


def _vectors(fields: Mapping[str, Any]) -> list[str]:
    given = fields.get("severity")
    found: list[str] = []
    for each in cast("list[Any]", given) if isinstance(given, list) else []:
        if isinstance(each, dict):
            found.append(str(cast("dict[str, Any]", each).get("score", "")))
    return found


def _specific(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    found = fields.get("database_specific")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    given = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", each) for each in given if isinstance(each, dict)]


def _texts(value: Any) -> list[str]:
    return [each for each in cast("list[Any]", value) if isinstance(each, str)] if isinstance(value, list) else []
