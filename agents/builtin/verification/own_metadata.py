"""A project's folder -> what `importlib.metadata` would know of it, were it installed: name, version, entry points.

Many packages ask for their own version when they are imported, and plug-ins are found by entry points only. Nothing is
built: what a build would compute, such as a version from a tag, is read from the files as far as it stands there.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

_MAX_BYTES = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,100}[A-Za-z0-9])?")
_VERSION = re.compile(r"\d[\w.!+-]{0,60}")
_IN_CODE = re.compile(
    r"""^(?:__version__|VERSION)\s*(?::\s*\w+\s*)?=\s*["'](\d[\w.!+-]{0,60})["']""", re.MULTILINE
)
_SETUP_NAME = re.compile(r"""\bname\s*=\s*["']([\w.-]{1,100})["']""")
_SETUP_VERSION = re.compile(r"""\bversion\s*=\s*["'](\d[\w.!+-]{0,60})["']""")
_ENTRY = re.compile(r"[\w.]{1,200}(?::[\w.]{1,200})?(?:\s*\[[\w, .-]*\])?")
_NO_VERSION = "0.0.0"


def write_own_metadata(folder: Path, into: Path) -> None:
    """Write them into a `.dist-info` below `into`; nothing where the project has no name that can be read."""
    project = _toml(folder / "pyproject.toml")
    own = _map(project.get("project"))
    poetry = _map(_map(project.get("tool")).get("poetry"))
    config = _config(folder / "setup.cfg")
    script = _text(folder / "setup.py")
    name = own.get("name") or poetry.get("name") or config.get("metadata", "name", fallback="")
    name = str(name or _found(_SETUP_NAME, script))
    if not _NAME.fullmatch(name):
        return
    version = own.get("version") or poetry.get("version") or config.get("metadata", "version", fallback="")
    if not _VERSION.fullmatch(str(version)):
        version = _found(_SETUP_VERSION, script) or _in_code(folder, name) or _NO_VERSION
    place = into / f"{re.sub('[-_.]+', '_', name)}-{version}.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (place / "entry_points.txt").write_text("".join(_entry_points(own, poetry, config)))


def _entry_points(own: dict[str, Any], poetry: dict[str, Any], config: configparser.ConfigParser) -> Iterator[str]:
    groups = {
        **_map(own.get("entry-points")),
        **_map(poetry.get("plugins")),
        "console_scripts": _map(own.get("scripts")) or _map(poetry.get("scripts")),
    }
    if config.has_section("options.entry_points"):
        for group, lines in config.items("options.entry_points"):
            pairs = [line.partition("=") for line in lines.splitlines() if "=" in line]
            groups[group] = {key.strip(): value.strip() for key, _, value in pairs}
    for group, entries in groups.items():
        if re.fullmatch(r"[\w.-]{1,100}", group):
            yield f"[{group}]\n"
            for key, value in _map(entries).items():
                if re.fullmatch(r"[\w.-]{1,100}", key) and isinstance(value, str) and _ENTRY.fullmatch(value):
                    yield f"{key} = {value}\n"


def _in_code(folder: Path, name: str) -> str:
    """The version that the package itself names."""
    stem = re.sub("[-.]", "_", name)
    for place in (folder, folder / "src"):
        for package in (stem, stem.lower()):
            for file in ("__init__.py", "__version__.py", "_version.py", "version.py", "__about__.py"):
                if found := _found(_IN_CODE, _text(place / package / file)):
                    return found
            if found := _found(_IN_CODE, _text(place / f"{package}.py")):
                return found
    return ""


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _text(file: Path) -> str:
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _MAX_BYTES:
        return ""
    return file.read_text("utf-8", "replace")


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return {}


def _config(file: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(file))
    except configparser.Error:
        return configparser.ConfigParser(interpolation=None)
    return parser


def _map(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
