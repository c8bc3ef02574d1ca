"""Any text file -> secrets in it, and weaknesses of infrastructure that it describes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.secret_names import is_token, looks_secret, names_a_secret
from agents.builtin.scanning.source_files import SOURCE, SourceFile
from agents.builtin.scanning.vulnerability import Vulnerability

TOKEN = Rule(
    id="secrets/token",
    cwe="CWE-798",
    severity="CRITICAL",
    description="A credential of a known service is written into a file of the repository.",
    recommendation="Withdraw it at the service, and read the new one from a secret store.",
)
VALUE = Rule(
    id="secrets/value",
    cwe="CWE-798",
    severity="HIGH",
    description="A secret is written into a file of the repository.",
    recommendation="Read it from a secret store, and replace the one that is known now.",
)
_NAMED = re.compile(
    r"""(?:^|[\s,{(\[;"'<-])["'$]?([A-Za-z_][\w.-]{2,60})["']?\s*(?:=>|:=|[:=])\s*(["']?)([^\s"'`,;)}\]]{8,200})\2"""
)
_PLAIN_VALUES = frozenset(
    {".env", ".ini", ".properties", ".conf", ".cfg", ".yml", ".yaml", ".toml", ".sh", ".envrc", ".npmrc"}
)
"""Where a value needs no quotes; elsewhere an unquoted one is code."""
_TEXTS = re.compile(r"(?:^|/)(?:locales?|i18n|lang|langs|translations?|messages)(?:/|[._-][^/]*$)")
_LOCKS = re.compile(r"(?:^|/)(?:[^/]*[.-]lock(?:\.json|\.ya?ml)?|go\.sum|[^/]*\.lock|package-lock\.json)$")
_SAMPLE = re.compile(r"(?:^|[._/-])(?:example|sample|template|dist|tmpl)(?:[._-]|$)", re.IGNORECASE)
_NO_SECRET = re.compile(
    r"change.?me|example|placeholder|your[-_]?|xxx|dummy|todo|redacted|\*{3}|<|\$\{|\$\(|\{\{|%\(|^\$|^@|env\[|environ|"
    r"getenv|process\.env|secrets?[./:]|vault:|^(?:true|false|null|none|undefined)$|test|fake|mock|sample|localhost",
    re.IGNORECASE,
)
_LEAST_ENTROPY = 3.0
_LONGEST_LINE = 2000


@dataclass(frozen=True, kw_only=True)
class _LineRule:
    rule: Rule
    files: re.Pattern[str]
    line: re.Pattern[str]
    unless: re.Pattern[str] | None
    needs: re.Pattern[str] | None


def scan(file: SourceFile) -> list[Vulnerability]:
    """Findings of one file, at most one secret for each line."""
    found = list(_infrastructure(file))
    found += [rule.at(file.name, number) for rule, number in _secrets(file)]
    return found


def _infrastructure(file: SourceFile) -> Iterator[Vulnerability]:
    for one in _rules():
        if not one.files.search(file.name):
            continue
        if (one.unless and one.unless.search(file.text)) or (one.needs and not one.needs.search(file.text)):
            continue
        for number, line in enumerate(file.text.split("\n"), 1):
            if one.line.search(line[:_LONGEST_LINE]) and not line.lstrip().startswith(("#", "//")):
                yield one.rule.at(file.name, number)


@cache
def _rules() -> tuple[_LineRule, ...]:
    import yaml

    written = yaml.safe_load(Path(__file__).with_name("infrastructure.yaml").read_text("utf-8"))
    return tuple(
        _LineRule(
            rule=Rule(**{name: one[name] for name in ("id", "cwe", "severity", "description", "recommendation")}),
            files=re.compile(one["files"]),
            line=re.compile(one["line"]),
            unless=re.compile(one["unless"], re.MULTILINE) if "unless" in one else None,
            needs=re.compile(one["needs"], re.MULTILINE) if "needs" in one else None,
        )
        for one in written
    )


def _secrets(file: SourceFile) -> Iterator[tuple[Rule, int]]:
    # Python and JavaScript have rules of their own, which read the code.
    if file.suffix in SOURCE or _LOCKS.search(file.name):
        return
    values = not (
        _TEXTS.search(file.name) or _SAMPLE.search(file.name) or file.suffix in (".md", ".rst", ".svg", ".html")
    )
    base = PurePosixPath(file.name).name
    plain = file.suffix in _PLAIN_VALUES or base.startswith(".env")
    for number, line in enumerate(file.text.split("\n"), 1):
        part = line[:_LONGEST_LINE]
        if is_token(part):
            yield TOKEN, number
        elif values and any(_is_value(match, plain=plain) for match in _NAMED.finditer(part)):
            yield VALUE, number


def _is_value(match: re.Match[str], *, plain: bool) -> bool:
    name, quote, value = match[1], match[2], match[3]
    if not quote and not plain:
        return False
    if not names_a_secret(name.rpartition(".")[2]) or not looks_secret(value) or _NO_SECRET.search(value):
        return False
    return entropy(value) >= _LEAST_ENTROPY and not re.fullmatch(r"[a-z]+(?:[-_.][a-z]+)*", value)


def entropy(text: str) -> float:
    """Bits for each character: about 3 for words, 4 and more for random letters and digits."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
