"""The page of codes is made from the table of codes, so it cannot fall behind.

To make it anew: `WRITE_GOLDEN=1 pytest tests/compiler/test_codes_page.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from compiler.diagnostics.codes import CODES
from compiler.diagnostics.codes_page import codes_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "diagnostics.md"
GOLDEN = Path(__file__).parent / "golden"


def example_of(code: str) -> str:
    """The first block of that code in the first golden text of that code."""
    texts = sorted(GOLDEN.glob(f"{code}-*.txt"))
    assert texts, f"tests/compiler/golden/ lacks a bad file for {code}: {code}-<what-is-wrong>.yaml"
    text = texts[0].read_text()
    return next(block for block in text.split("\n\n") if f" {code}: " in block)


def test_the_page_is_what_the_table_says() -> None:
    made = codes_page({code: example_of(code) for code in CODES})
    if os.environ.get("WRITE_GOLDEN"):
        PAGE.write_text(made)

    assert PAGE.read_text() == made


def test_no_code_is_given_twice() -> None:
    given = re.findall(r'Code\(\s*"(CC\d{3})"', (ROOT / "compiler/diagnostics/codes.py").read_text())
    assert len(given) == len(CODES)
    assert sorted(given) == sorted(CODES), (
        "a code that is there already means something else: take the next number"
    )


def test_every_code_that_the_compiler_uses_is_in_the_table_and_the_other_way_round() -> None:
    sources = [
        file for file in (ROOT / "compiler").rglob("*.py") if file.name not in ("codes.py", "codes_page.py")
    ]
    used = {code for file in sources for code in re.findall(r'"(CC\d{3})"', file.read_text())}

    assert used == set(CODES)
