"""Python text, rule and line -> the fix for that place, found in the syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from agents.builtin.patcher.command_line import CommandValue, words
from agents.builtin.patcher.edit import CannotFixError, Edit, refuse_digest_of_a_format
from agents.builtin.scanning.python_scan import dotted, named_values, parse
from agents.builtin.scanning.secret_names import looks_secret, names_a_secret

_WEAK = ("md4", "md5", "sha", "sha1")


class PythonText:
    """A parsed file that can say where a node lies in its bytes."""

    def __init__(self, text: str) -> None:
        tree = parse(text)
        if tree is None:
            raise CannotFixError("the file is not valid Python")
        self.tree = tree
        self.content = text.encode("utf-8")
        starts = [0]
        # Python ends lines at \n, \r\n and a lone \r.
        starts.extend(match.end() for match in re.finditer(rb"\r\n|\n|\r", self.content))
        self._starts = starts

    def span(self, node: ast.expr | ast.keyword | ast.stmt) -> tuple[int, int]:
        """First and last byte of the node."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise CannotFixError("the place cannot be found in the text")
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def source(self, node: ast.expr | ast.keyword) -> str:
        """The node's own text."""
        start, end = self.span(node)
        return self.content[start:end].decode("utf-8")

    def calls(self, line: int) -> Iterator[ast.Call]:
        """Calls that begin on the line, then those that merely reach over it."""
        reaching: list[ast.Call] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                if node.lineno == line:
                    yield node
                elif node.lineno < line <= (node.end_lineno or node.lineno):
                    reaching.append(node)
        yield from reaching

    def call(self, line: int, *names: str) -> ast.Call:
        """The call of one of these functions on the line."""
        for node in self.calls(line):
            if dotted(node.func) in names:
                return node
        raise CannotFixError(f"no call of {' or '.join(names)} on this line")


Fix = Callable[[PythonText, int], Edit]


def fix(text: str, rule: str, line: int) -> Edit:
    """The change that fixes the place. Raises CannotFixError with the reason where there is none."""
    if rule not in FIXES:
        raise CannotFixError("there is no rule that fixes this; a person has to")
    source = PythonText(text)
    edit = FIXES[rule](source, line)
    for module in edit.imports:
        _refuse_other_meaning(source, module)
    return edit


