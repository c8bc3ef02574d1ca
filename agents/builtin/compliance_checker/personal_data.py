"""Source code -> where personal data are logged, and which are stored. Names tell: `email`, `dateOfBirth`, `iban`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.builtin.compliance_checker.repository_files import TextFile

_PERSONAL = frozenset(
    "email emailaddress ssn socialsecurity socialsecuritynumber nationalid taxid passport passportnumber driverlicense"
    " dateofbirth birthdate birthday dob phone phonenumber mobilenumber telephone homeaddress streetaddress"
    " postaladdress firstname lastname fullname surname patientname creditcard creditcardnumber cardnumber iban"
    " medicalrecord medicalrecordnumber diagnosis".split()
)
_NOT_THE_DATA = frozenset(
    "send sent is has no without validate verify check skip needs require requires missing invalid wants by".split()
)
"""First words of a name that is about the data and does not hold them."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COMMENT = re.compile(r"\s*(?:#(?!\[)|//|\*|--|/\*|<!--)")
_LOG = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"_?(?:\w{1,40}_|\w{1,40}(?=L))?(?i:log(?:ger|ging)?|slog|winston|pino)(?:\(\s*\))?\s*(?:\.|->|::)\s*"
    r"(?i:(?:log)?(?:trace|debug|info|information|notice|warn|warning|error|critical|exception|fatal|print)"
    r"|log|[deivw]|wtf)(?:f|ln|w|Context)?"
    r"|console\.(?:log|info|warn|error|debug|trace)|print(?:f|ln)?|puts|error_log|NSLog"
    r"|fmt\.Print(?:f|ln)?|System\.(?:out|err)\.print(?:ln|f)?|(?:Console|Debug|Trace)\.Write(?:Line)?"
    r"|(?:trace|debug|info|warn|error|e?println|e?print)!"
    r")(?:\s*\(|(?P<bare>\s+)(?=[\"':@\w]))"
)
_STRING = re.compile(r"""([fF$]?)("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)""")
_HELD = re.compile(r"[#$]\{([^{}]*)\}|\{(\$[^{}]*)\}|(\$[A-Za-z_]\w*(?:->\w+)?)")
_HELD_IN_FORMAT = re.compile(r"\{([^{}]*)\}")
_HIDDEN = re.compile(
    r"\b\w{0,40}(?i:mask|hash|redact|anonymi[sz]e|pseudonymi[sz]e|scrub|obfuscate|encrypt|sha\d+|hmac|hide|len)\w{0,40}"
    r"\s*\([^()]{0,300}\)"
)
_KEYED = re.compile(r"""(["'])([A-Za-z_]{3,40})\1\s*(?:=>|:)\s*(?!["'\d])\S""")
_NAME = re.compile(
    r"[A-Za-z_]\w*(?!\s*(?:\.|->)\s*(?:id|pk|uuid|count|length|size|status|subject|template|type|send)\b)\b"
)
_MOST_LINES = 10


@dataclass(frozen=True)
class Field:
    """One stored field."""

    file: str
    line: int
    name: str


def is_personal(name: str) -> bool:
    """Whether a variable, field or method of this name holds a person's data."""
    words = [word.lower() for word in _WORD.findall(name[:80])]
    if not words or words[0] in _NOT_THE_DATA:
        return False
    return any("".join(words[at:]) in _PERSONAL for at in range(len(words)))


def logs(file: TextFile) -> Iterator[tuple[int, str]]:
    """Calls that write a log: line, and the text of their arguments."""
    lines = [line for _, line in file.lines()]
    for number, line in enumerate(lines, 1):
        found = None if _COMMENT.match(line) else _LOG.search(line)
        if found is None:
            continue
        if found["bare"] is None:
            yield number, _arguments([line[found.end() :], *lines[number : number + _MOST_LINES]])
        elif file.suffix == ".rb":
            yield number, line[found.end() :]


def _arguments(lines: list[str]) -> str:
    """What stands in the parentheses, and in those of calls that follow with a dot."""
    text, depth = "\n".join(lines), 1
    for at, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0 and char == ")" and not text[at + 1 :].lstrip().startswith("."):
            return text[:at]
    return lines[0]


def logged(file: TextFile, arguments: str) -> str | None:
    """The name of what of a person is written; None where nothing is."""
    for _, key in _KEYED.findall(arguments):
        if is_personal(key) and not _HIDDEN.search(arguments):
            return key
    code = _STRING.sub(lambda found: _held(file, found[1], found[2]), arguments)
    for _ in range(3):
        code = _HIDDEN.sub("0", code)
    return next((name for name in _NAME.findall(code) if is_personal(name)), None)


