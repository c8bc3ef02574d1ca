"""What authors bring from other tools and from YAML itself -> a hint how it is said here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from compiler.language.document import Document, Path, Scalar

_COMMENT = re.compile(r"\s*:\s+(#\S.*?)\s*$")
_MOST_SHOWN = 60

_NO_RESOURCE = "this is no resource of Kubernetes: `name`, `trigger` and `nodes` stand at the top of the file"
_ON_FAILURE = "name a node of `nodes` in `onFailure` of those whose failure it handles"
_OF_LOOP = "write `foreach: [...]` and refer to `item`"
_OF_GATE = "write `approvalRequired: true`, and who decides under `approval`: `approval: {quorum: 2}`"
_OF_COMMAND = (
    "a node runs no shell: write an agent for it (`commandcenter agents register`), or use one that is there"
)
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
    "triggers": "write `trigger`: one, or a list of them",
    "schedule_interval": "write `trigger: {schedule: …}`",
    "id": "a workflow is named by its `name`",
    "dag_id": "a workflow is named by its `name`",
    "namespace": "there are no namespaces: a workflow belongs to a project",
    "apiVersion": _NO_RESOURCE,
    "kind": _NO_RESOURCE,
    "metadata": _NO_RESOURCE,
    "spec": _NO_RESOURCE,
    "connections": "each node names those that it runs after in its `dependsOn`",
    "edges": "each node names those that it runs after in its `dependsOn`",
    "errors": _ON_FAILURE,
    "on_failure": _ON_FAILURE,
    "onExit": _ON_FAILURE,
    "finally": _ON_FAILURE,
    "variables": "values are given to each node under `inputs`; what a run starts with is its `context`",
    "vars": "values are given to each node under `inputs`; what a run starts with is its `context`",
    "secrets": "each node names its own under `secrets`; the values are settings of the platform",
    "defaults": "each node says it for itself: there are no defaults for all of them",
    "retries": "each node says it for itself: `retries: {max: 3}`",
    "timeout": "each node says it for itself: `timeoutSeconds`",
    "runs-on": "agents run in the sandbox of the platform; nothing chooses a machine",
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
    "run": _OF_COMMAND,
    "script": _OF_COMMAND,
    "steps": "a node is one step: make each of these a node of the workflow, in order by `dependsOn`",
    "strategy": _OF_LOOP,
    "matrix": _OF_LOOP,
    "loop": _OF_LOOP,
    "with_items": _OF_LOOP,
    "forEach": "write `foreach`, in small letters",
    "continue-on-error": "write `onFailure: continue`",
    "timeout-minutes": "write `timeoutSeconds`",
    "timeout": "write `timeoutSeconds`, a number of seconds",
    "withItems": _OF_LOOP,
    "withParam": _OF_LOOP,
    "items": _OF_LOOP,
    "dependencies": "write `dependsOn`, a list of node ids",
    "depends": "write `dependsOn`, a list of node ids",
    "runAfter": "write `dependsOn`, a list of node ids",
    "upstream": "write `dependsOn`, a list of node ids",
    "arguments": "values for the action are given under `inputs`",
    "task_id": "a node is named by its `id`",
    "taskRef": "a node names its `agent` and an `action` of it",
    "template": "a node names its `agent` and an `action` of it",
    "templateRef": "a node names its `agent` and an `action` of it",
    "operator": "a node names its `agent` and an `action` of it",
    "type": "a node names its `agent` and an `action` of it",
    "image": _OF_COMMAND,
    "container": _OF_COMMAND,
    "command": _OF_COMMAND,
    "commands": _OF_COMMAND,
    "bash_command": _OF_COMMAND,
    "retryStrategy": "write `retries: {max: 3, backoffSeconds: 10}`",
    "retry_delay": "write `retries: {max: 3, backoffSeconds: 10}`",
    "allowFailure": "write `onFailure: continue`",
    "ignore_errors": "write `onFailure: continue`",
    "continueOn": "write `onFailure: continue`",
    "trigger_rule": "a node runs when those before it succeeded; one that may fail says `onFailure: continue`",
    "disabled": "write `when: false`",
    "outputs": "what a node gives is the schema of its action; others read `{{ nodes.ID.output.… }}`",
    "register": "others read what a node gives as `{{ nodes.ID.output.… }}`",
    "approvers": _OF_GATE,
    "quorum": _OF_GATE,
    "deadline": _OF_GATE,
    "onExpiry": _OF_GATE,
    "environment": _OF_GATE,
    "suspend": _OF_GATE,
    "retry": "write `retries: {max: 3}`",
    "name": "a node is named by its `id`; what it is for goes into `description`",
    "env": "values are given under `inputs`, secrets by name under `secrets`",
    "uses_workflow": "write `workflow: NAME` in place of `agent` and `action`",
    "subworkflow": "write `workflow: NAME` in place of `agent` and `action`",
    "call": "write `workflow: NAME` in place of `agent` and `action`",
}
_OF_TRIGGER: Mapping[str, str] = {
    "cron": "write `schedule`, a cron expression",
    "interval": "write `schedule`, a cron expression: `*/15 * * * *`",
    "webhook": "a request to the API starts a run, `POST /workflows/NAME/runs`; else `trigger: {event: SUBJECT}`",
    "workflow_dispatch": "a person starts it: `trigger: manual`",
    "push": "a change of a repository is an event: `trigger: {event: graph.file.updated}`",
    "pull_request": "a change of a repository is an event: `trigger: {event: graph.file.updated}`",
    "type": "the key itself says it: `event: SUBJECT`, `schedule: CRON` or `manual: {}`",
    "branches": "write `filters: {branch: main}` beside `event`",
    "paths": 'write `filters: {filePath: "src/**"}` beside `event`',
}
_OF_APPROVAL: Mapping[str, str] = {
    "by": "write `approvers`, a list of names",
    "users": "write `approvers`, a list of names",
    "reviewers": "write `approvers`, a list of names",
    "timeout": "write `deadline`, such as `1h`",
    "count": "write `quorum`",
    "required": "write `approvalRequired: true` in the node",
}
_OF_CONCURRENCY: Mapping[str, str] = {
    "group": "write `key`, a template over `context`: runs with the same key count together",
    "cancel-in-progress": "write `onConflict: cancel-older`",
    "max": "write `limit`",
    "behavior": "write `onConflict`: queue, skip or cancel-older",
}
_OF_RETRIES: Mapping[str, str] = {
    "limit": "write `max`",
    "count": "write `max`",
    "attempts": "write `max`",
    "maxAttempts": "write `max`",
    "maxAttempt": "write `max`",
    "delay": "write `backoffSeconds`, a number of seconds",
    "backoff": "write `backoffSeconds`, a number of seconds",
    "interval": "write `backoffSeconds`, a number of seconds",
}
_INSIDE: Mapping[str, Mapping[str, str]] = {
    "trigger": _OF_TRIGGER,
    "approval": _OF_APPROVAL,
    "concurrency": _OF_CONCURRENCY,
    "retries": _OF_RETRIES,
}
# Keys that are there, with a value of another kind: of another tool, or of what one might guess.
_OF_VALUE: Mapping[str, str] = {
    "approvalRequired": _OF_GATE,
    "foreach": 'write a list, `foreach: [a, b]`, or a template: `foreach: "{{ nodes.scan.output.files }}"`',
    "retries": "write `retries: {max: 3}`",
    "approval": "write `approvalRequired: true`; `approval` says who decides, as in `approval: {quorum: 2}`",
    "event": "one event each: make `trigger` a list of `- event: SUBJECT`",
    "nodes": "write each node as `- id: NAME`, with its other keys below",
    "outputs": 'give each output a name: `outputs: {total: "{{ nodes.ID.output.total }}"}`',
    "inputs": "write each input as `NAME: value`",
}
_OF_ROOT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "inputs",
            "params",
            "parameters",
            "vars",
            "variables",
            "input",
            "event",
            "trigger",
            "github",
            "workflow",
            "dag_run",
        ),
        "what a run was started with is `context.NAME`",
    ),
    **dict.fromkeys(
        ("steps", "tasks", "jobs", "needs", "outputs", "ti", "task_instance", "xcom_pull"),
        "what a node gave is `nodes.ID.output.NAME`",
    ),
    **dict.fromkeys(
        ("secrets", "secret"), "no template sees a secret: the node names it under `secrets`, for its agent alone"
    ),
    **dict.fromkeys(
        ("env", "envs", "config"), "no template sees settings: an agent has those that its manifest names"
    ),
    **dict.fromkeys(("matrix", "loop", "each", "taskrun"), "in a `foreach`, what is at hand is `item`"),
    **dict.fromkeys(
        ("ds", "ts", "logical_date", "execution_date", "now"),
        "the time of a scheduled run is `context.scheduledAt`",
    ),
    **dict.fromkeys(
        ("flow", "execution", "runner"), "a run knows `run.id`, `run.trigger`, `run.projectId` and `run.attempt`"
    ),
}
_OF_CALL: Mapping[str, str] = {
    **dict.fromkeys(("success", "succeeded"), "a node runs when those that it depends on succeeded: leave it out"),
    **dict.fromkeys(
        ("always", "cancelled"), "where one may fail, it says `onFailure: continue`, and others run after it"
    ),
    **dict.fromkeys(("failure", "failed"), "name this node in `onFailure` of the node whose failure it handles"),
    **dict.fromkeys(("toJSON", "tojson", "toJson"), "write `value | json`"),
    **dict.fromkeys(("contains",), "write `'part' in value`"),
    **dict.fromkeys(("len", "length", "size"), "write `value | length`"),
}
_NAMES = re.compile(r"""'[^']*'|"[^"]*"|(?P<dollar>\$)|(?<![\w.$])(?P<found>[A-Za-z_]\w*)(?P<call>\s*\()?""")
_OF_STATEMENT: Mapping[str, str] = {
    "for": "repeat a node with `foreach`, or join a list: `{{ list | pluck('name') | join(', ') }}`",
    "if": "write `{{ a if test else b }}` for a value, or `when` for a whole node",
    "set": "write the expression where it is needed",
}
# `$(params.x)` of Tekton, `$[variables.x]` of Azure, `${args.x}` of Google, `<+pipeline.x>` of Harness. A shell's
# `$(command)` and `${NAME}` have no such name with a dot or bracket after it.
_TEMPLATE = re.compile(
    r"""(?P<found>\$\(\s*(?P<round>\w+)[.\[][^()\n]*\)|\$\{\s*(?P<curly>\w+)[.\[][^{}\n]*\}"""
    r"""|\$\[\s*(?P<square>\w+)(?:\.[^\[\]\n]*|\[[^\[\]\n]*\]\s*)\]|<\+(?P<sharp>\w+)\.[^<>\n]*>)"""
)
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
    names = [step for step in holder if isinstance(step, str)]
    if holder[0] == "nodes" and len(holder) == 2:
        return _OF_NODE.get(key, "")
    return _INSIDE.get(names[-1], {}).get(key, "")


