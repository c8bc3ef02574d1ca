"""An audit -> files that other tools read: assessment results in OSCAL 1.1, a table in CSV, and SARIF."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agents.builtin.compliance_checker.audit import Outcome
from agents.builtin.compliance_checker.checks import Place

if TYPE_CHECKING:
    from agents.sdk import Context

OSCAL_VERSION = "1.1.2"
_NAMESPACE = uuid.UUID("6f3f4f1e-3f0c-5b52-9d6b-6a9d2d3c8e11")
_NO_TOKEN = re.compile(r"[^A-Za-z0-9._-]+")
_COLUMNS = ("rule", "title", "state", "severity", "clauses", "evidence", "places", "missing", "remediation")
_MARKUP = re.compile(r"([\\`*_\[\]<>])")
_MOST_IN_CELL = 32_000
"""A spreadsheet takes 32,767 characters."""
_FORMULA = re.compile(r"^(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])|(?<=;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would take what follows for a formula: a cell's first sign, in either width.

Where lists are separated by semicolons, as in most of Europe, a spreadsheet begins a cell after each of them.
"""


def save_oscal(outcomes: Sequence[Outcome], summary: str, at: str, context: Context) -> str:
    """Save the assessment results; returns the artifact's reference. `at`: ISO 8601, empty for now."""
    found = oscal(
        outcomes, summary, at or datetime.now(UTC).isoformat(timespec="seconds"), context.idempotency_key
    )
    content = json.dumps(found, ensure_ascii=False, indent=1).encode("utf-8", "replace")
    return context.save_artifact("assessment-results.oscal.json", content, "application/oscal+json")


def save_csv(outcomes: Sequence[Outcome], context: Context) -> str:
    """Save the table; returns the artifact's reference."""
    return context.save_artifact("controls.csv", table(outcomes).encode("utf-8-sig", "replace"), "text/csv")


def save_sarif(outcomes: Sequence[Outcome], context: Context) -> str:
    """Save what is broken; returns the artifact's reference."""
    content = json.dumps(sarif(outcomes), ensure_ascii=False, indent=1).encode("utf-8", "replace")
    return context.save_artifact("compliance.sarif", content, "application/sarif+json")


