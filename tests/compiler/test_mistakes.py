"""Twenty common mistakes in the mission's own workflows, checked against the agents that ship: all are caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.registration.builtin_agents import builtin_catalogue
from compiler import Catalogue, compile, format_text, load, read_cases, run_cases

FOLDER = Path(__file__).parent / "mistakes"
FILES = sorted(FOLDER.glob("*.yaml"))
CODES = dict(
    zip(
        range(1, 21),
        "201 111 301 302 303 304 305 401 402 403 503 504 505 601 602 501 506 702 803 801".split(),
        strict=True,
    )
)


@pytest.fixture(scope="module")
def agents() -> Catalogue:
    return builtin_catalogue()


def test_there_are_twenty() -> None:
    assert [int(file.name[:2]) for file in FILES] == list(range(1, 21))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_common_mistake_is_caught_and_nothing_else_is_said(file: Path, agents: Catalogue) -> None:
    source = load(file)

    compiled = compile(source, agents)

    assert compiled.plan is None
    codes = {found.code for found in compiled.diagnostics}
    expected = {f"CC{CODES[int(file.name[:2])]}"}
    # An id given twice leaves another one missing, and those who refer to it are told so.
    extra = {"CC402", "CC503"} if file.name.startswith("08") else set()
    assert codes - extra == expected, format_text(compiled.diagnostics, [source])


@pytest.mark.parametrize("name", ["security-audit-on-pr", "compliance-check-weekly"])
def test_the_missions_workflows_pass_with_the_real_agents(name: str, agents: Catalogue) -> None:
    source = load(Path(__file__).parents[2] / "workflows" / f"{name}.yaml")

    compiled = compile(source, agents)

    assert format_text(compiled.diagnostics, [source]) == ""


def test_the_cases_beside_the_audit_pass_and_cover_all_of_its_branches(agents: Catalogue) -> None:
    folder = Path(__file__).parents[2] / "workflows"
    plan = compile(load(folder / "security-audit-on-pr.yaml"), agents).plan
    assert plan is not None

    examination = run_cases(plan, read_cases(load(folder / "security-audit-on-pr.test.yaml")))

    assert examination.passed, examination.cases
    assert examination.missed == ()
