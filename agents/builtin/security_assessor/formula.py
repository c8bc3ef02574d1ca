"""One weakness -> its points, and why. The formula:

    points = severity x confidence x place x exploitation

| factor | value |
|---|---|
| severity | CRITICAL 40, HIGH 15, MEDIUM 5, LOW 1; with a CVSS base score above 0: 0.04 x CVSS cubed (10 is 40) |
| confidence | high or not given 1, medium 0.6, low 0.3; a number from 0 to 1 is taken as it is, but at least 0.1 |
| place | production 1, vendored code 0.5, generated code, examples and documents 0.2, tests 0.1 |
| exploitation | 1 + EPSS (0 to 1); 2 at least where it is known to be exploited (KEV) |

Points make a level: CRITICAL from 29, HIGH from 13.5, MEDIUM from 2.5, LOW below. These are the levels of CVSS 9.0, 7.0
and 4.0. What is not given, or makes no sense, changes nothing. A number may be given as a text, a CVSS score also as
its vector (3.0 and 3.1) or as an object with `baseScore`, KEV also as "yes", 1, or the catalogue's entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from agents.builtin.dependencies.cvss import base_score

Level = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
_LONGEST = 200
"""No number or vector is longer than this."""
_SEVERITY = {"CRITICAL": 40.0, "HIGH": 15.0, "MEDIUM": 5.0, "LOW": 1.0}
_LEVELS: tuple[tuple[float, Level], ...] = ((29, "CRITICAL"), (13.5, "HIGH"), (2.5, "MEDIUM"))
_CONFIDENCE = {
    "high": 1.0,
    "certain": 1.0,
    "confirmed": 1.0,
    "medium": 0.6,
    "firm": 0.6,
    "low": 0.3,
    "tentative": 0.3,
}
_PLACE = {"production": 1.0, "vendored": 0.5, "generated": 0.2, "example": 0.2, "documentation": 0.2, "test": 0.1}
_PLACE_FIELDS = ("place", "where", "context", "codeKind", "locationKind", "fileKind", "scope", "location")
_SAID = {"vendor": "vendored", "third-party": "vendored", "docs": "documentation", "prod": "production"}
_PATHS = (
    (
        "test",
        re.compile(r"(?:^|/)(?:tests?|__tests__|specs?|testing|fixtures|e2e)/|(?:^|/)(?:test_|conftest\.)[^/]*$"),
    ),
    ("test", re.compile(r"[._-](?:test|spec)s?\.[^/]+$|_test\.go$|Tests?\.(?:java|kt|cs)$")),
    ("vendored", re.compile(r"(?:^|/)(?:vendor|third[_-]party|node_modules|site-packages)/|\.min\.js$")),
    ("generated", re.compile(r"(?:^|/)(?:generated|dist|build)/|_pb2(?:_grpc)?\.py$|\.generated\.")),
    ("example", re.compile(r"(?:^|/)(?:examples?|samples?|demos?)/")),
    ("documentation", re.compile(r"(?:^|/)docs?/")),
)


@dataclass(frozen=True, kw_only=True)
class Points:
    """How much one weakness counts."""

    value: float
    """To two decimals, as it is shown."""
    exact: float
    level: Level
    confidence: str
    place: str
    cvss: float | None
    reasons: tuple[str, ...]
    """What changed the value, in words."""


def points_of(fields: Mapping[str, Any]) -> Points:
    """By the formula above; `fields` are those of the finding, known ones and others."""
    base, base_reason = _base(fields)
    confidence, confidence_reason = _confidence(fields.get("confidence"))
    place = _place(fields)
    exploited, exploited_reason = _exploitation(fields)
    value = base * confidence * _PLACE[place] * exploited
    place_reason = "" if place == "production" else f"in {place} code x {_PLACE[place]:g}"
    reasons = (base_reason, confidence_reason, place_reason, exploited_reason)
    return Points(
        value=round(value, 2),
        exact=value,
        cvss=_cvss(fields),
        level=_level(value),
        confidence="high" if confidence >= 0.8 else "medium" if confidence >= 0.45 else "low",
        place=place,
        reasons=tuple(one for one in reasons if one),
    )


def _level(value: float) -> Level:
    for least, level in _LEVELS:
        if value >= least:
            return level
    return "LOW"


def _base(fields: Mapping[str, Any]) -> tuple[float, str]:
    cvss = _cvss(fields)
    if cvss:
        return 0.04 * cvss**3, f"CVSS {cvss:g}"
    severity = str(fields.get("severity"))
    return _SEVERITY.get(severity, 1.0), f"severity {severity}"


def _cvss(fields: Mapping[str, Any]) -> float | None:
    return _number(fields, ("cvss", "cvssScore", "cvssBaseScore"), most=10)


def _confidence(value: Any) -> tuple[float, str]:
    if isinstance(value, str) and value.lower() in _CONFIDENCE:
        factor = _CONFIDENCE[value.lower()]
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        factor = max(float(value), 0.1)
    else:
        return 1.0, ""
    return factor, "" if factor == 1 else f"confidence x {factor:g}"


def _place(fields: Mapping[str, Any]) -> str:
    """As the finding says; else by its path."""
    for name in _PLACE_FIELDS:
        said = fields.get(name)
        if isinstance(said, str):
            word = said.lower()
            word = _SAID.get(word, word)
            word = word if word in _PLACE else word.removesuffix("s")
            if word in _PLACE:
                return word
    file = str(fields.get("file", ""))
    return next((place for place, pattern in _PATHS if pattern.search(file)), "production")


def _exploitation(fields: Mapping[str, Any]) -> tuple[float, str]:
    epss = _number(fields, ("epss", "epssScore"), most=1) or 0.0
    known = any(_is_yes(fields.get(name)) for name in ("kev", "knownExploited", "inKev"))
    factor = max(1 + epss, 2.0) if known else 1 + epss
    if known:
        return factor, f"known to be exploited x {factor:g}"
    return factor, f"EPSS {epss:g} x {factor:.3g}" if epss else ""


def _is_yes(value: Any) -> bool:
    """As JSON says it, or as tables and other tools do; an entry of the catalogue of exploited ones is one, too."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "y", "1")
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return any(isinstance(held.get(name), str) for name in ("cveID", "dateAdded"))
    return value is True or (isinstance(value, int) and value == 1)


def _number(fields: Mapping[str, Any], names: tuple[str, ...], *, most: float) -> float | None:
    """The first that is one: a number, the same as a text, a vector of CVSS, or an object with a score."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, Mapping):
            held = cast("Mapping[str, Any]", value)
            value = next(
                (held[key] for key in ("baseScore", "score", "epss", "vectorString") if key in held), None
            )
        if isinstance(value, str):
            value = _said(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most:
            return float(value)
    return None


def _said(text: str) -> float | None:
    if len(text) > _LONGEST:
        return None
    if text.strip().startswith("CVSS:"):
        return base_score(text)
    try:
        return float(text)
    except ValueError:
        return None
