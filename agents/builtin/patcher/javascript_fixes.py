"""JavaScript or TypeScript text, rule and line -> the fix for that place, found in the syntax tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agents.builtin.patcher.command_line import SHELL_SYNTAX, CommandValue, Word, refuse_word_of_the_shell, words
from agents.builtin.patcher.edit import CannotFixError, Edit, refuse_digest_of_a_format
from agents.builtin.patcher.python_fixes import environment_name
from agents.builtin.scanning.javascript_scan import called_program, child_process_names, named_values
from agents.builtin.scanning.javascript_tree import Node, Tree, arguments, line, literal, parse, text
from agents.builtin.scanning.secret_names import looks_secret, names_a_secret
from agents.builtin.scanning.source_files import SourceFile

Fix = Callable[[Tree, int], Edit]
_IMPORTED = ("shorthand_property_identifier_pattern", "import_specifier")
_WITHOUT_SHELL = {"exec": "execFile", "execSync": "execFileSync"}


def fix(file: SourceFile, rule: str, at: int) -> Edit:
    """The change that fixes the place. Raises CannotFixError with the reason where there is none."""
    if rule not in FIXES:
        raise CannotFixError("there is no rule that fixes this; a person has to")
    return FIXES[rule](parse(file), at)


def tidy(file: SourceFile) -> str:
    """The text without the imports of `exec` and `execSync` that a fix left unused."""
    tree = parse(file)
    spans: list[tuple[int, int, str]] = []
    for name in tree.nodes(*_IMPORTED):
        if text(name) in _WITHOUT_SHELL and not _uses(tree, text(name)):
            following = file.text.encode()[name.end_byte :]
            comma = re.match(rb"\s*,\s*", following)
            if comma and following[comma.end() :].startswith(_WITHOUT_SHELL[text(name)].encode()):
                spans.append((name.start_byte, name.end_byte + comma.end(), ""))
    return Edit(spans=tuple(spans), what="").apply(file.text)


def _uses(tree: Tree, name: str) -> bool:
    return any(text(node) == name and node.parent.type != "import_specifier" for node in tree.nodes("identifier"))


def _calls(tree: Tree, at: int) -> Iterator[tuple[Node, Node]]:
    for call in tree.nodes("call_expression"):
        if line(call) == at:
            yield call.child_by_field_name("function"), call


def _eval(tree: Tree, at: int) -> Edit:
    for function, call in _calls(tree, at):
        given = arguments(call)
        if text(function).rpartition(".")[2] == "eval" and len(given) == 1 and literal(given[0]) is None:
            inner = _without_brackets(given[0])
            if inner.type not in _DATA or _holds_code(inner):
                raise CannotFixError(
                    "what is evaluated is put together from code, so it is no data that can be read"
                )
            return Edit(
                spans=((call.start_byte, call.end_byte, f"JSON.parse({text(inner)})"),),
                what="JSON.parse, which reads data only",
                note="Text that is not JSON is refused now.",
            )
    raise CannotFixError("eval is not called with one expression on this line")


_DATA = ("identifier", "member_expression", "subscript_expression", "call_expression", "await_expression")


def _holds_code(node: Node) -> bool:
    pending = [node]
    while pending:
        one = pending.pop()
        if one.type in (
            "function_expression",
            "arrow_function",
            "function",
            "binary_expression",
            "template_string",
        ):
            return True
        pending.extend(one.named_children)
    return False


def _without_brackets(node: Node) -> Node:
    """What stands between the brackets in `"(" + x + ")"`."""
    if node.type != "binary_expression":
        return node
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if literal(right) == ")" and left.type == "binary_expression":
        if literal(left.child_by_field_name("left")) == "(":
            return left.child_by_field_name("right")
    return node


def _shell(tree: Tree, at: int) -> Edit:
    programs = child_process_names(tree)
    for function, call in _calls(tree, at):
        called = called_program(function, programs)
        if called in _WITHOUT_SHELL:
            return _without_shell(tree, function, call, called)
    raise CannotFixError("no call of exec on this line")


def _without_shell(tree: Tree, function: Node, call: Node, called: str) -> Edit:
    _refuse_own_shell(call)
    first, *more = words(_parts(arguments(call)[0]))
    new = f'"{"".join(str(piece) for piece in first)}", [{", ".join(_word(word) for word in more)}]'
    command = arguments(call)[0]
    better = _WITHOUT_SHELL[called]
    spans = [(command.start_byte, command.end_byte, new)]
    if function.type == "member_expression":
        name = function.child_by_field_name("property")
        spans.append((name.start_byte, name.end_byte, better))
    else:
        spans.append((function.start_byte, function.end_byte, better))
        spans.extend(_further_import(tree, text(function), called, better))
    return Edit(spans=tuple(spans), what=f"{better} with an argument list, without a shell")


def _refuse_own_shell(call: Node) -> None:
    """`execFile` takes a shell from its options too. Raises CannotFixError where they name one, or cannot be seen."""
    given = arguments(call)[1:]
    for index, one in enumerate(given):
        unseen = one.type in ("identifier", "member_expression", "call_expression") and index < len(given) - 1
        if unseen or (one.type == "object" and any(map(_may_be_shell, one.named_children))):
            raise CannotFixError("the call names its own shell, or passes on options that are not known here")


def _may_be_shell(member: Node) -> bool:
    """Whether this of an object's members is `shell`, or may be any."""
    if member.type in ("comment", "method_definition"):
        return False
    key = member.child_by_field_name("key") if member.type == "pair" else member
    return key.type in ("spread_element", "computed_property_name") or text(key).strip("'\"") == "shell"


