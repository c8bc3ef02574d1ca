"""A line that took the place of another -> what no longer happens to a value: cleaning, quoting, bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.builtin.code_reviewer.guards import OF_RIGHTS, SWITCHES

Found = tuple[str, str, str]
"""Rule, what happened as a sentence without its end, and what that allows."""
_MARKUP = "text from outside can become markup or a command (injection)"
_TAKEN = "values that were refused are taken now"
_LINES = "text from outside can begin a line or a field of its own (log or header injection)"
_PATHS = "a path from outside can leave its folder (path traversal)"
_SLOW = "a short text can take time without end (ReDoS)"
_CALL = re.compile(r"[\w.$:>-]*?(\w+[!?]?)\(")
_CLEANS = re.compile(
    r"sanit|escap|purif|bleach|(?:^|_)safe(?:_|[A-Z])|strip_?(?:tags|html|control|new_?lines?|crlf|unsafe|nulls?)"
    r"|(?:un)?quote(?:_plus)?$|encodeURI|encode_?(?:uri|url|html|xml|js|attr|component|entities)|url_?encode|html(?:special|entit)"
    r"|(?:clean|filter|remove|normali[sz]e)_?(?:path|url|uri|host|name|file|html|input|header|value|text|markup|location|redirect)"
    r"|^(?:h|e|Encode|esc_html|esc_attr)$"
    r"|redact|mask(?:ed)?_?(?:secret|token|password|value)",
    re.IGNORECASE,
)
_REPLACES = re.compile(
    r"^(?:(?:re|regex|strings|mb|S|StringUtils)\.)?(?:sub|replace(?:All|_all)?|ReplaceAll|preg_replace|str_replace|gsub!?|translate|tr)$"
)
_UNWANTED = re.compile(
    r"[<>&]|\\r|\\0|\\x0|\\u00|:print:|:cntrl:|\\\\|\.\.|/\+|//|\\/|%2[ef5]|%0[ad]", re.IGNORECASE
)
"""Characters that end a field, a line, markup or a folder, as code writes them."""
_TELLS = re.compile(r"log|header|disposition|warn|stderr|audit|f?printf|\bputs\b|trace", re.IGNORECASE)
_BORDER = re.compile(
    r"\s*\+\s*(?:os\.(?:path\.)?sep|path\.sep|(?:::)?File(?:::SEPARATOR|\.separator)|DIRECTORY_SEPARATOR"
    r"|string\((?:filepath|os)\.(?:Path)?Separator\)|['\"`][/.@:\\]+['\"`])|['\"`][/.@]['\"`]\s*\+\s*"
    r"|_(?:with_)?(?:sep(?:arator)?|slash)\b|(?:With)?(?:Separator|Slash)\b|(?<=\})[/.](?=['\"`])|(?<=['\"`])[.@](?=[#$]?\{)"
)
"""What ends a prefix, or begins an ending, so that `/srv/data-old` does not begin with `/srv/data`."""
_BEGINS = re.compile(
    r"starts?_?with|ends?_?with|has_?(?:prefix|suffix)|index_?of|strpos|strncmp|\bin\b", re.IGNORECASE
)
_PART = re.compile(
    r"\bin\b|starts?_?with|ends?_?with|has(?:prefix|suffix)|includes?\b|contains|index_?of|strpos|\.match",
    re.IGNORECASE,
)
_EQUAL = re.compile(r"([\w.$>\[\]'\"()-]+?)\s*===?\s*([\w.$>\[\]'\"-]+)")
_NAMES_PLACE = re.compile(
    r"host|origin|referr?er|domain|url|scheme|path|ext|mime|content_?type|issuer|audience", re.I
)
_EXPRESSION = re.compile(
    r"/((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+?)/[a-z]*|[rRbBuU]{0,2}(['\"`])((?:\\.|(?!\2).)*)\2"
)
_LOOKS_LIKE_ONE = re.compile(r"[\^$\[\]*+?]|\\[AzZsSdDwWb]")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]")
_DANGEROUS = frozenset("\r\n\0\t <>\"'`&;|$\\/:@%") | {chr(each) for each in range(32)}
_FORBIDS = re.compile(
    r"forbid|invalid|illegal|unsafe|\bbad|deny|block|control|special|unprintable|reserved", re.IGNORECASE
)
_ALLOWS = re.compile(r"valid|allow|safe|permit|accept|token|identifier", re.IGNORECASE)
_CRAWLS = re.compile(r"(?:\(\?[imsx]+\))?(?:\(\?:|\()*(?:\\[sSwWdD]|\.|\[[^\]]+\])(?:\*|\+|\{\d+,\})\??(?=.)")
_TWO_LOOPS = re.compile(r"((?:\\[sSwWdD]|\.|\[[^\]]+\]))[*+]\??(?:\\?[^\\\[().*+?{}|]\?)*\1[*+]")
_SIMPLE = re.compile(
    r"split|strip|trim|index|find|replace|starts?_?with|ends?_?with|includes|contains|partition|scan", re.I
)
_FOLLOWED = re.compile(r"\bre\.(?:match|fullmatch)\s*\(|\.matches\s*\(|preg_quote|lookingAt")
_BOUND = re.compile(r"\{\d*,\d+\}")
_ANY_COUNT = re.compile(r"\{\d*,\d*\}|(?<!\\)[*+]")
_LIST_ALLOWS = re.compile(
    r"allow|white_?list|permit|trusted|\bsafe|accept|(?:valid|known)_|extensions?\b|schemes?\b|protocols?\b",
    re.IGNORECASE,
)
_LIST_DENIES = re.compile(
    r"deny|denied|black_?list|block(?:ed|_?list)|forbid|disallow|dangerous|reserved_|banned|unsafe|sensitive|redact|mask(?:ed)?_",
    re.IGNORECASE,
)
_ITEM = re.compile(r"(['\"`])((?:\\.|(?!\1).){1,80})\1")
_OPENS = re.compile(
    r"^(?:\*|\.\*|.*\*.*|null|0\.0\.0\.0(?:/0)?|::/0|all|any|javascript:?|data:?|file:?|gopher:?|vbscript:?|ftp:?|http:?"
    r"|\.?(?:php\d?|phtml|phar|jspx?|aspx?|html?|xhtml|svg|xml|exe|sh|bat|cmd|py|pl|rb|cgi|js|jar|dll|so)"
    r"|text/html|image/svg\+xml|application/xhtml\+xml|none|hs256|md5|sha1|des|rc4|<?script>?|iframe|object|embed|style|on\w+|srcdoc)$",
    re.IGNORECASE,
)
"""What nobody should be let through by a list."""
_BARE_NUMBER = re.compile(r"\b(?:int|Integer|Number|float|parseInt|intval|strconv\.Atoi)\s*\(")
_STRICT = re.compile(
    r"\b((?!parse(?:Int|Float)\b)\w*(?:strict|safe|parse_?(?:int|number|float|size|length))\w*)\s*\(", re.I
)
_QUERY = re.compile(
    r"\b(?:select|insert|update|delete|where|from|match|call)\b|\([&|!]?\(?\w+=|//\w+\[", re.IGNORECASE
)
_PLACEHOLDER = re.compile(r"\{\d\}|\?|%\(?\w*\)?s|\$\d|:\w+|@\w+")
_JOINED = re.compile(
    r"['\"`]\s*(?:\+|\.|\|\|)\s*[\w$]|[\w)\]]\s*(?:\+|\.)\s*['\"`]|\$\{|#\{|\bf['\"]|\.format\(|\bSprintf"
)


def lost_in(old: str, new: str, function: str) -> Found | None:
    """What the new line no longer does to a value that the old one did. `function`: the one around it."""
    return (
        _unwrapped(old, new)
        or _quoting(old, new, function)
        or _prefix(old, new)
        or _exact(old, new, function)
        or _characters(old, new, function)
        or _bound(old, new)
        or _slow(old, new)
        or _list(old, new)
        or _strict(old, new)
        or _joined(old, new)
    )


def _unwrapped(old: str, new: str) -> Found | None:
    """A call that cleans a value, of which only the value is left."""
    plain = _plain(new)
    for found in _CALL.finditer(old):
        end = closing(old, found.end())
        if end is None:
            continue
        name, given = found[0][:-1], arguments(old[found.end() : end])
        cleans = _CLEANS.search(found[1]) is not None
        replaces = _replaces(name) and _UNWANTED.search(old[found.end() : end]) is not None
        if not (cleans or replaces):
            continue
        value, dot, _ = name.rpartition(".")
        kept = [given[0], given[-1]] if given else []
        if dot and (replaces or not given or value):
            kept.append(value)
        if any(each.strip() and _plain(old[: found.start()] + each + old[end + 1 :]) == plain for each in kept):
            call = old[found.start() : end + 1]
            return "removed-escape", f"{shown(call)} was taken from around its value", _MARKUP
    return None


def _replaces(name: str) -> bool:
    return any(_REPLACES.match(each) for each in (name, name.rpartition(".")[2]))


def closing(text: str, start: int) -> int | None:
    """Where the bracket that was opened before `start` is closed."""
    depth, quote = 1, ""
    at = start
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"`":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return None


def arguments(text: str) -> list[str]:
    """The parts of a call's arguments, split at the commas that are its own."""
    parts, depth, quote, part = list[str](), 0, "", ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in "'\"`":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(part.strip())
            part = ""
            continue
        part += char
    return [*parts, part.strip()] if part.strip() or parts else []


