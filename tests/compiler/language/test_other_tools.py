"""Hints for what authors bring from other tools, and for comments that were meant as values."""

from __future__ import annotations

import pytest

from compiler import Catalogue, Source, compile

FILE = """\
name: w
{workflow}
nodes:
  - id: tell
    agent: notifier
    action: sendSlackAlert
    {node}
    inputs: {{channel: "#a", message: hello}}
"""


def hints(catalogue: Catalogue, *, workflow: str = "", node: str = "") -> list[str]:
    text = FILE.format(workflow=workflow, node=node)
    return [each.hint for each in compile(Source(text, "w.yaml"), catalogue).diagnostics]


@pytest.mark.parametrize(
    ("workflow", "node", "says"),
    [
        ("on: push", "", "`trigger`"),
        ("jobs: {}", "", "`nodes`"),
        ("", "if: always()", "`when`"),
        ("", "needs: [a]", "`dependsOn`"),
        ("", "uses: actions/checkout", "`agent`"),
        ("", "with: {a: 1}", "`inputs`"),
        ("", "run: make", "no shell"),
        ("", "steps: []", "one step"),
        ("", "continue-on-error: true", "onFailure: continue"),
        ("", "dependson: [a]", "did you mean 'dependsOn'?"),
        ("description: #soon", "", 'write it in quotes: "#soon"'),
    ],
)
def test_the_hint_says_how_it_is_written_here(catalogue: Catalogue, workflow: str, node: str, says: str) -> None:
    found = hints(catalogue, workflow=workflow, node=node)
    assert any(says in hint for hint in found), found


def test_nothing_is_said_of_a_comment_after_a_value(catalogue: Catalogue) -> None:
    assert hints(catalogue, workflow="description: soon #soon") == []


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("context.a && context.b", "`and`"),
        ("context.a || context.b", "`or`"),
        ("!context.a", "`not`"),
        ("context.a === 'x&&y'", "`==`"),
        ("context.a !== 1", "`!=`"),
        ("context.a = 1", "`==`"),
        ("context.a ? 1 : 2", "a if test else b"),
        ("context.a ?? 1", "default("),
        ("context.a?.b", "of null is null"),
        ("round(context.a, digits=1) && 1", "`and`"),
    ],
)
def test_the_hint_says_how_another_languages_operator_is_written_here(
    catalogue: Catalogue, expression: str, says: str
) -> None:
    found = hints(catalogue, node=f'when: "{{{{ {expression} }}}}"')
    assert any(says in hint and "another language" in hint for hint in found), found


def test_nothing_is_said_of_operators_in_a_text(catalogue: Catalogue) -> None:
    assert not any("another language" in hint for hint in hints(catalogue, node="when: \"{{ 'a && b' == }}\""))
