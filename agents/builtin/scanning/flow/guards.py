"""What a test says about a value on the branch after it, and what functions make harmless by their name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agents.builtin.scanning.flow.patterns import written
from agents.builtin.scanning.flow.tree import Attr, Call, Const, Expr, Index, Items, Name, Op, Slice, every

ALL = "*"
_REFUSED: tuple[tuple[str, frozenset[str]], ...] = (
    ("..", frozenset({"path-traversal", "zip-slip", "unrestricted-upload"})),
    ("/", frozenset({"path-traversal", "zip-slip", "unrestricted-upload"})),
    ("\\", frozenset({"path-traversal"})),
    ("'", frozenset({"xpath-injection", "sql-injection", "eval"})),
    ('"', frozenset({"xpath-injection", "eval"})),
    ("<", frozenset({"xss"})),
    ("\n", frozenset({"header-injection", "log-injection"})),
    ("\r", frozenset({"header-injection", "log-injection"})),
    (";", frozenset({"shell-injection"})),
    ("__proto__", frozenset({"prototype-pollution"})),
)
"""A part that is refused -> the rules for which what is left is harmless."""
_PATHS = frozenset({"path-traversal", "zip-slip", "unrestricted-upload"})
_WITHIN = frozenset(
    {
        "startswith",
        "startsWith",
        "is_relative_to",
        "StartsWith",
        "start_with?",
        "HasPrefix",
        "str_starts_with",
        "strpos",
    }
    | {"commonpath", "commonprefix", "isSubpath"}
)
_OF_TWO = frozenset({"HasPrefix", "str_starts_with", "strpos"})
"""Functions of the text and its beginning; the others are methods of the text."""
_ADDRESS = frozenset(
    {
        "netloc",
        "hostname",
        "host",
        "origin",
        "Host",
        "getHost",
        "Hostname",
        "scheme",
        "domain",
        "is_absolute",
        "IsAbs",
    }
)
_REDIRECTS = frozenset({"open-redirect", "ssrf"})
_MEMBER = frozenset(
    {
        "in",
        "includes",
        "contains",
        "containsKey",
        "has",
        "Contains",
        "ContainsKey",
        "include?",
        "in_array",
        "indexOf",
    }
    | {"key?", "has_key", "hasOwnProperty", "array_key_exists", "member?"}
)
_FORM = frozenset(
    {
        "isalnum",
        "isdigit",
        "isdecimal",
        "isnumeric",
        "isalpha",
        "isidentifier",
        "is_numeric",
        "ctype_digit",
        "ctype_alnum",
    }
    | {"ctype_alpha", "isNumeric", "isAlphanumeric", "isInteger", "is_int", "isUUID"}
)
_MATCH = frozenset({"fullmatch", "match", "matches", "test", "preg_match", "MatchString", "IsMatch", "match?"})
_JUDGE = re.compile(
    r"(?i)^_?(is|has|check|validate|verify|assert|ensure|url_has)_?.*(safe|allow|valid|permit|white_?list|trusted|local_?url)"
    r"|^_?(allow|permit|valid|safe|trusted)(ed|ate)?_?(redirect|url|host|next|path|origin|domain|file)"
)
_SIGNED = frozenset(
    {"compare_digest", "secure_compare", "fixed_length_secure_compare", "timingSafeEqual", "hash_equals"}
    | {"FixedTimeEquals", "ConstantTimeCompare", "constant_time_compare", "safe_str_cmp"}
)
_SIGNED_OF = frozenset({("hmac", "Equal"), ("MessageDigest", "isEqual")})
"""Comparisons of signatures: what passes them was written by somebody who knows the key."""
_SIGNS = re.compile(r"(?i)hmac|sign|digest|hash|\bmac\b|comput")
_EXPECTED = re.compile(r"(?i)expect|comput|calculat|correct|hmac|^(own|our|good)")
"""Names of functions that make a signature, and of variables that hold the one that would be right."""
_WHOLE = re.compile(r"^(\\A|\^|/\^).*(\\Z|\\z|\$|\$/[a-z]*)$")
_LOOSE = re.compile(r"(?<!\\)\.[*+]|\[\^|\\S[*+]")
_BY_NAME: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (
        re.compile(
            r"(?i)^_?(html_?(escape|encode|special)|(escape|encode|sanitize|clean|purify|strip)_?(for_?)?_?(html|xss|markup|tags)"
            r"|sanitize(html)?|purify|escape|escape_?once|esc|e|h|esc_(html|attr))$"
        ),
        frozenset({"xss"}),
    ),
    (re.compile(r"_(path|url)$|^(url_for|reverse|route)$"), _REDIRECTS),
    (re.compile(r"(?i)(sanitize|safe|clean)_?(uri|url|redirect)"), frozenset({"open-redirect"})),
    (re.compile(r"(?i)(escape|quote|sanitize)\w*(sql|query|identifier)"), frozenset({"sql-injection"})),
    (re.compile(r"(?i)(escape|quote|sanitize)\w*(shell|cmd|command|arg)"), frozenset({"shell-injection"})),
    (re.compile(r"(?i)(escape|encode|sanitize)\w*(ldap|filter|dn)\w*"), frozenset({"ldap-injection"})),
    (re.compile(r"(?i)(escape|encode|sanitize)\w*xpath"), frozenset({"xpath-injection"})),
    (re.compile(r"(?i)(secure|safe|sanitize|clean)_?(file_?name|path|join)"), _PATHS),
    (
        re.compile(r"(?i)(sanitize|escape|clean|strip)\w*(log|crlf|newline)"),
        frozenset({"log-injection", "header-injection"}),
    ),
)


def harmless_by_name(name: str) -> frozenset[str]:
    """For which kinds the result of a function is harmless, if it does what it is called."""
    found: frozenset[str] = frozenset()
    for pattern, kinds in _BY_NAME:
        if pattern.search(name):
            found |= kinds
    return found


_BY_EXPRESSION = frozenset({"sub", "preg_replace", "gsub", "replace", "replaceAll", "Replace"})
_REPLACED = frozenset({"replace", "replaceAll", "gsub", "ReplaceAll", "Replace", "str_replace", "tr", "translate"})
_ALLOWED_ONLY = re.compile(r"^/?\(?\[\^[\w\\ -]+\][+*]?\)?/?[a-z]*$")
"""An expression for all but some letters, digits and the like."""
_OWN_PATH = re.compile(r"^/?\^?(?:\\/|/)(?:\[(?!\^)[^\]/\\]+\]|\w|\(\?![^)]*/)")
"""An expression for paths on the own host: one slash, and no other behind it."""
_UNSAFE_TO_CUT = frozenset({"..", "../", "..\\"})
"""What is left after these were cut out can be the same again."""


def harmless_by_replacing(name: str, texts: list[str | None]) -> frozenset[str]:
    """For which kinds a text is harmless in which a part was replaced; `texts` are the arguments."""
    if name not in _REPLACED | _BY_EXPRESSION or not texts or texts[0] is None:
        return frozenset()
    old = texts[0]
    if name in _BY_EXPRESSION and _ALLOWED_ONLY.match(old) and "\\W" not in old and "\\S" not in old:
        return frozenset({ALL})
    if name not in _REPLACED:
        return frozenset()
    if len(old) > 2 and old[0] == "/":
        old = old[1:].rsplit("/", 1)[0]
    old = old.strip("[]") if len(old) > 2 else old
    new = texts[1] if len(texts) > 1 else ""
    if old in _UNSAFE_TO_CUT or new is None or (old in new and new not in (old * 2, "\\" + old)):
        return frozenset()
    return frozenset(kind for part, kinds in _REFUSED if part in old for kind in kinds)


Fact = tuple[str, frozenset[str]]
"""A variable (dotted), and the kinds for which it is harmless; `*` for all."""


Text = Callable[[Expr], str | None]
"""The text of an expression, or of a regular expression that it is; None where it is not known."""


def facts(test: Expr, truth: bool, text: Text) -> Iterator[Fact]:
    """What holds where the test has this result."""
    if isinstance(test, Op):
        if test.op == "not":
            yield from facts(test.parts[0], not truth, text)
        elif test.op in ("and", "or"):
            if truth == (test.op == "and"):
                for part in test.parts:
                    yield from facts(part, truth, text)
        elif len(test.parts) == 2:
            yield from _compared(test, truth)
    elif isinstance(test, Call):
        yield from _called(test, truth, text)


def _compared(test: Op, truth: bool) -> Iterator[Fact]:
    left, right = test.parts
    positive = truth == (test.op in ("==", "in", "is", ">=", ">", "==="))
    if test.op in ("in", "not in"):
        refused = _constant(left)
        if refused is not None and not isinstance(right, Const | Items):
            if not positive:
                yield from _without(refused, right)
        elif positive:
            yield from _known(left)
            if isinstance(right, Attr) and right.name == "parents":
                yield from ((name, _PATHS) for name in _names(right.of))
    elif test.op in ("==", "!="):
        if positive:
            for one, other in ((left, right), (right, left)):
                if isinstance(other, Const) and other.value not in (None, "", False, True):
                    yield from _known(one)
                elif isinstance(other, Const) and other.value in ("", None) and _is_host(one):
                    # An address without a host is a path on the own one.
                    yield from ((name, _REDIRECTS) for name in _names(one))
                elif isinstance(other, Attr) and other.name.isupper():
                    yield from _known(one)
        if (
            isinstance(left, Call)
            and _name(left) in ("commonpath", "commonprefix", "indexOf", "strpos")
            and positive
        ):
            yield from ((name, _PATHS) for name in _names(left))
    elif isinstance(left, Call) and _name(left) in ("indexOf", "find", "IndexOf", "index") and left.args:
        # `x.indexOf("..") >= 0` and `LIST.indexOf(x) >= 0`
        refused = _constant(left.args[0])
        of = left.func.of if isinstance(left.func, Attr) else left.func
        if refused is not None and not positive:
            yield from _without(refused, of)
        elif refused is None and positive:
            yield from _known(left.args[0])


def _is_host(expr: Expr) -> bool:
    if isinstance(expr, Call):
        expr = expr.func
    return isinstance(expr, Attr) and expr.name in _ADDRESS - {"scheme"}


def _called(test: Call, truth: bool, text: Text) -> Iterator[Fact]:
    name = _name(test)
    of = test.func.of if isinstance(test.func, Attr) else None
    if name in _MEMBER and test.args:
        refused = _constant(test.args[0])
        if refused is not None and of is not None:
            if not truth:
                yield from _without(refused, of)
        elif truth:
            yield from _known(test.args[0])
    if name in ("Contains", "str_contains", "strpos") and len(test.args) == 2 and not truth:
        refused = _constant(test.args[1])
        if refused is not None:
            yield from _without(refused, test.args[0])
    if name in ("equals", "equalsIgnoreCase", "Equals") and truth and of is not None and test.args:
        if isinstance(of, Const):
            yield from _known(test.args[0])
        elif isinstance(test.args[0], Const) and test.args[0].value:
            yield from _known(of)
    if not truth:
        where, start = _beginning(test, name, of)
        if where is not None and start in ("//", "\\", "/\\"):
            # Who refuses this looks for a path on the own host.
            yield from ((found, frozenset({"open-redirect"})) for found in _names(where))
        return
    if name in _WITHIN:
        for part in (of, *test.args):
            if part is not None and not isinstance(part, Const):
                yield from ((found, _PATHS) for found in _names(part))
        where, start = _beginning(test, name, of)
        if where is not None and re.match(r"https?://[^/]+/", start):
            yield from ((found, _REDIRECTS) for found in _names(where))
    if name in _FORM:
        yield from (
            (found, frozenset({ALL})) for part in (of, *test.args) if part is not None for found in _names(part)
        )
    if name in _MATCH:
        given = [of, *test.args]
        if isinstance(of, Call) and _name(of) in ("matcher", "Match") and isinstance(of.func, Attr):
            given = [of.func.of, *of.args]
        texts = [
            found for part in given if part is not None and (found := text(part) or _constant(part)) is not None
        ]
        if texts and not _LOOSE.search(texts[0]) and (_WHOLE.match(texts[0]) or name in ("fullmatch", "matches")):
            for part in given:
                if part is not None and not isinstance(part, Const):
                    yield from ((found, frozenset({ALL})) for found in _names(part))
        if texts and _OWN_PATH.match(texts[0]):
            for part in given:
                if part is not None and not isinstance(part, Const):
                    yield from ((found, frozenset({"open-redirect"})) for found in _names(part))
    if name in _SIGNED or (isinstance(of, Name) and (of.name, name) in _SIGNED_OF):
        yield from ((found, frozenset({ALL})) for part in test.args for found in _signed(part))
    if _JUDGE.match(name):
        yield from ((found, frozenset({ALL})) for part in test.args for found in _names(part))


def _signed(expr: Expr) -> Iterator[str]:
    """Variables that a signature was made of, here or where the expected one was; not what was sent beside it."""
    for one in every(expr):
        if isinstance(one, Call) and _SIGNS.search(written(one.func)):
            held = {id(part.of) for part in every(one) if isinstance(part, Attr | Index)}
            given = (part for arg in one.args for part in every(arg))
            yield from (part.name for part in given if isinstance(part, Name) and id(part) not in held)
    if isinstance(expr, Name) and _EXPECTED.search(expr.name):
        yield expr.name


def _beginning(test: Call, name: str, of: Expr | None) -> tuple[Expr | None, str]:
    """The text whose beginning is looked at, and the constant that it is compared with."""
    if name not in _WITHIN or not test.args:
        return None, ""
    where, start = (test.args[0], test.args[1]) if name in _OF_TWO and len(test.args) == 2 else (of, test.args[0])
    return where, _constant(start) or ""


def _without(refused: str, where: Expr) -> Iterator[Fact]:
    kinds: frozenset[str] = frozenset()
    for part, harmless in _REFUSED:
        if refused == part or (part == ".." and refused in ("../", "..\\", "/..")):
            kinds |= harmless
    if kinds:
        yield from ((name, kinds) for name in _names(where))


def _known(expr: Expr) -> Iterator[Fact]:
    """One of known values: harmless as it is; a part of an address makes the whole one harmless to go to."""
    kinds = frozenset({ALL})
    if any(isinstance(one, Attr) and one.name in _ADDRESS for one in every(expr)):
        kinds = _REDIRECTS
    elif isinstance(expr, Slice):
        return
    elif isinstance(expr, Index):
        if isinstance(expr.key, Const) and isinstance(expr.key.value, str):
            yield written(expr), kinds
        return
    yield from ((name, kinds) for name in _names(expr))


def _names(expr: Expr) -> Iterator[str]:
    """Variables in it; not what they are called on."""
    called = {id(one.func) for one in every(expr) if isinstance(one, Call)}
    yield from {one.name for one in every(expr) if isinstance(one, Name) and id(one) not in called}
    if isinstance(expr, Op) and expr.op == "or" and expr.parts:
        expr = expr.parts[0]  # `a or ""`
    if isinstance(expr, Attr) or (isinstance(expr, Index) and isinstance(expr.key, Const)):
        yield written(expr)


def _constant(expr: Expr) -> str | None:
    return expr.value if isinstance(expr, Const) and isinstance(expr.value, str) else None


def _name(call: Call) -> str:
    func = call.func
    return func.name.lstrip("$") if isinstance(func, Name | Attr) else ""
