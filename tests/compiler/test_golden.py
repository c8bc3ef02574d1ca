"""For every code at least one bad file, and exactly the text an author sees.

To accept new texts after reading them: `WRITE_GOLDEN=1 pytest tests/compiler/test_golden.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compiler import Catalogue, Diagnostic, Source, compile_all, format_text, load
from compiler.diagnostics.codes import CODES
from operations.compile_source import fix_of

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.yaml"))


def beside(source: Source) -> list[Source]:
    """Files that are compiled together with it: for names used twice a copy, for calls the workflow that is called."""
    if source.path.startswith("CC309"):
        return [
            Source((GOLDEN / "CC201-unknown-key.yaml").read_text().replace("name: ", "name: broken-", 1), "other")
        ]
    return [Source(source.text, "first.yaml")] if source.path.startswith("CC207") else []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_gives_exactly_this_text(file: Path, catalogue: Catalogue) -> None:
    loaded = load(file)
    source = Source(loaded.text, file.name, loaded.fault)

    compiled = compile_all([*beside(source), source], catalogue)[-1]

    text = format_text(compiled.diagnostics, [source])
    expected = file.with_suffix(".txt")
    if os.environ.get("WRITE_GOLDEN"):
        expected.write_text(text)
    assert text == expected.read_text()
    assert file.stem[:5] in {found.code for found in compiled.diagnostics}
    assert (compiled.plan is None) == any(found.severity == "error" for found in compiled.diagnostics)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_fix_that_is_offered_mends_what_it_is_offered_for(file: Path, catalogue: Catalogue) -> None:
    loaded = load(file)
    lines = loaded.text.split("\n")

    def found(text: str) -> list[Diagnostic]:
        return list(compile_all([Source(text, file.name, loaded.fault)], catalogue)[-1].diagnostics)

    before = found(loaded.text)
    for mistake in before:
        fix = fix_of(mistake, lines)
        if fix is None:
            continue
        line = lines[mistake.line - 1]
        mended = line[: mistake.column - 1] + fix.text + line[mistake.end_column - 1 :]
        after = found("\n".join([*lines[: mistake.line - 1], mended, *lines[mistake.line :]]))
        rest = [each.message for each in before if each is not mistake]
        new = [each.message for each in after if each.severity == "error" and each.message not in rest]
        assert new == [], mended


def test_every_code_has_a_bad_file() -> None:
    assert {file.stem[:5] for file in FILES} == set(CODES)
