"""Two lines that differ in one place only -> what that place says now, where it is the opposite or one step beside.

The lines are compared as tokens of any language. Whatever else changed with them makes it another change, about which
nothing is said here: a renamed variable, a condition whose branches changed places, a call with new arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.builtin.code_reviewer.guards import OF_RIGHTS
from agents.builtin.code_reviewer.unwrapped import Found, arguments, closing, shown

_TOKEN = re.compile(
    r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|\d\w*(?:\.\d\w*)?|[@$]?\w+(?:[?!](?!=))?"
    r"|===|!==|<=>|==|!=|<=|>=|<<|>>|->|=>|&&|\|\||\+\+|--|[-+*/]=|\.\.[.=]?|\S"
)
SMALL = frozenset({"turned-around", "moved-border", "opened-default"})
"""Rules that see one changed place and do not know what it is for."""
_LONGEST = 400
_LESS, _MORE = frozenset({"<", "<="}), frozenset({">", ">="})
_SAME, _OTHER = frozenset({"==", "==="}), frozenset({"!=", "!=="})
_COMPARES = _LESS | _MORE | _SAME | _OTHER
_NOTHING = frozenset({"None", "null", "nil", "undefined"})
_CONDITION = re.compile(
    r"^\s*\}?\s*(?:if|el(?:se\s*)?if|elsif|unless|while|until|return|assert|when|case|guard)\b|\s(?:if|unless|while)\s|\?|&&|\|\|"
    r"|\band\b|\bor\b"
)
_OPPOSITES = (
    ("and", "or"),
    ("&&", "||"),
    ("if", "unless"),
    ("while", "until"),
    ("min", "max"),
    ("any", "all"),
    ("any?", "all?"),
    ("some", "every"),
    ("floor", "ceil"),
    ("Floor", "Ceil"),
    ("+", "-"),
    ("*", "/"),
    ("+=", "-="),
    ("++", "--"),
    ("break", "continue"),
    ("break", "next"),
    ("isEmpty", "isNotEmpty"),
    ("empty?", "any?"),
    ("any?", "none?"),
    ("present?", "blank?"),
    ("zero?", "nonzero?"),
    ("zero?", "nil?"),
    ("empty?", "nil?"),
    ("blank?", "nil?"),
    ("positive?", "negative?"),
    ("even?", "odd?"),
    ("include?", "exclude?"),
    ("isEmpty", "isPresent"),
    ("isBlank", "isNotBlank"),
    ("anyMatch", "allMatch"),
    ("anyMatch", "noneMatch"),
    ("Any", "All"),
    ("After", "Before"),
    ("isAfter", "isBefore"),
    ("startswith", "endswith"),
    ("startsWith", "endsWith"),
    ("start_with?", "end_with?"),
    ("HasPrefix", "HasSuffix"),
    ("in", "not in"),
    ("is", "is not"),
)
_TURNED = {pair for one, other in _OPPOSITES for pair in ((one, other), (other, one))}
_OPENED = {
    ("deny", "allow"),
    ("denied", "allowed"),
    ("deny", "accept"),
    ("deny", "permit"),
    ("reject", "accept"),
    ("block", "allow"),
    ("drop", "accept"),
    ("forbid", "allow"),
    ("forbidden", "allowed"),
    ("private", "public"),
    ("401", "200"),
    ("403", "200"),
    ("unauthorized", "ok"),
    ("forbidden", "ok"),
}
_OPENS = re.compile(
    r"allow|permit|trust|insecure|public|anonym|skip|ignore|bypass|unsafe|guest|disable|accept_?(?:all|any)|debug",
    re.IGNORECASE,
)
_PROTECTS = re.compile(
    r"strict|verify|secure|valid|\bblock_|ignore_all|rotation|non_?root|deletion_?protect|escape|check|\bsign|protect|auth|require|encrypt|http_?only|csrf|sanit|safe|restrict|enforce"
    r"|\bdeny|private|mask|redact|read_?only|confirm|ssl|tls|https",
    re.IGNORECASE,
)
_CUTS = re.compile(
    r"\[(?:0)?:-?[\w.]+\]|\.(?:limit|take|first|head|truncate|Limit|Take)\([\w.:]+\)"
    r"|\.(?:slice|substring|substr|Substring)\(0,[\w.:]+\)|\[0\.\.\.?[\w.-]+\]|\[0,[\w.]+\]"
)
_WAITED_FOR = re.compile(r"(?i)^(?:assert|check|require|verify|ensure|valid|authori[sz]|guard|enforce|must|deny)")
_COMPARES_TYPES = re.compile(r"\b(?:in_array|array_search|array_keys|base64_decode)\s*\(")
_NAMES_FIELDS = re.compile(r"\.permit\s*\(|fillable|attr_accessible|^\s*fields\s*=|setAllowedFields|\bpick\s*\(")
_PRIVILEGED = re.compile(
    r"(?i)^[:'\"]*(?:is_?)?(?:admin|staff|superuser|role|roles|permissions?|owner|owner_?id|verified|approved|balance|price)['\"]*$"
)
_ROWS = re.compile(r"(?i)\b(?:delete\s+from|update)\b")
_OF_ROWS = re.compile(r"(?i)\s+where\b[^'\"`]*")
_OF_OWNER = re.compile(
    r"(?i)\s+and\s+(?:\w+\.)?(?:owner|author|user|account|tenant|org(?:ani[sz]ation)?|team|created_by)(?:_?id)?\s*=\s*(?:\?|[:$@%]\w+)"
)
_SHELL_LINE = re.compile(r"^\s*(?:(?:if|then|do|else|sudo|exec|!|\S+=\S*)\s+)*[a-z][\w./-]*\s[^();]*$")
_QUOTED_PARAMETER = re.compile(r'^"(\$(?:[\w@*#]+|\{\w+\}))"$')
_QUERY_LIMIT = re.compile(r"\s+(?:LIMIT|FETCH\s+FIRST)\s+(?:\d+|\?|[:$@%]\w+)(?:\s+ROWS?\s+ONLY)?", re.IGNORECASE)
_BOUNDS = re.compile(r"(?:\b[\w:]+[.:]+)?\b(min|max|clamp)\s*\(", re.IGNORECASE)
_RUBY_BOUNDS = re.compile(r"\[([^\[\]]{1,120})\]\s*\.\s*(min|max)\b(?!\w|\s*[({])")
_STEPS = frozenset(
    "range xrange slice substr substring Substring subarray subList take drop upto downto times copyOfRange mb_substr"
    " array_slice charAt islice skip".split()
)
_ANSWER = "what asks for it gets the opposite answer in the same case"
_UNBOUND = "what comes from outside can make the value as large or as long as it likes"


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The one place at which two lines differ, as tokens."""

    before: list[str]
    was: list[str]
    now: list[str]
    behind: list[str]