def _quoting(old: str, new: str, function: str) -> Found | None:
    """A text for a log or a header whose value was shown quoted."""
    if not _TELLS.search(f"{old} {function}"):
        return None
    loose = re.sub(r"%#?[vqr]|\"?'?%s'?\"?|%v", "%", new)
    quoted = re.search(r"%#v|%q|%r|![ra]\}|\.inspect\b|\brepr\(|\bJSON\.stringify\(|json\.dumps\(", old)
    if quoted is None or quoted[0] in new:
        return None
    if quoted[0].startswith("%"):
        same = re.sub(r"%#?[vqr]|\"?'?%s'?\"?|%v", "%", old) == loose
    else:
        inner = re.sub(r"![ra]\}", "}", old.replace(".inspect", ""))
        inner = re.sub(r"\b(?:repr|JSON\.stringify|json\.dumps)\(([^()]*)\)", r"\1", inner)
        same = re.sub(r"[\s'\".\\n]", "", inner) == re.sub(r"[\s'\".\\n]", "", new)
    return (
        ("removed-escape", f"{shown(old)} became {shown(new)}, which does not quote it", _LINES) if same else None
    )


def _prefix(old: str, new: str) -> Found | None:
    """A prefix that ended with a separator."""
    if not (_BEGINS.search(old) and _BEGINS.search(new)) or _BORDER.search(old) is None:
        return None
    for found in _BORDER.finditer(old):
        if _plain(old[: found.start()] + old[found.end() :]) == _plain(new):
            folder = re.search(r"path|dir|root|folder|base|sep", old, re.IGNORECASE) is not None
            rule, what = ("removed-path-check", _PATHS) if folder else ("loosened-check", _TAKEN)
            return rule, f"{shown(old)} became {shown(new)}, which takes what only begins or ends alike", what
    return None


