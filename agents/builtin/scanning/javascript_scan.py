"""One JavaScript or TypeScript file's syntax tree -> weaknesses, by a check on each node that may be one."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from agents.builtin.scanning import javascript_rules as rules
from agents.builtin.scanning.javascript_tree import (
    Node,
    Tree,
    arguments,
    is_composed,
    is_fixed,
    line,
    literal,
    parse,
    text,
)
from agents.builtin.scanning.javascript_tree import name as name_of
from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.secret_names import holds_credentials, is_token, looks_secret, names_a_secret
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.vulnerability import Vulnerability

Finding = tuple[Rule, Node]

_NAMED_VALUES = {
    # kind of node: the fields of its name and of its value
    "variable_declarator": ("name", "value"),
    "assignment_expression": ("left", "right"),
    "assignment_pattern": ("left", "right"),
    "pair": ("key", "value"),
    "field_definition": ("property", "value"),
    "public_field_definition": ("name", "value"),
}
_NAMES = frozenset(
    {"identifier", "member_expression", "property_identifier", "private_property_identifier", "string"}
)
_ROOTED = re.compile(r"\{[^{}]*\broot\s*[:,}]")
_REQUEST = re.compile(r"\b(?:req|request|ctx|context)\s*\.\s*(?:query|params|body|cookies|headers)\b")
_SQL = re.compile(r"[`'\"]\s*(?:select|insert|update|delete|replace|merge|drop|alter|create)\b", re.IGNORECASE)
_SHELL_CALLS = ("exec", "execSync")
_SPAWN_CALLS = ("spawn", "spawnSync", "execFile", "execFileSync")


def scan(file: SourceFile, log: logging.Logger) -> list[Vulnerability]:
    """Findings of one file. Faulty places are skipped, with a line in the log."""
    tree = parse(file)
    if tree.root.has_error:
        log.warning("%s: %d place(s) are not valid syntax, so only partly scanned", file.name, tree.faults)
    found = [rule.at(file.name, line(node)) for rule, node in _findings(tree)]
    return list(dict.fromkeys(found))


def _findings(tree: Tree) -> Iterator[Finding]:
    programs = child_process_names(tree)
    for call in tree.nodes("call_expression"):
        function = call.child_by_field_name("function")
        yield from _evaluating(function, call)
        yield from _starting(function, call, programs)
        yield from _cryptographic(function, call)
        yield from _answering(function, call)
    for new in tree.nodes("new_expression"):
        made = name_of(new.child_by_field_name("constructor"))
        if made == "Function" and not is_fixed(new.child_by_field_name("arguments")):
            yield rules.NEW_FUNCTION, new
    for label, name, value in named_values(tree):
        yield from _named(label, name, value)
    for string in tree.nodes("string", "template_string"):
        written = literal(string) or ""
        if is_token(written) or holds_credentials(written):
            yield rules.HARD_CODED, string
    for attribute in tree.nodes("jsx_attribute"):
        is_html = name_of(attribute.named_children[0]) == "dangerouslySetInnerHTML"
        if is_html and not _HARMLESS_HTML.search(text(attribute)):
            yield rules.REACT_HTML, attribute


_HARMLESS_HTML = re.compile(
    r"(?i)sanitiz|purif|escape|\bxss\(|JSON\.stringify\(|__html:\s*(?:\"[^\"]*\"|'[^']*'|`[^`$]*`)\s*\}"
)
"""A call that makes HTML harmless, or a constant."""


def named_values(tree: Tree) -> Iterator[tuple[str, Node, Node]]:
    """Every value that is given to or stored under a name: the name, the name's node, the value's node."""
    for kind, (name_field, value_field) in _NAMED_VALUES.items():
        for node in tree.nodes(kind):
            name, value = node.child_by_field_name(name_field), node.child_by_field_name(value_field)
            if value is not None and name is not None and name.type in _NAMES:
                last = name.child_by_field_name("property") if name.type == "member_expression" else name
                yield name_of(last).strip("'\""), name, value


def child_process_names(tree: Tree) -> dict[str, str]:
    """Local name -> name in Node's child_process; the module itself has an empty name."""
    names: dict[str, str] = {}
    for statement in tree.nodes("import_statement"):
        if _is_child_process([statement.child_by_field_name("source")]):
            for clause in statement.named_children:
                if clause.type == "import_clause":
                    names.update(_imported(clause))
    for declarator in tree.nodes("variable_declarator"):
        target, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
        if _requires_child_process(value):
            names.update(_unpacked(target))
        elif value is not None and target.type == "identifier":
            alias = _program_named(value, names)
            if alias:
                names[text(target)] = alias
    return names


def _requires_child_process(value: Node | None) -> bool:
    if value is not None and value.type == "await_expression":
        value = value.named_children[0]
    if value is None or value.type != "call_expression":
        return False
    function = value.child_by_field_name("function")
    loads = name_of(function) == "require" or (function is not None and function.type == "import")
    return loads and _is_child_process(arguments(value))


def _program_named(value: Node, names: dict[str, str]) -> str:
    """The function of child_process that a value is: `require("child_process").exec`, `cp.exec`, promisify of one."""
    if value.type == "call_expression":
        given = arguments(value)
        promised = name_of(value.child_by_field_name("function")).rpartition(".")[2] == "promisify"
        return _program_named(given[0], names) if promised and len(given) == 1 else ""
    if value.type == "identifier":
        return names.get(text(value), "")
    if value.type != "member_expression":
        return ""
    owner, name = value.child_by_field_name("object"), value.child_by_field_name("property")
    if _requires_child_process(owner) or names.get(name_of(owner)) == "":
        return text(name)
    return ""