def turned(old: str, new: str, function: str, *, same_body: bool, refuses: bool) -> Found | None:
    """What the line says now. `function`: the name of the one around it.

    `same_body`: what stands under it is as before; `refuses`: and is a refusal.
    """
    if max(len(old), len(new)) > _LONGEST:
        return None
    if bound := _bound(old, new):
        return bound
    place = _place(old, new)
    if place is None:
        return None
    return (
        _let_go(place, old, new)
        or _widened(place, old, new)
        or _cut(place, old, new)
        or (_opposite(place, old, new, function, refuses=refuses) if same_body else None)
        or _step(place, old, new)
        or _default(place, old, new, function)
        or _passed_on(place, old, new)
    )


def _place(old: str, new: str) -> _Place | None:
    was, now = _TOKEN.findall(old), _TOKEN.findall(new)
    start = 0
    while start < min(len(was), len(now)) and was[start] == now[start]:
        start += 1
    end = 0
    while end < min(len(was), len(now)) - start and was[-1 - end] == now[-1 - end]:
        end += 1
    if start == len(was) == len(now) or start + end == 0:
        return None
    return _Place(
        before=was[:start],
        was=was[start : len(was) - end],
        now=now[start : len(now) - end],
        behind=was[len(was) - end :],
    )


def _said(old: str, new: str) -> str:
    return f"{shown(old)} became {shown(new)}"


def _opposite(place: _Place, old: str, new: str, function: str, *, refuses: bool) -> Found | None:
    """One word or sign in whose place stands the one that says the opposite, or something wider."""
    one, other = " ".join(place.was), " ".join(place.now)
    rule = "inverted-check" if OF_RIGHTS.search(f"{old} {function}") and place.before else "turned-around"
    is_turn = (one, other) in _TURNED or _turns_comparison(one, other) or _turns_not(place, old)
    if is_turn and not _is_sign(place):
        return rule, _said(old, new), _ANSWER
    if one in _COMPARES and other in _COMPARES and {one, other} not in ({"==", "==="}, {"!=", "!=="}):
        # A refusal that takes in its border refuses more.
        if refuses and one in ("<", ">", "==", "===") and "=" in other:
            return None
        return "moved-border", _said(old, new), "the border itself is on the other side now"
    if place.was[:1] and place.was[0] in _COMPARES and len(place.was) == 2 and _asks_for_nothing(place.now):
        if place.was[1] not in _NOTHING:
            what = "it asks whether something is there, and no longer for its value"
            return "turned-around", _said(old, new), what
    return None


