"""Lines that took the place of others -> protections that are still there and let more through, or are switched off."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.builtin.code_reviewer.changes import Hunk
from agents.builtin.code_reviewer.condition import condition_of, lets_more_through
from agents.builtin.code_reviewer.guards import OF_RIGHTS, REFUSES, SWITCHES
from agents.builtin.code_reviewer.old_code import function_at, indent
from agents.builtin.code_reviewer.swallowed import swallowed
from agents.builtin.code_reviewer.turned import turned
from agents.builtin.code_reviewer.unwrapped import items_lost, lost_in

_ALIKE = 0.6
_IN_ORDER = 8
_LONGEST = 400
_PREDICATE = re.compile(
    r"^(?:can|may|is|has|should|allow|check|verify|valid|authori|permit|require|ensure|guard)", re.IGNORECASE
)
_REGEX = re.compile(r"/(\^?(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+?\$?)/[a-z]*|[rR]?(['\"`])((?:\\.|(?!\2).)*)\2")
_NUMBER = re.compile(r"(?<![\w.])(\d[\d_]*)(?![\w.])")
_WORK = re.compile(
    r"pbkdf2|iterations?|rounds|gensalt|\bcost\b|work_?factor|bcrypt|scrypt|argon|min_?(?:length|len|size)", re.I
)
_DRAWN = re.compile(
    r"token_(?:hex|bytes|urlsafe)\s*\(|random_?bytes\s*\(|random_pseudo_bytes\s*\(|SecureRandom\.|\burandom\s*\("
    r"|getRandomValues|\bRandomNumberGenerator\b|\bnanoid\s*\(|get_random_string\s*\(|Str::random\s*\("
    r"|\b\w*(?:token|otp|nonce|salt|session|api_?key|secret)\w*(?:length|len|size|bytes)\w*['\"]?\s*[=:]",
    re.IGNORECASE,
)
_ENOUGH = 16
_CAST = re.compile(
    r"\b(?:String|str|Number|int|float|Integer|Float|parseInt|parseFloat|BigInt|intval|strval|UUID|uuid\.UUID)"
    r"\s*\(((?:[^()]|\([^()]*\)){1,200}?)(?:,\s*10)?\)|\((?:int|string|float|bool)\)\s*(\$_\w+\[[^\]]{1,80}\])"
)
_OUTSIDE = re.compile(
    r"\breq(?:uest)?\b|\bparams\b|\bquery\b|\bctx\b|\bbody\b|\bform\b|\bargs\b|\$_(?:GET|POST|REQUEST|COOKIE)",
    re.I,
)
_ASKS = re.compile(r"\s*(?:if|elif|elsif|unless|while)\b\s*\(?[\w$@]+\b")
_ANSWERS = re.compile(r"\s*return\s+\w+\s*;?\s*$")
_MODE = re.compile(r"(?<![\w.])0o?([0-7]{3})\b(?!\.)")
_TLS = re.compile(r"TLS[v_]?(?:1[._]?([0-3])|1)(?![\d_.])|SSL(?:v|_)?([23])", re.IGNORECASE)
_PLAIN_HTTP = re.compile(
    r"http://(?!localhost|127\.|0\.0\.0\.0|\[::1\]|[\w.-]+\.(?:local|internal|test|svc)\b"
    r"|www\.w3\.org|schemas?\.|purl\.|xmlns\.|json-schema\.)([\w.-]+)"
)


@dataclass(frozen=True, kw_only=True)
class Weaker:
    """One protection that is weaker now."""

    rule: str
    said: str
    what: str
    old_at: int | None
    """Line number in the old text; None where nothing was there."""
    added_at: int | None
    """In the new text."""


def weaker(
    hunk: Hunk, before: tuple[str, ...], after: tuple[str, ...], elsewhere: frozenset[str]
) -> Iterator[Weaker]:
    """What of the hunk makes a protection weaker."""
    yield from _paired(hunk, before, after)
    yield from _always_true(hunk, before, after)
    yield from _switched_off(hunk, before)
    for at, check in swallowed(hunk, before, after):
        yield Weaker(
            rule="removed-check",
            said=f"the refusal of `{_shown(check)}` is caught and let go",
            what="what it refused is let through now",
            old_at=None,
            added_at=at,
        )
    above = (before[at] for at in range(hunk.old_start - 2, max(hunk.old_start - 40, 0) - 1, -1))
    if (name := items_lost([*hunk.removed], [*hunk.added], above)) is not None:
        yield Weaker(
            rule="loosened-check",
            said=f"`{_shown(', '.join(hunk.removed))}` left the list `{_shown(name)}`",
            what="values that were refused are taken now",
            old_at=hunk.old_start,
            added_at=None,
        )


def _paired(hunk: Hunk, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Weaker]:
    """What a line says less strictly than the one that it took the place of."""
    for (old_at, old), (new_at, new) in [*_pairs(hunk), *_statements(hunk, before, after)]:
        if found := _pair(old, new, before, old_at, after, new_at):
            rule, said, what = found
            yield Weaker(rule=rule, said=said, what=what, old_at=old_at, added_at=new_at)


def _switched_off(hunk: Hunk, before: tuple[str, ...]) -> Iterator[Weaker]:
    """New lines that switch a protection off."""
    was = "\n".join(hunk.removed)
    for new_at, line in enumerate(hunk.added, hunk.new_start):
        if len(line) > _LONGEST:
            continue
        for switch in SWITCHES:
            if (found := switch.pattern.search(line)) and not switch.pattern.search(was) and before != ("",):
                yield Weaker(
                    rule="switched-off",
                    said=f"`{_shown(found[0])}` was added",
                    what=switch.what,
                    old_at=None,
                    added_at=new_at,
                )


def _pairs(hunk: Hunk) -> Iterator[tuple[tuple[int, str], tuple[int, str]]]:
    """Each removed line with the added one that is most like it."""
    free = dict(enumerate(hunk.added, hunk.new_start))
    for old_at, old in enumerate(hunk.removed, hunk.old_start):
        if not old.strip() or len(old) > _LONGEST:
            continue
        words = re.findall(r"\w+|\S", old)
        best, most = None, _ALIKE
        for new_at, new in free.items():
            if not new.strip() or len(new) > _LONGEST or len(free) > 60:
                continue
            alike = difflib.SequenceMatcher(None, words, re.findall(r"\w+|\S", new), autojunk=False).ratio()
            if new.strip().startswith(old.strip()):
                alike = 1.0  # the same, with something behind it
            if alike > most:
                best, most = new_at, alike
        if best is not None:
            yield (old_at, old), (best, free.pop(best))
        elif len(hunk.removed) == len(hunk.added) <= _IN_ORDER:
            # Each line is in the place of the other, however much of it is gone.
            at = old_at - hunk.old_start
            if hunk.new_start + at in free and _shares(old, hunk.added[at]):
                yield (old_at, old), (hunk.new_start + at, hunk.added[at])


def _shares(old: str, new: str) -> bool:
    """Whether all words of the new line were in the old one, both only answer, or ask about the same thing."""
    if not new.strip() or len(new) > _LONGEST:
        return False
    asked, asks = _ASKS.match(old), _ASKS.match(new)
    return (
        (asked is not None and asks is not None and asked[0] == asks[0])
        or all(map(_ANSWERS.match, (old, new)))
        or {*re.findall(r"\w+", new)} <= {*re.findall(r"\w+", old)}
    )


def _statements(
    hunk: Hunk, before: tuple[str, ...], after: tuple[str, ...]
) -> Iterator[tuple[tuple[int, str], tuple[int, str]]]:
    """The condition over several lines that the hunk is in the middle of, before and after."""
    old = _statement(before, hunk.old_start)
    new = _statement(after, max(hunk.new_start, 1))
    if old is not None and new is not None and old[1] != new[1]:
        yield old, new


def _statement(lines: tuple[str, ...], at: int) -> tuple[int, str] | None:
    """The line that begins it, and the whole of it on one line."""
    for start in range(at, max(at - 8, 0), -1):
        if not 0 < start <= len(lines) or not re.match(
            r"\s*\}?\s*(?:el)?(?:if|unless|return|assert)\b", lines[start - 1]
        ):
            continue
        taken: list[str] = []
        for line in lines[start - 1 : start + 12]:
            taken.append(line.strip())
            whole = " ".join(taken)
            if sum(whole.count(each) for each in "([{") - sum(
                whole.count(each) for each in ")]}"
            ) <= whole.endswith("{"):
                return (start, whole) if start + len(taken) > at and len(taken) > 1 else None
        return None
    return None


def _pair(
    old: str, new: str, before: tuple[str, ...], old_at: int, after: tuple[str, ...], new_at: int
) -> tuple[str, str, str] | None:
    return (
        _condition(old, new, before, old_at, after, new_at)
        or _juggled(old, new)
        or _border(old, new, before, old_at)
        or _equal(old, new, before, old_at)
        or _regex(old, new)
        or _work(old, new)
        or _drawn(old, new)
        or _cast(old, new)
        or _mode(old, new)
        or _transport(old, new)
        or lost_in(old, new, function_at("\n".join(before), old_at).name)
        or _turned(old, new, before, old_at, after, new_at)
    )


def _turned(
    old: str, new: str, before: tuple[str, ...], old_at: int, after: tuple[str, ...], new_at: int
) -> tuple[str, str, str] | None:
    body = _body(before, old_at)
    return turned(
        old,
        new,
        function_at("\n".join(before), old_at).name,
        same_body=body == _body(after, new_at),
        refuses=REFUSES.search(f"{old}\n{body}") is not None,
    )


def _condition(
    old: str, new: str, before: tuple[str, ...], old_at: int, after: tuple[str, ...], new_at: int
) -> tuple[str, str, str] | None:
    was, now = condition_of(old), condition_of(new)
    if was is None or now is None or was[1] != now[1]:
        return None
    name = function_at("\n".join(before), old_at).name
    of_rights = bool(OF_RIGHTS.search(old) or OF_RIGHTS.search(name))
    if was[1]:
        if not (of_rights or _PREDICATE.match(name)):
            return None
        refuses = False
    else:
        body, body_now = _body(before, old_at), _body(after, new_at)
        if body != body_now:
            return None
        refuses = bool(REFUSES.search(f"{old}\n{body}"))
        if not refuses and not of_rights:
            return None
    how = lets_more_through(was[0], now[0], refuses=refuses)
    if how is None:
        return None
    what = "somebody without the right to it can do this" if of_rights else "what it refused is let through now"
    rule = "inverted-check" if how == "was turned around" else "loosened-check"
    return rule, f"`{_shown(old)}` became `{_shown(new)}`, which {how}", what


def _juggled(old: str, new: str) -> tuple[str, str, str] | None:
    """In PHP `==` takes "0" and "" and "0e1" for the same."""
    if "$" not in new or not (OF_RIGHTS.search(old) or re.search(r"\bif\b", old)):
        return None
    if re.sub(r"([!=]=)=", r"\1", old) == new and old != new:
        return (
            "loosened-check",
            f"`{_shown(old)}` became `{_shown(new)}`, which converts before it compares",
            ("values that were refused are taken now"),
        )
    return None


def _border(old: str, new: str, before: tuple[str, ...], old_at: int) -> tuple[str, str, str] | None:
    """A number in a refusal that was moved far, or in one about passwords, codes and attempts."""
    was, now = condition_of(old), condition_of(new)
    if was is None or now is None or was[1] or _NUMBER.sub("0", old) != _NUMBER.sub("0", new):
        return None
    if not REFUSES.search(f"{old}\n{_body(before, old_at)}"):
        return None
    name = function_at("\n".join(before), old_at).name
    near = (
        2
        if re.search(r"passw|\bpw\b|pwd|secret|token|attempt|otp|\bpin\b|login|tries", f"{name} {old}", re.I)
        else 10
    )
    for one, other in zip(_NUMBER.finditer(was[0]), _NUMBER.finditer(now[0]), strict=False):
        a, b = int(one[1].replace("_", "")), int(other[1].replace("_", ""))
        least = re.search(r"<=?\s*$", was[0][: one.start()]) is not None
        most = re.search(r">=?\s*$", was[0][: one.start()]) is not None
        if (least and b * near <= a and a > 1) or (most and a * near <= b):
            what = "values that were refused are taken now"
            return "loosened-check", f"`{_shown(old)}` became `{_shown(new)}`", what
    return None


def _equal(old: str, new: str, before: tuple[str, ...], old_at: int) -> tuple[str, str, str] | None:
    """A refusal with `<=` or `>=` that has `<` or `>` now: the border itself is let through."""
    was, now = condition_of(old), condition_of(new)
    if was is None or now is None or was[1] or not REFUSES.search(f"{old}\n{_body(before, old_at)}"):
        return None
    if was[0] != now[0] and re.sub(r"([<>])=(?!=)", r"\1", was[0]) == now[0]:
        what = "the border itself was refused and is let through now"
        return "moved-border", f"`{_shown(old)}` became `{_shown(new)}`", what
    return None


def _body(lines: tuple[str, ...], at: int) -> str:
    """What stands under a condition, up to three lines of it."""
    depth, taken, open_ones = indent(lines[at - 1]), list[str](), _open(lines[at - 1])
    for under in lines[at : at + 12]:
        if open_ones > 0:
            open_ones += _open(under)
            continue
        if not under.strip():
            continue
        if indent(under) <= depth or len(taken) == 3:
            break
        taken.append(" ".join(under.split()))
    return "\n".join(taken)


def _open(line: str) -> int:
    """How many round and square brackets it opens more than it closes."""
    return sum(line.count(each) for each in "([") - sum(line.count(each) for each in ")]")


def _regex(old: str, new: str) -> tuple[str, str, str] | None:
    what = "values that were refused are taken now"
    if (
        re.search(r"\bfullmatch\s*\(", old)
        and re.search(r"\b(?:search|match)\s*\(", new)
        and "fullmatch" not in new
    ):
        if _REGEX.search(new) is None or "$" not in new:
            return "loosened-check", f"`fullmatch` became `{_shown(new)}`, which takes a part for the whole", what
    was, now = _expressions(old), _expressions(new)
    if len(was) != 1 or len(now) != 1 or was == now:
        return None
    [one], [other] = was, now
    if re.search(r"\bfullmatch\b|\.matches\s*\(", new):
        return None
    dropped = (_begins(one) and not _begins(other)) or (_ends(one) and not _ends(other))
    if dropped and one.strip("^$").strip("\\AZz") == other.strip("^$").strip("\\AZz"):
        return "loosened-check", f"the pattern `{_shown(one)}` lost an anchor", what
    if re.fullmatch(r"\^?\.[*+]\$?|\^?\[\\s\\S\][*+]\$?", other) and one != other:
        return (
            "loosened-check",
            f"the pattern `{_shown(one)}` became `{_shown(other)}`, which takes anything",
            what,
        )
    return None


def _expressions(line: str) -> list[str]:
    found = [each[1] or each[3] or "" for each in _REGEX.finditer(line)]
    return [each for each in found if re.search(r"[\^$\[\]*+?\\]|\.\*", each)]


def _begins(expression: str) -> bool:
    return expression.startswith(("^", r"\A"))


def _ends(expression: str) -> bool:
    return expression.endswith(("$", r"\z", r"\Z"))


def _work(old: str, new: str) -> tuple[str, str, str] | None:
    if not (_WORK.search(old) and _WORK.search(new)):
        return None
    was = [int(each.replace("_", "")) for each in _NUMBER.findall(old)]
    now = [int(each.replace("_", "")) for each in _NUMBER.findall(new)]
    if len(was) != len(now) or not was or not any(b < a for a, b in zip(was, now, strict=True)):
        return None
    if any(b > a for a, b in zip(was, now, strict=True)):
        return None
    return (
        "weakened-crypto",
        f"`{_shown(old)}` became `{_shown(new)}`",
        "less work or length is asked for than before",
    )


def _drawn(old: str, new: str) -> tuple[str, str, str] | None:
    """Random bytes or letters of which fewer are drawn: below 16 they can be guessed."""
    if not (_DRAWN.search(old) and _DRAWN.search(new)) or _NUMBER.sub("0", old) != _NUMBER.sub("0", new):
        return None
    was = [int(each.replace("_", "")) for each in _NUMBER.findall(old)]
    now = [int(each.replace("_", "")) for each in _NUMBER.findall(new)]
    if not any(b < a and b < _ENOUGH for a, b in zip(was, now, strict=True)):
        return None
    return "weakened-crypto", f"`{_shown(old)}` became `{_shown(new)}`", "the value is short enough to be guessed"


def _cast(old: str, new: str) -> tuple[str, str, str] | None:
    """A value of a request that was turned into text or a number, and is taken as it comes now."""
    for found in _CAST.finditer(old):
        bare = found[1] or found[2]
        if _OUTSIDE.search(bare) and old.replace(found[0], bare).split() == new.split():
            what = "an object, a list or other text than expected comes through now"
            return "removed-validation", f"`{_shown(found[0])}` became `{_shown(bare)}`", what
    return None


def _mode(old: str, new: str) -> tuple[str, str, str] | None:
    was, now = _MODE.findall(old), _MODE.findall(new)
    if len(was) != 1 or len(now) != 1:
        return None
    wider = int(now[0], 8) & ~int(was[0], 8) & 0o077
    if not wider:
        return None
    return (
        "loosened-check",
        f"the mode {was[0]} became {now[0]}",
        "other accounts of the machine can reach the file",
    )


def _transport(old: str, new: str) -> tuple[str, str, str] | None:
    what = "anybody on the way can read and change what is sent"
    if (plain := _PLAIN_HTTP.search(new)) and f"https://{plain[1]}" in old:
        return "switched-off", f"the address of {plain[1]} lost its encryption", what
    was, now = _least_tls(old), _least_tls(new)
    if was is not None and now is not None and now < was and now < 12:
        return "switched-off", f"`{_shown(old)}` became `{_shown(new)}`", what
    return None


def _least_tls(line: str) -> int | None:
    found = [(10 + int(each[1] or 0)) if not each[2] else int(each[2]) for each in _TLS.finditer(line)]
    return min(found, default=None)


def _always_true(hunk: Hunk, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[Weaker]:
    """A function that decided something and says yes to all now."""
    for at, line in enumerate(hunk.added, hunk.new_start):
        if not re.fullmatch(r"(?:return\s+)?(?:True|true)\s*;?", line.strip()):
            continue
        now = function_at("\n".join(after), at)
        body = [each for each in after[now.start - 1 : now.end] if each.strip()]
        inside = [each for each in body if each.strip() not in ("{", "}", "end", "};")][1:]
        if not now.name or [each.strip() for each in inside if not each.strip().startswith("@")][-1:] != [
            line.strip()
        ]:
            continue
        was = function_at("\n".join(before), hunk.old_start or 1)
        own = [each for each in inside if each.strip() != line.strip()]
        decided = any(
            re.search(r"==|!=|[<>]|\b(?:and|or|not|in|if)\b|&&|\|\||!|\(", each) for each in hunk.removed
        )
        if (
            was.name == now.name
            and not own
            and decided
            and (_PREDICATE.match(now.name) or OF_RIGHTS.search(was.text))
        ):
            yield Weaker(
                rule="inverted-check",
                said=f"{now.name} says yes to everything",
                what="what it refused is let through now",
                old_at=hunk.old_start or None,
                added_at=at,
            )


def _shown(line: str) -> str:
    shown = " ".join("".join(char if char.isprintable() else " " for char in line).split())
    return shown[:100].replace("`", "'")
