"""Templates (ERB, Blade, Razor, Jinja, JSP, EJS, Vue, …) -> places where text becomes part of a page unescaped."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agents.builtin.scanning.page_texts import is_text
from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.vulnerability import Confidence, Vulnerability

_ESCAPE = (
    "Let the template escape the text; where it has to be HTML, pass it through a sanitizer with a list of tags."
)
_RULES = {
    one.id: one
    for one in (
        Rule(
            id="tpl/xss",
            cwe="CWE-79",
            severity="HIGH",
            description="Text becomes part of the page unescaped: a script in it runs with the visitor's rights.",
            recommendation=_ESCAPE,
        ),
        Rule(
            id="tpl/script-address",
            cwe="CWE-79",
            severity="MEDIUM",
            description="A link leads to an address that others choose: one that begins with `javascript:` is run.",
            recommendation="Allow addresses that begin with http: or https: only.",
        ),
        Rule(
            id="tpl/autoescape-off",
            cwe="CWE-79",
            severity="HIGH",
            description="The template escapes nothing here: a script in any text runs with the visitor's rights.",
            recommendation="Leave escaping on, and mark the single value that is HTML and was made harmless.",
        ),
        Rule(
            id="tpl/dynamic-partial",
            cwe="CWE-22",
            severity="HIGH",
            description="Which file is rendered is chosen by the request: it can be one that nobody should see.",
            recommendation="Choose from a list of known templates.",
        ),
        Rule(
            id="tpl/csrf-off",
            cwe="CWE-352",
            severity="MEDIUM",
            description="The protection against forged requests is switched off.",
            recommendation="Leave it on; exempt only what needs no session.",
        ),
    )
}
_REQUEST = re.compile(
    r"\bparams\s*[\[.]|\brequest\b|\bRequest\b|\$_(?:GET|POST|REQUEST|COOKIE|SERVER)\b|\breq\.(?:query|body|params)|\bquery\.\w"
    r"|\b(?:param|paramValues|header|cookie)[.\[]|\bcookies\s*\[|\$route\b|\blocation\.(?:hash|search|href)"
)
"""An expression that is a value of the request."""
_GIVEN = re.compile(r"^[^\n=]*?([@$\w]+)\s*=\s*([^=\n][^\n;]*)", re.MULTILINE)
_COMMENTS = re.compile(
    r"\{\{--.{0,4000}?--\}\}|<%--.{0,4000}?--%>|<%#.{0,4000}?%>|@\*.{0,4000}?\*@|\{\{!--.{0,4000}?--\}\}",
    re.DOTALL,
)
_JINJA_COMMENT = re.compile(r"\{#.{0,4000}?#\}", re.DOTALL)
_JINJA = re.compile(r"\.(?:html?|jinja2?|j2|djhtml|njk|nunjucks|swig|twig)$")
_CONSTANT = re.compile(
    r"""^\s*\(?\s*(?:"(?:[^"\\#$]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+)\s*\)?\s*(?:\|\s*\w+\s*|\.html_safe\s*)*(?:\s(?:if|unless)\s.*)?$"""
)
_HARMLESS = re.compile(
    r"""(?x) \b(?:sanitize\w*|DOMPurify|purify\w*|strip_tags|strip_links|bleach|nh3|escapeHtml\w*|escape_html
    |html_escape|htmlspecialchars|htmlentities|escape_once|json_escape|safe_join|escape_javascript|encodeURIComponent
    |xss_clean|csrf_meta_tags|csp_meta_tag|content_for|yield|escapeXml|htmlEscape|HtmlSanitizer|kses|intval|to_[if]
    |parse(?:Int|Long|Double|Float)|Sanitiz\w+)\b
    | ^\s*(?:\$?t|I18n\.t|translate|[helj]|render|yield|image_tag|url_for|asset_path|number_to_\w+)\s*[\s(]
    | \.strftime\( | file_get_contents\(\s*(?:public|resource|base)_path\(
    | ^\s*\w+_(?:path|url|tag)\b | \.to_json\b | \(int\) | \.sanitize\w*\( | \be\(\s*\$ | ^\s*e\("""
)
"""An expression that a helper made harmless, or that the template's own framework writes."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    rule: Rule
    files: re.Pattern[str]
    find: re.Pattern[str]
    harmless: re.Pattern[str] | None
    needs: re.Pattern[str] | None
    names: bool


def scan(file: SourceFile) -> list[Vulnerability]:
    """Findings of one file, each line and rule once; values of the request first in severity."""
    places = [one for one in _places() if one.files.search(file.name)]
    if not places:
        return []
    text = _COMMENTS.sub(_blank, file.text)
    if _JINJA.search(file.name):
        text = _JINJA_COMMENT.sub(_blank, text)
    if _JINJA.search(file.name) and is_text(text):
        return []
    ends = [at.start() for at in re.finditer("\n", text)]
    taken = _taken(text)
    found: dict[tuple[str, int], Vulnerability] = {}
    for one in places:
        if one.needs is not None and not one.needs.search(text):
            continue
        for match in one.find.finditer(text):
            written = match[1]
            sure = _certainty(one, written, taken)
            if sure is None:
                continue
            line = bisect_left(ends, match.start(1)) + 1
            made = one.rule.at(file.name, line, tool="templates").model_copy(update={"confidence": sure})
            found.setdefault((one.rule.id, line), made)
    return list(found.values())


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _certainty(place: _Place, written: str, taken: re.Pattern[str] | None) -> Confidence | None:
    """How sure it is that the expression is a danger; None where it is none."""
    if place.harmless is not None and place.harmless.search(written):
        return None
    if not place.rule.id.endswith("xss"):
        return "high"
    if _CONSTANT.match(written) or _HARMLESS.search(written):
        return None
    if _REQUEST.search(written) or (taken is not None and taken.search(written)):
        return "high"
    return None if place.names else "medium"


def _taken(text: str) -> re.Pattern[str] | None:
    """Names that the template gives a value of the request."""
    names = {name for name, value in _given(text) if _REQUEST.search(value) and not _HARMLESS.search(value)}
    return re.compile("|".join(rf"(?<![\w@$]){re.escape(one)}\b" for one in sorted(names))) if names else None


def _given(text: str) -> Iterator[tuple[str, str]]:
    for match in _GIVEN.finditer(text):
        if len(match[0]) < 400:
            yield match[1], match[2]


@cache
def _places() -> tuple[_Place, ...]:
    import yaml

    written = yaml.safe_load(Path(__file__).with_name("templates.yaml").read_text("utf-8"))
    return tuple(
        _Place(
            rule=_RULES[one["id"]],
            files=re.compile(one["files"], re.IGNORECASE),
            find=re.compile(one["find"], 0 if one["find"].startswith("(?m)") else re.DOTALL),
            harmless=re.compile(one["harmless"]) if "harmless" in one else None,
            needs=re.compile(one["needs"]) if "needs" in one else None,
            names=bool(one.get("names")),
        )
        for one in written
    )