def _refuse_other_meaning(text: PythonText, module: str) -> None:
    """A module that the fix needs must be what its name means wherever the file says it. Raises CannotFixError."""
    for node in ast.walk(text.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound = {
                (one.asname or one.name.partition(".")[0], one.asname in (None, one.name)) for one in node.names
            }
            other = (module, False) in bound or (isinstance(node, ast.ImportFrom) and (module, True) in bound)
        elif isinstance(node, ast.Name):
            other = node.id == module and not isinstance(node.ctx, ast.Load)
        else:
            other = module in (getattr(node, "name", None), getattr(node, "arg", None)) and not isinstance(
                node, ast.keyword | ast.alias
            )
        if other:
            raise CannotFixError(
                f"the fix needs the module {module}, and {module!r} is the name of something else in this file"
            )


def add_imports(text: str, modules: set[str]) -> str:
    """The text with the missing `import` lines, before whatever runs first."""
    source = PythonText(text)
    known = {
        alias.asname or alias.name
        for node in source.tree.body
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    missing = sorted(modules - known)
    if not missing:
        return text
    ending = "\r\n" if b"\r\n" in source.content else "\n"
    lines = "".join(f"import {module}{ending}" for module in missing)
    at, separator = _import_place(source)
    content = source.content
    return (content[:at] + (lines + separator.replace("\n", ending)).encode() + content[at:]).decode("utf-8")


def _import_place(source: PythonText) -> tuple[int, str]:
    statements = source.tree.body
    plain = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    usable = [node for node in plain if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    docstring = (
        statements and isinstance(statements[0], ast.Expr) and isinstance(statements[0].value, ast.Constant)
    )
    after = [node for node in statements if node not in plain][1 if docstring else 0 :]
    if usable and not (after and _begin(source, after[0]) < source.span(usable[0])[0]):
        return source.span(usable[0])[0], ""
    return (_begin(source, after[0]), "" if usable else "\n\n") if after else (len(source.content), "")


def _begin(source: PythonText, statement: ast.stmt) -> int:
    """Its first byte, decorators included."""
    start = source.span(statement)[0]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and statement.decorator_list:
        return source.content.rindex(b"@", 0, source.span(statement.decorator_list[0])[0])
    return start


def _names_around(text: PythonText, line: int) -> Iterator[str]:
    """Functions and variables that a value on the line is for."""
    for node in ast.walk(text.tree):
        if not hasattr(node, "lineno") or not isinstance(node, ast.stmt):
            continue
        if not node.lineno <= line <= (node.end_lineno or node.lineno):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (dotted(target) or ast.unparse(target)[:80] for target in node.targets)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            yield dotted(node.target)


def _weak_hash(text: PythonText, line: int) -> Edit:
    refuse_digest_of_a_format(*_names_around(text, line))
    for call in text.calls(line):
        name = dotted(call.func)
        if name == "hashlib.new" and call.args and isinstance(call.args[0], ast.Constant):
            if str(call.args[0].value).lower() in _WEAK:
                start, end = text.span(call.args[0])
                return Edit(
                    spans=((start, end, '"sha256"'),), what="SHA-256 instead of a broken hash", note=_REHASH
                )
        if name in {f"hashlib.{weak}" for weak in _WEAK} | set(_WEAK):
            return _slow_hash(text, call) or Edit(
                spans=((*text.span(call.func), "hashlib.sha256"),),
                what="SHA-256 instead of a broken hash",
                imports=() if name.startswith("hashlib.") else ("hashlib",),
                note=_REHASH,
            )
    raise CannotFixError("the hash is not made by a plain call of hashlib")


_REHASH = "Values hashed before do not match any more and have to be made anew."


def _slow_hash(text: PythonText, call: ast.Call) -> Edit | None:
    """For `hashlib.md5((salt + password).encode()).hexdigest()`: scrypt with that salt."""
    around = next(
        (
            node
            for node in ast.walk(text.tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.value is call
        ),
        None,
    )
    given = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if around is None or not isinstance(around.func, ast.Attribute) or around.func.attr != "hexdigest":
        return None
    if not (isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute) and given.func.attr == "encode"):
        return None
    joined = given.func.value
    if not (isinstance(joined, ast.BinOp) and isinstance(joined.op, ast.Add)):
        return None
    sides = {text.source(side): side for side in (joined.left, joined.right) if isinstance(side, ast.Name)}
    salt = next((name for name in sides if "salt" in name.lower()), None)
    password = next((name for name in sides if names_a_secret(name)), None)
    if salt is None or password is None:
        return None
    new = f"hashlib.scrypt({password}.encode(), salt={salt}.encode(), n=2**14, r=8, p=1).hex()"
    return Edit(
        spans=((*text.span(around), new),),
        what="scrypt, made for passwords, instead of a broken hash",
        imports=("hashlib",),
        note="Stored password hashes do not match any more: passwords have to be set anew.",
    )


def _shell(text: PythonText, line: int) -> Edit:
    for call in text.calls(line):
        name = dotted(call.func)
        shell = next((option for option in call.keywords if option.arg == "shell"), None)
        if any(option.arg in ("executable", None) for option in call.keywords):
            raise CannotFixError("the call names its own shell, or passes on options that are not known here")
        if name in ("os.system", "system") and len(call.args) == 1:
            if re.search(rb"WEXITSTATUS|>>\s*8|//\s*256", text.content):
                raise CannotFixError("the file takes the status of os.system apart, which is another number then")
            if not _is_statement(text, call) and not _is_asked_for_zero(text, call):
                raise CannotFixError("the status of os.system is handed on, which is another number then")
            status = "" if _is_statement(text, call) else ".returncode"
            return Edit(
                spans=((*text.span(call), f"subprocess.run({_argv(text, call.args[0])}, check=False){status}"),),
                what="an argument list without a shell",
                imports=("subprocess",),
                note=_MISSING,
            )
        if shell is not None and call.args:
            return Edit(
                spans=((*text.span(call.args[0]), _argv(text, call.args[0])), (*_with_comma(text, shell), "")),
                what="an argument list without a shell",
                note=_MISSING,
            )
    raise CannotFixError("the command is not started by a plain call of subprocess or os.system")


def _is_asked_for_zero(text: PythonText, call: ast.Call) -> bool:
    """Whether only that the status is 0, or is not, is asked for: other numbers of it mean something else."""
    for node in ast.walk(text.tree):
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert) and node.test is call:
            return True
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and node.operand is call:
            return True
        if isinstance(node, ast.Compare) and call in (node.left, *node.comparators) and len(node.ops) == 1:
            other = node.comparators[0] if node.left is call else node.left
            zero = isinstance(other, ast.Constant) and other.value == 0
            return zero and isinstance(node.ops[0], ast.Eq | ast.NotEq)
    return False


_MISSING = "A program that is missing raises FileNotFoundError now."


def _is_statement(text: PythonText, call: ast.Call) -> bool:
    """Whether nothing is done with what the call gives."""
    return any(isinstance(node, ast.Expr) and node.value is call for node in ast.walk(text.tree))


def _argv(text: PythonText, command: ast.expr) -> str:
    return "[" + ", ".join(_word(word) for word in words(_parts(text, command))) + "]"


def _word(word: tuple[str | CommandValue, ...]) -> str:
    if len(word) == 1 and isinstance(word[0], CommandValue):
        return f"str({word[0].source})"
    if all(isinstance(piece, str) for piece in word):
        return _quoted("".join(str(piece) for piece in word))
    inner = "".join(piece if isinstance(piece, str) else f"{{{piece.source}}}" for piece in word)
    quote = "'" if '"' in inner else '"'
    if quote in inner:
        raise CannotFixError("the command line's values are too involved for an f-string")
    return f"f{quote}{inner}{quote}"


def _quoted(value: str) -> str:
    return f'"{value}"'  # words hold neither quotes nor backslashes


def _parts(text: PythonText, node: ast.expr) -> list[str | CommandValue]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [part for value in node.values for part in _parts(text, value)]
    if isinstance(node, ast.FormattedValue):
        if node.conversion != -1 or node.format_spec is not None:
            raise CannotFixError("the command line formats a value")
        # In Python 3.11 the nodes inside an f-string have no places of their own.
        return (
            _parts(text, node.value)
            if isinstance(node.value, ast.Call)
            else [CommandValue(ast.unparse(node.value))]
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_parts(text, node.left), *_parts(text, node.right)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _percent(node)
    if isinstance(node, ast.Call) and dotted(node.func) in ("shlex.quote", "pipes.quote", "quote"):
        # Without a shell the quotes would be part of the argument.
        if len(node.args) == 1 and not node.keywords:
            return [CommandValue(ast.unparse(node.args[0]))]
    if isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Subscript):
        return [CommandValue(ast.unparse(node))]
    raise CannotFixError("the command line is not put together from text and values")


def _percent(node: ast.BinOp) -> list[str | CommandValue]:
    template = node.left.value if isinstance(node.left, ast.Constant) else None
    values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    pieces = template.split("%s") if isinstance(template, str) else []
    if len(pieces) != len(values) + 1 or any("%" in piece for piece in pieces):
        raise CannotFixError("the command line uses more than plain %s")
    parts: list[str | CommandValue] = [pieces[0]]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [CommandValue(ast.unparse(value)), piece]
    return parts


def _with_comma(text: PythonText, option: ast.keyword) -> tuple[int, int]:
    """The option and the comma before it."""
    start, end = text.span(option)
    before = text.content[:start].rstrip()
    return (len(before) - 1, end) if before.endswith(b",") else (start, end)


def _hard_coded(text: PythonText, line: int) -> Edit:
    for name, value, at in named_values(text.tree):
        if line not in (at, value.lineno) or not isinstance(value, ast.Constant):
            continue
        if isinstance(value.value, str) and names_a_secret(name) and looks_secret(value.value):
            variable = environment_name(name)
            _refuse_shared_variable(text, variable, value.value)
            return Edit(
                spans=((*text.span(value), f'os.environ["{variable}"]'),),
                what=f"a secret from the environment variable {variable}",
                imports=("os",),
                note=f"Set {variable}; the old value is known and has to be replaced.",
                variable=(variable, value.value),
            )
    raise CannotFixError("the secret is not given to a plain name")


def _refuse_shared_variable(text: PythonText, variable: str, secret: str) -> None:
    """Two secrets must never become one: whoever knew the weaker would have the other. Raises CannotFixError."""
    others = {
        value.value
        for name, value, _ in named_values(text.tree)
        if environment_name(name) == variable and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    if others - {secret} or f'environ["{variable}"]' in text.content.decode("utf-8", "replace"):
        raise CannotFixError(
            f"this file has more than one secret that would become {variable}; give each a name of its own"
        )


def environment_name(name: str) -> str:
    """`sessionSecret` -> `SESSION_SECRET`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^A-Za-z0-9]+", "_", spaced).strip("_").upper()


_OWN_TAGS = re.compile(r"add_(multi_|implicit_|path_)?(constructor|resolver)|\byaml_tag\b|YAMLObject|!!python")
_LOADERS = frozenset(
    {"Loader", "CLoader", "FullLoader", "CFullLoader", "UnsafeLoader", "CUnsafeLoader", "BaseLoader"}
)


def _yaml_load(text: PythonText, line: int) -> Edit:
    call = text.call(line, "yaml.load", "load")
    options = {one.arg: one.value for one in call.keywords}
    if not call.args or None in options or any(isinstance(one, ast.Starred) for one in call.args):
        raise CannotFixError("which of the call's arguments is the document cannot be seen")
    loader = call.args[1] if len(call.args) > 1 else options.get("Loader")
    if loader is not None and dotted(loader).rpartition(".")[2] not in _LOADERS:
        raise CannotFixError("the loader is one of the project's own: have it inherit from yaml.SafeLoader")
    if _OWN_TAGS.search(text.content.decode("utf-8")):
        raise CannotFixError(
            "the file has tags of its own, which yaml.safe_load refuses: add them to a SafeLoader"
        )
    return Edit(
        spans=((*text.span(call), f"yaml.safe_load({text.source(call.args[0])})"),),
        what="yaml.safe_load",
        imports=() if dotted(call.func) == "yaml.load" else ("yaml",),
        note="Documents with tags of Python objects are refused now.",
    )


def _eval(text: PythonText, line: int) -> Edit:
    call = text.call(line, "eval", "builtins.eval")
    if len(call.args) != 1 or call.keywords:
        raise CannotFixError("eval is given names to use, so it evaluates more than a literal")
    if isinstance(call.args[0], ast.JoinedStr | ast.BinOp) or (
        isinstance(call.args[0], ast.Call) and dotted(call.args[0].func) == "compile"
    ):
        raise CannotFixError("what is evaluated is put together from code, so it is no literal that can be read")
    return Edit(
        spans=((*text.span(call.func), "ast.literal_eval"),),
        what="ast.literal_eval, which reads literals only",
        imports=("ast",),
        note="Expressions other than literals are refused now.",
    )


def _option(name: str, old: object, new: str, what: str, note: str = "") -> Fix:
    """A fix that changes the value of a call's keyword."""

    def change(text: PythonText, line: int) -> Edit:
        for call in text.calls(line):
            for option in call.keywords:
                if option.arg == name and isinstance(option.value, ast.Constant) and option.value.value is old:
                    return Edit(spans=((*text.span(option.value), new),), what=what, note=note)
        raise CannotFixError(f"no {name}={old!r} on this line")

    return change


def _further_option(name: str, value: str, *functions: str) -> Fix:
    """A fix that gives a call one more keyword."""

    def add(text: PythonText, line: int) -> Edit:
        for call in text.calls(line):
            called = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
            if called in functions and any(one.arg is None for one in call.keywords):
                raise CannotFixError(
                    f"options are passed on (`**`), and {name} may be among them: set it where they are made"
                )
            if called in functions and all(one.arg != name for one in call.keywords):
                end = text.span(call)[1] - 1
                inside = text.content[:end].rstrip()
                comma = "" if inside.endswith((b"(", b",")) else ", "
                return Edit(spans=((len(inside), len(inside), f"{comma}{name}={value}"),), what=f"{name}={value}")
        raise CannotFixError(f"no call of {' or '.join(functions)} on this line")

    return add


def _archive_filter(text: PythonText, line: int) -> Edit:
    """`filter="data"`, which tarfile has and zipfile has not: the archive's type must be known."""
    for call in text.calls(line):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "extractall":
            kinds = _archive_kinds(text.tree, call.func.value, line)
            if kinds != {"tarfile"}:
                kind = " or ".join(sorted(kinds)) or "of unknown type"
                raise CannotFixError(
                    f"the archive is {kind}, and only tarfile has a filter: check each member's path before extracting"
                )
    return _further_option("filter", '"data"', "extractall")(text, line)


def _archive_kinds(tree: ast.Module, archive: ast.expr, line: int) -> set[str]:
    """The modules that may have opened the archive, as far as the file says; "something else" for any other value."""
    if isinstance(archive, ast.Call):
        return {_opener(archive)}
    if not isinstance(archive, ast.Name):
        return set()
    inside = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or 0)
    ]
    scope: ast.AST = max(inside, key=lambda node: node.lineno, default=tree)
    kinds: set[str] = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.withitem) and _is_name(node.optional_vars, archive.id):
            kinds.add(_opener(node.context_expr))
        elif isinstance(node, ast.Assign) and any(_is_name(target, archive.id) for target in node.targets):
            kinds.add(_opener(node.value))
    return kinds


