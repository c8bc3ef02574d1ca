"""Infrastructure code -> the resources that it describes, and whether they do what a control asks for.

Terraform and OpenTofu, CloudFormation (YAML and JSON), Kubernetes. What to ask of which kind of resource is data:
infrastructure_rules.yaml. A value that is an expression (`var.encrypted`, `!Ref X`) is not known, and proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from agents.builtin.compliance_checker.checks import Found, Place
from agents.builtin.compliance_checker.repository_files import RepositoryFiles, TextFile

_MOST_PLACES = 50
_MOST_NODES = 20_000
_DEEPEST = 30
_DOCUMENTS = re.compile(r"AWS::\w|\bkind:\s*(?:StorageClass|EncryptionConfiguration|Policy)\b")
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*|//[^\n]*)|(?P<long>/\*)|<<-?(?P<here>\w+)|(?P<text>"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<word>[\w.-]+)|(?P<mark>[{}\[\]=\n])|(?P<other>[^\s])"""
)
_LITERAL = re.compile(r"""true|false|[\d.]+|"[^"$]*"|\[[^$]*\]""")
_UNKNOWN = "\0"


@dataclass(kw_only=True)
class Resource:
    """One resource."""

    kind: str
    """`aws_db_instance`, `AWS::RDS::DBInstance`, `storage.k8s.io/StorageClass`."""
    file: str
    line: int
    values: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """Path of an attribute, parts joined by dots -> its text (NUL: not known) and line."""


class Rule(BaseModel):
    """One entry of infrastructure_rules.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    control: Literal["encryption", "logs", "branches"]
    kinds: list[str]
    attribute: str = ""
    """Pattern of an attribute's path. Empty: the resource itself is what is asked for."""
    good: str = ""
    """Pattern of the whole value that one of them must have …"""
    bad: str = ""
    """… or that none may have."""
    unset: Literal["holds", "broken"] = "holds"
    """What it means where the attribute is not there."""
    where: dict[str, str] = {}
    """Only resources whose attribute of this path has a value of this pattern."""
    companion: list[str] = []
    """It holds where the repository has a resource of one of these kinds."""
    says: str
    """What is wrong where it is broken."""

    def asks(self, resource: Resource) -> bool:
        """Whether it is about the resource."""
        return resource.kind in self.kinds and all(
            re.fullmatch(pattern, resource.values.get(path, ("", 0))[0]) for path, pattern in self.where.items()
        )

    def judge(self, resource: Resource, kinds: set[str]) -> tuple[bool | None, int]:
        """Whether the resource is as it should be (None: not known), and the line to look at."""
        if self.companion:
            return not kinds.isdisjoint(self.companion), resource.line
        found = [value for path, value in resource.values.items() if re.fullmatch(self.attribute, path)]
        if not found:
            return self.unset == "holds", resource.line
        pattern = re.compile(self.good or self.bad, re.IGNORECASE)
        for text, line in found:
            if pattern.fullmatch(text):
                return bool(self.good), line
        if any(text == _UNKNOWN for text, _ in found):
            return None, resource.line
        return not self.good, found[0][1]


@cache
def rules() -> tuple[Rule, ...]:
    """In the order of the file."""
    entries = yaml.safe_load(Path(__file__).with_name("infrastructure_rules.yaml").read_text("utf-8"))
    return tuple(Rule.model_validate(entry) for entry in entries)


def judge(files: RepositoryFiles, control: str) -> Found:
    """Where resources break a control; None where no resource of those it asks about says enough."""
    asked = [rule for rule in rules() if rule.control == control]
    found = _resources(files)
    kinds = {resource.kind for resource in found}
    places: list[Place] = []
    known = False
    for resource in found:
        judged = [(rule, *rule.judge(resource, kinds)) for rule in asked if rule.asks(resource)]
        broken = [
            Place(f"{resource.file}:{line}", f"{resource.kind} {rule.says}"[:200])
            for rule, holds, line in judged
            if holds is False
        ]
        # What is known of a resource in part does not show that it is as it should be.
        known = known or bool(broken) or (bool(judged) and all(holds for _, holds, _ in judged))
        places += broken
    return places[:_MOST_PLACES] if known else None


@lru_cache(maxsize=1)  # several controls ask about one repository
def _resources(files: RepositoryFiles) -> tuple[Resource, ...]:
    return tuple(resource for file in files.files if not file.is_test for resource in resources(file))


def resources(file: TextFile) -> tuple[Resource, ...]:
    """Those of one file; none where it is no infrastructure code, or cannot be read."""
    if file.suffix in (".tf", ".tofu"):
        return tuple(_of_terraform(file))
    if file.suffix in (".yaml", ".yml", ".json", ".template") and _DOCUMENTS.search(file.text):
        return tuple(_of_documents(file))
    return ()


