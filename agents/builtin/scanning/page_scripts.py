"""A page or component -> the JavaScript that is written in it, each line where it stands in the file."""

from __future__ import annotations

import re

from agents.builtin.scanning.source_files import SourceFile

PAGES = frozenset({".html", ".htm", ".xhtml", ".vue", ".svelte"})
_SCRIPT = re.compile(r"<script\b([^>]{0,500})>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_NO_PROGRAM = re.compile(
    r"""\bsrc\s*=|\btype\s*=\s*(?!["']?(?:module\b|text/javascript|application/javascript|text/babel))"""
)


def scripts_of(file: SourceFile) -> SourceFile | None:
    """The scripts of the file, with all else left out; None where there are none."""
    if file.suffix not in PAGES or "<script" not in file.text[:1_000_000].lower():
        return None
    made: list[str] = []
    after = 0
    for match in _SCRIPT.finditer(file.text):
        if _NO_PROGRAM.search(match[1]) or not match[2].strip():
            continue
        made.append("\n" * file.text.count("\n", after, match.start(2)) + match[2])
        after = match.end(2)
    return SourceFile(name=file.name, text=";".join(made)) if made else None
