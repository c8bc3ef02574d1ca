"""A project's files -> what it says that it and its tests need; wheels of these make an environment for its tests.

The project is not trusted: names and versions are all that is taken from it, no addresses, no options of pip, and no
code of it runs. Of a lock file the versions are kept to.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from reliability.syntax_tree import syntax_tree

_TESTS = frozenset({"test", "tests", "testing", "dev", "develop", "development"})
"""Names of groups and extras that hold what tests need."""
_FOLDERS = ("", "requirements", "reqs", "tests", "test")
_FILE = re.compile(
    r"(requirements|reqs)?[-_.]?(base|common|core|main|dev\w*|tests?|testing|ci)?[-_.]?(requirements|reqs)?\.(txt|in)"
)
"""Names of files with requirements in those folders; those of documents and of linters are none."""
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")
_PLACES = frozenset({"editable", "virtual", "directory", "git", "path", "url"})
_MOST_FILES = 20
_MOST, _MOST_LOCKED, _MAX_BYTES = 200, 1_000, 4_000_000
_INCLUDE = re.compile(r"(?:-r|--requirement)[\s=]+([\w./-]+)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_POETRY = re.compile(r"[\^~]\s*(\d[\w.]*)")


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What a project asks for."""

    requirements: tuple[str, ...]
    """In pip's form, sorted, each name once as it is first said; pytest is always among them."""
    versions: tuple[str, ...] = ()
    """`name==version` of its lock file, sorted: kept to where there is a wheel."""


def declared(folder: Path) -> Needed:
    """What its files say. A file that cannot be read says nothing."""
    found: dict[str, str] = {}
    project = _toml(folder / "pyproject.toml")
    name = _map(project.get("project")).get("name") or _map(_map(project.get("tool")).get("poetry")).get("name")
    own = canonicalize_name(str(name)) if name else ""
    lines = [*_of_project(project), *_of_setup(folder / "setup.cfg"), *_of_script(folder / "setup.py")]
    for line in [*lines, *_of_files(folder), *_of_pipfile(folder / "Pipfile.lock"), "pytest"]:
        try:
            one = Requirement(line)
        except InvalidRequirement:
            continue
        key = canonicalize_name(one.name)
        if one.url is None and key != own and len(found) < _MOST:
            found.setdefault(f"{key};{one.marker or ''}", str(one))
    return Needed(requirements=tuple(sorted(found.values())), versions=_locked(folder, own))


def _locked(folder: Path, own: str) -> tuple[str, ...]:
    """Versions of the first lock file that there is. What it has in several versions is left to the requirements."""
    for name in _LOCKS:
        found: dict[str, set[str]] = {}
        for each in _maps(_toml(folder / name).get("package")):
            source = _map(each.get("source"))
            elsewhere = _PLACES & ({*source} | {str(source.get("type"))})
            if not elsewhere and each.get("name") and each.get("version"):
                found.setdefault(canonicalize_name(str(each["name"])), set()).add(str(each["version"]))
        if found:
            lines = [
                f"{key}=={next(iter(those))}" for key, those in found.items() if len(those) == 1 and key != own
            ]
            return tuple(sorted(line for line in lines if _is_requirement(line)))[:_MOST_LOCKED]
    return ()


def _is_requirement(line: str) -> bool:
    try:
        return Requirement(line).url is None
    except InvalidRequirement:
        return False


def _of_project(project: dict[str, Any]) -> Iterator[str]:
    own = _map(project.get("project"))
    yield from _texts(own.get("dependencies"))
    for name, lines in _map(own.get("optional-dependencies")).items():
        if name.lower() in _TESTS:
            yield from _texts(lines)
    groups_of = _map(project.get("dependency-groups"))
    for name in groups_of:
        if name.lower() in _TESTS:
            yield from _group(groups_of, name, set())
    poetry = _map(_map(project.get("tool")).get("poetry"))
    groups = [poetry.get("dependencies"), poetry.get("dev-dependencies")]
    groups += [
        _map(group).get("dependencies")
        for name, group in _map(poetry.get("group")).items()
        if name.lower() in _TESTS
    ]
    for group in groups:
        for name, version in _map(group).items():
            if name.lower() != "python":
                yield _poetry(name, version)