def _further_import(tree: Tree, local: str, called: str, better: str) -> Iterator[tuple[int, int, str]]:
    if better in child_process_names(tree):
        return
    if local != called:
        raise CannotFixError(f"{called} is imported under another name")
    for name in tree.nodes(*_IMPORTED):
        if text(name) == called:
            yield name.end_byte, name.end_byte, f", {better}"
            return
    raise CannotFixError(f"the import of {called} was not found")


def _parts(node: Node) -> list[str | CommandValue]:
    value = literal(node)
    if value is not None:
        return [value]
    if node.type == "template_string":
        return [_template_part(child) for child in node.named_children]
    if node.type == "binary_expression" and text(node.child_by_field_name("operator")) == "+":
        return [*_parts(node.child_by_field_name("left")), *_parts(node.child_by_field_name("right"))]
    if node.type == "parenthesized_expression":
        return _parts(node.named_children[0])
    if node.type in ("identifier", "member_expression", "call_expression", "subscript_expression"):
        return [CommandValue(text(node))]
    raise CannotFixError("the command line is not put together from text and values")


def _template_part(node: Node) -> str | CommandValue:
    if node.type == "string_fragment":
        return text(node)
    if node.type == "template_substitution":
        return CommandValue(text(node.named_children[0]))
    raise CannotFixError("the command line uses escapes")


def _word(word: Word) -> str:
    if len(word) == 1:
        return f'"{word[0]}"' if isinstance(word[0], str) else f"String({word[0].source})"
    return "`" + "".join(piece if isinstance(piece, str) else f"${{{piece.source}}}" for piece in word) + "`"


def _names_around(node: Node) -> Iterator[str]:
    """Functions, variables and keys that a value is for."""
    while (node := node.parent) is not None:
        for field in ("name", "key", "left"):
            if (named := node.child_by_field_name(field)) is not None:
                yield text(named)[:80]


