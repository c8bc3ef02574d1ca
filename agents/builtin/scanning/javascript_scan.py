"""One JavaScript or TypeScript file's syntax tree -> weaknesses, by queries and a check on each match."""

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
from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.secret_names import is_token, looks_secret, names_a_secret
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.vulnerability import Vulnerability

Finding = tuple[Rule, Node]

_CALLS = "(call_expression function: (_) @function) @call"
_NEWS = "(new_expression constructor: (_) @constructor) @new"
_NAMED_VALUES = """[
  (variable_declarator name: (identifier) @name value: (_) @value)
  (assignment_expression left: [(identifier) (member_expression)] @name right: (_) @value)
  (pair key: [(property_identifier) (string)] @name value: (_) @value)
  (assignment_pattern left: (identifier) @name right: (_) @value)
]"""
_FIELDS = {
    "javascript": "(field_definition property: (property_identifier) @name value: (_) @value)",
    "typescript": "(public_field_definition name: (property_identifier) @name value: (_) @value)",
    "tsx": "(public_field_definition name: (property_identifier) @name value: (_) @value)",
}
_STRINGS = "[(string) (template_string)] @string"
_JSX = "(jsx_attribute (property_identifier) @name)"
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
    for match in tree.matches(_CALLS):
        function, call = match["function"], match["call"]
        yield from _evaluating(function, call)
        yield from _starting(function, call, programs)
        yield from _cryptographic(function, call)
        yield from _answering(function, call)
    for match in tree.matches(_NEWS):
        if text(match["constructor"]) == "Function" and not is_fixed(
            match["new"].child_by_field_name("arguments")
        ):
            yield rules.NEW_FUNCTION, match["new"]
    for label, name, value in named_values(tree):
        yield from _named(label, name, value)
    for match in tree.matches(_STRINGS):
        if is_token(literal(match["string"]) or ""):
            yield rules.HARD_CODED, match["string"]
    if tree.dialect != "typescript":
        for match in tree.matches(_JSX):
            if text(match["name"]) == "dangerouslySetInnerHTML":
                yield rules.REACT_HTML, match["name"]


def named_values(tree: Tree) -> Iterator[tuple[str, Node, Node]]:
    """Every value that is given to or stored under a name: the name, the name's node, the value's node."""
    for query in (_NAMED_VALUES, _FIELDS[tree.dialect]):
        for match in tree.matches(query):
            name = match["name"]
            last = name.child_by_field_name("property") if name.type == "member_expression" else name
            yield text(last).strip("'\""), name, match["value"]


def child_process_names(tree: Tree) -> dict[str, str]:
    """Local name -> name in Node's child_process; the module itself has an empty name."""
    names: dict[str, str] = {}
    for match in tree.matches("(variable_declarator name: (_) @name value: (call_expression) @call)"):
        call, name = match["call"], match["name"]
        if text(call.child_by_field_name("function")) != "require" or not _is_child_process(arguments(call)):
            continue
        if name.type == "identifier":
            names[text(name)] = ""
        for part in name.named_children:
            if part.type == "shorthand_property_identifier_pattern":
                names[text(part)] = text(part)
            elif part.type == "pair_pattern":
                names[text(part.child_by_field_name("value"))] = text(part.child_by_field_name("key"))
    for match in tree.matches("(import_statement (import_clause) @clause source: (string) @source)"):
        if _is_child_process([match["source"]]):
            names.update(_imported(match["clause"]))
    return names


def called_program(function: Node, programs: dict[str, str]) -> str:
    """The child_process function that is called; empty where it is another's."""
    if function.type == "identifier":
        return programs.get(text(function), "")
    if function.type == "member_expression":
        owner, name = function.child_by_field_name("object"), function.child_by_field_name("property")
        inline = owner.type == "call_expression" and _is_child_process(arguments(owner))
        if inline or programs.get(text(owner)) == "":
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
    name = text(function)
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
    name = text(function).rpartition(".")[2]
    given = arguments(call)
    kind = (literal(given[0]) or "").lower() if given else ""
    if name in ("createHash", "createHmac") and kind in ("md4", "md5", "sha1", "sha-1", "ripemd160"):
        yield rules.WEAK_HASH, call
    weak = kind.startswith(("des", "rc2", "rc4", "bf", "blowfish")) or kind.endswith("-ecb")
    if name in ("createCipher", "createDecipher") or (name in ("createCipheriv", "createDecipheriv") and weak):
        yield rules.WEAK_CIPHER, call
    if text(function) in ("jwt.verify", "jsonwebtoken.verify") and re.search(r"['\"]none['\"]", text(call)):
        yield rules.JWT, call


def _answering(function: Node, call: Node) -> Iterator[Finding]:
    name = text(function)
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
        if _REQUEST.search(text(first)):
            yield rules.TRAVERSAL, call


def _named(label: str, name: Node, value: Node) -> Iterator[Finding]:
    if label in ("innerHTML", "outerHTML") and not is_fixed(value):
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
