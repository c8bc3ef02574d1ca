"""The lines around a finding -> whether they show that it is none: what a sum is for, what a cookie is given later."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FOR_COMPARISON = re.compile(
    r"(?i)e[-_]?tag|cache|check_?sum|finger_?print|(?:content|file|asset|chunk|row|module|source|css|url|image|page|text|html|script|style)_?hash|to_?file_?name|dedup|bucket|shard"
    r"|gravatar|websocket|258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)
"""What a sum is made for that only tells whether something has changed, or that a protocol asks for."""
_FOR_SECRECY = re.compile(r"(?i)passw|secret|token|sign|auth|credential|licen[cs]e|certif|verif|integrity")
_KEYED = re.compile(r"(?i)hmac.*\bsha-?1\b")
"""HMAC does not need a function without collisions; that of SHA-1 is not broken."""
_SAID = re.compile(r"usedforsecurity\W{1,4}False")
_BEGINS = re.compile(
    r"^(\s*)(?:async\s+)?(?:def|func|function|class|module|public|private|protected|static|export|const)\b"
)
_SECURED = re.compile(r"\.(?:set)?[sS]ecure\s*(?:\(|=(?!=))\s*(?![fF]alse)")
_SHORT = re.compile(
    r"\.(?:substr|substring|slice|first)\(\s*(?:0\s*,\s*)?\d{1,2}\s*\)|\[:\d{1,2}\]|substr\(.*,\s*0,\s*\d{1,2}\)"
)
"""A sum of which the beginning is enough: a name, which withstands nobody."""
_OF_CONTENT = re.compile(
    r"(?i)(?:md5|sha1)(?:\.Sum|\.HashData|_hex|hex)?\(\s*(?:\[\]byte\()?\s*[$@]?(?:\w*[._>:])*"
    r"\w*(?:content|html|css|file|path|url|uri|class|template|locale|json|source)\w*\s*[),]"
    r"|(?:md5|sha1)_file\(|new Guid\(|uuid"
)
"""Sums of what a project has itself, as of its pages and files."""
_PROTOCOL = re.compile(
    r"(?i)ntlm|avatar|digest_?auth|http_?digest|cnonce|client_nonce|oauth_?1|kerberos|postgres_?auth"
)
"""What asks for a function or cipher that is broken, so that nothing else can be used."""
_CONDITION = re.compile(r"^\s*(?:\}\s*)?(?:if|elif|elsif|else\s+if|unless|when|case)\b|\?(?![.?])[^:\n]*:")
_OTHERWISE = re.compile(r"^\s*(?:\}\s*)?else\b(?!\s*if)")
_WISH = re.compile(
    r"(?i)insecure|skip|ignore|unsafe|verif|allow|self_?signed|strict|reject|unauthori[sz]ed|no_?check|trust_?all"
)
_DEVELOPERS = re.compile(r"(?i)develop|\bdev\b|is_?dev|\bdebug\b|is_?local|node_env")
_BY_KEY = re.compile(r"(?i)^\s*@.*(?:api|token|key|signature|signed|hook|cors|require_GET|require_safe)")
_CHECKED_KEY = re.compile(
    r"(?i)signature|compare_digest|hmac|api_?key|construct_event|check_token|verify_\w+\(|secret"
)
_DECORATORS, _BODY, _ABOVE = 6, 25, 8
_NEAR, _AFTER, _FARTHEST = 6, 15, 60
"""How many lines around, behind and before a line are looked at."""


def is_for_comparison(lines: Sequence[str], number: int) -> bool:
    """Whether a sum at line `number`, from 1, only tells if something has changed, and nothing there speaks of secrets.

    The line and the head of the function around it are looked at. Or whether the project says so itself, as where the
    same call stands nearby for older versions of a library.
    """
    if not 1 <= number <= len(lines):
        return False
    line = lines[number - 1][:1_000]
    if _KEYED.search(line):
        return True
    head = _head(lines, number)
    around = range(max(1, number - _NEAR), min(len(lines), number + _NEAR) + 1)
    if any(_SAID.search(lines[one - 1][:1_000]) and _head(lines, one) == head for one in around):
        return True
    said = line if head is None else f"{line}\n{lines[head][:1_000]}"
    if _FOR_SECRECY.search(said) is not None:
        return False
    return (
        any(one.search(said) is not None for one in (_FOR_COMPARISON, _OF_CONTENT))
        or _SHORT.search(line) is not None
    )


def is_of_protocol(file: str, lines: Sequence[str], number: int) -> bool:
    """Whether what is used at line `number`, from 1, is what a protocol or service asks for."""
    near = "\n".join(one[:500] for one in lines[max(0, number - 1 - _NEAR) : number + _NEAR])
    head = _head(lines, number) if 1 <= number <= len(lines) else None
    said = "" if head is None else lines[head][:1_000]
    return any(_PROTOCOL.search(one) is not None for one in (file, said, near))


def is_asked_for(lines: Sequence[str], number: int, *, of_developers: bool) -> bool:
    """Whether line `number`, from 1, stands in a condition by which whoever runs the program asks for it.

    Or, with `of_developers`, in one that holds on their machines only.
    """
    if not 1 <= number <= len(lines):
        return False
    wanted = _DEVELOPERS if of_developers else _WISH
    line = lines[number - 1][:1_000]
    if not of_developers and re.search(r"\?\s*[\w:.]+\s*:\s*[\w:.]+", line) and _WISH.search(line.split("?")[0]):
        return True
    indent = len(line) - len(line.lstrip())
    for other in reversed(lines[max(0, number - 1 - _ABOVE) : number - 1]):
        if not other.strip():
            continue
        own = len(other) - len(other.lstrip())
        if own < indent:
            indent = own + (other.strip() == "{")  # what it opens stands above it, as far in as it is
            if _OTHERWISE.match(other[:1_000]):
                indent = own + 1  # the condition that it is the other case of stands above, as far in
            elif _CONDITION.search(other[:1_000]):
                return wanted.search(other) is not None
            elif _BEGINS.match(other[:1_000]):
                return False
    return False


_STORES = re.compile(r"\bpickle\.dump\(")
_LOADS = re.compile(r"\bpickle\.load\(")


def is_own_file(line: str, text: str) -> bool:
    """Whether objects are read from a file of the program's own, which the same code writes."""
    return _LOADS.search(line) is not None and _STORES.search(text) is not None