def _weak_hash(tree: Tree, at: int) -> Edit:
    for function, call in _calls(tree, at):
        given = arguments(call)
        if text(function).rpartition(".")[2] in ("createHash", "createHmac") and given:
            refuse_digest_of_a_format(*_names_around(call))
            quote = text(given[0])[0]
            return Edit(
                spans=((given[0].start_byte, given[0].end_byte, f"{quote}sha256{quote}"),),
                what="SHA-256 instead of a broken hash",
                note="Values hashed before do not match any more and have to be made anew.",
            )
    raise CannotFixError("no call of createHash on this line")


def _hard_coded(tree: Tree, at: int) -> Edit:
    for label, _, value in _named(tree, at):
        if names_a_secret(label) and looks_secret(literal(value) or ""):
            variable = environment_name(label)
            _refuse_shared_variable(tree, variable, literal(value) or "")
            # Fails closed: without the variable, a comparison with `undefined` would let anybody in.
            new = f'(process.env.{variable} || (() => {{ throw new Error("{variable} is not set"); }})())'
            return Edit(
                spans=((value.start_byte, value.end_byte, new),),
                what=f"a secret from the environment variable {variable}",
                note=f"Set {variable}; the old value is known and has to be replaced.",
                variable=(variable, literal(value) or ""),
            )
    raise CannotFixError("the secret is not given to a plain name")


def _inner_html(tree: Tree, at: int) -> Edit:
    for label, name, value in _named(tree, at):
        if label == "innerHTML":
            _refuse_markup(value)
            target = name.child_by_field_name("property")
            return Edit(
                spans=((target.start_byte, target.end_byte, "textContent"),),
                what="text instead of HTML",
                note="Markup in the text is shown as it stands now.",
            )
    raise CannotFixError("no assignment to innerHTML on this line")


_OF_MARKUP = re.compile(r"html|markup|template|svg|tpl|snippet|wrap|render|icon|sanitiz|purify", re.IGNORECASE)
"""Names of what is meant to be HTML."""


def _said(value: Node) -> str:
    """The literal texts in an expression."""
    if (known := literal(value)) is not None:
        return known
    if value.type == "string_fragment":
        return text(value)
    return "".join(_said(child) for child in value.named_children)


def _refuse_markup(value: Node) -> None:
    """Text with markup of its own is meant to be HTML, and would be shown with its tags. Raises CannotFixError."""
    if re.search(r"<\s*/?[a-zA-Z!]", text(value)):
        raise CannotFixError(
            "the text holds markup of its own: make the elements with createElement, and set their textContent"
        )
    # A text with words of its own, as "Welcome, " + name, is prose; one of values alone may be anything.
    joined = value.type in ("binary_expression", "template_string") and not re.search(r"\w", _said(value))
    if joined or _OF_MARKUP.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", text(value))):
        raise CannotFixError(
            "the text may be markup that is wanted: where it is none, set textContent; where it is, clean it before"
        )


def _document_write(tree: Tree, at: int) -> Edit:
    for function, call in _calls(tree, at):
        if text(function) in ("document.write", "document.writeln"):
            for given in arguments(call):
                _refuse_markup(given)
            return Edit(
                spans=((function.start_byte, function.end_byte, "document.body.append"),),
                what="text instead of HTML",
                note="Markup in the text is shown as it stands now.",
            )
    raise CannotFixError("no call of document.write on this line")


def _tls(tree: Tree, at: int) -> Edit:
    for label, _, value in _named(tree, at):
        if label in ("rejectUnauthorized", "NODE_TLS_REJECT_UNAUTHORIZED"):
            new = "true" if label == "rejectUnauthorized" else '"1"'
            return Edit(spans=((value.start_byte, value.end_byte, new),), what="certificates are checked")
    raise CannotFixError("certificates are not switched off on this line")


def _spawn_shell(tree: Tree, at: int) -> Edit:
    for pair in tree.nodes("pair"):
        value, call = pair.child_by_field_name("value"), _around(pair, "call_expression")
        is_shell = text(pair.child_by_field_name("key")) == "shell" and value.type == "true"
        if is_shell and call is not None and line(call) == at:
            _refuse_command_line(call)
            return Edit(spans=((value.start_byte, value.end_byte, "false"),), what="no shell", note=_ON_WINDOWS)
    raise CannotFixError("no shell: true in the call on this line")