def _exact(old: str, new: str, function: str) -> Found | None:
    """An equality, or a pattern for the whole, that became a look for a part."""
    text = f"{old} {function}"
    if not (OF_RIGHTS.search(text) or _NAMES_PLACE.search(text)) or not _PART.search(new):
        return None
    said = f"{shown(old)} became {shown(new)}, which takes a part for the whole"
    for one in _EQUAL.finditer(old):
        left, right = one[1].lstrip("("), one[2].rstrip(")")
        literal = right.strip("'\"")
        if len(left) > 2 and len(literal) > 1 and left in new and literal in new and one[0] not in new:
            if _plain(left + right) in _plain(old) or re.search(_PART, new.replace(left, "").replace(literal, "")):
                return "loosened-check", said, _TAKEN
    for each in expressions(old):
        core = re.sub(r"^(?:\(\?\w+\))?(?:\^|\\A)|(?:\$|\\[zZ])$", "", each)
        if core != each and len(core) > 3 and core in new and not expressions(new):
            return "loosened-check", said, _TAKEN
    return None


def _characters(old: str, new: str, function: str) -> Found | None:
    """A class of characters that refuses fewer of the dangerous ones, or lets more of them through."""
    was, now = _CLASS.findall(old), _CLASS.findall(new)
    if was == now or len(was) != len(now) or _CLASS.sub("[]", old) != _CLASS.sub("[]", new):
        return None
    name = f"{old.partition('[')[0]} {function}"
    for one, other in zip(was, now, strict=True):
        before, after = _set(one), _set(other)
        if before is None or after is None or before == after:
            continue
        lost, gained = (before - after) & _DANGEROUS, (after - before) & _DANGEROUS
        controls = sum(ord(char) < 32 for char in before) > 20 and not one.startswith("[^")
        refuses = controls or (_FORBIDS.search(name) is not None and not one.startswith("[^"))
        if controls and len(before - after) > 0 and not after - before:
            lost = before - after
        allows = not refuses and _ALLOWS.search(name) is not None and not one.startswith("[^")
        if (refuses and lost and not after - before) or (allows and gained and not before - after):
            return "loosened-check", f"the characters {shown(one)} became {shown(other)}", _TAKEN
    return None


def _set(written: str) -> frozenset[str] | None:
    if "[:" in written:
        return None
    try:
        compiled = re.compile(written)
    except (re.error, OverflowError):
        return None
    return frozenset(chr(each) for each in range(256) if compiled.fullmatch(chr(each)))


