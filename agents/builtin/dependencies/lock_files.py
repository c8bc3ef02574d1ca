"""A lock file's name and text -> the packages in it. Texts may be hostile: each is parsed, and nothing runs."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, cast
from xml.etree import ElementTree

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from agents.builtin.dependencies.dependency import Dependency, LockFile, NotALockFile

MAX_BYTES = 20_000_000
"""A larger lock file is not read."""
_PNPM_KEY = re.compile(r"/?(?P<name>@?[^@/()]+(?:/[^@/()]+)?)[@/](?P<version>\d[^()/_]*)")
_YARN_BLOCK = re.compile(r'^"?(?P<name>@?[^@\s"]+)@[^\n]*:\s*$')
_YARN_VERSION = re.compile(r'^\s+version:?\s+"?(?P<version>[^"\s]+)"?\s*$')
_YARN_LOCAL = re.compile(r"@(?:workspace|file|link|portal|patch):")
_GEM = re.compile(r"^ {4}(?P<name>[A-Za-z0-9_.-]+) \((?P<version>[^)\s]+)\)$")
_GO_REQUIRE = re.compile(r"^\s*(?:require\s+)?(?P<name>[^\s()]+\.[^\s()]*/?\S*)\s+v(?P<version>\d\S*)")
_PROPERTY = re.compile(r"\$\{([^}]{1,200})\}")

Parser = Callable[[str], LockFile]


def parser_of(name: str) -> Parser | None:
    """What reads a file of that name; None: it is no lock file that is known."""
    file = PurePosixPath(name).name
    if re.fullmatch(r"requirements[\w.-]*\.txt", file) or re.search(r"(?:^|/)requirements/[\w.-]+\.txt$", name):
        return _requirements
    return _BY_NAME.get(file)


def read_lock_file(name: str, text: str) -> LockFile:
    """The packages of the file. Raises NotALockFile."""
    parse = parser_of(name)
    if parse is None:
        raise NotALockFile(f"{name!r} is no lock file that is known")
    try:
        return parse(text)
    except NotALockFile:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, yaml.YAMLError) as exc:
        raise NotALockFile(f"{name!r} cannot be read: {type(exc).__name__}") from exc


class _Lines:
    """Finds the line on which something is named; each line once, so that equal names are told apart."""

    def __init__(self, text: str) -> None:
        self._places: dict[str, list[int]] = {}
        for number, line in enumerate(text.split("\n"), start=1):
            self._places.setdefault(line.strip(), []).append(number)

    def of(self, *lines: str) -> int:
        """The number of the first line that is one of those; 1 where there is none."""
        for line in lines:
            places = self._places.get(line)
            if places:
                return places.pop(0) if len(places) > 1 else places[0]
        return 1


def _requirements(text: str) -> LockFile:
    found: list[Dependency] = []
    unknown: list[str] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip().removesuffix("\\").strip()
        line = line.split(" --", 1)[0].strip()
        if not line or line.startswith(("-", "\ufeff-")):
            continue
        try:
            requirement = Requirement(line.removeprefix("\ufeff"))
        except InvalidRequirement:
            continue  # a continuation, a path, an address
        exact = [clause for clause in requirement.specifier if clause.operator in ("==", "===")]
        if requirement.url is None and exact and not exact[0].version.endswith(".*"):
            name = canonicalize_name(requirement.name)
            found.append(Dependency(ecosystem="PyPI", name=name, version=exact[0].version, line=number))
        else:
            unknown.append(f"{requirement.name[:100]} is not pinned to a version")
    return LockFile(dependencies=tuple(found), unknown=tuple(unknown))


def _toml_packages(text: str, ecosystem: str, is_own: Callable[[dict[str, Any]], bool]) -> LockFile:
    lines = _Lines(text)
    packages = cast("list[dict[str, Any]]", tomllib.loads(text).get("package", []))
    found: list[Dependency] = []
    for package in packages:
        name, version = str(package["name"]), package.get("version")
        line = lines.of(f'name = "{name}"')
        if is_own(package) or version is None:
            continue
        plain = canonicalize_name(name) if ecosystem == "PyPI" else name
        found.append(Dependency(ecosystem=ecosystem, name=plain, version=str(version), line=line))
    return LockFile(dependencies=tuple(found))


def _poetry(text: str) -> LockFile:
    return _toml_packages(
        text,
        "PyPI",
        lambda package: _object_of(package.get("source")).get("type") in ("git", "directory", "file", "url"),
    )


def _uv(text: str) -> LockFile:
    return _toml_packages(text, "PyPI", lambda package: "registry" not in _object_of(package.get("source")))


def _cargo(text: str) -> LockFile:
    return _toml_packages(
        text, "crates.io", lambda package: not str(package.get("source", "")).startswith("registry+")
    )


def _package_lock(text: str) -> LockFile:
    data, lines = _object(text), _Lines(text)
    found: list[Dependency] = []
    packages = cast("dict[str, dict[str, Any]]", data.get("packages") or {})
    for key, package in packages.items():
        version = package.get("version")
        if not key or package.get("link") or "node_modules/" not in key or not isinstance(version, str):
            continue
        name = str(package.get("name") or key.rpartition("node_modules/")[2])
        line = lines.of(f"{json.dumps(key)}: {{")
        found.append(Dependency(ecosystem="npm", name=name, version=version, line=line))
    if not packages:
        found += _old_package_lock(cast("dict[str, Any]", data.get("dependencies") or {}), lines, depth=0)
    return LockFile(dependencies=tuple(found))


def _old_package_lock(packages: Mapping[str, Any], lines: _Lines, *, depth: int) -> Iterator[Dependency]:
    if depth > 50:
        raise NotALockFile("its dependencies are nested too deeply")
    for name, package in packages.items():
        version = package.get("version")
        line = lines.of(f"{json.dumps(name)}: {{")
        if isinstance(version, str) and version[:1].isdigit():
            yield Dependency(ecosystem="npm", name=name, version=version, line=line)
        yield from _old_package_lock(package.get("dependencies") or {}, lines, depth=depth + 1)


def _pnpm(text: str) -> LockFile:
    if "&" in text and re.search(r"[:\-]\s+&\w", text):
        raise NotALockFile("it has YAML anchors, which pnpm does not write")
    data: Any = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    lines = _Lines(text)
    found: list[Dependency] = []
    for key in _object_of(_object_of(data).get("packages")):
        match = _PNPM_KEY.match(str(key))
        line = lines.of(f"{key}:", f"'{key}':")
        if match is not None:
            found.append(Dependency(ecosystem="npm", name=match["name"], version=match["version"], line=line))
    return LockFile(dependencies=tuple(found))


def _yarn(text: str) -> LockFile:
    found: list[Dependency] = []
    block: tuple[str, int] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        head = _YARN_BLOCK.match(line)
        if head is not None:
            block = None if _YARN_LOCAL.search(line) else (head["name"], number)
            continue
        version = _YARN_VERSION.match(line)
        if version is not None and block is not None:
            found.append(Dependency(ecosystem="npm", name=block[0], version=version["version"], line=block[1]))
            block = None
    return LockFile(dependencies=tuple(found))


def _go_mod(text: str) -> LockFile:
    found: list[Dependency] = []
    within = ""
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.split("//")[0]
        opened = re.match(r"^\s*(\w+)\s*\($", line.rstrip())
        if opened is not None:
            within = opened[1]
            continue
        if line.strip() == ")":
            within = ""
            continue
        match = _GO_REQUIRE.match(line)
        if match is not None and (within == "require" or line.lstrip().startswith("require ")):
            found.append(Dependency(ecosystem="Go", name=match["name"], version=match["version"], line=number))
        toolchain = re.match(r"^(?:go|toolchain)\s+(?:go)?(\d[\w.]*)\s*$", line)
        if toolchain is not None:
            found = [each for each in found if each.name != "stdlib"]
            found.append(Dependency(ecosystem="Go", name="stdlib", version=toolchain[1], line=number))
    return LockFile(dependencies=tuple(found))


def _go_sum(text: str) -> LockFile:
    found: list[Dependency] = []
    for number, line in enumerate(text.split("\n"), start=1):
        parts = line.split()
        if len(parts) == 3 and parts[1].startswith("v") and not parts[1].endswith("/go.mod"):
            found.append(Dependency(ecosystem="Go", name=parts[0], version=parts[1][1:], line=number))
    return LockFile(dependencies=tuple(found))


def _gemfile_lock(text: str) -> LockFile:
    found: list[Dependency] = []
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if line and not line.startswith(" "):
            section = line.strip()
        match = _GEM.match(line)
        if match is not None and section == "GEM":
            version = re.split(r"-(?=[a-z])", match["version"])[0]
            found.append(Dependency(ecosystem="RubyGems", name=match["name"], version=version, line=number))
    return LockFile(dependencies=tuple(found))


def _composer(text: str) -> LockFile:
    data, lines = _object(text), _Lines(text)
    found: list[Dependency] = []
    packages: list[dict[str, Any]] = [*(data.get("packages") or []), *(data.get("packages-dev") or [])]
    for package in packages:
        name, version = str(package["name"]), str(package["version"])
        line = lines.of(f'"name": {json.dumps(name)},')
        found.append(Dependency(ecosystem="Packagist", name=name, version=version.removeprefix("v"), line=line))
    return LockFile(dependencies=tuple(found))


def _pom(text: str) -> LockFile:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotALockFile("it declares entities, which Maven's files do not need")
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as exc:
        raise NotALockFile(f"it is not XML: {exc}") from exc
    properties = {_local(each): (each.text or "").strip() for group in _all(root, "properties") for each in group}
    properties["project.version"] = next((_text(each) for each in root if _local(each) == "version"), "")
    found: list[Dependency] = []
    unknown: list[str] = []
    lines = _Lines(text)
    for each in _all(root, "dependency"):
        fields = {_local(child): _text(child) for child in each}
        name = f"{fields.get('groupId', '')}:{fields.get('artifactId', '')}"
        line = lines.of(f"<artifactId>{fields.get('artifactId', '')}</artifactId>")
        version = _PROPERTY.sub(lambda match: properties.get(match[1], match[0]), fields.get("version", ""))
        if not version or "${" in version or version.startswith(("[", "(")):
            unknown.append(f"{name[:150]} has no version in this file")
            continue
        found.append(Dependency(ecosystem="Maven", name=name, version=version, line=line))
    return LockFile(dependencies=tuple(found), unknown=tuple(unknown))


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: ElementTree.Element) -> str:
    return (element.text or "").strip()


def _all(root: ElementTree.Element, name: str) -> Iterable[ElementTree.Element]:
    return (each for each in root.iter() if _local(each) == name)


def _object_of(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _object(text: str) -> dict[str, Any]:
    found: object = json.loads(text)
    if not isinstance(found, dict):
        raise NotALockFile("it is JSON, and no object")
    return cast("dict[str, Any]", found)


_BY_NAME: dict[str, Parser] = {
    "poetry.lock": _poetry,
    "uv.lock": _uv,
    "Cargo.lock": _cargo,
    "package-lock.json": _package_lock,
    "npm-shrinkwrap.json": _package_lock,
    "pnpm-lock.yaml": _pnpm,
    "yarn.lock": _yarn,
    "go.mod": _go_mod,
    "go.sum": _go_sum,
    "Gemfile.lock": _gemfile_lock,
    "composer.lock": _composer,
    "pom.xml": _pom,
}