_ON_WINDOWS = "On Windows, programs that are scripts (`npm`, `yarn`) are not found without a shell."
_SHELL_SIGNS = re.compile(rf"[{re.escape(''.join(sorted(SHELL_SYNTAX - {'='})))}\s]")


def _refuse_command_line(call: Node) -> None:
    """Without a shell, the first argument is a program's name and nothing more. Raises CannotFixError."""
    given = arguments(call)
    program = literal(given[0]) if given else None
    if program is None or not program or _SHELL_SIGNS.search(program):
        raise CannotFixError(
            "the command may be a whole line, which needs a shell: give the program's name, and its arguments as a list"
        )
    refuse_word_of_the_shell(program)
    for one in given[1].named_children if len(given) > 1 and given[1].type == "array" else ():
        if _SHELL_SIGNS.search((literal(one) or "").replace(" ", "")):
            raise CannotFixError("an argument uses shell syntax, which has no meaning without one")


_PLAIN_RANDOM = re.compile(
    r"Math\s*\.\s*random\(\)\s*\.\s*toString\(\s*36\s*\)(\s*\.\s*(slice|substring|substr)\(\s*2\s*(,\s*\d+\s*)?\))?"
)
"""The whole of a value: what stands around it would be lost, and other radixes give other signs."""


def _function_of(node: Node) -> Node | None:
    while (node := node.parent) is not None:
        if "function" in node.type or node.type == "method_definition":
            return node
    return None


def _random(tree: Tree, at: int) -> Edit:
    # The finding may be where the value is used.
    near = [node for node in tree.nodes("identifier") if line(node) == at]
    used = {text(node) for node in near}
    for label, name, value in named_values(tree):
        if line(name) != at and not (line(name) < at and label in used):
            continue
        if line(name) != at and not any(_function_of(one) == _function_of(name) for one in near):
            continue
        if names_a_secret(label) and _PLAIN_RANDOM.fullmatch(text(value)):
            return Edit(
                # Without its hyphens: what Math.random().toString(36) gives is letters and digits.
                spans=((value.start_byte, value.end_byte, 'globalThis.crypto.randomUUID().replaceAll("-", "")'),),
                what="a random value nobody can compute",
                note="It has 32 signs, from 0 to 9 and a to f, where it had about eleven of 36.",
            )
    raise CannotFixError(
        "the value is not Math.random().toString(36) and nothing else: use crypto.randomUUID or randomInt"
    )


def _refuse_shared_variable(tree: Tree, variable: str, secret: str) -> None:
    """Two secrets must never become one: whoever knew the weaker would have the other. Raises CannotFixError."""
    others = {literal(value) for label, _, value in named_values(tree) if environment_name(label) == variable} - {
        None,
        secret,
    }
    if others or f"process.env.{variable}" in text(tree.root):
        raise CannotFixError(
            f"this file has more than one secret that would become {variable}; give each a name of its own"
        )


def _named(tree: Tree, at: int) -> Iterator[tuple[str, Node, Node]]:
    return (found for found in named_values(tree) if line(found[1]) == at)


def _around(node: Node, kind: str) -> Node | None:
    while node is not None and node.type != kind:
        node = node.parent
    return node


FIXES: dict[str, Fix] = {
    "js/eval": _eval,
    "js/shell-injection": _shell,
    "js/weak-hash": _weak_hash,
    "js/hard-coded-secret": _hard_coded,
    "js/inner-html": _inner_html,
    "js/document-write": _document_write,
    "js/tls-verification-off": _tls,
    "js/spawn-shell": _spawn_shell,
    "js/insecure-random": _random,
}
"""Rule -> its fix."""
