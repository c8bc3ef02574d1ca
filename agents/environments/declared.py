"""A project's files -> what it says that it and its tests need; wheels of these make an environment for its tests.

The project is not trusted: names and versions are all that is taken from it, no addresses, no paths, no options of pip.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_TESTS = frozenset({"test", "tests", "testing", "dev", "develop", "development"})
"""Names of groups and extras that hold what tests need."""
_FILES = (
    *("requirements.txt", "requirements-dev.txt", "requirements-test.txt", "requirements-tests.txt"),
    *("dev-requirements.txt", "test-requirements.txt", "requirements_dev.txt", "requirements_test.txt"),
    *("requirements/dev.txt", "requirements/test.txt", "requirements/tests.txt", "requirements/base.txt"),
    *("requirements/testing.txt", "requirements/tests.in", "requirements/dev.in"),
)
_MOST, _MAX_BYTES = 200, 1_000_000
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_POETRY = re.compile(r"[\^~]\s*(\d[\w.]*)")


def declared(folder: Path) -> tuple[str, ...]:
    """Requirements in pip's form, sorted, each name once as it is first said; pytest is always among them."""
    found: dict[str, str] = {}
    own = ""
    project = _toml(folder / "pyproject.toml")
    name = _map(project.get("project")).get("name") or _map(_map(project.get("tool")).get("poetry")).get("name")
    own = canonicalize_name(str(name)) if name else ""
    for line in [*_of_project(project), *_of_setup(folder / "setup.cfg"), *_of_files(folder), "pytest"]:
        try:
            one = Requirement(line)
        except InvalidRequirement:
            continue
        key = canonicalize_name(one.name)
        if one.url is None and key != own and len(found) < _MOST:
            found.setdefault(f"{key};{one.marker or ''}", str(one))
    return tuple(sorted(found.values()))


def _of_project(project: dict[str, Any]) -> Iterator[str]:
    own = _map(project.get("project"))
    yield from _texts(own.get("dependencies"))
    for name, lines in _map(own.get("optional-dependencies")).items():
        if name.lower() in _TESTS:
            yield from _texts(lines)
    for name, lines in _map(project.get("dependency-groups")).items():
        if name.lower() in _TESTS:
            yield from _texts(lines)
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


def _of_files(folder: Path) -> Iterator[str]:
    for name in _FILES:
        for line in _text(folder / name).splitlines():
            part = _COMMENT.sub("", line).split(" --hash", 1)[0].rstrip("\\ ").strip()
            if part and not part.startswith("-"):
                yield part


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


def _texts(value: Any) -> Iterable[str]:
    return [str(each) for each in cast("list[Any]", value)] if isinstance(value, list) else []
