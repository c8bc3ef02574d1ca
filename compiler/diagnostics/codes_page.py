"""The table of codes -> a page for the docs, each code with its cause, its fix and a real example."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.diagnostics.codes import CODES

_GROUPS = {
    "1": "The file as YAML",
    "2": "The language",
    "3": "Agents and their inputs",
    "4": "The graph",
    "5": "Templates",
    "6": "Types of edges",
    "7": "Triggers",
    "8": "Risk, gates and taint",
    "9": "Warnings",
}
_HEAD = """# Diagnostics of the compiler

Every diagnostic has a stable code. An error keeps the workflow from being deployed; a warning does not. This page
is made from the table in `compiler/diagnostics/codes.py`; the examples are what `commandcenter check` prints for the
files under `tests/compiler/golden/`.
"""


def codes_page(examples: Mapping[str, str]) -> str:
    """The page as Markdown; `examples` maps a code to what is printed for a bad file."""
    parts = [_HEAD]
    group = ""
    for code in CODES.values():
        if code.code[2] != group:
            group = code.code[2]
            parts.append(f"## {_GROUPS[group]}\n")
        kind = "" if code.severity == "error" else " (warning)"
        parts.append(f"### {code.code}: {code.title}{kind}\n")
        parts.append(f"{code.cause}\n")
        parts.append(f"*Fix:* {code.fix}\n")
        if code.code in examples:
            parts.append(f"```text\n{examples[code.code].rstrip()}\n```\n")
    return "\n".join(parts)