def _held(file: TextFile, prefix: str, string: str) -> str:
    """The expressions that a text holds."""
    if prefix or file.suffix == ".rs":
        return " ".join(["", *_HELD_IN_FORMAT.findall(string), ""])
    if string[0] == "'":
        return " "
    return " ".join(["", *("".join(parts) for parts in _HELD.findall(string)), ""])


@dataclass(frozen=True)
class _Stores:
    suffixes: tuple[str, ...]
    field: re.Pattern[str]
    needs: re.Pattern[str] | None = None
    """What the file must hold for its fields to be stored ones."""


_STORES = (
    _Stores(
        (".sql",),
        re.compile(
            r"""(?i)(?:^|[\s,(])[`"\[]?(\w+)[`"\]]?\s+(?:n?varchar|text|n?char|character|date|timestamp|citext|string|bytea|json)"""
        ),
        re.compile(r"(?i)\b(?:create|alter)\s+table\b"),
    ),
    _Stores((".prisma",), re.compile(r"^\s*(\w+)\s+(?:String|DateTime|Json|Bytes)\b")),
    _Stores(
        (".py",),
        re.compile(
            r"^\s*(\w+)\s*(?::\s*[\w\[\]., |]+)?=\s*"
            r"(?:models\.|\w+\.Column|Column|mapped_column|Field|fields\.|\w+Field\()"
            r"|^\s*(\w+)\s*:\s*[\w.\[\]| ]+$"
        ),
        re.compile(
            r"DeclarativeBase|declarative_base|\bModel\)|\bBase\)|\bDocument\)|SQLModel|mongoengine|peewee|\bMapped\["
        ),
    ),
    _Stores(
        (".rb",),
        re.compile(r"""^\s*(?:t\.\w+\s+|add_column\s*\(?\s*:\w+\s*,\s*|field\s+|attribute\s+)[:"'](\w+)"""),
    ),
    _Stores(
        (".java", ".kt"),
        re.compile(
            r"^\s*(?:private|protected|public)\s+(?:final\s+)?[\w<>.,?]+\s+(\w+)\s*[;=]|\bva[lr]\s+(\w+)\s*:"
        ),
        re.compile(r"@(?:Entity|Table|Document|Embeddable|MappedSuperclass)\b"),
    ),
    _Stores((".go",), re.compile(r"^\s*(\w+)\s+[\w.*\[\]]+\s+`[^`]*\b(?:db|gorm|bson|bun|pg|sql):")),
    _Stores(
        (".cs",),
        re.compile(r"^\s*public\s+(?:required\s+|virtual\s+)?[\w<>?.]+\s+(\w+)\s*\{\s*get"),
        re.compile(r"\[(?:Table|Key|Column)\b|EntityFrameworkCore|\bDbSet<"),
    ),
    _Stores(
        (".php",),
        re.compile(
            r"""\$table->\w+\(\s*['"](\w+)['"]|^\s*(?:private|protected|public)\s+(?:\??\w+\s+)?\$(\w+)\s*[;=]"""
        ),
        re.compile(r"\$table->|ORM\\(?:Entity|Column)"),
    ),
    _Stores(
        (".ts", ".js", ".mjs", ".cjs"),
        re.compile(r"^\s*(?:public\s+|private\s+)?(\w+)[?!]?\s*:\s*\S"),
        re.compile(
            r"@Entity\(|new (?:mongoose\.)?Schema\(|sequelize\.define|\bDataTypes\."
            r"|\b(?:pg|mysql|sqlite)Table\("
        ),
    ),
    _Stores((".proto",), re.compile(r"^\s*(?:optional\s+|repeated\s+)?\w+\s+(\w+)\s*=\s*\d+")),
    _Stores((".avsc",), re.compile(r'"name"\s*:\s*"(\w+)"')),
    _Stores((".graphql", ".gql"), re.compile(r"^\s*(\w+)\s*:\s*\[?\w")),
)


def stored(file: TextFile) -> Iterator[Field]:
    """Fields of persons in schemas, models and migrations."""
    for one in _STORES:
        if file.suffix not in one.suffixes or (one.needs and not one.needs.search(file.text)):
            continue
        for number, line in file.lines():
            if _COMMENT.match(line):
                continue
            for found in one.field.finditer(line):
                name = next(group for group in found.groups() if group)
                if is_personal(name):
                    yield Field(file.name, number, name)


def plain(text: str) -> str:
    """Its letters and digits, in lower case: so `E-mail` in a document is the field `e_mail`."""
    return re.sub(r"[\W_]+", "", text.lower())


def names_in(text: str) -> frozenset[str]:
    """What a document may name: up to five words of it that follow each other, as `plain` has them.

    Whole words only: who writes of a description has not written of the field `ip`.
    """
    words = [plain(each) for each in _WORD.findall(text)]
    runs = {"".join(words[at : at + count]) for count in range(1, 6) for at in range(len(words))}
    return frozenset(runs | {each.removesuffix("s") for each in runs})
