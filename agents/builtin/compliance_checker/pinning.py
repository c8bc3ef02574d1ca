"""A repository's manifests -> dependencies whose version is open."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from agents.builtin.compliance_checker.checks import Found, Place
from agents.builtin.compliance_checker.repository_files import RepositoryFiles, TextFile

_REQUIREMENTS = re.compile(r"(?:.*/)?(?:(?:requirements|constraints)[\w.-]*\.txt|requirements/[\w.-]+\.txt)")
_PINNED = re.compile(r"[^#;]*(?:===?\s*[\w.!+-]+(?!\*)\s*(?:$|[\s;\\#,])|\s@\s+\S*[0-9a-f]{40})")
_LOCKS = {
    "package.json": ("package-lock.json", "pnpm-lock.yaml", "yarn.lock", "npm-shrinkwrap.json", "bun.lock"),
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "constraints.txt", "requirements.txt"),
    "pipfile": ("pipfile.lock",),
    "cargo.toml": ("cargo.lock",),
    "go.mod": ("go.sum",),
    "gemfile": ("gemfile.lock",),
    "composer.json": ("composer.lock",),
}
_DECLARES = {
    "package.json": re.compile(r'"(?:dev|peer|optional)?[dD]ependencies"\s*:\s*\{\s*"'),
    "pyproject.toml": re.compile(
        r"^\s*(?:dependencies\s*=\s*\[\s*[\"']|\[tool\.poetry\.dependencies\])", re.MULTILINE
    ),
    "pipfile": re.compile(r"^\s*\[packages\]\s*\n\s*\w", re.MULTILINE),
    "cargo.toml": re.compile(r"^\s*\[dependencies\]\s*\n\s*\w", re.MULTILINE),
    "go.mod": re.compile(r"^\s*require\b", re.MULTILINE),
    "gemfile": re.compile(r"^\s*gem\s", re.MULTILINE),
    "composer.json": re.compile(r'"require"\s*:\s*\{\s*"'),
}
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_USES = re.compile(r"^\s*-?\s*uses:\s*['\"]?([^\s'\"#]+)")
_IMAGE = re.compile(r"^\s*-?\s*image:\s*['\"]?([^\s'\"#$]+)['\"]?\s*(?:#.*)?$")
_COMPOSE = re.compile(r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml")
_VERSIONS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    ".gradle": (
        re.compile(r"""["'][\w.-]+:[\w.-]+:([^"'$\s:]+)"""),
        re.compile(r".*\+|latest\.\w+|[\[(].*|.*-SNAPSHOT"),
    ),
    "pom.xml": (re.compile(r"<version>\s*([^<$\s]+)\s*</version>"), re.compile(r"[\[(].*|LATEST|RELEASE")),
    ".csproj": (
        re.compile(r"""<PackageReference\b[^>]*\bVersion="([^"$]+)\""""),
        re.compile(r".*\*.*|\[[^\]]*,.*|\(.*"),
    ),
}
"""File, or its ending -> how a version is written there, and which versions are open."""
_GIT_SOURCE = re.compile(r'^\s*source\s*=\s*"((?:git::|git@|github\.com/)[^"]*)"')
_COMMIT = re.compile(r"@[0-9a-f]{40}$")


def unpinned(files: RepositoryFiles) -> Found:
    """The places, None where no manifest declares anything."""
    places: list[Place] = []
    asked = False
    known = {file.name.lower() for file in files.files}
    for file in files.files:
        found = _of(file, known)
        if found is not None and not file.is_test:
            asked = True
            places += found
    return places if asked else None


def _of(file: TextFile, known: set[str]) -> list[Place] | None:
    """The open versions of one file; None where it declares none."""
    if _REQUIREMENTS.fullmatch(file.name.lower()):
        return _requirements(file)
    if file.base in _LOCKS:
        return _locked(file, known)
    if file.base == "dockerfile" or file.suffix == ".dockerfile" or file.base.startswith("dockerfile."):
        return _images(file)
    if _COMPOSE.fullmatch(file.base):
        return _served(file)
    if (versions := _VERSIONS.get(file.base) or _VERSIONS.get(file.suffix)) is not None:
        return _open_versions(file, *versions)
    if file.base.endswith(".gradle.kts"):
        return _open_versions(file, *_VERSIONS[".gradle"])
    if file.suffix == ".tf":
        return _modules(file)
    if file.name.startswith(".github/workflows/") and file.suffix in (".yml", ".yaml"):
        return _actions(file)
    return None


def _requirements(file: TextFile) -> list[Place] | None:
    wanted = [
        (number, line.strip())
        for number, line in file.lines()
        if line.strip() and not line.lstrip().startswith(("#", "-", "\\"))
    ]
    open_ones = [(number, line) for number, line in wanted if not _PINNED.match(line)]
    return (
        [Place(f"{file.name}:{n}", f"{line[:60]!r} takes any version") for n, line in open_ones]
        if wanted
        else None
    )


def _locked(file: TextFile, known: set[str]) -> list[Place] | None:
    if not _DECLARES[file.base].search(file.text):
        return None
    folder = PurePosixPath(file.name.lower()).parent
    for place in (folder, *folder.parents):
        if any((place / lock).as_posix() in known for lock in _LOCKS[file.base]):
            return []
    return [Place(file.name, f"no lock file ({', '.join(_LOCKS[file.base])}) beside it")]


def _images(file: TextFile) -> list[Place] | None:
    stages: set[str] = {"scratch"}
    places: list[Place] = []
    asked = False
    for number, line in file.lines():
        if not (found := _FROM.match(line)):
            continue
        image, stage = found[1], found[2]
        if image.lower() not in stages and "$" not in image:
            asked = True
            if "@sha256:" not in image:
                places.append(Place(f"{file.name}:{number}", f"image {image[:80]!r} is not pinned by digest"))
        if stage:
            stages.add(stage.lower())
    return places if asked else None


def _served(file: TextFile) -> list[Place] | None:
    """Images of a compose file; those that it builds itself have a name to be given, which says nothing."""
    if re.search(r"^\s*build:", file.text, re.MULTILINE):
        return None
    return _loose(file, _named(file, _IMAGE), lambda image: "@sha256:" in image, "image", "digest")


def _open_versions(file: TextFile, version: re.Pattern[str], is_open: re.Pattern[str]) -> list[Place] | None:
    given = [(number, found) for number, line in file.lines() for found in version.findall(line)]
    if not given:
        return None
    return [
        Place(f"{file.name}:{number}", f"version {found[:60]!r} is open")
        for number, found in given
        if is_open.fullmatch(found)
    ]


def _modules(file: TextFile) -> list[Place] | None:
    return _loose(file, _named(file, _GIT_SOURCE), lambda source: "ref=" in source, "module", "`?ref=`")


def _actions(file: TextFile) -> list[Place] | None:
    others = [(number, name) for number, name in _named(file, _USES) if not name.startswith(("./", "docker://"))]
    return _loose(file, others, lambda name: _COMMIT.search(name) is not None, "action", "commit")


def _named(file: TextFile, pattern: re.Pattern[str]) -> list[tuple[int, str]]:
    """Line and first group of each line that matches."""
    return [(number, found[1]) for number, line in file.lines() if (found := pattern.match(line))]


def _loose(
    file: TextFile, used: Sequence[tuple[int, str]], is_pinned: Callable[[str], bool], what: str, by: str
) -> list[Place] | None:
    """Those that are not pinned; None where nothing is used."""
    if not used:
        return None
    return [
        Place(f"{file.name}:{number}", f"{what} {name[:80]!r} is not pinned by {by}")
        for number, name in used
        if not is_pinned(name)
    ]
