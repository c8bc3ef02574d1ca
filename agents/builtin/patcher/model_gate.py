"""A model's change of a file -> why it is refused. It is hostile until shown to be a fix, and only that.

The scanner has been asked before: it no longer finds the weakness. That can be had by hiding it, by deleting the code,
or by a form of it that the scanner does not know; and a right fix can carry something else along.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import cast

from agents.builtin.scanning.source_files import PYTHON

_SUPPRESSION = re.compile(
    r"#\s*nosec\b|#\s*noqa\b|#\s*type:\s*ignore|pylint:\s*disable|pyright:\s*ignore|eslint-disable|@ts-(?:ignore|nocheck"
    r"|expect-error)|\bNOSONAR\b|\bnosemgrep\b|\blgtm\b|semgrep:\s*ignore|codeql\[|pragma:\s*no\s*cover|istanbul\s+ignore"
    r"|gitleaks:allow|trufflehog:ignore|\bskipcq\b|\bbearer:disable|\bsnyk:ignore|checkov:skip|deepcode\s+ignore"
    r"|devskim:\s*ignore|noinspection",
    re.IGNORECASE,
)
# Named at all, they reach beyond what a fix of any rule needs.
_REACH = re.compile(
    r"\b(?:socket|requests|httpx|aiohttp|urllib3|ftplib|smtplib|telnetlib|paramiko|urlopen|http\.client|XMLHttpRequest"
    r"|WebSocket|EventSource|sendBeacon|axios|node-fetch|fetch|child_process|ctypes|importlib|__import__|globals|locals"
    r"|getattr|setattr|dgram|node:net|node:http|node:https)\b"
)
_ENVIRONMENT = re.compile(r"\bos\.environ\b|\bos\.getenv\b|\bprocess\.env\b|\bgetenv\b")
_MODULES = frozenset(
    "ast defusedxml hashlib hmac html json logging markupsafe os pathlib re secrets shlex tempfile urllib".split()
)
_MODULES_OF = {
    "shell-injection": {"subprocess"},
    "spawn-shell": {"subprocess"},
    "unsafe-yaml": {"yaml"},
    "unsafe-deserialisation": {"yaml"},
    "insecure-random": {"crypto"},
    "weak-hash": {"crypto"},
    "weak-cipher": {"crypto", "cryptography"},
    "open-redirect": {"flask", "werkzeug"},
    "path-traversal": {"werkzeug", "path"},
    "template-injection": {"jinja2"},
    "template-autoescape-off": {"jinja2"},
}
# Calls that fixes are made of: they check, convert, escape, or refuse.
_CALLS = frozenset(
    "abs all any bool bytes dict enumerate filter float frozenset int isinstance len list map max min next "
    "repr reversed round set sorted str sum tuple zip ValueError TypeError KeyError PermissionError "
    "RuntimeError Path PurePath abort url_for escape Error String Number Boolean Array Set Map parseInt "
    "parseFloat encodeURIComponent".split()
)
_METHODS = frozenset(
    "get items keys values pop append add strip lstrip rstrip split splitlines startswith endswith lower upper "
    "replace encode decode format isalnum isalpha isdigit isdecimal isidentifier match fullmatch search sub "
    "compile quote escape literal_eval loads dumps safe_load dump resolve is_relative_to relative_to joinpath "
    "exists is_file abspath realpath basename normpath commonpath token_hex token_urlsafe token_bytes choice "
    "randbelow sha256 sha512 sha3_256 blake2b hexdigest digest compare_digest mkstemp mkdtemp "
    "NamedTemporaryFile urlsplit urlparse secure_filename safe_join fromstring parse run execFile execFileSync "
    "spawn info warning error debug has includes test indexOf trim slice toString toLowerCase push createHash "
    "randomBytes randomInt randomUUID update timingSafeEqual verify sanitize createTextNode appendChild "
    "replaceChildren read_text read_bytes write_text write_bytes open".split()
)
_NEW_CALL = re.compile(r"(?<![\w$.])((?:[A-Za-z_$][\w$]*\s*\.\s*)*[A-Za-z_$][\w$]*)\s*\(")
_KEYWORDS = frozenset(
    "if for while switch return function catch and or not in await typeof new lambda elif assert".split()
)
_QUERY = frozenset("execute executemany executescript query raw exec_driver_sql".split())
_JOINED_SCRIPT = re.compile(r"\$\{|\.\s*(?:join|concat|format|replace)\s*\(|[`'\"]\s*\+|\+\s*[`'\"]")
_EFFECTS = frozenset(
    "open run Popen call check_call check_output getoutput system popen execute executemany executescript query raw "
    "exec exec_driver_sql execSync execFile execFileSync spawn spawnSync write write_text write_bytes writeFile "
    "writeFileSync appendFile unlink remove rmtree rename send sendall post put connect urlopen urlretrieve read_text "
    "read_bytes readFile readFileSync eval Function".split()
)
"""Calls that reach files, programs, databases or the network."""
_SINKS = frozenset(
    "load loads full_load unsafe_load eval exec literal_eval md5 sha1 new createHash extractall mktemp randint choice "
    "random randrange uniform sample shuffle getrandbits Random parse fromstring iterparse render_template_string "
    "Template Markup mark_safe redirect get open join write writeln".split()
)
"""Calls that fixes put others in the place of."""
_OF_TEXT = frozenset("format join str repr replace encode decode strip concat String toString f trim text".split())
"""Calls that only put text together: with values as parameters they have nothing left to do."""
_OPTION = re.compile(
    r"\b(env|preexec_fn|executable|startupinfo|creationflags|pass_fds|user|extra_groups)\s*[=:](?!=)"
)
_BROAD = re.compile(
    r"\bexcept\s*(?:\(?\s*(?:Base)?Exception\b[^:\n]*)?:|\bcatch\s*(?:\([^)]*\))?\s*\{|\bsuppress\s*\("
)
_QUERY_TEXT = re.compile(
    r"\b(?:select|insert|update|delete|where|from|drop|union|alter|create|replace)\b", re.IGNORECASE
)
_SHELL = re.compile(
    r"shell\s*[=:]\s*(?!False\b|false\b)\S|\bos\.(?:system|popen)\b|['\"]-\w*c['\"]|\bexec(?:Sync)?\s*\("
    r"|['\"](?:[\w./]*/)?(?:ba|z|k|da|a|fi)?sh['\"]|['\"](?:cmd|powershell|pwsh)(?:\.exe)?['\"]"
)
_VARIABLE = re.compile(
    r"(?:environ\s*\[\s*|environ\.get\s*\(\s*|getenv\s*\(\s*|process\.env\s*[.\[]\s*)['\"]?([A-Za-z_]\w*)"
)
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def refusal(name: str, rule: str, before: str, after: str, *, old: str, new: str) -> str | None:
    """Why the change is none to take: `before` and `after` are the file's texts, `old` and `new` the piece's.

    None: nothing speaks against it.
    """
    python = PurePosixPath(name).suffix.lower() in PYTHON
    return (
        _suppressed(before, after)
        or _deleted(old, new)
        or (_hollowed(before, after) if python else None)
        or _reaches(rule, before, after)
        or (_imports(rule, before, after) if python else _requires(rule, before, after))
        or (_of_secrets(before, after, new) if "secret" in rule else None)
        or _calls(before, new)
        or _does_more(before, after)
        or _does_less(rule, before, after, new)
        or _options(old, new)
        or _hides_errors(old, new)
        or (_unreachable(before, after) if python else None)
        or (_another_query(old, new) if "sql" in rule else None)
        or (_stripped(old, new) if "path" in rule else None)
        or (_joined(rule, before, after, new) if "sql" in rule else None)
        or (_shell(rule, before, after) if "shell" in rule else None)
    )


def _suppressed(before: str, after: str) -> str | None:
    if len(_SUPPRESSION.findall(after)) <= len(_SUPPRESSION.findall(before)):
        return None
    return "it tells the scanner to look away, which fixes nothing"


def _deleted(old: str, new: str) -> str | None:
    was, now = _code_lines(old), _code_lines(new)
    if not now or (len(was) >= 3 and len(now) * 2 < len(was)):
        return f"it deletes code instead of fixing it ({len(was)} line(s) become {len(now)})"
    return None


def _code_lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith(("#", "//", "/*", "*")) and line != "pass"]


def _hollowed(before: str, after: str) -> str | None:
    """Functions and classes that are gone, or have a body that does nothing any more."""
    was, now = _definitions(before), _definitions(after)
    for name, size in was.items():
        if name not in now:
            return f"it deletes {name!r}"
        if size > 0 and now[name] == 0:
            return f"it deletes the body of {name!r}"
        if size >= 4 and now[name] * 2 < size:
            return f"it deletes most of the body of {name!r}"
    return None


def _definitions(text: str) -> dict[str, int]:
    """Name of each function and class -> how many statements of it do something."""
    found: dict[str, int] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            inside = prefix
            if isinstance(child, _DEFINES):
                inside = f"{prefix}{child.name}"
                found[inside] = sum(_does_something(each) for part in child.body for each in ast.walk(part))
                inside += "."
            visit(child, inside)

    visit(ast.parse(text.removeprefix("\ufeff")), "")
    return found


def _does_something(node: ast.AST) -> bool:
    if not isinstance(node, ast.stmt) or isinstance(node, ast.Pass):
        return False
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Return):
        return node.value is not None and not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Raise):
        return "NotImplemented" not in ast.unparse(node)
    return True


def _reaches(rule: str, before: str, after: str) -> str | None:
    more = Counter(_REACH.findall(after)) - Counter(_REACH.findall(before))
    if more:
        return f"it adds {min(more)!r}, which the fix of {rule} does not call for"
    if "secret" not in rule and len(_ENVIRONMENT.findall(after)) > len(_ENVIRONMENT.findall(before)):
        return f"it reads the environment, which the fix of {rule} does not call for"
    return None


def _imports(rule: str, before: str, after: str) -> str | None:
    allowed = _MODULES | _MODULES_OF.get(_kind(rule), set())
    return _unexpected(rule, set(_modules(after)) - set(_modules(before)), allowed)


def _modules(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text.removeprefix("\ufeff"))):
        if isinstance(node, ast.Import):
            yield from (each.name.split(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def _requires(rule: str, before: str, after: str) -> str | None:
    pattern = re.compile(r"""(?:require\s*\(|from|import)\s*\(?\s*['"`]([^'"`]+)['"`]""")
    more = {each.removeprefix("node:") for each in set(pattern.findall(after)) - set(pattern.findall(before))}
    return _unexpected(rule, more, _MODULES_OF.get(_kind(rule), set()) | {"path", "crypto"})


def _unexpected(rule: str, more: set[str], allowed: set[str] | frozenset[str]) -> str | None:
    extra = sorted(more - allowed)
    return f"it imports {extra[0]!r}, which the fix of {rule} does not call for" if extra else None


def _kind(rule: str) -> str:
    return rule.partition("/")[2] or rule


def _calls(before: str, new: str) -> str | None:
    """A named call that the file does not have yet, and that is none of those that fixes are made of."""
    known = {_squeezed(each) for each in _NEW_CALL.findall(before)}
    defined = set(re.findall(r"\b(?:def|class|function)\s+([A-Za-z_$][\w$]*)", before + "\n" + new))
    for each in _NEW_CALL.findall(new):
        call = _squeezed(each)
        last = call.rpartition(".")[2]
        if call in known or last in _KEYWORDS or call in _CALLS or call in defined or call == "require":
            continue
        if "." in call and last in _METHODS:
            continue
        return f"it calls {call!r}, which is neither in the file nor part of a fix"
    return None


def _squeezed(call: str) -> str:
    return "".join(call.split())


def _called(text: str) -> Counter[str]:
    """How often each function or method is called, by its last name."""
    return Counter(_squeezed(each).rpartition(".")[2] for each in _NEW_CALL.findall(_without_comments(text)))


def _without_comments(text: str) -> str:
    return re.sub(r"(?m)^\s*(?:#|//).*$", "", text)


def _does_more(before: str, after: str) -> str | None:
    """What reaches files, programs, databases or the network may take the place of such a call, not come along."""
    was, now = _called(before), _called(after)
    if sum(now[name] for name in _EFFECTS) <= sum(was[name] for name in _EFFECTS):
        return None
    more = min(name for name in _EFFECTS if now[name] > was[name])
    return f"it calls {more!r} once more than before, which no fix of a weakness needs"


def _does_less(rule: str, before: str, after: str, new: str) -> str | None:
    """A call that is gone, and is not one that a fix of the rule puts another in the place of."""
    gone = _called(before) - _called(after)
    calls = re.search(r"[\w\])]\s*\(", new) is not None
    replaceable = _OF_TEXT | (_EFFECTS - _QUERY if "sql" not in rule else frozenset[str]()) | _SINKS
    for name in sorted(gone):
        if name in _KEYWORDS or name in _OF_TEXT or (name in replaceable and calls):
            continue
        return f"it deletes the call of {name!r}"
    return None


def _options(old: str, new: str) -> str | None:
    more = Counter(_OPTION.findall(new)) - Counter(_OPTION.findall(old))
    return f"it sets {min(more)!r}, which changes what is run" if more else None


def _hides_errors(old: str, new: str) -> str | None:
    if len(_BROAD.findall(new)) <= len(_BROAD.findall(old)):
        return None
    return "it hides errors: every exception is caught"


def _unreachable(before: str, after: str) -> str | None:
    if _dead(after) <= _dead(before):
        return None
    return "a part of the code can no longer be reached"


def _dead(text: str) -> int:
    """Statements after one that leaves, and branches by a constant."""
    count = 0
    for node in ast.walk(ast.parse(text.removeprefix("\ufeff"))):
        if isinstance(node, ast.If | ast.While | ast.IfExp) and isinstance(node.test, ast.Constant):
            count += not (isinstance(node, ast.While) and node.test.value)
        for block in ("body", "orelse", "finalbody"):
            statements: object = getattr(node, block, None)
            if isinstance(statements, list):  # of a lambda, the body is an expression
                before_last = cast("list[object]", statements)[:-1]
                count += any(
                    isinstance(each, ast.Return | ast.Raise | ast.Continue | ast.Break) for each in before_last
                )
    return count


def _another_query(old: str, new: str) -> str | None:
    """Words of the query that it did not have; names of its parameters are none."""
    known = Counter(word for text in _literals(old) for word in _query_words(text))
    said = Counter(word for text in _literals(new) if _QUERY_TEXT.search(text) for word in _query_words(text))
    more = said - known
    return f"the query says {min(more)!r} now, which it did not before" if more else None


def _literals(text: str) -> list[str]:
    found = re.findall(
        r"\"\"\"(.*?)\"\"\"|\"((?:\\.|[^\"\\\n])*)\"|'((?:\\.|[^'\\\n])*)'|`((?:\\.|[^`\\])*)`", text, re.DOTALL
    )
    return ["".join(parts) for parts in found]


def _query_words(text: str) -> list[str]:
    plain = re.sub(r"\$?\{[^}]*\}|[:@$]\w+|%\(\w+\)s|%s|\?", " ", text)
    return [word.upper() for word in re.findall(r"\w+", plain)]


def _of_secrets(before: str, after: str, new: str) -> str | None:
    """A variable that is not set must end the program, and each secret has its own."""
    was, now = Counter(_VARIABLE.findall(before)), Counter(_VARIABLE.findall(after))
    if shared := [name for name, times in now.items() if times > 1 and times > was[name]]:
        return f"two values would become the variable {min(shared)}"
    lax = re.search(r"\benviron\.get\s*\(|\bgetenv\s*\(|\bprocess\.env\b", new)
    if lax and not re.search(r"\b(?:raise|throw|exit)\b", new):
        return "it fails open: where the variable is not set, there is no secret to compare with"
    return None


def _stripped(old: str, new: str) -> str | None:
    if not re.search(r"(?:replace|sub|strip\w*)\s*\([^)\n]*\.\.", new) or re.search(r"replace\s*\([^)]*\.\.", old):
        return None
    return "it takes parts out of the path, which can be got around: check where the path ends instead"


def _joined(rule: str, before: str, after: str, new: str) -> str | None:
    said = "the query is still joined from strings; its values belong into parameters"
    if not rule.startswith("py/"):
        return said if _JOINED_SCRIPT.search(new) else None
    was, now = _open_queries(before), _open_queries(after)
    return said if now >= was and now > 0 else None


def _open_queries(text: str) -> int:
    """How many queries are not one text as it stands in the source, directly or by a name bound to one."""
    tree = ast.parse(text.removeprefix("\ufeff"))
    constant: dict[str, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            plain = isinstance(node.value, ast.Constant) and not isinstance(node, ast.AugAssign)
            for target in targets:
                if isinstance(target, ast.Name):
                    constant[target.id] = constant.get(target.id, True) and plain
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    return sum(
        not _is_constant(call.args[0], constant)
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in _QUERY
    )


def _is_constant(node: ast.expr, constant: dict[str, bool]) -> bool:
    if isinstance(node, ast.Name):
        return constant.get(node.id, False)
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        called = node.func
        name = (
            called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        )
        return name == "text" and _is_constant(node.args[0], constant)
    return isinstance(node, ast.Constant)


def _shell(rule: str, before: str, after: str) -> str | None:
    was, now = len(_SHELL.findall(before)), len(_SHELL.findall(after))
    return "the command still goes through a shell" if now >= was and now > 0 else None
