"""Every trigger type is complete: models, a class, and a page whose examples compile."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from compiler import Plan
from compiler.language.spec import TRIGGER_SPECS
from compiler.plan import Trigger
from compiler.trigger_types.registry import TYPES

PAGES = Path(__file__).parents[3] / "docs" / "reference" / "triggers"
REST = """
name: example
nodes:
  - {id: tell, agent: notifier, action: sendSlackAlert, inputs: {channel: "#a", message: hello}}
"""


def test_each_model_of_a_trigger_has_its_type() -> None:
    assert [each.written for each in TYPES] == list(TRIGGER_SPECS)
    assert [each.planned for each in TYPES] == list(get_args(Trigger))
    assert [getattr(each.written, "word", None) for each in TYPES] == [each.word for each in TYPES]


@pytest.mark.parametrize("word", [each.word for each in TYPES])
def test_each_type_has_a_page_whose_examples_compile(word: str, planned: Callable[[str], Plan]) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (PAGES / f"{word}.md").read_text(), flags=re.S)

    assert examples
    for example in examples:
        whole = example if "nodes:" in example else example + REST
        plan = planned(whole.replace("sendSlack\n", "sendSlackAlert\n"))
        assert word in [each.kind for each in plan.triggers]
