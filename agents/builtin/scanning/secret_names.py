"""Which names hold secrets, and which literals are secrets: shared by the rules of all languages."""

from __future__ import annotations

import itertools
import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "apikey",
        "credential",
        "cred",
        "pw",
        "passcode",
    }
)
_ENDINGS = ("password", "passwd", "passphrase", "apikey")
_SECRET_KEYS = frozenset({"api", "private", "secret", "access", "signing", "encryption", "auth", "master"})
"""Words that make a secret of a following `key`."""
_ROUNDS = frozenset(
    {"first", "second", "third", "two", "one", "single", "multi", "last", "next", "render", "by", "all"}
)
"""What makes of a `pass` one that is gone through."""
_ABOUT = frozenset(
    {"type", "field", "name", "url", "uri", "path", "file", "label", "length", "header", "prefix", "pattern"}
    | {"regex", "hint", "env", "variable", "param", "endpoint", "message", "error", "expiry", "ttl", "placeholder"}
    | {
        "identifier",
        "kind",
        "format",
        "status",
        "scope",
        "suffix",
        "separator",
        "description",
        "title",
        "text",
        "help",
    }
    | {
        "policy",
        "algorithm",
        "count",
        "size",
        "version",
        "lifetime",
        "invalid",
        "missing",
        "required",
        "extractor",
    }
)
"""Last words that make a name speak about a secret instead of holding it."""
_PLACEHOLDERS = frozenset(
    {"changeme", "change-me", "example", "placeholder", "todo", "none", "null", "undefined", "true", "false"}
    | {"bearer", "basic", "password", "secret", "token", "string", "required", "optional"}
    | {"include", "omit", "same-origin"}
)
_OF_NOTHING = frozenset(
    {"d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709"}
    | {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
)
"""Sums of an empty text, which stand for any."""
_LABEL = re.compile(r"[^\W\d_a-z][^\W\d_A-Z]*[.!?:…]?")
"""One capitalised word of letters, as in the texts of a user interface: `Passwort`, `Пароль`."""
_TOKEN = re.compile(
    r"""(?x)
    \b(?:AKIA|ASIA)[0-9A-Z]{16}\b | \bgh[pousr]_[A-Za-z0-9]{36,}\b | \bgithub_pat_[A-Za-z0-9_]{40,}\b
    | \bxox[abposr]-(?=[A-Za-z-]*\d)[A-Za-z0-9-]{10,} | \bxapp-\d-[A-Za-z0-9-]{20,}
    | \bhooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}
    | \b(?:sk|rk)_live_[A-Za-z0-9]{16,}\b | \bwhsec_[A-Za-z0-9]{24,}\b
    | \bglpat-[A-Za-z0-9_-]{20,} | \bgl(?:ptt|dt|rt|sa)[-_][A-Za-z0-9_-]{20,}
    | \bAIza[0-9A-Za-z_-]{35}\b | \bya29\.[0-9A-Za-z_-]{20,}
    | \bnpm_[A-Za-z0-9]{36}\b | \bpypi-AgEIcHlwaS5vcmc[\w-]{20,}
    | \bSG\.[\w-]{16,32}\.[\w-]{32,64} | \bSK[0-9a-f]{32}\b | \bkey-[0-9a-f]{32}\b | \b[0-9a-f]{32}-us\d{1,2}\b
    | \bsk-(?:proj|ant|svcacct)-[A-Za-z0-9_-]{20,} | \bsk-[A-Za-z0-9]{40,}\b | \bhf_[A-Za-z0-9]{30,}\b
    | \bAccountKey=[A-Za-z0-9+/]{60,}={0,2} | \bdop_v1_[a-f0-9]{64}\b | \bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b
    | \bdapi[a-f0-9]{32}\b | \bhvs\.[A-Za-z0-9_-]{24,} | \bAGE-SECRET-KEY-1[A-Z0-9]{50,} | \bATATT3[A-Za-z0-9_=-]{40,}
    | \bPMAK-[a-f0-9]{24}-[a-f0-9]{34} | \blin_api_[A-Za-z0-9]{32,} | \bsq0(?:csp|atp)-[A-Za-z0-9_-]{22,}
    | \b\d{8,10}:AA[A-Za-z0-9_-]{33}\b | \bfigd_[A-Za-z0-9_-]{30,}
    | -----BEGIN\ (?:[A-Z]+\ )*PRIVATE\ KEY(?:\ BLOCK)?-----"""
)
_JWT = re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")
_IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{2,20}://([^\s:/@\"'<>{}$%]{0,60}):([^\s@/\"'<>{}$%]{4,100})@[\w.-]+")
_IN_CONNECTION = re.compile(r"(?i)[;?&](?:password|pwd)\s*=\s*([^\s;&\"'<>{}$%]{4,100})")
_COMMON = frozenset(
    {"password", "passwd", "pass", "secret", "changeme", "change-me", "postgres", "mysql", "root", "user", "guest"}
    | {"admin", "test", "example", "username", "token", "xxxx", "pw123", "mypass", "mypassword", "yourpassword"}
)
_SAMPLES = re.compile(r"XXXX|xxxx|0{8}|1234567890abcdef")
_IN_WORDS = re.compile(r"[A-Za-z]+(?:[-_.#/:]+[A-Za-z]+)+[-_.]?|[A-Z]+_|[A-Z]?[a-z]+(?:[A-Z][a-z]+)+")
_IN_A_SENTENCE = re.compile(r"(?=(?:\w+-){4})[a-z]+(?:-(?:[a-z]+|\d{1,3}))+")
"""Five words and more, some of them numbers: what a text about secrets says of one."""
_EXPRESSION = re.compile(r"\[(?:\^?[\w\\.]-[\w\\]|\^)[^\]]*\][+*{?]|\\[dwsDWS][+*{]")
"""A class of characters that is repeated: the form of a value, and no value."""
_NAMED_IN_WORDS = _SECRET_WORDS | {"auth", "authorization", "authorisation", "key", "login"}


def names_a_secret(name: str) -> bool:
    """Whether a variable, key or attribute of this name is expected to hold a secret."""
    words = [word.lower() for word in _WORD.findall(name[:100])]
    if not words or words[-1] in _ABOUT:
        return False
    if _SECRET_WORDS & {*words, *(word.rstrip("s") for word in words)}:
        return True
    if words[-1].endswith(_ENDINGS):  # PGPASSWORD, dbpassword
        return True
    if len(words) > 1 and words[-1] in ("pass", "creds") and words[-2] not in _ROUNDS:
        return True
    return any(first in _SECRET_KEYS and second == "key" for first, second in itertools.pairwise(words))


def looks_secret(value: str) -> bool:
    """Whether a literal given to such a name is a real value, not a placeholder, path, address or template."""
    if not 4 <= len(value) <= 4000 or any(char.isspace() for char in value):
        return False
    if not value.isascii() or value.lower() in _OF_NOTHING:
        return False
    if value.lower() in _PLACEHOLDERS or len(set(value)) < 3 or _LABEL.fullmatch(value):
        return False
    if is_name(value) or _EXPRESSION.search(value):
        return False
    return not value.lower().startswith(
        ("http://", "https://", "/", "./", "${", "{{", "<", "%(", "your", "env:", "[(", "#{", "[[")
    )


def is_name(value: str) -> bool:
    """Whether a literal is itself a name in words: of a variable, a route, a field, as in `password-reset`."""
    if len(value) > 100 or not (_IN_WORDS.fullmatch(value) or _IN_A_SENTENCE.fullmatch(value)):
        return False
    if value.isupper() and "_" in value:
        return True
    words = {word.lower() for word in _WORD.findall(value)}
    return not _NAMED_IN_WORDS.isdisjoint({*words, *(word.rstrip("s") for word in words)})


def is_token(value: str) -> bool:
    """Whether a literal is a well-known kind of credential, whatever its name."""
    if len(value) > 20_000:
        return False
    return any(not _SAMPLES.search(match[0]) for match in _TOKEN.finditer(value))


def holds_credentials(value: str) -> bool:
    """Whether a text holds a password in an address or a connection string, or a signed token."""
    if len(value) > 20_000:
        return False
    if _JWT.search(value):
        return True
    found = [(match[1], match[2]) for match in _IN_ADDRESS.finditer(value)]
    found += [("", match[1]) for match in _IN_CONNECTION.finditer(value)]
    return any(password != user and _is_password(password) for user, password in found)


def _is_password(value: str) -> bool:
    if value.lower() in _COMMON or not looks_secret(value) or _SAMPLES.search(value):
        return False
    return not value.startswith(("$", "<", "[", "*", "%")) and len(set(value)) >= 4
