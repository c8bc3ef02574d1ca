"""Which names hold secrets, and which literals are secrets: shared by the rules of all languages."""

from __future__ import annotations

import itertools
import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset({"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey", "credential"})
_SECRET_KEYS = frozenset({"api", "private", "secret", "access", "signing", "encryption", "auth", "master"})
"""Words that make a secret of a following `key`."""
_ABOUT = frozenset(
    {"type", "field", "name", "url", "uri", "path", "file", "label", "length", "header", "prefix", "pattern"}
    | {"regex", "hint", "env", "variable", "param", "endpoint", "message", "error", "expiry", "ttl", "placeholder"}
)
"""Last words that make a name speak about a secret instead of holding it."""
_PLACEHOLDERS = frozenset(
    {"changeme", "change-me", "example", "placeholder", "todo", "none", "null", "undefined", "true", "false"}
    | {"bearer", "basic", "password", "secret", "token", "string", "required", "optional"}
    | {"include", "omit", "same-origin"}
)
_LABEL = re.compile(r"[^\W\d_a-z][^\W\d_A-Z]*")
"""One capitalised word of letters, as in the texts of a user interface: `Passwort`, `Пароль`."""
_TOKEN = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bxox[abposr]-[A-Za-z0-9-]{10,}"
    r"|\bsk_live_[A-Za-z0-9]{16,}\b|\bglpat-[A-Za-z0-9_-]{20,}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
)


def names_a_secret(name: str) -> bool:
    """Whether a variable, key or attribute of this name is expected to hold a secret."""
    words = [word.lower() for word in _WORD.findall(name[:100])]
    if not words or words[-1] in _ABOUT:
        return False
    if _SECRET_WORDS & {*words, *(word.rstrip("s") for word in words)}:
        return True
    return any(first in _SECRET_KEYS and second == "key" for first, second in itertools.pairwise(words))


def looks_secret(value: str) -> bool:
    """Whether a literal given to such a name is a real value, not a placeholder, path, address or template."""
    if not 4 <= len(value) <= 4000 or any(char.isspace() for char in value):
        return False
    if value.lower() in _PLACEHOLDERS or len(set(value)) < 3 or _LABEL.fullmatch(value):
        return False
    return not value.lower().startswith(("http://", "https://", "/", "./", "${", "{{", "<", "%(", "your", "env:"))


def is_token(value: str) -> bool:
    """Whether a literal is a well-known kind of credential, whatever its name."""
    return len(value) <= 20_000 and _TOKEN.search(value) is not None
