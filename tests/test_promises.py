"""`docs/promises.md` names a test for each promise; those tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "promises.md"
NAMED = re.compile(r"`([\w/]+)/(\w+)::(\w+)`")


def rows() -> list[tuple[str, str]]:
    """Promise and tests of each row of the tables, without their heads."""
    found: list[tuple[str, str]] = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and not line.startswith("|---") and cells[1] not in ("Tests", "Where"):
            found.append((cells[0], cells[1]))
    return found


def missing(tests: str) -> list[str]:
    """Those named that are nowhere."""
    absent: list[str] = []
    for folder, file, behaviour in NAMED.findall(tests):
        path = TESTS / folder / f"test_{file}.py"
        if not path.exists() or not re.search(rf"def test_{behaviour}\(", path.read_text()):
            absent.append(f"{path.relative_to(TESTS.parent)}::test_{behaviour}")
    return absent


@pytest.mark.parametrize(("promise", "tests"), rows(), ids=[row[0][:60] for row in rows()])
def test_a_promise_names_tests_and_they_exist(promise: str, tests: str) -> None:
    names_a_program = re.search(r"`(bench/\w+\.py)`", tests)
    assert NAMED.search(tests) or (names_a_program and (PAGE.parents[1] / names_a_program[1]).exists()), promise
    assert missing(tests) == []


def test_every_section_has_its_promises() -> None:
    titles = re.findall(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    assert titles == [
        "The worker",
        "One act, one function",
        "The image and the stack",
        "Runs",
        "Approvals",
        "Borders",
        "Tenants and backups",
        "Scanner",
        "Agents of one's own",
        "Console",
        "Proof",
    ]
    assert len(rows()) > 60


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert missing("`flows/gates::a_forced_state_opens_no_gate`") == []
    assert missing("`flows/gates::every_gate_is_open`") == ["tests/flows/test_gates.py::test_every_gate_is_open"]
    assert missing("`flows/nowhere::a`") == ["tests/flows/test_nowhere.py::test_a"]


def test_each_line_of_the_threat_model_names_tests_that_exist() -> None:
    text = (PAGE.parent / "threat-model.md").read_text()
    attacks, _, not_promised = text.partition("## What is not promised")
    lines = [line for line in attacks.partition("## Attackers")[2].splitlines() if line.startswith("|")]
    claims = [line for line in lines if not line.startswith(("|---", "| it tries", "| they try"))]
    assert len(claims) > 25
    assert [line for line in claims if not NAMED.search(line)] == []
    assert missing(text) == []
    assert not_promised.count("\n- **") > 5
