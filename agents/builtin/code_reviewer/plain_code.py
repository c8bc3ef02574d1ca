"""A file's text -> the same lines without what is for people only: comments and docstrings. Line numbers stay."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

_HASH = frozenset(".py .pyi .rb .sh .bash .pl .yaml .yml .toml .tf .r .ps1 .ex .exs".split())
_MARKUP = frozenset(
    ".html .htm .vue .svelte .erb .jinja .jinja2 .j2 .ejs .hbs .twig .cshtml .razor .jsp .xml".split()
)
_LONG = r"\"\"\".*?\"\"\"|'''.*?'''"
_STRINGS = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_SLASH_COMMENTS = r"(?P<comment>//[^\n]*|/\*.*?\*/)"
_PATTERNS = {
    "python": re.compile(
        rf"(?P<doc>^[ \t]*[rRuU]?(?:{_LONG}))|{_LONG}|{_STRINGS}|(?P<comment>\#[^\n]*)",
        re.DOTALL | re.MULTILINE,
    ),
    "hash": re.compile(
        rf"(?P<doc>^=begin.*?^=end)|{_STRINGS}|(?P<comment>(?<![\w$&])\#(?!\{{)[^\n]*)", re.DOTALL | re.MULTILINE
    ),
    "markup": re.compile(r"(?P<comment><!--.*?-->|\{#.*?#\}|<%#.*?%>|\{\{--.*?--\}\}|@\*.*?\*@)", re.DOTALL),
    "php": re.compile(
        rf"{_STRINGS}|(?P<comment>//[^\n]*|/\*.*?\*/|\#(?!\[)[^\n]*|\{{\{{--.*?--\}}\}})", re.DOTALL
    ),
    "sql": re.compile(rf"{_STRINGS}|(?P<comment>--[^\n]*|/\*.*?\*/)", re.DOTALL),
    "slash": re.compile(rf"`(?:\\.|[^`\\])*`|{_STRINGS}|{_SLASH_COMMENTS}", re.DOTALL),
}


@lru_cache(maxsize=64)
def plain_code(name: str, text: str) -> tuple[str, ...]:
    """The lines, of which those that were comments are empty."""
    return tuple(_PATTERNS[_family(name)].sub(_blank, text).split("\n"))


def _family(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in (".py", ".pyi"):
        return "python"
    if suffix in _HASH:
        return "hash"
    if suffix in _MARKUP:
        return "markup"
    return {".php": "php", ".sql": "sql"}.get(suffix, "slash")


def _blank(found: re.Match[str]) -> str:
    known = found.groupdict()
    return "\n" * found[0].count("\n") if known.get("comment") or known.get("doc") else found[0]
