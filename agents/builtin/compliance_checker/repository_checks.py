"""A repository's files -> where a control is broken. One function for each `check` in repository_controls.yaml.

As in checks.py: no places mean that the control holds, None that the repository has nothing it could be judged by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agents.builtin.compliance_checker.branches import unprotected
from agents.builtin.compliance_checker.checks import Found, Place
from agents.builtin.compliance_checker.infrastructure import judge
from agents.builtin.compliance_checker.owners import rules_of, unowned
from agents.builtin.compliance_checker.personal_data import logged, logs, names_in, plain, stored
from agents.builtin.compliance_checker.pinning import unpinned
from agents.builtin.compliance_checker.repository_files import RepositoryFiles, TextFile
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.text_scan import TOKEN, secrets_in

_MOST_PLACES = 50
_OWNERS = (".github/CODEOWNERS", "CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
_LICENCES = re.compile(r"(?:licen[cs]e|copying|unlicense)(?:[-.][\w.-]+)?")
_LICENCE_FIELD = re.compile(
    r"""^[ \t]*(?:\w+\.)?["']?licen[cs]es?(?:-file)?["']?\s*[:=]\s*[\[{(]?\s*(?:["'][^"'\s]|[\w{])"""
    r"""|"license"\s*:\s*["\[{(]"""
    r"""|\.licen[cs]es?\s*=\s*[\["']|<licenses?>\s*<|<PackageLicense|\blicense\s*=\s*["']\w""",
    re.MULTILINE | re.IGNORECASE,
)
_MANIFESTS = frozenset(
    {"package.json", "pyproject.toml", "cargo.toml", "setup.cfg", "setup.py", "pom.xml", "composer.json"}
)
_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[rn])+(?:[\w-]+: [^\n]*\s+)*[A-Za-z0-9+/=]{32}"
)
"""With the beginning of the key itself: code that looks for the line above it holds none."""
_DOCUMENTS = (".md", ".rst", ".txt", ".yaml", ".yml", ".json", ".csv", ".html", ".adoc")
_INVENTORY = re.compile(r"privacy|data[-_]inventory|record[s]?[-_]of[-_]processing|ropa\b|gdpr", re.IGNORECASE)


def main_branch_is_protected(files: RepositoryFiles) -> Found:
    """Settings kept as code under which the main branch takes changes without a review."""
    return unprotected(files)


def code_has_owners(files: RepositoryFiles) -> Found:
    """No CODEOWNERS file where the forges look for it, or source files for which it names nobody."""
    if not files.source:
        return None
    by_name = {file.name: file for file in files.files}
    file = next((by_name[name] for name in _OWNERS if name in by_name), None)
    if file is None:
        return [Place("CODEOWNERS", "there is none")]
    rules = rules_of(file.text)
    if not rules:
        return [Place(file.name, "it holds no rule")]
    nobodys = unowned(rules, [each.name for each in files.source])
    return (
        [Place(file.name, f"nobody owns {len(nobodys)} source file(s), {nobodys[0]!r} first")] if nobodys else []
    )


def no_secrets_in_files(files: RepositoryFiles) -> Found:
    """Private keys, tokens of known formats, and values in committed .env files."""
    return _places(files, _secrets) if any(not file.is_test for file in files.files) else None


def dependencies_are_pinned(files: RepositoryFiles) -> Found:
    """Manifests whose versions are open and that no lock file closes."""
    return unpinned(files)


def a_licence_is_given(files: RepositoryFiles) -> Found:
    """Neither a licence file nor a field of a manifest, for the whole or for each package."""
    if not files.source:
        return None
    given = {_folder(file) for file in files.files if _gives_a_licence(file)}
    if "" in given or any(file.name.startswith("LICENSES/") and file.text.strip() for file in files.files):
        return []
    # Of several packages each may have its own.
    packages = {_folder(file) for file in files.files if file.base in _MANIFESTS and not file.is_test} - {""}
    if not packages & given:
        return [Place("LICENSE", "there is none, or it is empty")]
    return [Place(f"{each}/LICENSE", "there is none, or it is empty") for each in sorted(packages - given)]


def _folder(file: TextFile) -> str:
    return file.name.rpartition("/")[0]


def _gives_a_licence(file: TextFile) -> bool:
    """For its folder: as a file of that name that is not empty, or in a manifest."""
    if _LICENCES.fullmatch(file.base):
        return bool(file.text.strip())
    is_manifest = file.base in _MANIFESTS or file.suffix in (".gemspec", ".csproj")
    return is_manifest and _LICENCE_FIELD.search(file.text) is not None


def storage_is_encrypted(files: RepositoryFiles) -> Found:
    """Storage without encryption, or open to everybody."""
    return judge(files, "encryption")


def infrastructure_is_logged(files: RepositoryFiles) -> Found:
    """Resources whose log is off."""
    return judge(files, "logs")


def logs_hold_no_personal_data(files: RepositoryFiles) -> Found:
    """Log calls that are given a field of personal data."""
    places: list[Place] = []
    written = False
    for file in files.source:
        if file.is_test:
            continue
        for number, arguments in logs(file):
            written = True
            if (name := logged(file, arguments)) is not None and len(places) < _MOST_PLACES:
                places.append(Place(f"{file.name}:{number}", f"a log call is given {name[:40]!r}"))
    return places if written else None


def personal_data_are_listed(files: RepositoryFiles) -> Found:
    """Stored fields of personal data that no record of processing names."""
    fields = [each for file in files.files if not file.is_test for each in stored(file)]
    if not fields:
        return None
    listed = names_in(
        "\n".join(file.text for file in files.files if file.suffix in _DOCUMENTS and _INVENTORY.search(file.base))
    )
    return [
        Place(f"{each.file}:{each.line}", f"field {each.name[:40]!r} is on no record of processing")
        for each in fields
        if plain(each.name) not in listed
    ][:_MOST_PLACES]


REPOSITORY_CHECKS: dict[str, Callable[[RepositoryFiles], Found]] = {
    check.__name__: check
    for check in (
        main_branch_is_protected,
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
    """The value itself is never repeated. What lies among tests and examples keeps no secret of anybody's."""
    if file.is_test:
        return
    source = SourceFile(name=file.name, text=file.text)
    keys = [file.text.count("\n", 0, found.start()) + 1 for found in _KEY.finditer(file.text)]
    for line in keys:
        yield Place(f"{file.name}:{line}", "a private key")
    for rule, line in secrets_in(source):
        if line not in keys and (rule is not TOKEN or "PRIVATE KEY" not in file.line(line)):
            yield Place(f"{file.name}:{line}", "a token of a known service" if rule is TOKEN else "a secret value")
