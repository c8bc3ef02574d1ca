"""Runs in a jail: a file of pins -> an archive of what pip installs for them. Only wheels, so nothing of them runs."""

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
from pathlib import Path

from pydantic import Field

from agents.sdk import Agent, AgentError, Context, Schema, TransientError

ARCHIVE = "environment.tar"
INDEX_SECRET = "PACKAGE_INDEXES"
"""Addresses of the index and of further ones, as JSON; they may hold a password."""
_TARGET = Path("/tmp/environment")
_MAX_FILES, _MAX_BYTES = 60_000, 450_000_000
_UNREACHABLE = re.compile(
    r"Max retries exceeded|NewConnectionError|ReadTimeout|ConnectTimeout|Connection (refused|reset|broken)"
    r"|ProxyError|Could not fetch URL|HTTP error 5\d\d|Temporary failure in name resolution"
)
_NOT_FOUND = re.compile(r"No matching distribution found for (\S+)")
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
    """Whether each file's hash must be named: of an agent yes; what a project needs for its tests it does not pin."""


class Installed(Schema):
    """What was installed."""

    files: int
    size_bytes: int


@agent.action("install", description="Install pinned wheels")
def install(wanted: Wanted, context: Context) -> Installed:
    """The archive is saved as an artifact."""
    pins = Path("/tmp/pins.txt")
    pins.write_text(wanted.requirements)
    done = subprocess.run(
        [sys.executable, "-m", "pip", *_options(wanted, context), "-r", str(pins)],
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
    if done.returncode != 0:
        raise _refusal(done.stdout)
    _drop_byte_code()
    compileall.compile_dir(
        _TARGET, quiet=2, workers=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    return _archived(context)


def _options(wanted: Wanted, context: Context) -> list[str]:
    given = context.optional_secret(INDEX_SECRET)
    indexes: list[str] = json.loads(given) if given else wanted.indexes
    options = ["--isolated", "--disable-pip-version-check", "--no-input", "install"]
    options += ["--require-hashes"] if wanted.pinned else []
    options += ["--only-binary", ":all:", "--no-cache-dir", "--no-compile", "--progress-bar", "off"]
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
