"""Workflow text + cursor -> what may stand there: keywords, agents, actions, inputs, values, paths in templates.

The text is being written, so it need not be YAML yet: what is around the cursor is read line by line, by indentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import BaseModel

from compiler.catalogue import Catalogue, JsonSchema
from compiler.expressions.filters import FILTERS
from compiler.inference.bindings import RUN_FIELDS
from compiler.inference.shape import Lost, Shape, descend, of_schema
from compiler.language import spec

CompletionKind = Literal["keyword", "agent", "action", "input", "node", "value", "field", "filter"]
MAX_COMPLETIONS = 200
MAX_LINES = 250_000
_KEY = re.compile(r"(?P<indent> *)(?P<dash>(?:- +)*)(?P<key>[A-Za-z_][\w.-]*):(?: +(?P<value>.*))?$")
_PATH = re.compile(r"[\w.\[\]-]*$")
_ITEM = re.compile(r" *- *(?P<text>[\w-]*)$")
_MODELS: Mapping[str, type[BaseModel]] = {
    "retries": spec.RetriesSpec,
    "approval": spec.ApprovalSpec,
    "approvalPolicy": spec.ApprovalPolicySpec,
    "concurrency": spec.ConcurrencySpec,
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "status": ("ACTIVE", "DRAFT", "ARCHIVED"),
    "trigger": (spec.ManualSpec.word,),
    "approvalRequired": ("true", "false"),
    "onExpiry": ("reject", "escalate", "approve"),
    "onConflict": ("queue", "skip", "cancel-older"),
    "allowSelfApproval": ("true", "false"),
    "allowUnverified": ("true", "false"),
}


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One thing that may stand at the cursor."""

    label: str
    insert: str
    """Replaces the word that ends at the cursor."""
    kind: CompletionKind
    detail: str = ""


@dataclass(kw_only=True)
class _Node:
    """One node, as far as it is written."""

    start: int
    end: int = 0
    indent: int = 0
    values: dict[str, str] = field(default_factory=dict[str, str])


def complete(text: str, line: int, column: int, catalogue: Catalogue) -> list[Completion]:
    """What may stand at the cursor (line and column from 1); empty where nothing is known. Never raises."""
    lines = text.split("\n")[:MAX_LINES]
    if not 1 <= line <= len(lines):
        return []
    before = lines[line - 1].rstrip("\r")[: max(0, column - 1)]
    nodes = list(_nodes(lines))
    here = next((node for node in nodes if node.start <= line - 1 < node.end), None)
    found = _Completer(catalogue, lines, nodes, here, line - 1).at(before)
    return list(found)[:MAX_COMPLETIONS]


def _nodes(lines: list[str]) -> Iterator[_Node]:
    """The items of the list `nodes`."""
    begun = False
    node: _Node | None = None
    for number, text in enumerate(lines):
        bare = text.strip()
        if not bare or bare.startswith("#"):
            continue
        indent = len(text) - len(text.lstrip(" "))
        if indent == 0 and not text.startswith("-"):
            if node is not None:
                node.end = number
                yield node
                node = None
            begun = bare.split("#")[0].strip() == "nodes:"
            continue
        if not begun:
            continue
        if bare.startswith("-") and (node is None or indent <= node.indent):
            if node is not None:
                node.end = number
                yield node
            node = _Node(start=number, indent=indent)
        match = _KEY.match(text.split(" #")[0].rstrip())
        if node is not None and match is not None:
            at = len(match["indent"]) + len(match["dash"])
            if at == node.indent + 2 or number == node.start:
                node.values.setdefault(match["key"], (match["value"] or "").strip().strip("'\""))
    if node is not None:
        node.end = len(lines)
        yield node


