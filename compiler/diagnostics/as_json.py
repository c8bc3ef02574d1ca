"""Diagnostics -> JSON for programs: one object, stable keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from compiler.diagnostics.diagnostic import Diagnostic


def format_json(diagnostics: Sequence[Diagnostic]) -> str:
    """`{"diagnostics": […], "errors": n, "warnings": n}`; the keys of each are those of `Diagnostic`."""
    errors = sum(found.severity == "error" for found in diagnostics)
    document = {
        "diagnostics": [asdict(found) for found in diagnostics],
        "errors": errors,
        "warnings": len(diagnostics) - errors,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