def _of_terraform(file: TextFile) -> Iterator[Resource]:
    resource: Resource | None = None
    blocks: list[str] = []
    words: list[str] = []
    line, brackets = 1, 0
    for token, at in _tokens(file.text):
        line = at
        if brackets or token in "[]":
            brackets += {"[": 1, "]": -1}.get(token, 0)
            if token != "\n" and len(words) < 200:
                words.append(token)
        elif token == "{":
            if not blocks and words[:1] == ["resource"] and len(words) >= 2:
                resource = Resource(kind=words[1].strip('"'), file=file.name, line=line)
            blocks.append(words[0].strip('"') if words else "")
            words = []
        elif token in "}\n":
            if resource is not None and len(words) > 2 and words[1] == "=" and len(blocks) <= _DEEPEST:
                path = ".".join([*blocks[1:], words[0].strip('"')])
                resource.values.setdefault(path, (_literal("".join(words[2:])), line))
            words = []
            if token == "}" and blocks:
                if resource is not None and 1 < len(blocks) <= _DEEPEST:
                    resource.values.setdefault(".".join([*blocks[1:], "_"]), ("{}", line))
                blocks.pop()
                if resource is not None and not blocks:
                    yield resource
                    resource = None
        elif len(words) < 200:
            words.append(token)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Words, texts and marks with their lines; comments and here-documents are left out."""
    at, line = 0, 1
    while (found := _TOKEN.search(text, at)) is not None:
        kind, at = found.lastgroup, found.end()
        if kind == "comment":
            continue
        if kind in ("long", "here"):
            ending = r"\*/" if kind == "long" else rf"\n[ \t]*{found['here']}\b"
            end = re.compile(ending).search(text, at)
            if end is None:
                return
            line += text.count("\n", at, end.end())
            at = end.end()
            if kind == "here":
                yield '"${}"', line
            continue
        yield found[0], line
        line += found[0] == "\n"


def _literal(text: str) -> str:
    return text.strip('"') if _LITERAL.fullmatch(text) else _UNKNOWN


def _of_documents(file: TextFile) -> Iterator[Resource]:
    # JSON is YAML but for tabs, which may only indent there.
    text = file.text.replace("\t", "  ") if file.suffix != ".yaml" else file.text
    try:
        for document in yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportUnknownMemberType]
            yield from _of_document(file.name, document)
    except (yaml.YAMLError, RecursionError, ValueError):
        return


def _of_document(name: str, document: Any) -> Iterator[Resource]:
    top = _members(document)
    if isinstance(top.get("Resources"), yaml.MappingNode):
        for entry in _members(top["Resources"]).values():
            members = _members(entry)
            kind = getattr(members.get("Type"), "value", "")
            if isinstance(kind, str) and kind.startswith("AWS::"):
                made = Resource(kind=kind, file=name, line=entry.start_mark.line + 1)
                _flatten(members.get("Properties"), (), made)
                yield made
        return
    version, kind = (getattr(top.get(key), "value", "") for key in ("apiVersion", "kind"))
    if isinstance(version, str) and isinstance(kind, str) and kind:
        group = version.partition("/")[0]
        made = Resource(kind=f"{group}/{kind}", file=name, line=document.start_mark.line + 1)
        _flatten(document, (), made)
        yield made


def _members(node: Any) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _flatten(node: Any, path: tuple[str, ...], into: Resource) -> None:
    """Aliases are followed, so the bounds are on what comes out."""
    if node is None or len(path) > _DEEPEST or len(into.values) >= _MOST_NODES:
        return
    if isinstance(node, yaml.ScalarNode) or node.tag.startswith("!"):
        value = _UNKNOWN if node.tag.startswith("!") else str(node.value)
        into.values.setdefault(".".join(path), (value, node.start_mark.line + 1))
        return
    if isinstance(node, yaml.MappingNode):
        parts = [(str(key.value), value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
    else:
        parts = [(str(number), value) for number, value in enumerate(node.value)]
    function = next((key for key, _ in parts if key == "Ref" or key.startswith("Fn::")), None)
    empty = "{}" if not parts or isinstance(node, yaml.MappingNode) else "[]"
    if path:
        text = _UNKNOWN if function else empty
        into.values.setdefault(
            ".".join(path) if function else ".".join([*path, "_"]), (text, node.start_mark.line + 1)
        )
    for key, value in () if function else parts:
        _flatten(value, (*path, key), into)
