"""Any text file -> secrets in it, and weaknesses of infrastructure that it describes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.secret_names import holds_credentials, is_token, looks_secret, names_a_secret
from agents.builtin.scanning.source_files import SOURCE, SourceFile
from agents.builtin.scanning.structure import Line, of_hcl, of_yaml, opened
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
    r"""(?:^|::|[\s,{(\[;"'<-])["'$]?([A-Za-z_][\w.-]{2,60})["']?\s*(?:=>|:=|[:=])\s*(["']?)([^\s"'`,;)}\]]{8,200})\2"""
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
    r"getenv|process\.env|secrets?[./:]|vault:|^[\[{&*]|\bENV\b|^(?:true|false|null|none|undefined)$|test|fake|mock|sample|localhost",
    re.IGNORECASE,
)
_INTERPOLATED = re.compile(r"\$[A-Z][A-Z0-9_]{3,}")
"""A variable of the environment within a value."""
_COMMENT = re.compile(r"^\s*(?:#|//|\*|;|--|<!--)")
_DRAWN = re.compile(r"(?=[\w+/-]*\d)(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])[\w+/-]{16,}")
"""As a generator gives them; in a comment, which shows how something is set, nothing else is taken for real."""
_NAME_LINE = re.compile(r"""^\s*-?\s*name:\s*["']?([A-Za-z_][\w.-]{2,60})["']?\s*$""")
_VALUE_LINE = re.compile(r"""^\s*value:\s*(["']?)([^\s"'`{}]{6,200})\1\s*(?:#.*)?$""")
_TAGGED = re.compile(
    r"""<([A-Za-z][\w.-]{2,60})>([^<>\s$]{6,200})</\1>|<\w+\s+(?:key|name)="([\w.:-]{3,60})"\s+value="([^"<>\s$]{6,200})\""""
)
_DEFINED = re.compile(r"""\bdefine\(\s*["'](\w{3,60})["']\s*,\s*["']([^"'\s]{8,200})["']""")
_SHELLS = frozenset({".sh", ".bash", ".ksh", ".zsh"})
_HOLDS = re.compile(
    r"""^\s*(?:(?:local|readonly|export|declare)\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)\+?="""
    r"""(?:"([^"`(]*?)|([^\s"'`(;]*?))\$\{?(?:[1-9@]|(\*)|QUERY_STRING\b)"""
)
"""A variable that is given a parameter, alone or in a text; the answer of a command is no parameter."""
_READS = re.compile(r"^\s*read\s+(?:-\w+\s+(?:\"[^\"]*\"\s+)?)*((?:[A-Za-z_]\w*\s*)+)$")
_SHOWS = re.compile(r"^\s*cat\s*(?:>&2\s*)?<<-?\s*[\"']?(\w+)[\"']?\s*(?:>&2\s*)?$")
_MOST_NAMES = 200
_LEAST_ENTROPY = 3.0
_SHOWN = re.compile(r"\bplaceholder\s*=\s*.?-----BEGIN")
"""What a form shows of a key before one is entered."""
_LONGEST_LINE = 2000


@dataclass(frozen=True, kw_only=True)
class _LineRule:
    rule: Rule
    files: re.Pattern[str]
    line: re.Pattern[str]
    unless: re.Pattern[str] | None
    needs: re.Pattern[str] | None
    within: re.Pattern[str] | None
    """What the keys or blocks around the line must be."""
    block_needs: re.Pattern[str] | None
    """What the item or block that the line stands in must hold, and must not."""
    lacks: re.Pattern[str] | None
    """What the block that the line opens must not hold: a resource without a setting that protects it."""
    block_unless: re.Pattern[str] | None
    once: bool
    """Whether it says something of the whole file, and so is told at the first place only."""


def scan(file: SourceFile) -> list[Vulnerability]:
    """Findings of one file, at most one secret for each line."""
    found = list(_infrastructure(file))
    # Python, JavaScript and the engine's languages have rules of their own, which read the code.
    if file.suffix not in SOURCE:
        found += [rule.at(file.name, number) for rule, number in secrets_in(file)]
    return found


def _infrastructure(file: SourceFile) -> Iterator[Vulnerability]:
    lines, structure = file.text.split("\n"), None
    if file.suffix in _SHELLS:
        lines = _with_parameters(_without_help(lines))
    for one in _rules():
        if not one.files.search(file.name):
            continue
        if (one.unless and one.unless.search(file.text)) or (one.needs and not one.needs.search(file.text)):
            continue
        for number, line in enumerate(lines, 1):
            if not one.line.search(line[:_LONGEST_LINE]) or line.lstrip().startswith(("#", "//")):
                continue
            if (one.within or one.block_needs or one.block_unless) and structure is None:
                structure = _structure(file, lines)
            if one.lacks is not None:
                block = opened(lines, number - 1)
                if block is None or one.lacks.search(block):
                    continue
            if structure is None or _stands_right(one, structure[number - 1], lines):
                yield one.rule.at(file.name, number)
                if one.once:
                    break


def _without_help(lines: list[str]) -> list[str]:
    """Lines of a shell script without texts that it only shows, as `cat <<EOF` does to explain its use."""
    made: list[str] = []
    ends: str | None = None
    for line in lines:
        if ends is None:
            shown = _SHOWS.match(line[:_LONGEST_LINE])
            ends = None if shown is None else shown[1]
            made.append(line)
            continue
        is_end = line.strip() == ends
        made.append(line if is_end else "")
        ends = None if is_end else ends
    # One that never ends is none, and hides nothing.
    return made if ends is None else lines


def _with_parameters(lines: list[str]) -> list[str]:
    """Lines of a shell script in which a variable that holds a parameter, or what was read, is that parameter.

    One that holds it behind other text is `$*`: it chooses a part, as of a path, and not all.
    """
    names: dict[str, str] = {}
    made: list[str] = []
    for line in lines:
        held = re.compile(r"\$(\{?)(" + "|".join(sorted(names)) + r")\b(?=[^\w:]|$)") if names else None
        part = line
        if held is not None and len(line) <= _LONGEST_LINE:
            part = held.sub(lambda found: f"${found[1]}{names[found[2]]}", line)
        made.append(part)
        if len(names) < _MOST_NAMES:
            for name, quoted, plain, is_part in _HOLDS.findall(part[:_LONGEST_LINE]):
                names[name] = "*" if quoted or plain or is_part else "1"
            names.update((name, "1") for found in _READS.findall(part[:_LONGEST_LINE]) for name in found.split())
    return made


def _structure(file: SourceFile, lines: list[str]) -> list[Line]:
    short = [line[:_LONGEST_LINE] for line in lines]
    return of_hcl(short) if file.suffix in (".tf", ".hcl", ".tfvars") else of_yaml(short)


def _stands_right(one: _LineRule, place: Line, lines: list[str]) -> bool:
    if one.within is not None and not one.within.search(place.path):
        return False
    block = "\n".join(lines[place.first : place.last])
    if one.block_needs is not None and not one.block_needs.search(block):
        return False
    return one.block_unless is None or not one.block_unless.search(block)


@cache
def _rules() -> tuple[_LineRule, ...]:
    import yaml

    written = yaml.safe_load(Path(__file__).with_name("infrastructure.yaml").read_text("utf-8"))
    return tuple(
        _LineRule(
            rule=Rule(**{name: one[name] for name in ("id", "cwe", "severity", "description", "recommendation")}),
            files=re.compile(one["files"]),
            line=re.compile(one["line"]),
            unless=_optional(one, "unless"),
            needs=_optional(one, "needs"),
            within=_optional(one, "within"),
            block_needs=_optional(one, "block_needs"),
            block_unless=_optional(one, "block_unless"),
            lacks=_optional(one, "lacks"),
            once=bool(one.get("once")),
        )
        for one in written
    )


def _optional(written: Mapping[str, str], name: str) -> re.Pattern[str] | None:
    return re.compile(written[name], re.MULTILINE) if name in written else None


def secrets_in(file: SourceFile) -> Iterator[tuple[Rule, int]]:
    """Which kind of secret stands on which lines, by names and forms."""
    if _LOCKS.search(file.name):
        return
    values = not (
        _TEXTS.search(file.name) or _SAMPLE.search(file.name) or file.suffix in (".md", ".rst", ".svg", ".html")
    )
    base = PurePosixPath(file.name).name
    plain = file.suffix in _PLAIN_VALUES or base.startswith(".env")
    before = ""
    for number, line in enumerate(file.text.split("\n"), 1):
        part = line[:_LONGEST_LINE]
        if is_token(part) and not _SHOWN.search(part):
            yield TOKEN, number
        elif values and (
            any(_is_value(match, plain=plain) for match in _NAMED.finditer(part))
            or holds_credentials(part)
            or _is_paired(before, part)
        ):
            if not _COMMENT.match(part) or any(_DRAWN.search(match[3]) for match in _NAMED.finditer(part)):
                yield VALUE, number
        before = part


def _is_paired(before: str, line: str) -> bool:
    """A value whose name stands on the line before, as in Kubernetes; in tags around it; or in a `define`."""
    name, value = _NAME_LINE.search(before), _VALUE_LINE.search(line)
    if name is not None and value is not None:
        return _is_secret(name[1], value[2])
    defined = _DEFINED.search(line)
    if defined is not None and _is_secret(defined[1], defined[2]):
        return True
    tag = _TAGGED.search(line)
    return tag is not None and _is_secret(tag[1] or tag[3], tag[2] or tag[4])


def _is_value(match: re.Match[str], *, plain: bool) -> bool:
    name, quote, value = match[1], match[2], match[3]
    if not quote and not plain:
        return False
    return _is_secret(name, value)


def _is_secret(name: str, value: str) -> bool:
    if not names_a_secret(name.rpartition(".")[2]) or not looks_secret(value) or _NO_SECRET.search(value):
        return False
    if _INTERPOLATED.search(value):
        return False
    return entropy(value) >= _LEAST_ENTROPY and not re.fullmatch(r"[a-z]+(?:[-_.][a-z]+)*", value)


def entropy(text: str) -> float:
    """Bits for each character: about 3 for words, 4 and more for random letters and digits."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