def _group(groups: Mapping[str, Any], name: str, seen: set[str]) -> Iterator[str]:
    """With the groups that it includes."""
    if name in seen:
        return
    seen.add(name)
    lines: object = groups.get(name)
    yield from (each for each in _list(lines) if isinstance(each, str))
    for each in _maps(lines):
        yield from _group(groups, str(each.get("include-group")), seen)


def _poetry(name: str, version: Any) -> str:
    said: object = _map(version).get("version", "") if isinstance(version, dict) else version
    text = str(said).strip()
    near = _POETRY.fullmatch(text)
    if near is not None:
        return f"{name}>={near[1]}"
    return f"{name}{text}" if re.match(r"[<>=!~]", text) else f"{name}=={text}" if re.match(r"\d", text) else name


def _of_setup(file: Path) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(file))
    except configparser.Error:
        return
    yield from parser.get("options", "install_requires", fallback="").splitlines()
    if parser.has_section("options.extras_require"):
        for name, lines in parser.items("options.extras_require"):
            if name.lower() in _TESTS:
                yield from lines.splitlines()


def _of_script(file: Path) -> Iterator[str]:
    """What the call of `setup` in a `setup.py` is given as lists of texts; the script is read, not run."""
    try:
        tree = syntax_tree(_text(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) not in ("setup", "setuptools.setup"):
            continue
        for keyword in call.keywords:
            if keyword.arg in ("install_requires", "tests_require"):
                yield from _literals(keyword.value, names)
            elif keyword.arg == "extras_require":
                value = names.get(keyword.value.id) if isinstance(keyword.value, ast.Name) else keyword.value
                for key, each in zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ():
                    if isinstance(key, ast.Constant) and str(key.value).lower() in _TESTS:
                        yield from _literals(each, names)


def _literals(node: ast.AST, names: Mapping[str, ast.AST], depth: int = 0) -> Iterator[str]:
    """Texts of a list, of a named one, and of lists that are added up."""
    if isinstance(node, ast.Name) and depth < 10:
        yield from _literals(names.get(node.id, ast.Pass()), names, depth + 1)
    elif isinstance(node, ast.BinOp) and depth < 10:
        yield from _literals(node.left, names, depth + 1)
        yield from _literals(node.right, names, depth + 1)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        yield from (str(each.value) for each in node.elts if isinstance(each, ast.Constant))


def _of_pipfile(file: Path) -> Iterator[str]:
    try:
        found = _map(json.loads(_text(file) or "{}"))
    except (ValueError, RecursionError):
        return
    for part in ("default", "develop"):
        for name, said in _map(found.get(part)).items():
            version: object = _map(said).get("version")
            if isinstance(version, str):
                yield f"{name}{version}"


def _of_files(folder: Path) -> Iterator[str]:
    """Lines of the files with requirements, and of those that they include."""
    pending = [
        file
        for place in _FOLDERS
        if not (folder / place).is_symlink() and (folder / place).is_dir()
        for file in sorted((folder / place).iterdir())
        if _is_wanted(file, place)
    ]
    seen: set[Path] = set()
    while pending and len(seen) < _MOST_FILES:
        file = pending.pop(0)
        if file in seen:
            continue
        seen.add(file)
        for line in _text(file).splitlines():
            part = _COMMENT.sub("", line).split(" --hash", 1)[0].rstrip("\\ ").strip()
            if (included := _INCLUDE.fullmatch(part)) is not None:
                other = (file.parent / included[1]).resolve()
                if other.is_relative_to(folder.resolve()):
                    pending.append(other)
            elif part and not part.startswith("-"):
                yield part


def _is_wanted(file: Path, place: str) -> bool:
    found = _FILE.fullmatch(file.name.lower())
    if found is None:
        return False
    # `tests.txt` at the top may be anything; below `requirements/` it names packages.
    return bool(found[1] or found[3]) or place in ("requirements", "reqs")


def _text(file: Path) -> str:
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _MAX_BYTES:
        return ""
    return file.read_text("utf-8", "replace")


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return {}


def _map(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _maps(value: Any) -> list[dict[str, Any]]:
    return [_map(each) for each in _list(value) if isinstance(each, dict)]


def _texts(value: Any) -> Iterable[str]:
    return [str(each) for each in _list(value)]
