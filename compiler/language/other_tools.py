"""What authors bring from other tools and from YAML itself -> a hint how it is said here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from compiler.language.document import Document, Path, Scalar

_COMMENT = re.compile(r"\s*:\s+(#\S.*?)\s*$")
_MOST_SHOWN = 60

_OF_WORKFLOW: Mapping[str, str] = {
    "on": "what starts a workflow is its `trigger`: `trigger: {event: …}` or `trigger: {schedule: …}`",
    "jobs": "the steps are `nodes`, a list of `id`, `agent`, `action`",
    "steps": "the steps are `nodes`, a list of `id`, `agent`, `action`",
    "tasks": "the steps are `nodes`, a list of `id`, `agent`, `action`",
    "stages": "the steps are `nodes`; `dependsOn` gives their order",
    "env": "values are given to each node under `inputs`; secrets by name under its `secrets`",
    "inputs": "what a run starts with is described by `context`, a JSON Schema",
    "params": "what a run starts with is described by `context`, a JSON Schema",
    "cron": "write `trigger: {schedule: …}`",
    "schedule": "write `trigger: {schedule: …}`",
    "permissions": "what an agent may reach is in its manifest, and is narrowed by a node's `network` and `secrets`",
}
_OF_NODE: Mapping[str, str] = {
    "if": 'write `when`, a condition such as `when: "{{ nodes.scan.output.total > 0 }}"`',
    "condition": 'write `when`, a condition such as `when: "{{ nodes.scan.output.total > 0 }}"`',
    "needs": "write `dependsOn`, a list of node ids",
    "depends_on": "write `dependsOn`, a list of node ids",
    "after": "write `dependsOn`, a list of node ids",
    "uses": "a node names its `agent` and an `action` of it",
    "with": "values for the action are given under `inputs`",
    "args": "values for the action are given under `inputs`",
    "params": "values for the action are given under `inputs`",
    "parameters": "values for the action are given under `inputs`",
    "run": "a node runs no shell: write an agent for it (`commandcenter agents register`), or use one that is there",
    "script": "a node runs no shell: write an agent for it (`commandcenter agents register`), or use one that is there",
    "steps": "a node is one step: make each of these a node of the workflow, in order by `dependsOn`",
    "strategy": "write `foreach: [...]` and refer to `item`",
    "matrix": "write `foreach: [...]` and refer to `item`",
    "loop": "write `foreach: [...]` and refer to `item`",
    "with_items": "write `foreach: [...]` and refer to `item`",
    "forEach": "write `foreach`, in small letters",
    "continue-on-error": "write `onFailure: continue`",
    "timeout-minutes": "write `timeoutSeconds`",
    "timeout": "write `timeoutSeconds`",
    "retry": "write `retries: {max: 3}`",
    "name": "a node is named by its `id`; what it is for goes into `description`",
    "env": "values are given under `inputs`, secrets by name under `secrets`",
    "uses_workflow": "write `workflow: NAME` in place of `agent` and `action`",
    "subworkflow": "write `workflow: NAME` in place of `agent` and `action`",
    "call": "write `workflow: NAME` in place of `agent` and `action`",
}
_OF_STATEMENT: Mapping[str, str] = {
    "for": "repeat a node with `foreach`, or join a list: `{{ list | pluck('name') | join(', ') }}`",
    "if": "write `{{ a if test else b }}` for a value, or `when` for a whole node",
    "set": "write the expression where it is needed",
}
# Texts in quotes are passed over: what stands in them is the author's.
_OPERATOR = re.compile(r"""'[^']*'|"[^"]*"|(?P<found>&&|\|\||!==|===|!(?!=)|\?\?|\?\.|(?<![=!<>])=(?!=)|\?)""")
_OF_OPERATOR: Mapping[str, str] = {
    "&&": "write `and`",
    "||": "write `or`, or `value | default(…)` for a value in place of null",
    "!": "write `not`",
    "===": "write `==`",
    "!==": "write `!=`",
    "=": "write `==` to compare; a template sets nothing",
    "??": "write `value | default(…)`",
    "?.": "write `.`: a field of null is null",
    "?": "write `a if test else b`",
}


def key_hint(key: str, holder: Path) -> str:
    """How another tool's key is said here; empty for one that none is known to have. `holder`: where the key stands."""
    if not holder:
        return _OF_WORKFLOW.get(key, "")
    return _OF_NODE.get(key, "") if holder[0] == "nodes" and len(holder) == 2 else ""


def statement_hint(text: str, mark: str) -> str:
    """How a statement or a comment of Jinja, which begins with the mark, is said here."""
    if mark == "{#":
        return "write a comment of YAML: `# …` at the end of a line"
    word = re.match(r"\{%-?\s*(\w+)", text[text.index(mark) :])
    return _OF_STATEMENT.get(word[1] if word else "", "templates are expressions only: `{{ … }}`")


def expression_hint(text: str) -> str:
    """How the first operator of another language in an expression is said here; empty where there is none."""
    there = [match["found"] for match in _OPERATOR.finditer(text) if match["found"]]
    # Last, since it also names an argument: `round(digits=1)`.
    found = next((each for each in there if each != "="), there[0] if there else None)
    return "" if found is None else f"`{found}` is of another language: {_OF_OPERATOR[found]}"


def comment_hint(document: Document, path: Path) -> str:
    """That the value at the path is missing because what stands there is a comment; empty where it is not so."""
    value = document.value(path)
    if not isinstance(value, Scalar) or value.value is not None:
        return ""
    key = document.key_span(path)
    found = _COMMENT.match(document.lines[key.end_line - 1][key.end_column - 1 :])
    if found is None:
        return ""
    text = found[1]
    shown = text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
    return f'`#` begins a comment, so there is no value: write it in quotes: "{shown}"'