def sarif(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A SARIF 2.1.0 log: a result for each place where a control is broken; what was not assessed is notified."""
    rules = [
        {
            "id": one.control.rule,
            "shortDescription": {"text": one.control.title},
            "help": {"text": one.control.remediation},
            "properties": {"tags": ["compliance", *one.clauses]},
        }
        for one in outcomes
    ]
    results = [_result(one, place) for one in outcomes for place in one.places or ()]
    notified = [
        {
            "descriptor": {"id": one.control.rule},
            "level": "note",
            "message": {"text": f"Not assessed: {_inert(one.missing or one.control.evidence)}"},
        }
        for one in outcomes
        if one.state == "not-assessed"
    ]
    run = {
        "tool": {"driver": {"name": "compliance-checker", "rules": rules}},
        "invocations": [{"executionSuccessful": True, "toolConfigurationNotifications": notified}],
        "results": results,
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _result(one: Outcome, place: Place) -> dict[str, Any]:
    text = f"{one.control.title}: {_inert(place.detail)}" if place.detail else one.control.title
    result: dict[str, Any] = {
        "ruleId": one.control.rule,
        "level": "error" if one.control.severity == "ERROR" else "warning",
        "message": {"text": text},
    }
    file, _, line = place.location.rpartition(":")
    if line.isdecimal() and file:
        physical = {"artifactLocation": {"uri": quote(file, errors="replace")}, "region": {"startLine": int(line)}}
        result["locations"] = [{"physicalLocation": physical}]
    else:
        # Something of the platform, or a file that is not there.
        result["locations"] = [{"logicalLocations": [{"fullyQualifiedName": _shown(place.location)}]}]
    return result


def table(outcomes: Sequence[Outcome]) -> str:
    """One row for each control; several values in a cell are separated by semicolons."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for one in outcomes:
        control = one.control
        places = "; ".join(place.location for place in one.places or ())
        values = (
            control.rule,
            control.title,
            one.state,
            control.severity,
            "; ".join(one.clauses),
            control.evidence,
        )
        rows.writerow([_plain(value) for value in (*values, places, one.missing, control.remediation)])
    return text.getvalue()


def oscal(outcomes: Sequence[Outcome], summary: str, at: str, key: str) -> dict[str, Any]:
    """An assessment-results document. `key`: the same gives the same ids. What was not assessed has an observation
    and no finding."""
    assessed = [one for one in outcomes if one.state != "not-assessed"]
    selection = {"description": "Controls for which there was evidence.", **_selected(outcomes)}
    result: dict[str, Any] = {
        "uuid": _id(key, "result"),
        "title": "Audit of a project",
        "description": summary,
        "start": _moment(at),
        "reviewed-controls": {"control-selections": [selection]},
    }
    if outcomes:
        result["observations"] = [_observation(one, at, key) for one in outcomes]
    if findings := [_finding(one, clause, key) for one in assessed for clause in one.clauses]:
        result["findings"] = findings
    return {
        "assessment-results": {
            "uuid": _id(key, "document"),
            "metadata": {
                "title": "Compliance audit",
                "last-modified": _moment(at),
                "version": "1.0.0",
                "oscal-version": OSCAL_VERSION,
            },
            "import-ap": {
                "href": "#",
                "remarks": "There is no assessment plan: the agent's controls are data beside it.",
            },
            "results": [result],
        }
    }


def _selected(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The clauses that were assessed. A selection must name some, so where there is none, all but each is selected."""
    assessed = {clause for one in outcomes if one.state != "not-assessed" for clause in one.clauses}
    every = {clause for one in outcomes for clause in one.clauses}
    named = [{"control-id": clause_id(clause)} for clause in sorted(assessed or every)]
    if assessed:
        return {"include-controls": named}
    return {"include-all": {}, **({"exclude-controls": named} if named else {})}


def clause_id(clause: str) -> str:
    """A clause as an OSCAL token: `SOC2 CC6.1` -> `soc2-cc6.1`."""
    plain = _NO_TOKEN.sub("-", clause.lower()).strip("-.")
    return plain if plain[:1].isalpha() else f"c-{plain}"


def _observation(one: Outcome, at: str, key: str) -> dict[str, Any]:
    places = [place.location for place in one.places or ()]
    told = {
        "pass": "It holds.",
        "fail": f"It does not hold: {_inert('; '.join(places[:50]))}",
        "not-assessed": f"It was not assessed: {one.missing or one.control.evidence}",
    }[one.state]
    return {
        "uuid": _id(key, f"observation/{one.control.rule}"),
        "title": one.control.title,
        "description": told,
        "props": [{"name": "state", "ns": "urn:commandcenter:compliance", "value": one.state}],
        "methods": ["UNKNOWN" if one.state == "not-assessed" else "TEST"],
        "collected": _moment(at),
        "remarks": f"Evidence: {one.control.evidence}",
    }


def _finding(one: Outcome, clause: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "uuid": _id(key, f"finding/{one.control.rule}/{clause}"),
        "title": f"{clause}: {one.control.title}",
        "description": one.control.remediation if one.state == "fail" else one.control.evidence,
        "target": {
            "type": "objective-id",
            "target-id": clause_id(clause),
            "status": {"state": "satisfied" if one.state == "pass" else "not-satisfied"},
        },
        "related-observations": [{"observation-uuid": _id(key, f"observation/{one.control.rule}")}],
    }
    return found


def _id(key: str, what: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{key}/{what}"))


def _moment(at: str) -> str:
    """With a time zone, which OSCAL asks for."""
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        found = datetime.now(UTC)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


def _shown(text: str) -> str:
    """Names of others on one line, with signs that change how a line is read written out."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode() for char in text
    )


def _inert(text: str) -> str:
    """The same where Markdown is read: no link, no markup of a page."""
    return _MARKUP.sub(r"\\\1", _shown(text))


def _plain(value: str) -> str:
    shown = _FORMULA.sub("'", _shown(value))
    return shown if len(shown) <= _MOST_IN_CELL else f"{shown[:_MOST_IN_CELL]} … (cut off)"