def is_exempt_with_a_key(lines: Sequence[str], number: int) -> bool:
    """Whether a view that forged requests reach, at line `number`, from 1, is one for programs, which show a key."""
    first = last = number - 1
    while first > 0 and lines[first - 1].lstrip().startswith("@") and number - first < _DECORATORS:
        first -= 1
    while last + 1 < len(lines) and lines[last].lstrip().startswith("@") and last - number < _DECORATORS:
        last += 1
    if any(_BY_KEY.search(one) for one in lines[first:last] if "csrf_exempt" not in one):
        return True
    body: list[str] = []
    for one in lines[last + 1 : last + 1 + _BODY]:
        if one[:1].strip():
            break
        body.append(one[:500])
    return any(_CHECKED_KEY.search(one) for one in body)


def is_secured_later(lines: Sequence[str], number: int) -> bool:
    """Whether a cookie that is made at line `number`, from 1, is given Secure by one of the next lines."""
    return any(_SECURED.search(one[:1_000]) for one in lines[number : number + _AFTER])


def _head(lines: Sequence[str], number: int) -> int | None:
    """Where the function that a line stands in begins, from 0; None where that is not near."""
    line = lines[number - 1]
    indent = len(line) - len(line.lstrip())
    for place in range(number - 2, max(-1, number - 2 - _FARTHEST), -1):
        found = _BEGINS.match(lines[place][:1_000])
        if found is not None and len(found[1]) < indent:
            return place
    return None
