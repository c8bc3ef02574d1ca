"""Findings -> a SARIF 2.1.0 file, which forges and editors show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from agents.builtin.scanning.vulnerability import FlowStep, Vulnerability
from agents.sdk.context import Context

_LEVEL = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note"}
_SCORE = {"CRITICAL": "9.5", "HIGH": "8.0", "MEDIUM": "5.5", "LOW": "2.0"}


def save(found: Sequence[Vulnerability], context: Context) -> str:
    """Save the file as an artifact; returns its reference."""
    content = json.dumps(document(found), ensure_ascii=False, indent=1).encode("utf-8", "replace")
    return context.save_artifact("scan.sarif", content, "application/sarif+json")


def document(found: Sequence[Vulnerability]) -> dict[str, Any]:
    """The file's content."""
    rules = {one.rule: one for one in found}
    driver = {"name": "security-scanner", "rules": [_rule(one) for one in rules.values()]}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(one) for one in found]}],
    }


def _rule(one: Vulnerability) -> dict[str, Any]:
    return {
        "id": one.rule,
        "shortDescription": {"text": one.description},
        "help": {"text": one.recommendation},
        "properties": {
            "tags": [tag for tag in ("security", one.cwe) if tag],
            "security-severity": _SCORE[one.severity],
        },
    }


def _result(one: Vulnerability) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.rule,
        "level": _LEVEL[one.severity],
        "message": {"text": one.description},
        "locations": [_location(FlowStep(file=one.file, line=one.line))],
        "partialFingerprints": {"commandcenter/v1": one.fingerprint},
        "properties": {"confidence": one.confidence, "place": one.place, "tool": one.tool},
    }
    if one.flow:
        steps = [{"location": _location(step)} for step in one.flow]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _location(step: FlowStep) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": quote(step.file, errors="replace")}, "region": {"startLine": step.line}}
    return {"physicalLocation": place}
