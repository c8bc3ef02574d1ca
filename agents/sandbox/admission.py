"""A request -> why it cannot be run, before anything is started."""

from __future__ import annotations

import json
import re
from pathlib import Path

from agents.sandbox.agent_image import FILE as IMAGE_FILE
from agents.sandbox.agent_image import ImageRefused, read_agent_image
from agents.sandbox.egress.target import parse_target
from agents.sandbox.leaks.masking import MIN_SECRET
from agents.sandbox.port import AgentFailure, AgentRequest

MIN_MEMORY_MB = 64
"""Less does not hold the interpreter and the SDK."""
MAX_TIMEOUT_SECONDS = 1800
_MOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_RESERVED = re.compile(r"(LD_|PYTHON|COMMANDCENTER_|GIT_|GLIBC_|MALLOC_|DYLD_)|(PATH|HOME|IFS|ENV|SHELL)$|BASH_")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def refuse(request: AgentRequest, *, own_images: bool = False) -> AgentFailure | None:
    """The first problem of the request, or None. `own_images`: the backend can give an agent an image of its own."""
    for check in (_limits, _entry, _mounts, _variables, _network, _inputs):
        message = check(request)
        if message is not None:
            return AgentFailure(kind="bad-request", message=message)
    message = _image(request, own_images=own_images)
    return None if message is None else AgentFailure(kind="bad-request", message=message)


def _image(request: AgentRequest, *, own_images: bool) -> str | None:
    if not request.entry_path.startswith("/"):
        return None
    try:
        wanted = read_agent_image(Path(request.entry_path))
    except ImageRefused as exc:
        return str(exc)
    if wanted is None or own_images:
        return None
    return (
        f"the agent asks for an image or packages of its own in its {IMAGE_FILE}, which this sandbox cannot give; "
        "run it with SANDBOX=dagger, or remove the file if it needs no more than other agents"
    )


def _limits(request: AgentRequest) -> str | None:
    limits = request.limits
    if limits.memory_mb < MIN_MEMORY_MB:
        return (
            f"a memory limit of {limits.memory_mb} MB is below the {MIN_MEMORY_MB} MB that the interpreter needs; "
            "raise the node's memoryMb"
        )
    if not 0 < limits.timeout_seconds <= MAX_TIMEOUT_SECONDS:
        return (
            f"a timeout of {limits.timeout_seconds:g} s is not between 0 and {MAX_TIMEOUT_SECONDS} s "
            "(30 minutes); change the node's timeoutSeconds"
        )
    counts = (limits.cpu_seconds, limits.processes, limits.open_files, limits.file_size_mb, limits.tmp_mb)
    if min(counts) < 1 or min(limits.result_bytes, limits.log_bytes, limits.log_line_bytes) < 1:
        return "every limit must be at least 1"
    return None


def _entry(request: AgentRequest) -> str | None:
    entry = request.entry_path
    if entry.startswith("/"):
        if not Path(entry).is_dir():
            return f"the agent's folder {entry!r} is not there; register the agent again from where it is now"
    elif not _MODULE.fullmatch(entry):
        return f"{entry!r} is neither a dotted module nor the absolute path of a folder"
    if request.environment is not None and not request.environment.is_dir():
        return "the agent's environment is not there any more; it is made again by the next run"
    return None


def _mounts(request: AgentRequest) -> str | None:
    names: set[str] = set()
    for mount in request.mounts:
        if not _MOUNT_NAME.fullmatch(mount.name) or mount.name in names:
            return f"mount name {mount.name!r} is not a plain name, or is given twice"
        names.add(mount.name)
        if not mount.source.is_absolute() or not mount.source.exists():
            return f"what is to be mounted as {mount.name!r} is not there: {str(mount.source)!r}"
    return None


def _variables(request: AgentRequest) -> str | None:
    for name in (*request.settings, *request.secrets):
        if not _VARIABLE.fullmatch(name) or _RESERVED.match(name):
            return f"an agent may not be given a variable called {name!r}; choose another name"
    for name, value in request.secrets.items():
        if len(value) < MIN_SECRET:
            return (
                f"secret {name!r} has fewer than {MIN_SECRET} characters, so it could not be masked; "
                "store a longer one"
            )
        if "\0" in value:
            return f"secret {name!r} holds a NUL character, which no environment can carry"
    if any("\0" in value for value in request.settings.values()):
        return "a setting holds a NUL character, which no environment can carry"
    return None


def _network(request: AgentRequest) -> str | None:
    for entry in request.network:
        try:
            parse_target(entry)
        except ValueError as exc:
            return str(exc)
    return None


def _inputs(request: AgentRequest) -> str | None:
    try:
        json.dumps(dict(request.inputs), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        return f"the inputs of action {request.action!r} are not JSON: {exc}"
    return None