def _turns_comparison(one: str, other: str) -> bool:
    opposite = ((_LESS, _MORE), (_MORE, _LESS), (_SAME, _OTHER), (_OTHER, _SAME))
    return any(one in these and other in those for these, those in opposite)


def _turns_not(place: _Place, old: str) -> bool:
    changed = place.was or place.now
    if (place.was and place.now) or changed not in (["not"], ["!"]):
        return False
    # `not (a and b)` with its brackets is one change, `!!x` is no change.
    around = {*place.before[-1:], *place.behind[:1]}
    return _CONDITION.search(old) is not None and "!" not in around


def _is_sign(place: _Place) -> bool:
    """Whether `-` or `*` belongs to the value behind it alone."""
    sign = place.was[:1] + place.now[:1]
    before = place.before[-1] if place.before else "("
    is_operator = re.match(r"[\w)\]\"'$@]", before[-1:]) is not None and before not in ("return", "case", "in")
    return sign[0] in ("+", "-", "*", "/") and not is_operator


def _asks_for_nothing(now: list[str]) -> bool:
    return (len(now) == 2 and now[0] in _COMPARES | {"is"} and now[1] in _NOTHING) or now in (
        ["is", "not", "None"],
        [".", "nil?"],
        [".", "present?"],
    )


def _step(place: _Place, old: str, new: str) -> Found | None:
    """A place in a list, a range or a comparison that is one further now."""
    said = "moved-border", _said(old, new), "it begins or ends one place beside where it did"
    changed = place.was or place.now
    is_added = not (place.was and place.now) and len(changed) == 2
    if is_added and changed[0] in ("+", "-") and changed[1] == "1" and place.before:
        return said if re.match(r"[\w)\]]", place.before[-1][-1:]) else None
    signs = {*place.was, *place.now}
    if len(place.was) == len(place.now) == 1 and signs in ({"..", "..."}, {"..", "..="}):
        return said
    inside = _opened_by(place.before) in _STEPS | {"["}
    compared = bool(place.before) and place.before[-1] in _LESS | _MORE
    one, other = "".join(place.was), "".join(place.now)
    if not (inside or compared):
        return None
    if one.isdecimal() and other.isdecimal() and abs(int(one) - int(other)) == 1:
        # `a[0]` is another element, no other border.
        is_index = place.before[-1] == "[" and place.behind[:1] == ["]"]
        return None if is_index else said
    is_start = place.before[-1:] == ["("] and place.before[-2:-1] in (["range"], ["xrange"])
    return said if is_start and {one, other} == {"", "1,"} else None


def _opened_by(before: list[str]) -> str:
    """The bracket that is open here, or what is called with it; empty where none is."""
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        depth += (before[at] in ")]") - (before[at] in "([")
        if depth < 0:
            return before[at - 1] if before[at] == "(" and at else before[at]
    return ""


def _bound(old: str, new: str) -> Found | None:
    """`min(value, MOST)` of which one part alone is left."""
    plain = _plain(new)
    for found in _BOUNDS.finditer(old):
        end = closing(old, found.end())
        if end is None:
            continue
        given = arguments(old[found.end() : end])
        if len(given) > 1 and any(
            _plain(f"{old[: found.start()]}{each}{old[end + 1 :]}") == plain for each in given
        ):
            return "removed-limit", f"{shown(old[found.start() : end + 1])} lost its bound", _UNBOUND
    for found in _RUBY_BOUNDS.finditer(old):
        parts = arguments(found[1])
        if len(parts) > 1 and any(
            _plain(f"{old[: found.start()]}{each}{old[found.end() :]}") == plain for each in parts
        ):
            return "removed-limit", f"{shown(found[0])} lost its bound", _UNBOUND
    if _QUERY_LIMIT.search(old) and not _QUERY_LIMIT.search(new) and _plain(_QUERY_LIMIT.sub("", old)) == plain:
        return "removed-limit", f"{shown(old)} lost its bound", _UNBOUND
    return None


def _cut(place: _Place, old: str, new: str) -> Found | None:
    """What cut a text or a list to its longest, and is gone."""
    if place.now or not place.was:
        return None
    # The same difference can be seen one bracket earlier: `(a).limit(2)` -> `(a)`.
    was = [*place.was]
    for step in range(len(was)):
        if _CUTS.fullmatch("".join(was)):
            return "removed-limit", f"{_said(old, new)}, which is not cut", _UNBOUND
        if step >= len(place.before) or place.before[-1 - step] != was[-1]:
            return None
        was = [was[-1], *was[:-1]]
    return None