def value_hint(path: Path) -> str:
    """How a value of the key at the path is written, where another kind of value stands there."""
    return _OF_VALUE.get(str(path[-1]), "") if path else ""


def statement_hint(text: str, mark: str) -> str:
    """How a statement or a comment of Jinja, which begins with the mark, is said here."""
    if mark == "{#":
        return "write a comment of YAML: `# …` at the end of a line"
    word = re.match(r"\{%-?\s*(\w+)", text[text.index(mark) :])
    return _OF_STATEMENT.get(word[1] if word else "", "templates are expressions only: `{{ … }}`")


def foreign_template(text: str) -> tuple[str, str] | None:
    """The first template of another tool, which is plain text here, and how it is said; None: there is none."""
    for match in _TEMPLATE.finditer(text):
        root = match["round"] or match["curly"] or match["square"] or match["sharp"]
        if hint := _OF_ROOT.get(root, ""):
            return match["found"], hint
    return None


def expression_hint(text: str) -> str:
    """How the first operator, call or name of another language is said here; empty where there is none."""
    there = [match["found"] for match in _OPERATOR.finditer(text) if match["found"]]
    # Last, since it also names an argument: `round(digits=1)`.
    found = next((each for each in there if each != "="), there[0] if there else None)
    if found is not None:
        return f"`{found}` is of another language: {_OF_OPERATOR[found]}"
    for match in _NAMES.finditer(text):
        name = match["found"]
        if match["dollar"]:
            return "`$` is of another language: write `nodes.ID.output.NAME` or `context.NAME`"
        hint = _OF_CALL.get(name or "", "") if match["call"] else _OF_ROOT.get(name or "", "")
        if hint:
            return hint
    return ""


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
