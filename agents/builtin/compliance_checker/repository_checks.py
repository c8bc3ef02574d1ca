"""A repository's files -> where a control is broken. One function for each `check` in repository_controls.yaml.

As in checks.py: no places mean that the control holds, None that the repository has nothing it could be judged by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agents.builtin.compliance_checker.checks import Found, Place
from agents.builtin.compliance_checker.pinning import unpinned
from agents.builtin.compliance_checker.repository_files import RepositoryFiles, TextFile
from agents.builtin.scanning.secret_names import is_token

_MOST_PLACES = 50
_OWNERS = ("codeowners", ".github/codeowners", ".gitlab/codeowners", "docs/codeowners")
_LICENCES = re.compile(r"(?:licen[cs]e|copying|unlicense)(?:[-.][\w.-]+)?")
_LICENCE_FIELD = re.compile(r"""^\s*["']?license["']?\s*[:=]""", re.MULTILINE | re.IGNORECASE)
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")
_WORD = re.compile(r"[A-Za-z0-9_+/=.\-]{16,200}")
_ENV_SECRET = re.compile(
    r"^\s*(?:export\s+)?\w*(?:SECRET|PASSWORD|PASSWD|TOKEN|API_KEY|PRIVATE_KEY)\w*"
    r"\s*=\s*['\"]?([^\s'\"#$<{]{8,})"
)
_ENV_SAMPLE = re.compile("example|sample|template")
_PLACEHOLDER = re.compile(
    r"change.?me|example|placeholder|your[-_ ]|xxx|dummy|todo|secret$|password$", re.IGNORECASE
)
_OPEN_STORAGE = re.compile(
    r"""\b(?:storage_encrypted|encrypted|encryption_at_rest_enabled|StorageEncrypted|Encrypted)\s*[=:]\s*["']?false"""
    r"""|\b(?:publicly_accessible|PubliclyAccessible)\s*[=:]\s*["']?true|\bacl\s*=\s*["']public-read""",
    re.IGNORECASE,
)
_NO_LOGS = re.compile(
    r"""\b(?:enable_logging|IsLogging|EnableLogging|enable_log_file_validation)\s*[=:]\s*["']?false"""
    r"""|\b(?:access_logs|logging|log_config)\s*\{[^}]*\benabled?\s*=\s*false""",
    re.IGNORECASE,
)
_RESOURCE = re.compile(r"""^\s*resource\s+"|^\s*Type:\s*["']?AWS::""", re.MULTILINE)
_LOG_CALL = re.compile(
    r"(?:\blog(?:ger|ging)?\.(?:debug|info|warn(?:ing)?|error|critical|exception|fatal|printf?|println)"
    r"|\bconsole\.(?:log|info|warn|error|debug)|\bprint(?:f|ln)?|\bfmt\.Print(?:f|ln)?|\bSystem\.out\.print(?:ln)?"
    r"|\bLog\.[dewi]|\berror_log|\bRails\.logger\.\w+)\s*\((.*)"
)
_PERSONAL = (
    r"e_?mail(?:_?address)?|ssn|social_?security(?:_?number)?|passport(?:_?number)?|date_?of_?birth|birth_?date|dob"
    r"|phone(?:_?number)?|home_?address|street_?address|postal_?address|first_?name|last_?name|full_?name"
    r"|credit_?card(?:_?number)?|iban|medical_?record(?:_?number)?|diagnosis|patient_?name"
)
_PERSONAL_VALUE = re.compile(rf"(?:[.\[(\s,{{$]|\b)['\"]?(?:\w+_)?(?:{_PERSONAL})\b", re.IGNORECASE)
_QUOTED = re.compile(r"""(?<![fF$])("(?:[^"\\{}]|\\.)*"|'(?:[^'\\{}]|\\.)*')(?!\s*[\]:])""")
_SCHEMA_FIELD = re.compile(
    rf"""^\s*["'`]?({_PERSONAL})["'`]?\s*(?::\s*(?:str|string|Mapped|Optional|date|EmailStr|Annotated|models|\{{)"""
    rf"""|=\s*(?:models\.|Column|mapped_column|Field)|\s(?:VARCHAR|TEXT|CHAR|DATE|CITEXT|String|NVARCHAR)\b)""",
    re.IGNORECASE,
)
_SCHEMAS = frozenset({".sql", ".prisma", ".py", ".ts", ".java", ".rb", ".go", ".json", ".yaml"})
_INVENTORY = re.compile(r"privacy|data[-_]inventory|record[s]?[-_]of[-_]processing|ropa\b|gdpr", re.IGNORECASE)


def code_has_owners(files: RepositoryFiles) -> Found:
    """No CODEOWNERS file, or none with a rule."""
    if not files.source:
        return None
    for file in files.files:
        if file.name.lower() in _OWNERS:
            ruled = any(line.strip() and not line.lstrip().startswith("#") for _, line in file.lines())
            return [] if ruled else [Place(file.name, "it holds no rule")]
    return [Place("CODEOWNERS", "there is none")]


def no_secrets_in_files(files: RepositoryFiles) -> Found:
    """Private keys, tokens of known formats, and values in committed .env files."""
    return _places(files, _secrets) if files.files else None


def dependencies_are_pinned(files: RepositoryFiles) -> Found:
    """Manifests whose versions are open and that no lock file closes."""
    return unpinned(files)


def a_licence_is_given(files: RepositoryFiles) -> Found:
    """Neither a licence file nor a field of a manifest."""
    if not files.source:
        return None
    at_root = [file for file in files.files if "/" not in file.name]
    manifests = [
        file for file in at_root if file.base in ("package.json", "pyproject.toml", "cargo.toml", "setup.cfg")
    ]
    given = any(_LICENCES.fullmatch(file.base) for file in at_root) or any(
        _LICENCE_FIELD.search(file.text) for file in manifests
    )
    return [] if given else [Place("LICENSE", "there is none")]


def storage_is_encrypted(files: RepositoryFiles) -> Found:
    """Storage resources without encryption, or open to everybody."""
    return _in_infrastructure(files, _OPEN_STORAGE)


def infrastructure_is_logged(files: RepositoryFiles) -> Found:
    """Logs that are switched off."""
    return _in_infrastructure(files, _NO_LOGS)


def logs_hold_no_personal_data(files: RepositoryFiles) -> Found:
    """Log calls that are given a field of personal data."""
    code = RepositoryFiles(files=tuple(file for file in files.source if not file.is_test), unread=0)
    if not any(_LOG_CALL.search(file.text) for file in code.files):
        return None
    return _places(code, _logged_personal_data)


def personal_data_are_listed(files: RepositoryFiles) -> Found:
    """Stored fields of personal data, where no document records them."""
    places: list[Place] = []
    for file in files.files:
        if file.is_test or file.suffix not in (
            ".sql",
            ".prisma",
            ".py",
            ".ts",
            ".java",
            ".rb",
            ".go",
            ".json",
            ".yaml",
        ):
            continue
        for number, line in file.lines():
            if found := _SCHEMA_FIELD.match(line):
                places.append(Place(f"{file.name}:{number}", f"field {found[1]!r} is on no record of processing"))
    if not places:
        return None
    documents = (file for file in files.files if file.suffix in (".md", ".rst", ".txt", ".yaml", ".yml", ".json"))
    return [] if any(_INVENTORY.search(file.base) for file in documents) else places[:_MOST_PLACES]


REPOSITORY_CHECKS: dict[str, Callable[[RepositoryFiles], Found]] = {
    check.__name__: check
    for check in (
        code_has_owners,
        no_secrets_in_files,
        dependencies_are_pinned,
        a_licence_is_given,
        storage_is_encrypted,
        infrastructure_is_logged,
        logs_hold_no_personal_data,
        personal_data_are_listed,
    )
}
"""By the name that repository_controls.yaml has for them."""


def _places(files: RepositoryFiles, find: Callable[[TextFile], Iterator[Place]]) -> list[Place]:
    found: list[Place] = []
    for file in files.files:
        found += find(file)
        if len(found) >= _MOST_PLACES:
            break
    return found[:_MOST_PLACES]


def _secrets(file: TextFile) -> Iterator[Place]:
    """The value itself is never repeated."""
    is_env = file.base == ".env" or (
        file.base.startswith(".env.") and not re.search("example|sample|template", file.base)
    )
    for number, line in file.lines():
        where = f"{file.name}:{number}"
        if _PRIVATE_KEY.search(line):
            yield Place(where, "a private key")
        elif not file.is_test and any(is_token(word) for word in _WORD.findall(line)):
            yield Place(where, "a token of a known service")
        elif is_env and (found := _ENV_SECRET.match(line)) and not _PLACEHOLDER.search(found[1]):
            yield Place(where, "a secret value in a committed environment file")


def _in_infrastructure(files: RepositoryFiles, pattern: re.Pattern[str]) -> Found:
    code = [
        file
        for file in files.files
        if file.suffix in (".tf", ".yaml", ".yml", ".json")
        and (file.suffix == ".tf" or _RESOURCE.search(file.text))
    ]
    if not any(_RESOURCE.search(file.text) for file in code):
        return None
    return [
        Place(f"{file.name}:{file.text.count(chr(10), 0, found.start()) + 1}", " ".join(found[0].split())[:100])
        for file in code
        for found in pattern.finditer(file.text)
    ][:_MOST_PLACES]


def _logged_personal_data(file: TextFile) -> Iterator[Place]:
    for number, line in file.lines():
        called = _LOG_CALL.search(line)
        # Words in a plain text are no data; names in a formatted one are.
        if called and _PERSONAL_VALUE.search(_QUOTED.sub('""', called[1])):
            yield Place(f"{file.name}:{number}", "a log call is given personal data")