def _bound(old: str, new: str) -> Found | None:
    """A repetition that had a most, and has none now."""
    for one, other in zip(expressions(old), expressions(new), strict=False):
        if len(_BOUND.findall(one)) <= len(_BOUND.findall(other)) or one == other:
            continue
        if _ANY_COUNT.sub("+", one) == _ANY_COUNT.sub("+", other):
            return (
                "removed-limit",
                f"the pattern {shown(one)} became {shown(other)}, which has no longest text",
                _SLOW,
            )
    return None


def _slow(old: str, new: str) -> Found | None:
    """A pattern that tries every place of the text anew, where there was a plain call or a better pattern."""
    if _FOLLOWED.search(new):
        return None
    was = expressions(old)
    if not was and not _SIMPLE.search(old):
        return None
    if any(_is_slow(each) for each in was):
        return None
    found = next((each for each in expressions(new) if _is_slow(each)), None)
    return None if found is None else ("slower-pattern", f"{shown(old)} became {shown(new)}", _SLOW)


def _is_slow(expression: str) -> bool:
    return _CRAWLS.match(expression) is not None or _TWO_LOOPS.search(expression) is not None


def expressions(line: str) -> list[str]:
    """Regular expressions of a line, between slashes or as texts that look like one."""
    found = [(each[1] or "", each[3] or "") for each in _EXPRESSION.finditer(line)]
    return [slashed or text for slashed, text in found if _LOOKS_LIKE_ONE.search(slashed or text)]


def _list(old: str, new: str) -> Found | None:
    """A list of what is let through that got what no list should have, or one of what is refused that lost some."""
    before, after = _items(old), _items(new)
    name = old.partition("=")[0].partition(":")[0]
    if (
        not after
        or before == after
        or _ITEM.sub("", old).split(",")[0].split() != _ITEM.sub("", new).split(",")[0].split()
    ):
        return None
    more = sorted(each for each in after - before if _OPENS.match(each))
    if _LIST_DENIES.search(name):
        if after < before:
            return (
                "loosened-check",
                f"{shown(', '.join(sorted(before - after)))} left the list {shown(name)}",
                _TAKEN,
            )
        return None
    switched = any(each.pattern.search(new) for each in SWITCHES)
    if more and before and _LIST_ALLOWS.search(name) and not switched:
        return "loosened-check", f"the list {shown(name)} has {shown(', '.join(more))} now", _TAKEN
    return None


def _items(line: str) -> frozenset[str]:
    return frozenset(each[2] for each in _ITEM.finditer(line))


def _strict(old: str, new: str) -> Found | None:
    """A reader of numbers that is strict, in whose place is one that takes signs, spaces and underscores."""
    found = _STRICT.search(old)
    if found is None or not _BARE_NUMBER.search(new) or found[1] in new:
        return None
    if _plain(_STRICT.sub("int(", old)) != _plain(_BARE_NUMBER.sub("int(", new)):
        return None
    return "removed-validation", f"{shown(old)} became {shown(new)}", _TAKEN


def _joined(old: str, new: str) -> Found | None:
    """A query with a place for a value, into which the value is written now."""
    if not (_QUERY.search(old) and _QUERY.search(new)) or not _JOINED.search(new) or _JOINED.search(old):
        return None
    texts = [each[2] for each in _ITEM.finditer(old) if _PLACEHOLDER.search(each[2]) and _QUERY.search(each[2])]
    for text in texts:
        first = _PLACEHOLDER.split(text)[0].strip("'\" ")
        if len(first) > 5 and first in new and text not in new:
            return (
                "removed-parameters",
                f"{shown(old)} became {shown(new)}",
                "a value from outside can become part of the query (injection)",
            )
    return None


def items_lost(removed: list[str], added: list[str], above: Iterator[str]) -> str | None:
    """The first line of a list that refuses something, where it only lost lines; None: nothing was lost."""
    if added or not removed or not all(re.fullmatch(r"\s*(['\"`]).{1,80}\1\s*,?\s*", each) for each in removed):
        return None
    for line in above:
        if re.search(r"[\[({]\s*$", line):
            return line.strip() if _LIST_DENIES.search(line) else None
        if not _ITEM.search(line) and line.strip():
            return None
    return None


def _plain(line: str) -> str:
    return "".join(line.split())


def shown(line: str) -> str:
    """A piece of code as a message shows it."""
    text = " ".join("".join(char if char.isprintable() else " " for char in line).split())
    return f"`{text[:100].replace('`', chr(39))}`"
