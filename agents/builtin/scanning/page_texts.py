"""Places where HTML becomes part of a page -> whether what is written there shows that it was made harmless.

What a request holds is followed to such places by data flow, whatever is said here: this is about their form alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_INTO = re.compile(r"(?:inner|outer)HTML\s*\+?=(?!=)\s*(.+)|insertAdjacentHTML\(\s*[^,]{1,40},\s*(.+)", re.DOTALL)
_ENDS = re.compile(r";\s*$|^\s*\}")
_MOST_LINES, _BEFORE = 12, 8
_FROM_PAGE = re.compile(r"^[\w$.()\[\]'\"#-]+\.(?:inner|outer)HTML(?:\.replace(?:All)?\([^;]*\))?$")
"""HTML that is in the page already."""
_WHOLE_ANSWER = re.compile(r"^(?:resp|response|res|err|error|result|xhr|ajax|r)\.(?:data|responseText|html)$")
"""All that an own service answered: it is a part of a page, which the service made."""
_CLEANED = re.compile(r"(?i)^(?:[\w$]+\.)*(?:\w*sanitiz\w*|\w*purif\w*|escape_?html\w*)\((?!.*\)\s*\+)", re.DOTALL)
_NAME = re.compile(r"^[\w$.]*?(\w+)(?:\.value)?$")
_MADE = re.compile(
    r"(?:html|icon|svg|markup|template|fragment)$|^(?:sanitized|escaped|purified|cleaned)", re.IGNORECASE
)
_SAFE_CALL = re.compile(
    r"(?i)\b(?:dompurify|\w*sanitiz\w*|\w*purif\w*|\w*escape\w*|\w*encode\w*|createHTML|Number|parseInt|parseFloat|i18n)\b"
    r"|\.(?:length|toFixed|toLocale\w+)\b|\b\$?t\("
)
_FILLED = re.compile(r"\$\{([^{}]*)\}")
_RENDERED = re.compile(
    r"(?i)html|markdown|markedd|linkif|render|svg|\bqr|qr_?code|\bdiff|highlight|icon|graph\b|graph\(|chart|snippet"
)
_MARKS = re.compile(r"(?i)v-html|@html|\.html_safe|Html\.Raw|set:html")
_NAMED_SO = re.compile(
    r"(?i)__html[\"']?\s*:\s*(?:\w+\.)*(?:rendered|highlighted|sanitized|purified|escaped)\w*\s*[,}]"
)
_SANITIZES = re.compile(
    r"(?i)\b(?:dompurify|sanitize[-_]?html|html_?purifier|htmlsanitizer|bleach|nh3|loofah|bluemonday|jsoup\.clean)\b"
    r"|\bsanitize\w*\s*\(|rails-html-sanitizer|\bcommonmarker\b|html_input"
)
_TAG = re.compile(r"<[A-Za-z/!]")
_EXPRESSIONS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def is_made_harmless(lines: Sequence[str], number: int) -> bool:
    """Whether what is put into a page at line `number`, from 1, is a part of the page, escaped, or made as HTML.

    A name that says so counts where the file does not put such HTML together itself.
    """
    given = _given(lines, number)
    if not given:
        return False
    if _FROM_PAGE.match(given) or _WHOLE_ANSWER.match(given) or "createHTML(" in given or _CLEANED.match(given):
        return True
    named = _NAME.match(given)
    if named is not None:
        return named[1].isupper() or _is_made(named[1], lines, number)
    filled = _FILLED.findall(given)
    rest = _FILLED.sub("", given)
    return bool(filled) and all(_SAFE_CALL.search(one) for one in filled) and re.search(r"\+\s*\w", rest) is None


def _given(lines: Sequence[str], number: int) -> str:
    text = ""
    for line in lines[number - 1 : number - 1 + _MOST_LINES]:
        text += line[:2_000] + "\n"
        if _ENDS.search(line):
            break
    found = _INTO.search(text)
    return (
        ""
        if found is None
        else (found[1] or found[2]).strip().rstrip(";").rstrip(")" if found[2] else ";").strip()
    )


def _is_made(name: str, lines: Sequence[str], number: int) -> bool:
    quoted = re.escape(name)
    before = "\n".join(lines[max(0, number - 1 - _BEFORE) : number - 1])
    answered = rf"\.text\(\)[\s\S]*(?:\(|\b)\(?{quoted}\)?\s*=>|\b{quoted}\s*=\s*await\s+[\w.()]+\.text\(\)"
    if re.search(answered, before):
        return True
    if not _MADE.search(name):
        return False
    composed = re.compile(rf"\b{quoted}\s*\+?=(?!=)[^;\n]*(?:\+|\$\{{)")
    return not any(composed.search(line[:1_000]) for line in lines)


def is_text(text: str) -> bool:
    """Whether a template is none of a page: without one tag, and with words of its own, as for mail or chat."""
    return _TAG.search(text) is None and re.search(r"[A-Za-z]{2}", _EXPRESSIONS.sub("", text)) is not None


def is_rendered(line: str) -> bool:
    """Whether an expression says that it is HTML which was made from something else, as of Markdown."""
    if "__html" in line:
        return _NAMED_SO.search(line[:1_000]) is not None
    return _RENDERED.search(_MARKS.sub("", line[:1_000])) is not None


def sanitizes(texts: Iterable[str]) -> bool:
    """Whether a project cleans HTML anywhere."""
    return any(_SANITIZES.search(one) for one in texts)
