"""Runs in a jail: requirements -> an archive of what pip installs for them. Only wheels, so nothing of them runs.

An agent's pins are installed as they are or not at all. Of what a project needs for its tests as much is installed as
there are wheels of; what is lacking is named in the archive.
"""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import Field

from agents.sdk import Agent, AgentError, Context, Schema, TransientError

ARCHIVE = "environment.tar"
LACKING = ".lacking.json"
"""In the archive: what there is no wheel of, as a list of texts for people."""
INDEX_SECRET = "PACKAGE_INDEXES"
"""Addresses of the index and of further ones, as JSON; they may hold a password."""
_TARGET = Path("/tmp/environment")
_MAX_FILES, _MAX_BYTES = 60_000, 450_000_000
_UNREACHABLE = re.compile(
    r"Max retries exceeded|NewConnectionError|ReadTimeout|ConnectTimeout|Connection (refused|reset|broken)"
    r"|ProxyError|Could not fetch URL|HTTP error 5\d\d|Temporary failure in name resolution"
)
_NOT_FOUND = re.compile(r"No matching distribution found for (\S+)")
_NOT_FOUND_LINE = re.compile(r"No matching distribution found for (.+)")
_CONFLICT = re.compile(r"Cannot install (.+?) because these package versions have conflicting dependencies")
_MOST_TRIES = 40
_CACHE, _EMPTY = Path("/tmp/pip-cache"), Path("/tmp/empty-wheels")
_UNPINNED = re.compile(r"all requirements must have their versions pinned with ==\. These do not:\s+(\S+)")

agent = Agent(
    name="environment", type="SCRIPT", version="1.0.0", risk="AUTO", description="Installs pinned wheels."
)


class Wanted(Schema):
    """What to install."""

    requirements: str
    pip_path: str = ""
    folders: list[str] = Field(default_factory=list[str])
    indexes: list[str] = Field(default_factory=list[str])
    links: list[str] = Field(default_factory=list[str])
    certificates: str = ""
    trusted_hosts: list[str] = Field(default_factory=list[str])
    pinned: bool = True
    """Whether each file's hash must be named, and all of it installed: so for an agent, not for a project's tests."""
    versions: list[str] = Field(default_factory=list[str])
    """`name==version` that are kept to where there is a wheel, of what is not pinned."""


class Installed(Schema):
    """What was installed."""

    files: int
    size_bytes: int


