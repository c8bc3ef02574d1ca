"""An agent's folder -> the image and the packages that it asks for in its `image.toml`, checked.

The file belongs to the agent's code: it is registered, digested and reviewed with it. What it may name is bounded,
since an agent may be hostile: an image of a registry by its digest, or one below the folder that the operator has
set aside; packages by version and hash, so that nothing is fetched but what was reviewed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

FILE = "image.toml"
_MAX_BYTES = 200_000
_REFERENCE = re.compile(r"(?P<name>[a-z0-9][a-z0-9._/:-]{0,254})@sha256:[0-9a-f]{64}")
_LOCAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,254}")
_PYTHON = re.compile(r"/[A-Za-z0-9._/+-]{1,254}")
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(\[[A-Za-z0-9,._-]{1,99}\])?==[A-Za-z0-9._+!-]{1,64}( --hash=sha256:[0-9a-f]{64})+"
)
_EXAMPLE = "as in 'image = \"python@sha256:…\"'"


class ImageRefused(ValueError):
    """The agent's `image.toml` asks for something that no agent gets, or cannot be read."""


@dataclass(frozen=True, kw_only=True)
class AgentImage:
    """What an agent runs in. Empty fields: what the worker has for all agents."""

    image: str = ""
    """`name@sha256:…` of a registry, or the name of an OCI tarball or root folder below the operator's folder."""
    python: str = ""
    """The interpreter in the image."""
    requirements: str = ""
    """Lines of pip's format, each with version and hashes."""

    @property
    def registry(self) -> str:
        """The registry's host, `docker.io` where none is named; empty: the image is a file or folder."""
        matched = _REFERENCE.fullmatch(self.image)
        if matched is None:
            return ""
        host, slash, _ = matched["name"].partition("/")
        return host if slash and ("." in host or ":" in host or host == "localhost") else "docker.io"


def read_agent_image(folder: Path) -> AgentImage | None:
    """The image of the agent in `folder`; None: it asks for none. Raises ImageRefused."""
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        fields = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as exc:
        raise ImageRefused(f"{FILE} of the agent is not valid TOML: {exc}") from exc
    unknown = sorted(set(fields) - {"image", "python", "requirements"})
    if unknown:
        raise ImageRefused(
            f"{FILE} of the agent has an unknown key {unknown[0]!r}; known: image, python, requirements"
        )
    image = _field(fields, "image", _is_image, f"an image by its digest or a plain name, {_EXAMPLE}")
    python = _field(fields, "python", _PYTHON.fullmatch, "an absolute path in the image")
    named = _field(fields, "requirements", _LOCAL.fullmatch, "the name of a file of the agent")
    requirements = _requirements(folder / named, named) if named else ""
    if not image and not requirements:
        raise ImageRefused(f"{FILE} of the agent names neither an image nor requirements, {_EXAMPLE}")
    return AgentImage(image=image, python=python, requirements=requirements)


def _is_image(value: str) -> bool:
    if _REFERENCE.fullmatch(value):
        return True
    return bool(_LOCAL.fullmatch(value)) and ".." not in PurePosixPath(value).parts


def _field(fields: dict[str, Any], name: str, fits: Any, what: str) -> str:
    value = fields.get(name, "")
    if value == "":
        return ""
    if not isinstance(value, str) or not fits(value):
        raise ImageRefused(f"{name} in {FILE} of the agent is not {what}: {value!r:.120}")
    return value


def _requirements(file: Path, name: str) -> str:
    if ".." in PurePosixPath(name).parts or file.is_symlink() or not file.is_file():
        raise ImageRefused(f"{FILE} of the agent names {name!r}, which is no file of the agent")
    lines: list[str] = []
    for line in re.sub(r"\s*\\\r?\n\s*", " ", _text(file)).splitlines():
        plain = " ".join(line.partition("#")[0].split())
        if not plain:
            continue
        if not _REQUIREMENT.fullmatch(plain):
            raise ImageRefused(
                f"{name} of the agent: {plain!r:.120} is not NAME==VERSION with its --hash=sha256:…; "
                "`pip-compile --generate-hashes` writes such lines"
            )
        lines.append(plain)
    return "".join(f"{line}\n" for line in sorted(lines))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ImageRefused(f"{file.name} of the agent has more than {_MAX_BYTES:,} bytes")
        return content.decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise ImageRefused(f"{file.name} of the agent cannot be read: {exc}") from exc