def _default(place: _Place, old: str, new: str, function: str) -> Found | None:
    """A setting or an answer that was no and is yes, or the other way."""
    if len(place.was) != 1 or len(place.now) != 1:
        return None
    one, other = (each[0].strip("'\"`").lower() for each in (place.was, place.now))
    # A member or text of that name; as a word of its own it says who sees a class.
    is_value = (
        place.was[0][0] in "'\"`" or one.isdecimal() or place.before[-1:] in (["."], ["::"], ["return"], ["="])
    )
    if (one, other) in _OPENED and is_value:
        return "opened-default", _said(old, new), "what was refused by default is allowed by default now"
    if {one, other} != {"true", "false"}:
        return None
    if place.before[-1:] == ["return"] and len(place.before) == 1:
        rule = "inverted-check" if OF_RIGHTS.search(function) and other == "true" else "turned-around"
        return rule, _said(old, new), _ANSWER
    named = _named(place.before)
    named = re.sub(r"(?i)(block|ignore|restrict)_?public", r"\1_all", named)
    if other == "true" and _OPENS.search(named):
        return "opened-default", _said(old, new), "what was not allowed by default is allowed by default now"
    if other == "false" and _PROTECTS.search(named) and not _OPENS.search(named):
        return "opened-default", _said(old, new), "what protected by default does so no longer"
    return None


def _named(before: list[str]) -> str:
    """The name that the value is given: the words since the last comma or bracket that is not the value's own."""
    taken: list[str] = []
    for token in reversed(before):
        if token in (",", "(", "{", "[", ";") and taken and re.search(r"\w{3}", " ".join(taken)):
            break
        taken.insert(0, token)
    return " ".join(taken)


def _let_go(place: _Place, old: str, new: str) -> Found | None:
    """A check that is no longer waited for; one that no longer looks at types; a value that a shell takes apart."""
    if place.was == ["await"] and not place.now:
        called = next((each for each in place.behind if not re.match(r"\W|(?:this|self)$", each)), "")
        called = place.behind[place.behind.index("(") - 1] if "(" in place.behind[1:] else called
        if _WAITED_FOR.match(called):
            return "removed-check", f"{shown(new)} is no longer waited for", "what it refuses goes on meanwhile"
    if place.was == [",", "true"] and not place.now and _COMPARES_TYPES.search(old):
        return "loosened-check", _said(old, new), "values of other types are taken for the same (type juggling)"
    if len(place.was) == len(place.now) == 1 or place.now[:1] == ["$"]:
        found = _QUOTED_PARAMETER.match("".join(place.was))
        if found is not None and "".join(place.now) == found[1] and _SHELL_LINE.match(new):
            what = "the shell takes it apart at spaces and fills in names of files"
            return "removed-escape", f"{shown(old)} lost its quotes", what
    return None


def _widened(place: _Place, old: str, new: str) -> Found | None:
    """Fields that may be set now, actions that a check leaves out now, and rows that a statement asked for."""
    if not place.was:
        if _NAMES_FIELDS.search(old) and (given := next(filter(_PRIVILEGED.match, place.now), None)):
            return (
                "loosened-check",
                f"`{given}` may be set now",
                "who sends the request chooses it (mass assignment)",
            )
        if re.search(r"\bbefore_(?:action|filter)\b", old) and OF_RIGHTS.search(old):
            if {"except", "only", "if", "unless"} & {each.strip(":") for each in place.now}:
                return "loosened-check", _said(old, new), "what is left out can be done without the check"
    if _ROWS.search(old) and _ROWS.search(new) and _OF_ROWS.search(old) and not re.search(r"(?i)\bwhere\b", new):
        return (
            "loosened-check",
            f"{shown(old)} lost its condition",
            "all rows are changed, and not those that were meant",
        )
    owned = _OF_OWNER.search(old)
    if (
        owned is not None
        and not _OF_OWNER.search(new)
        and _plain(old[: owned.start()]) == _plain(new)[: len(_plain(old[: owned.start()]))]
    ):
        return "removed-auth-check", f"{shown(owned[0].strip())} is gone", "rows of others are reached as well"
    return None


def _passed_on(place: _Place, old: str, new: str) -> Found | None:
    """`return err` that says `return nil` now."""
    if place.before[:1] == ["return"] and place.now == ["nil"] and len(place.was) == 1:
        if re.fullmatch(r"\w*[eE]rr\w*", place.was[0]):
            return "removed-check", _said(old, new), "who called it is not told of the error"
    return None


def _plain(line: str) -> str:
    return "".join(line.split())
