"""Changes -> what they took away: checks, escapes, rights, limits and tests whose code lives on without them.

Precision comes before volume. A line that came back elsewhere was moved; a protection that the same function got
another of, by itself or in a new function that it calls, was replaced; one that went with the whole function or file
has nothing left to protect. Comments and documentation protect nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from agents.builtin.code_reviewer.changes import Changes, Difference, Hunk
from agents.builtin.code_reviewer.guards import CHECK, CHECKS_BY_CALL, GUARDS, OF_RIGHTS, REFUSES, Guard
from agents.builtin.code_reviewer.history import added_by
from agents.builtin.code_reviewer.lost_tests import TEST_FILE, lost_tests
from agents.builtin.code_reviewer.old_code import Function, function_at, functions, indent, survivor
from agents.builtin.code_reviewer.plain_code import plain_code
from agents.builtin.code_reviewer.turned import SMALL
from agents.builtin.code_reviewer.weaker import Weaker, weaker

_MOST = 100
_MANY = 3
_LONGEST = 500
_LABEL = re.compile(r"['\"][^'\"]*['\"]\s+if\b.*\belse\s+['\"]|\?\s*['\"`][^'\"`]*['\"`]\s*:")
"""A choice between two texts to show."""
_TELLS = re.compile(
    r"^\s*(?:print\w*|puts|fmt\.Print\w*|System\.(?:out|err)\.\w+"
    r"|(?:[\w.]*\.)?(?:log|logger|logging|console)\.\w+)\s*[( ]"
)
"""A line that only tells somebody something."""
_LISTS = re.compile(r"\b(?:listdir|iterdir|glob|walk|scandir|readdir\w*)\b|__file__|__dirname|import\.meta")
_STATEMENT = re.compile(r"\s*(?:await\s+)?(?:self\.|this\.|\$this->|\w+\.)?\w+[!?]?\s*\(.*\)\s*;?\s*$")
_CALLED = re.compile(r"\b(\w+[!?]?)\s*\(")
_PROTECTING_FUNCTION = re.compile(r"\b(?:def|function|func|fn|private|public|protected|static|const|let|var)\b")
_CLEANING = re.compile(r"sanit|escap|clean|safe|quote|strip|encode|redact|mask|purif|normali[sz]e", re.IGNORECASE)
_REPLACING = re.compile(r"replace|\bg?sub!?\(|\.sub\(|translate|Trim\w*\(|strip|\bescape|encode|\bquote")
_STOPS = re.compile(rf"{REFUSES.pattern}|\breturn\s*;?\s*\}}?\s*$")


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Something that is gone."""

    file: str
    line: int
    """In the new file, where it was."""
    rule: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A protection that a function lost."""

    rule: str
    said: str
    """What happened to which line, as a sentence without its end."""
    what: str
    """What that allows."""
    old_line: int
    new_line: int
    function: Function


@dataclass(frozen=True, kw_only=True)
class _File:
    """One changed file without its comments."""

    change: Difference
    before: tuple[str, ...]
    after: tuple[str, ...]
    hunks: tuple[Hunk, ...]
    elsewhere: frozenset[str]
    """Lines that the change added anywhere: what is among them was moved."""
    helpers: dict[str, str]
    """New functions anywhere in the change: name -> text."""

    def gained(self, lives: Function) -> str:
        """What was added to the function, and what the new functions do that it calls now."""
        own = [text for at, text in self._added() if lives.start <= at <= lives.end]
        outside = [
            text for at, text in self._added() if not lives.start <= at <= lives.end and self._is_common(at)
        ]
        said = "\n".join(own)
        called = [text for name, text in self.helpers.items() if re.search(rf"\b{re.escape(name)}\b", said)]
        return "\n".join((*own, *outside, *called))

    def own(self, lives: Function) -> str:
        """What was added to the function itself."""
        return "\n".join(text for at, text in self._added() if lives.start <= at <= lives.end)

    def _added(self) -> Iterator[tuple[int, str]]:
        for hunk in self.hunks:
            yield from enumerate(hunk.added, hunk.new_start)

    def _is_common(self, at: int) -> bool:
        """Whether the line is for the whole file or class: a default of a router, an attribute of a class."""
        return not function_at("\n".join(self.after), at).name


def removals(changes: Changes) -> Iterator[Removal]:
    """All of them: of protections, one for each kind and function, and a hundred at most."""
    added = {_plain(line) for one in changes.differences for line in _added_code(one)}
    helpers = _new_functions(changes.differences)
    told: list[tuple[Difference, Loss]] = []
    for one in changes.differences:
        if one.after is None or TEST_FILE.search(one.old_name):
            continue
        first: dict[tuple[str, str], Loss] = {}
        losses = [*_losses(_file(one, one.after, frozenset(added), helpers))]
        # What is said of a line for its own reason is not said again because it is the opposite of what it was.
        known = {loss.new_line for loss in losses if loss.rule not in SMALL}
        for loss in losses:
            if loss.rule not in SMALL or loss.new_line not in known:
                first.setdefault((loss.rule, loss.function.name), loss)
        told += [(one, loss) for loss in first.values()]
    yield from _told(told, changes)
    for lost in lost_tests(changes.differences):
        yield Removal(file=lost.file, line=lost.line, rule=lost.rule, message=lost.message)


def _told(losses: Iterable[tuple[Difference, Loss]], changes: Changes) -> Iterator[Removal]:
    """A hundred at most. What went with the same line in many places is one decision, and told once."""
    alike: dict[tuple[str, str], list[tuple[Difference, Loss]]] = {}
    for one, loss in losses:
        alike.setdefault((loss.rule, loss.said), []).append((one, loss))
    told = 0
    for places in alike.values():
        shown = places[:1] if len(places) > _MANY else places
        for one, loss in shown[: _MOST - told]:
            told += 1
            others = len(places) - len(shown)
            yield _removal(one, loss, changes, f" The same happened in {others} other places." if others else "")


def _file(one: Difference, after: str, elsewhere: frozenset[str], helpers: dict[str, str]) -> _File:
    before, now = plain_code(one.old_name, one.before), plain_code(one.name, after)
    hunks = tuple(
        replace(
            hunk,
            removed=before[hunk.old_start - 1 : hunk.old_start - 1 + len(hunk.removed)] if hunk.removed else (),
            added=now[hunk.new_start - 1 : hunk.new_start - 1 + len(hunk.added)] if hunk.added else (),
        )
        for hunk in one.hunks
    )
    return _File(change=one, before=before, after=now, hunks=hunks, elsewhere=elsewhere, helpers=helpers)


def _added_code(one: Difference) -> Iterator[str]:
    if one.after is not None:
        now = plain_code(one.name, one.after)
        for hunk in one.hunks:
            yield from now[hunk.new_start - 1 : hunk.new_start - 1 + len(hunk.added)] if hunk.added else ()


def _new_functions(differences: Iterable[Difference]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in differences:
        if one.after is None or not any(hunk.added for hunk in one.hunks):
            continue
        known = {each.name for each in functions("\n".join(plain_code(one.old_name, one.before)))}
        for each in functions("\n".join(plain_code(one.name, one.after))):
            if each.name not in known and len(each.name) > 2:
                found[each.name] = each.text
    return found


def _removal(one: Difference, loss: Loss, changes: Changes, more: str = "") -> Removal:
    reversed_fix = added_by(changes, one.old_name, loss.old_line) if loss.old_line else ""
    message = f"{loss.said}{_where(loss.function)}: {loss.what}.{more}{reversed_fix}"
    return Removal(file=one.name, line=loss.new_line, rule=loss.rule, message=message)


def _losses(file: _File) -> Iterator[Loss]:
    """Every line of one file that protected something that lives on."""
    last = max(len(file.after) - 1, 1)
    old, new = "\n".join(file.before), "\n".join(file.after)
    gone = _protecting_functions_gone(file, old, new)
    for hunk in file.hunks:
        at = min(max(hunk.new_start + (0 if hunk.added else 1), 1), last)
        for found, line, function in _weakened(file, hunk, old, new):
            yield _weaker_loss(found, line, at if found.added_at is None else found.added_at, function)
        for offset, line in enumerate(hunk.removed):
            number = hunk.old_start + offset
            yield from _lost_help(file, gone, line, number, at)
            if not _may_protect(line) or _plain(line) in file.elsewhere:
                continue
            function = function_at(old, number)
            lives = survivor(function, new)
            if lives is None:
                continue
            for guard in _lost(line, number, file, lives, function):
                yield Loss(
                    rule=guard.rule,
                    said=f"{quoted(line)} was removed",
                    what=guard.what,
                    old_line=number,
                    new_line=at,
                    function=function,
                )


def _protecting_functions_gone(file: _File, old: str, new: str) -> dict[str, Function]:
    """Functions that refused or cleaned something and are nowhere any more, by name."""
    if not any(_PROTECTING_FUNCTION.search("\n".join(hunk.removed)) for hunk in file.hunks):
        return {}
    known = {each.name for each in functions(new)} | {*file.helpers}
    return {
        each.name: each
        for each in functions(old)
        if each.name not in known and len(each.name) > 2 and _is_protecting(each)
    }


def _is_protecting(function: Function) -> bool:
    lines = function.text.split("\n")[1:]
    refuses = any(CHECK.match(line) and _refusal(tuple(lines), at, REFUSES) for at, line in enumerate(lines, 1))
    return refuses or (
        _CLEANING.search(function.name) is not None and _REPLACING.search(function.text) is not None
    )


def _lost_help(file: _File, gone: dict[str, Function], line: str, number: int, at: int) -> Iterator[Loss]:
    """A call of such a function, in one that lives on and calls nothing in its place."""
    for name in {found[1] for found in _CALLED.finditer(line)} & {*gone}:
        new = "\n".join(file.after)
        function = function_at("\n".join(file.before), number)
        lives = survivor(function, new)
        if lives is None or not function.name or function.name in gone or _plain(line) in file.elsewhere:
            continue
        own = file.own(lives)
        # What went with its feature is missed by nobody.
        if not own.strip() and not (_STATEMENT.match(line) and CHECKS_BY_CALL.search(line)):
            continue
        known = {found[1] for found in _CALLED.finditer(f"{function.text}\n{gone[name].text}")}
        if {found[1] for found in _CALLED.finditer(own)} - known or _CHECK_ADDED.search(own):
            continue
        # Written in place: its lines may have stayed where they were.
        if len(_CHECK_ADDED.findall(lives.text)) > len(_CHECK_ADDED.findall(function.text)):
            continue
        guard = _RIGHTS_CHECK if OF_RIGHTS.search(name) else _PLAIN_CHECK
        if _CLEANING.search(name):
            guard = _CLEANED
        yield Loss(
            rule=guard.rule,
            said=f"{quoted(line)} was removed, and with it {name}, which checks or cleans what it is given,",
            what=guard.what,
            old_line=number,
            new_line=at,
            function=function,
        )


def _weakened(file: _File, hunk: Hunk, old: str, new: str) -> Iterator[tuple[Weaker, int, Function]]:
    for found in weaker(hunk, file.before, file.after, file.elsewhere):
        number = found.old_at or max(hunk.old_start, 1)
        here = function_at(new, found.added_at or max(hunk.new_start, 1))
        function = function_at(old, number)
        if here.name and function.name != here.name:
            known = survivor(function, new)
            if known is None or known.name != here.name:
                # Of a new function, nothing was taken away.
                if found.old_at is None:
                    continue
        yield found, found.old_at or 0, function


def _weaker_loss(found: Weaker, old_line: int, new_line: int, function: Function) -> Loss:
    return Loss(
        rule=found.rule,
        said=found.said,
        what=found.what,
        old_line=old_line,
        new_line=max(new_line, 1),
        function=function,
    )


def _may_protect(line: str) -> bool:
    if len(line) > _LONGEST or not line.strip() or _TELLS.match(line):
        return False
    return (
        CHECK.match(line) is not None
        or REFUSES.search(line) is not None
        or any(guard.pattern.search(line) for guard in GUARDS)
    )


_CHECK_ADDED = re.compile(CHECK.pattern, re.MULTILINE)
_PLAIN_CHECK = Guard(rule="removed-check", pattern=CHECK, what="what it refused is let through now")
_CLEANED = Guard(
    rule="removed-escape",
    pattern=CHECK,
    what="text from outside can become markup, a line, an address or a command of its own (injection)",
)
_RIGHTS_CHECK = Guard(
    rule="removed-auth-check", pattern=CHECK, what="somebody without the right to it can do this"
)


def _lost(line: str, number: int, file: _File, lives: Function, was: Function) -> Iterator[Guard]:
    """The kinds of protection that the line gave and that the function did not get again."""
    gained = file.gained(lives)
    now = "\n".join(file.after[lives.start - 1 : lives.end])
    stops = _refusal(file.before, number, _STOPS)
    kinds = [guard for guard in GUARDS if guard.pattern.search(line) and (not guard.refuses or stops)]
    if kinds:
        if _LABEL.search(line) or (kinds[0].rule == "removed-path-check" and _LISTS.search(line)):
            return
        own = file.own(lives)
        lost = [guard for guard in kinds if not guard.replaced_in(gained)]
        told = [guard for guard in lost if guard.matters_in(now, own)]
        yield from told
        # A comparison that went with its refusal is a check like any other.
        if told or not lost or not CHECK.match(line):
            return
    refusal = _refusal(file.before, number, REFUSES)
    by_call = {found[0] for found in CHECKS_BY_CALL.finditer(gained)} - {
        found[0] for found in CHECKS_BY_CALL.finditer(was.text)
    }
    if _CHECK_ADDED.search(gained) or REFUSES.search(gained) or by_call or not refusal:
        return
    if CHECK.match(line):
        if _only_passes_on(line, refusal, gained):
            return
        yield _RIGHTS_CHECK if OF_RIGHTS.search(_condition(line)) else _PLAIN_CHECK
    elif REFUSES.search(line) and (above := _kept_condition(file, number, now)):
        if OF_RIGHTS.search(above + line):
            yield _RIGHTS_CHECK
        elif not above.lstrip().startswith(("except", "catch", "rescue", "}", "else")):
            yield _PLAIN_CHECK


def _condition(line: str) -> str:
    """Without what only tests for nothing being there."""
    return re.sub(r"['\"][^'\"]*['\"]", "", line)


def _refusal(before: tuple[str, ...], number: int, refuses: re.Pattern[str]) -> str:
    """The line's own refusal, or the one that begins the block under it; empty where it refuses nothing."""
    line = before[number - 1]
    if refuses.search(line):
        return line
    if not CHECK.match(line):
        return ""
    depth, taken = indent(line), list[str]()
    for under in before[number : number + 8]:
        if not under.strip() or under.strip() in ("{", "):", ") {", ")"):
            continue
        if indent(under) <= depth or len(taken) == 3:
            break
        taken.append(under)
    return next((under for under in taken if refuses.search(under)), "")