@agent.action("install", description="Install wheels")
def install(wanted: Wanted, context: Context) -> Installed:
    """The archive is saved as an artifact."""
    if wanted.pinned:
        said = _pip(wanted, context, wanted.requirements.splitlines())
        if said is not None:
            raise _refusal(said)
    else:
        lacking = _install_what_there_is(wanted, context)
        (_TARGET / LACKING).write_text(json.dumps(lacking))
    _drop_byte_code()
    compileall.compile_dir(
        _TARGET, quiet=2, workers=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    return _archived(context)


def _pip(wanted: Wanted, context: Context, lines: Iterable[str], versions: Iterable[str] = ()) -> str | None:
    """Install them; None, or what pip said where it refused."""
    pins, kept = Path("/tmp/pins.txt"), Path("/tmp/versions.txt")
    pins.write_text("".join(f"{line}\n" for line in lines))
    kept.write_text("".join(f"{line}\n" for line in versions))
    _EMPTY.mkdir(exist_ok=True)
    more = [] if wanted.pinned else ["-c", str(kept), "--find-links", str(_EMPTY)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *_options(wanted, context), "-r", str(pins), *more],
        env=os.environ | ({"PYTHONPATH": wanted.pip_path} if wanted.pip_path else {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    for line in done.stdout.splitlines():
        context.log.info("%s", line)
    return done.stdout if done.returncode != 0 else None


def _install_what_there_is(wanted: Wanted, context: Context) -> list[str]:
    """Install all that has a wheel; gives what is lacking. Raises AgentError where pip says nothing to go on with.

    In the place of a package without a wheel, asked for by the project or by another package, an empty one is
    installed, and taken away again: so the others come with all that they need.
    """
    lines = {canonicalize_name(Requirement(line).name): line for line in wanted.requirements.splitlines()}
    several = [line for line in wanted.requirements.splitlines() if line not in lines.values()]
    versions = {canonicalize_name(Requirement(line).name): line for line in wanted.versions}
    lacking: dict[str, str] = {}
    empty: set[str] = set()
    for _ in range(_MOST_TRIES):
        said = _pip(wanted, context, [*lines.values(), *several], versions.values())
        if said is None:
            for folder in empty:
                shutil.rmtree(_TARGET / folder, ignore_errors=True)
            shutil.rmtree(_CACHE, ignore_errors=True)
            return list(lacking.values())
        shutil.rmtree(_TARGET, ignore_errors=True)
        if _UNREACHABLE.search(said):
            raise _refusal(said)
        missing, conflict = _NOT_FOUND_LINE.search(said), _CONFLICT.search(said)
        if missing is not None:
            one = _requirement(missing[1])
            name = canonicalize_name(one.name if one is not None else "")
            if name in versions:
                del versions[name]
                continue
            # An index without pytest is none, or answers nothing now.
            folder = _empty_wheel(name, one.specifier) if one is not None and name != "pytest" else None
            if folder is not None and folder not in empty:
                empty.add(folder)
                lacking[name] = f"{str(one)[:80]} (no wheel)"
                continue
        elif conflict is not None and versions:
            versions.clear()
            continue
        elif conflict is not None:
            named = [_requirement(each) for each in re.split(r", | and ", conflict[1])]
            keys = [canonicalize_name(each.name) for each in named if each is not None]
            name = next((key for key in reversed(keys) if key in lines and key != "pytest"), None)
            if name is not None:
                lacking[name] = f"{lines.pop(name)[:80]} (conflicts with the others)"
                several = [each for each in several if canonicalize_name(Requirement(each).name) != name]
                continue
        raise _refusal(said)
    raise AgentError(f"too many packages have no wheel: {', '.join(list(lacking)[:5])} and others")


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text.partition(" (from ")[0].strip())
    except InvalidRequirement:
        return None


def _empty_wheel(name: str, specifier: SpecifierSet) -> str | None:
    """Make a wheel without a file that the specifier accepts; gives the folder that pip makes of it."""
    tries = [clause.version.removesuffix(".*") for clause in specifier if clause.operator in ("==", ">=", "~=")]
    version = next((each for each in [*tries, "9999", "0.0.1"] if _fits(each, specifier)), None)
    if version is None:
        return None
    stem = f"{name.replace('-', '_')}-{Version(version)}"
    with zipfile.ZipFile(_EMPTY / f"{stem}-py3-none-any.whl", "w") as wheel:
        about = f"{stem}.dist-info"
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {Version(version)}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return about


def _fits(version: str, specifier: SpecifierSet) -> bool:
    try:
        return specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _options(wanted: Wanted, context: Context) -> list[str]:
    given = context.optional_secret(INDEX_SECRET)
    indexes: list[str] = json.loads(given) if given else wanted.indexes
    options = ["--isolated", "--disable-pip-version-check", "--no-input", "install"]
    options += ["--require-hashes"] if wanted.pinned else []
    # What is not pinned may take several tries: each file is fetched once.
    options += ["--no-cache-dir"] if wanted.pinned else ["--cache-dir", str(_CACHE)]
    options += ["--only-binary", ":all:", "--no-compile", "--progress-bar", "off"]
    options += ["--no-warn-script-location", "--retries", "2", "--timeout", "30", "--target", str(_TARGET)]
    if indexes and indexes[0]:
        options += ["--index-url", indexes[0]]
    for further in indexes[1:]:
        options += ["--extra-index-url", further]
    for link in (*wanted.folders, *wanted.links):
        options += ["--find-links", link]
    for host in wanted.trusted_hosts:
        options += ["--trusted-host", host]
    return [*options, *(["--cert", wanted.certificates] if wanted.certificates else [])]


def _refusal(said: str) -> AgentError:
    if "DO NOT MATCH THE HASHES" in said:
        lines = [line.strip() for line in said.splitlines()]
        package = next(
            (line.split()[0] for line in lines if "from http" in line or "from file" in line), "a package"
        )
        return AgentError(
            f"the wheel of {package} at the package index is none of those whose hashes are pinned: pin again"
        )
    unpinned = _UNPINNED.search(said)
    if unpinned is not None:
        return AgentError(
            f"{unpinned[1]} is needed by a pinned package and is not pinned itself: pin all that they bring"
        )
    missing = _NOT_FOUND.search(said)
    # A host that does not answer also ends in "no matching distribution".
    if _UNREACHABLE.search(said):
        return TransientError("the package index did not answer")
    if missing is not None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return AgentError(
            f"there is no wheel of {missing[1]} for Python {version} on {os.uname().sysname} {os.uname().machine} at "
            "the package index; source distributions are not built, since that would run their code: pin a version "
            "that has a wheel"
        )
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    return AgentError(f"pip: {' '.join(errors)[:500] or said[-500:].strip() or 'it ended without a word'}")


def _drop_byte_code() -> None:
    """What a wheel brings of it would be taken instead of the source beside it."""
    for place in sorted(_TARGET.rglob("*"), reverse=True):
        if place.name == "__pycache__" and place.is_dir():
            shutil.rmtree(place)
        elif place.suffix in (".pyc", ".pyo"):
            place.unlink()


def _archived(context: Context) -> Installed:
    files = sorted(file for file in _TARGET.rglob("*") if file.is_file() and not file.is_symlink())
    size = sum(file.stat().st_size for file in files)
    if len(files) > _MAX_FILES or size > _MAX_BYTES:
        raise AgentError(
            f"the environment has {len(files):,} files with {size:,} bytes; at most {_MAX_FILES:,} and {_MAX_BYTES:,}"
        )
    archive = Path("/tmp") / ARCHIVE
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            member = tarfile.TarInfo(file.relative_to(_TARGET).as_posix())
            member.size = file.stat().st_size
            member.mode = 0o555 if _is_program(file) else 0o444
            with file.open("rb") as stream:
                tar.addfile(member, stream)
    shutil.rmtree(_TARGET)
    context.save_artifact(ARCHIVE, archive.read_bytes(), "application/x-tar")
    return Installed(files=len(files), size_bytes=size)


def _is_program(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o100)