@dataclass(frozen=True)
class _Completer:
    catalogue: Catalogue
    lines: list[str]
    nodes: list[_Node]
    here: _Node | None
    line: int

    def at(self, before: str) -> Iterable[Completion]:
        opened = before.rfind("{{")
        if opened >= 0 and "}}" not in before[opened:]:
            return self._template(before[opened + 2 :])
        match = _KEY.match(before)
        if match is not None and match["value"] is not None:
            return self._value(match["key"], match["value"])
        if before.rstrip().endswith(":"):
            return ()
        path = self._path(before)
        if path and path[-1] == "dependsOn" and (item := _ITEM.match(before)):
            return self._node_ids(item["text"])
        word = before.strip().removeprefix("-").strip()
        return self._keys(path, word)

    def _path(self, before: str) -> list[str]:
        """Keys of the mappings around the cursor, from outside in, without the items of lists."""
        indent = len(before) - len(before.lstrip(" "))
        inside = before.strip().startswith("-")
        limit = indent + (1 if inside else 0)
        found: list[str] = []
        for number in range(self.line - 1, -1, -1):
            match = _KEY.match(self.lines[number].split(" #")[0].rstrip())
            if match is None:
                continue
            at = len(match["indent"]) + len(match["dash"])
            if at < limit and (match["value"] is None or not match["value"].strip()):
                found.append(match["key"])
                limit = at
            elif at < limit:
                limit = min(limit, at + 1)
            if limit <= 0:
                break
        return found[::-1]

    def _keys(self, path: list[str], word: str) -> Iterator[Completion]:
        if "inputs" in path:
            yield from self._inputs(path[path.index("inputs") + 1 :], word)
            return
        model: type[BaseModel] | None = spec.WorkflowSpec
        if path:
            model = _MODELS.get(path[-1])
            if path[-1] == "nodes":
                model = spec.NodeSpec
            elif path[-1] == "trigger":
                for each in spec.TRIGGER_SPECS:
                    yield from _fields(each, word)
                return
        if model is not None:
            yield from _fields(model, word)

    def _inputs(self, path: list[str], word: str) -> Iterator[Completion]:
        shape = self._input_shape(path)
        for name, schema, required in _properties(shape):
            if name.startswith(word):
                about = of_schema(schema).describe() + (", required" if required else "")
                yield Completion(label=name, insert=f"{name}: ", kind="input", detail=_about(schema, about))

    def _input_shape(self, path: list[str]) -> Shape | None:
        if self.here is None:
            return None
        schemas = self._schemas(self.here.values)
        if schemas is None:
            return None
        found = descend(of_schema(schemas[0]), path)
        return None if isinstance(found, Lost) else found

    def _schemas(self, values: Mapping[str, str]) -> tuple[JsonSchema, JsonSchema] | None:
        """What the node's action or workflow takes and gives."""
        callee = self.catalogue.workflows.get(values.get("workflow", ""))
        if callee is not None:
            return callee.input_schema, callee.output_schema
        action = self.catalogue.find(values.get("agent", ""), values.get("action", ""))
        return None if action is None else (action.input_schema, action.output_schema)

    def _value(self, key: str, typed: str) -> Iterator[Completion]:
        word = typed.strip().strip("'\"")
        if key == "agent":
            for spec_ in self.catalogue.agents.values():
                if spec_.name.startswith(word):
                    yield Completion(label=spec_.name, insert=spec_.name, kind="agent", detail=spec_.description)
        elif key == "action":
            agent = self.catalogue.agents.get(self.here.values.get("agent", "") if self.here else "")
            for each in agent.actions.values() if agent else ():
                if agent is not None and each.name.startswith(word):
                    risk = agent.action_risk(each.name)
                    yield Completion(
                        label=each.name, insert=each.name, kind="action", detail=f"{risk} {each.description}"
                    )
        elif key == "workflow":
            yield from _values((each for each in self.catalogue.workflows), word)
        elif key == "dependsOn":
            yield from self._node_ids(re.split(r"[\[,\s]", typed)[-1])
        elif key == "onFailure":
            options = ["fail", "continue", *(f"handler:{each}" for each in self._ids())]
            yield from _values(options, word)
        elif key in _CHOICES:
            yield from _values(_CHOICES[key], word)
        else:
            yield from self._input_values(key, word)

    def _input_values(self, key: str, word: str) -> Iterator[Completion]:
        path = self._path(self.lines[self.line])
        if "inputs" not in path:
            return
        shape = self._input_shape([*path[path.index("inputs") + 1 :], key])
        for schema in shape.alternatives if shape else ():
            choices: list[Any] = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
            if schema.get("type") == "boolean":
                choices = [True, False]
            texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in choices]
            yield from _values(texts, word)
        if not word:
            yield Completion(label="{{ … }}", insert='"{{  }}"', kind="value", detail="a template")

    def _node_ids(self, word: str) -> Iterator[Completion]:
        for each in self._ids():
            if each.startswith(word):
                yield Completion(label=each, insert=each, kind="node")

    def _ids(self) -> list[str]:
        own = self.here.values.get("id") if self.here else None
        return [node.values["id"] for node in self.nodes if node.values.get("id") and node.values["id"] != own]

    def _template(self, typed: str) -> Iterator[Completion]:
        pipe = re.search(r"\|\s*(\w*)$", typed)
        if pipe is not None:
            for name, each in FILTERS.items():
                if name.startswith(pipe[1]):
                    yield Completion(label=name, insert=name, kind="filter", detail=each.about)
            return
        match = _PATH.search(typed)
        steps = (match[0] if match else "").split(".")
        *path, word = steps
        if not path:
            for root, about in _ROOTS.items():
                if root.startswith(word) and (root != "item" or (self.here and "foreach" in self.here.values)):
                    yield Completion(label=root, insert=root, kind="field", detail=about)
            return
        yield from self._steps(path, word)

    def _steps(self, path: list[str], word: str) -> Iterator[Completion]:
        root, *inner = path
        if root == "run" and not inner:
            for name, shape in RUN_FIELDS.items():
                if name.startswith(word):
                    yield Completion(label=name, insert=name, kind="field", detail=shape.describe())
        elif root == "context":
            yield from self._context(inner, word)
        elif root == "nodes" and not inner:
            yield from self._node_ids(word)
        elif root == "nodes" and len(inner) == 1:
            for name in ("output", "status", "error"):
                if name.startswith(word):
                    yield Completion(label=name, insert=name, kind="field")
        elif root == "nodes" and inner[1] == "output":
            node = next((each for each in self.nodes if each.values.get("id") == inner[0]), None)
            values = node.values if node else {}
            schemas = self._schemas(values)
            if schemas is not None:
                yield from _of_shape(of_schema(schemas[1]), inner[2:], word)

    def _context(self, inner: list[str], word: str) -> Iterator[Completion]:
        """What the text itself declares under `context`, and what other templates read."""
        seen: set[str] = set()
        if inner:
            return
        pattern = re.compile(r"\bcontext\.([A-Za-z_]\w*)")
        for number, text in enumerate(self.lines):
            found = pattern.findall(text) if number != self.line else ()
            if text.startswith("context:"):
                found = [*found, *self._declared(number)]
            for name in found:
                if name not in seen and name.startswith(word):
                    seen.add(name)
                    yield Completion(label=name, insert=name, kind="field")

    def _declared(self, start: int) -> Iterator[str]:
        """The fields of the context: keys below `properties`, or below `context` itself."""
        first: int | None = None
        level: int | None = None
        for text in self.lines[start + 1 :]:
            match = _KEY.match(text.rstrip())
            if text.strip() and not text.startswith(" "):
                return
            if match is None:
                continue
            at = len(match["indent"])
            first = at if first is None else first
            if match["key"] == "properties" and at == first:
                level = at + 2
            elif level is not None and at == level:
                yield match["key"]
            elif level is None and at == first and (match["value"] is None or match["value"].startswith("{")):
                yield match["key"]