def _is_name(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _opener(value: ast.expr) -> str:
    module = dotted(value.func).partition(".")[0] if isinstance(value, ast.Call) else ""
    return module if module in ("tarfile", "zipfile") else "something else"


def _tls(text: PythonText, line: int) -> Edit:
    for call in text.calls(line):
        if dotted(call.func) == "ssl._create_unverified_context":
            if call.args or call.keywords:
                raise CannotFixError(
                    "ssl.create_default_context takes other arguments: make the context anew with it"
                )
            return Edit(
                spans=((*text.span(call.func), "ssl.create_default_context"),), what="certificates are checked"
            )
    note = "A host whose certificate is of an authority of your own is refused until `verify` names its file."
    return _option("verify", False, "True", "certificates are checked", note)(text, line)


_SEEDED = re.compile(rb"\brandom\.(seed|setstate)\b|import[^\n]*\b(seed|setstate)\b")


def _random(text: PythonText, line: int) -> Edit:
    if _SEEDED.search(text.content):
        raise CannotFixError(
            "the file sets the seed of random, so its values may have to come again: use secrets by hand"
        )
    for call in _drawn(text, line):
        name = dotted(call.func).rpartition(".")[2]
        return Edit(
            spans=((*text.span(call.func), f"secrets.SystemRandom().{name}"),),
            what="random numbers nobody can compute",
            imports=("secrets",),
        )
    raise CannotFixError("the random number is not drawn by a plain call of the random module")


def _drawn(text: PythonText, line: int) -> Iterator[ast.Call]:
    """Calls of `random` on the line; else those of the values that are used there, as a finding names the use."""
    yield from (call for call in text.calls(line) if dotted(call.func).startswith("random."))
    function = _function_around(text, line)
    used = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.lineno == line
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and node.lineno < line and used & {dotted(each) for each in node.targets}:
            yield from (
                call
                for call in ast.walk(node.value)
                if isinstance(call, ast.Call) and dotted(call.func).startswith("random.")
            )


def _function_around(text: PythonText, line: int) -> ast.AST:
    """The innermost function with the line; the whole file where there is none."""
    around: ast.AST = text.tree
    for node in ast.walk(text.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            around = node if node.lineno <= line <= (node.end_lineno or node.lineno) else around
    return around


_TAKES_A_FILE = frozenset(
    "os.remove os.unlink os.stat os.chmod os.path.getsize os.path.basename os.path.splitext "
    "shutil.copy shutil.copy2 shutil.copyfile print".split()
)
"""Functions that do the same whether the file was there before or not."""


def _opens(call: ast.Call) -> bool:
    """Whether it opens a file that may be there: in a mode other than `x`."""
    mode = next(
        (one.value for one in call.keywords if one.arg == "mode"), call.args[1] if len(call.args) > 1 else None
    )
    known = mode is None or (isinstance(mode, ast.Constant) and "x" not in str(mode.value))
    return dotted(call.func) in ("open", "io.open") and known and all(one.arg for one in call.keywords)


def _refuse_free_name(scope: ast.AST, name: str) -> None:
    """A name may have to be free for a folder, a socket or another program. Raises CannotFixError unless it may not."""
    harmless: set[ast.AST] = set()
    for call in ast.walk(scope):
        if isinstance(call, ast.Call) and (_opens(call) or dotted(call.func) in _TAKES_A_FILE):
            harmless |= set(call.args[:1] if _opens(call) else call.args)
    for node in ast.walk(scope):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            break
        if (
            isinstance(node, ast.Name)
            and node.id == name
            and isinstance(node.ctx, ast.Load)
            and node not in harmless
        ):
            break
    else:
        return
    raise CannotFixError(
        "where the name goes, it may have to be free for a folder, a socket or a program: use tempfile.mkstemp "
        "for a file, and tempfile.TemporaryDirectory for all else"
    )


def _mktemp(text: PythonText, line: int) -> Edit:
    call = text.call(line, "tempfile.mktemp")
    start, end = text.span(call.func)
    if any(_opens(other) and other.args[:1] == [call] for other in text.calls(line)):
        closing = text.span(call)[1]
        return Edit(
            spans=((start, end, "tempfile.mkstemp"), (closing, closing, "[1]")),
            what="a temporary file made on the spot",
            note="The descriptor that mkstemp opens stays open until the process ends.",
        )
    function = _function_around(text, line)
    statement = next(
        (node for node in ast.walk(function) if isinstance(node, ast.Assign) and node.value is call), None
    )
    target = statement.targets[0] if statement is not None and len(statement.targets) == 1 else None
    if statement is None or not isinstance(target, ast.Name):
        raise CannotFixError("where the name goes cannot be seen: it may have to be free for a folder or a socket")
    _refuse_free_name(function, target.id)
    begins, ends = text.span(statement)
    margin = text.content[:begins].rpartition(b"\n")[2].decode("utf-8")
    if margin.strip():
        raise CannotFixError("the name is made between other statements on one line")
    handle, ending = f"{target.id}_handle", "\r\n" if b"\r\n" in text.content else "\n"
    return Edit(
        spans=(
            (begins, begins, f"{handle}, "),
            (start, end, "tempfile.mkstemp"),
            (ends, ends, f"{ending}{margin}os.close({handle})"),
        ),
        what="a temporary file made on the spot",
        imports=("os",),
    )


_OF_A_PAGE = re.compile(r"\.x?html?\b", re.IGNORECASE)
_OF_NO_PAGE = re.compile(
    r"\.(conf|cfg|ini|toml|ya?ml|json|sql|sh|bash|txt|md|rst|tex|csv|env|service|py|js|ts|go|c|h|cpp|java|tf|cmake|mk)"
    r"(\.(j2|jinja2?|tmpl|tpl))?$|Makefile|Dockerfile|LaTeX|latex",
)


def _autoescape(text: PythonText, line: int) -> Edit:
    """HTML is escaped; what is made of other templates would be spoilt by it."""
    said = [
        node.value
        for node in ast.walk(text.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    if any(map(_OF_NO_PAGE.search, said)) and not any(map(_OF_A_PAGE.search, said)):
        raise CannotFixError(
            "the templates are of no web page, and their text would be changed: where some are, use "
            "autoescape=select_autoescape()"
        )
    return _option("autoescape", False, "True", "HTML is escaped", "Values that are HTML already need `| safe`.")(
        text, line
    )


FIXES: dict[str, Fix] = {
    "py/weak-hash": _weak_hash,
    "py/shell-injection": _shell,
    "py/hard-coded-secret": _hard_coded,
    "py/unsafe-yaml": _yaml_load,
    "py/eval": _eval,
    "py/tls-verification-off": _tls,
    "py/debug-mode": _option("debug", True, "False", "debug mode off"),
    "py/template-autoescape-off": _autoescape,
    "py/archive-traversal": _archive_filter,
    "py/request-without-timeout": _further_option(
        "timeout", "30", "get", "post", "put", "patch", "delete", "head", "options", "request"
    ),
    "py/insecure-random": _random,
    "py/insecure-temp-file": _mktemp,
}
"""Rule -> its fix."""
