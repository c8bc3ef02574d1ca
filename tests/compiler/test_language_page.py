"""What the page on the language says is true: its examples compile, and it lists every filter."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from compiler import Plan, Source, read_cases, run_cases
from compiler.expressions.filters import FILTERS
from compiler.language import spec

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "language.md"
TABLE = re.compile(r"(?:\| filter \|.*\n(?:\|.*\n)+|FILTERS\n)")


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.S)


def test_the_example_workflow_compiles_and_its_tests_pass(planned: Callable[[str], Plan]) -> None:
    workflow, cases = examples()

    examination = run_cases(planned(workflow), read_cases(Source(cases, "triage.test.yaml")))

    assert examination.passed, examination.cases


SPECS = [each for each in vars(spec).values() if isinstance(each, type) and issubclass(each, BaseModel)]
TRIGGERS = PAGE.parent / "triggers"


@pytest.mark.parametrize("model", SPECS, ids=lambda model: model.__name__)
def test_every_keyword_is_explained(model: type[BaseModel]) -> None:
    text = "\n".join(each.read_text() for each in (PAGE, *TRIGGERS.glob("*.md")))
    keywords = [field.alias or to_camel(name) for name, field in model.model_fields.items()]
    assert not [each for each in keywords if not re.search(rf"`{each}\b|\b{each}:", text)]


def test_every_filter_is_listed() -> None:
    lines = ["| filter | takes | gives |", "|---|---|---|"]
    lines += [f"| `{name}` | {' or '.join(each.takes)} | {each.about} |" for name, each in sorted(FILTERS.items())]
    table = "\n".join(lines) + "\n"
    if os.environ.get("WRITE_GOLDEN"):
        PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text(), count=1))

    assert table in PAGE.read_text()