_ROOTS: Mapping[str, str] = {
    "context": "the event or what the run was started with",
    "nodes": "outputs of nodes that ran before",
    "run": "the run itself",
    "item": "the item of `foreach`",
}


def _of_shape(shape: Shape, path: list[str], word: str) -> Iterator[Completion]:
    found = descend(shape, [int(each) if each.isdecimal() else each for each in path])
    if isinstance(found, Lost):
        return
    for name, schema, _ in _properties(found):
        if name.startswith(word):
            detail = _about(schema, of_schema(schema).describe())
            yield Completion(label=name, insert=name, kind="field", detail=detail)


def _properties(shape: Shape | None) -> Iterator[tuple[str, JsonSchema, bool]]:
    seen: set[str] = set()
    for schema in shape.alternatives if shape else ():
        required = cast("list[str]", schema.get("required") or [])
        definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
        for name, inner in cast("Mapping[str, Any]", schema.get("properties") or {}).items():
            if name not in seen and isinstance(inner, Mapping):
                seen.add(name)
                yield name, {**cast("JsonSchema", inner), **definitions}, name in required


def _fields(model: type[BaseModel], word: str) -> Iterator[Completion]:
    for name, each in model.model_fields.items():
        label = each.alias or name
        if label.startswith(word):
            yield Completion(label=label, insert=f"{label}: ", kind="keyword", detail=each.description or "")


def _values(options: Iterable[str], word: str) -> Iterator[Completion]:
    for each in options:
        if each.startswith(word):
            yield Completion(label=each, insert=each, kind="value")


def _about(schema: JsonSchema, kind: str) -> str:
    described = schema.get("description")
    return f"{kind}: {described}" if isinstance(described, str) and described else kind