def _unpacked(target: Node) -> Iterator[tuple[str, str]]:
    if target.type == "identifier":
        yield text(target), ""
    for part in target.named_children:
        if part.type == "shorthand_property_identifier_pattern":
            yield text(part), text(part)
        elif part.type == "pair_pattern":
            yield text(part.child_by_field_name("value")), text(part.child_by_field_name("key"))


def called_program(function: Node, programs: dict[str, str]) -> str:
    """The child_process function that is called; empty where it is another's."""
    if function.type == "identifier":
        return programs.get(name_of(function), "")
    if function.type == "member_expression":
        owner, name = function.child_by_field_name("object"), function.child_by_field_name("property")
        inline = owner.type == "call_expression" and _is_child_process(arguments(owner))
        if inline or programs.get(name_of(owner)) == "":
            return text(name)
    return ""


def _imported(clause: Node) -> Iterator[tuple[str, str]]:
    for part in clause.named_children:
        if part.type == "identifier":
            yield text(part), ""
        elif part.type == "namespace_import":
            yield text(part.named_children[0]), ""
        for item in part.named_children if part.type == "named_imports" else ():
            name, alias = item.child_by_field_name("name"), item.child_by_field_name("alias")
            if name is not None:
                yield text(alias or name), text(name)


def _is_child_process(given: list[Node]) -> bool:
    return bool(given) and literal(given[0]) in ("child_process", "node:child_process")


def _evaluating(function: Node, call: Node) -> Iterator[Finding]:
    name = name_of(function)
    given = arguments(call)
    first = given[0] if given else None
    if name in ("eval", "window.eval", "globalThis.eval", "global.eval"):
        yield (rules.EVAL.rated("MEDIUM") if is_fixed(first) else rules.EVAL), call
    if name in ("setTimeout", "setInterval", "window.setTimeout", "window.setInterval") and first is not None:
        if literal(first) is not None or is_composed(first):
            yield rules.TIMER_TEXT, call
    if name == "Function" and not is_fixed(call.child_by_field_name("arguments")):
        yield rules.NEW_FUNCTION, call


def _starting(function: Node, call: Node, programs: dict[str, str]) -> Iterator[Finding]:
    called = called_program(function, programs)
    given = arguments(call)
    if called in _SHELL_CALLS and given and not is_fixed(given[0]):
        yield rules.SHELL, call
    if called in _SPAWN_CALLS:
        for option in given[1:]:
            if option.type == "object" and re.search(r"\bshell\s*:\s*true\b", text(option)):
                yield rules.SPAWN_SHELL, call


def _cryptographic(function: Node, call: Node) -> Iterator[Finding]:
    name = name_of(function).rpartition(".")[2]
    given = arguments(call)
    kind = (literal(given[0]) or "").lower() if given else ""
    if name == "createHash" and kind in ("md4", "md5", "sha1", "sha-1", "ripemd160"):
        yield rules.WEAK_HASH, call
    weak = kind.startswith(("des", "rc2", "rc4", "bf", "blowfish")) or kind.endswith("-ecb")
    if name in ("createCipher", "createDecipher") or (name in ("createCipheriv", "createDecipheriv") and weak):
        yield rules.WEAK_CIPHER, call
    if name_of(function) in ("jwt.verify", "jsonwebtoken.verify") and re.search(r"['\"]none['\"]", text(call)):
        yield rules.JWT, call


def _answering(function: Node, call: Node) -> Iterator[Finding]:
    name = name_of(function)
    last = name.rpartition(".")[2]
    given = arguments(call)
    first = given[0] if given else None
    if name in ("document.write", "document.writeln") and not is_fixed(first):
        yield rules.DOCUMENT_WRITE, call
    if last == "insertAdjacentHTML" and len(given) > 1 and not is_fixed(given[1]):
        yield rules.INNER_HTML, call
    if last in ("query", "execute", "raw", "$queryRawUnsafe", "$executeRawUnsafe") and is_composed(first):
        if _SQL.match(text(first)):
            yield rules.SQL, call
    if last == "redirect" and given and _REQUEST.search(text(given[-1])):
        yield rules.REDIRECT, call
    if last in ("readFile", "readFileSync", "createReadStream", "sendFile") and first is not None:
        # Below `root` the framework sends nothing else.
        if _REQUEST.search(text(first)) and not (last == "sendFile" and _ROOTED.search(text(call))):
            yield rules.TRAVERSAL, call


def _named(label: str, name: Node, value: Node) -> Iterator[Finding]:
    if label in ("innerHTML", "outerHTML") and not is_fixed(value) and not text(value).endswith(".__html"):
        # `__html` is what the author of a component calls dangerous himself: told where it is made.
        yield rules.INNER_HTML, name
    if label == "rejectUnauthorized" and value.type == "false":
        yield rules.TLS, name
    if label == "NODE_TLS_REJECT_UNAUTHORIZED" and text(value).strip("'\"") == "0":
        yield rules.TLS, name
    if not names_a_secret(label):
        return
    if looks_secret(literal(value) or ""):
        yield rules.HARD_CODED, name
    elif "Math.random" in text(value):
        yield rules.RANDOM, name