def _only_passes_on(line: str, refusal: str, gained: str) -> bool:
    """An error of a call that is passed on in another way now, and None for nothing made in another way."""
    error = re.match(
        r"^\s*\}?\s*if\s*\(?\s*(?:\w+\s*[:=]+.*;\s*)?(\w*err(?:or)?)\s*(?:!==?\s*(?:nil|null|undefined))?\s*\)?\s*\{?",
        line,
    )
    if error and re.search(rf"\b{error[1]}\b", refusal):
        return bool(gained.strip()) and re.search(r"(?:,\s*_|^\s*_)\s*:?=", gained, re.MULTILINE) is None
    plain = re.search(r"return\s+(?:None|null|nil|False|false)\s*;?\s*\}?$", refusal.strip())
    nothing = re.match(
        r"^\s*if\s*\(?\s*(?:not\s+|!\s*)?[\w.$>-]+\s*(?:(?:===?|is)\s*(?:None|null|nil|undefined))?\s*\)?\s*[:{]?\s*(?:return\b|$)",
        line,
    )
    return bool(plain and nothing and gained.strip() and not OF_RIGHTS.search(line))


def _kept_condition(file: _File, number: int, now: str) -> str:
    """The condition above a refusal, where it still stands: what it found is no longer refused."""
    for above in reversed(file.before[max(number - 4, 0) : number - 1]):
        text = above.strip()
        if not text or text == "{":
            continue
        if indent(above) < indent(file.before[number - 1]) and re.match(
            r"(?:\}?\s*)(?:if|elif|else|elsif|unless|except|catch|rescue|guard|case)\b", text
        ):
            return above if _plain(above) in {_plain(line) for line in now.split("\n")} else ""
        if not REFUSES.search(above):
            return ""
    return ""


def quoted(line: str) -> str:
    """A line of code as a message shows it."""
    shown = " ".join("".join(char if char.isprintable() else " " for char in line).split())
    return f"`{shown[:120].replace('`', chr(39))}`"


def _where(function: Function) -> str:
    return f" from {function.name}" if function.name else ""


def _plain(line: str) -> str:
    """Two lines that differ in white space only are one."""
    return "".join(line.split())
