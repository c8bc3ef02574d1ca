"""The environment's request file -> the result file: one action, or an agent's manifest. Failures are results too."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.runtime.description import describe
from agents.runtime.loading import load
from agents.runtime.log_records import open_log
from agents.runtime.program import Program
from agents.sdk.agent import Agent
from agents.sdk.context import Context, SavedArtifact
from agents.sdk.errors import AgentError, BadRequestError


def run() -> int:
    """Run what the environment points at. Returns the exit status."""
    secrets = _take_secrets()
    log = open_log()
    saved: list[SavedArtifact] = []
    result_path = Path(os.environ.pop("COMMANDCENTER_RESULT"))
    warm = os.environ.pop("COMMANDCENTER_REQUEST_FD", None)
    try:
        if warm is None:
            request = _read_request(Path(os.environ.pop("COMMANDCENTER_REQUEST")).read_bytes())
            import_agent = load
        else:
            import_agent = _preload(os.environ.pop("COMMANDCENTER_PRELOAD"))
            request, secrets = _wait_for_request(int(warm))
        context = _context(request, secrets, saved)
        result: dict[str, Any] = {"ok": True, "output": _perform(request, context, import_agent)}
        json.dumps(result, allow_nan=False)
    except AgentError as exc:
        result = {"ok": False, "kind": exc.kind, "message": str(exc)}
    except MemoryError:
        result = {
            "ok": False,
            "kind": "memory",
            "message": "the agent ran out of memory; raise the node's memoryMb",
        }
    except BaseException as exc:
        _log_traceback(exc, log)
        result = {"ok": False, "kind": "exit", "message": f"the agent failed: {type(exc).__name__}: {_brief(exc)}"}
    result["artifacts"] = [{"name": one.name, "media_type": one.media_type, "file": one.file} for one in saved]
    _write(result_path, result)
    return 0 if result["ok"] else 1


def _perform(request: dict[str, Any], context: Context, import_agent: Callable[[str], Agent | Program]) -> Any:
    agent = import_agent(request["entry_path"])
    if request["mode"] == "describe":
        if isinstance(agent, Program):
            raise BadRequestError("a program is described by its agent.yaml, not by running it")
        return describe(agent)
    if request.get("propose") is True:
        return agent.propose(request["action"], request["inputs"], context)
    return agent.execute(request["action"], request["inputs"], context)


def _preload(entry_path: str) -> Callable[[str], Agent | Program]:
    """Import the agent before its request is there. An error of the import is raised once there is one."""
    if not entry_path:
        return load
    try:
        agent = load(entry_path)
    except BaseException as exc:
        error = exc
    else:
        return lambda _: agent

    def fail(_: str) -> Agent | Program:
        raise error

    return fail


def _wait_for_request(descriptor: int) -> tuple[dict[str, Any], dict[str, str]]:
    """What a warm jail is to do, and its secrets; they go into the environment as well."""
    with os.fdopen(descriptor, "rb") as pipe:
        content = pipe.read()
    if not content:
        os._exit(0)  # the jail is no longer needed
    message = json.loads(content)
    secrets: dict[str, str] = message["secrets"]
    os.environ.update(message["environment"] | secrets)
    return _checked(message["request"]), secrets


def _read_request(content: bytes) -> dict[str, Any]:
    return _checked(json.loads(content))


def _checked(request: dict[str, Any]) -> dict[str, Any]:
    if request.get("mode") not in ("execute", "describe"):
        raise BadRequestError(f"request has mode {request.get('mode')!r}; it must be 'execute' or 'describe'")
    return request


def _context(request: dict[str, Any], secrets: dict[str, str], saved: list[SavedArtifact]) -> Context:
    folder = os.environ.pop("COMMANDCENTER_ARTIFACTS", None)
    return Context(
        run_id=request.get("run_id", ""),
        node_id=request.get("node_id", ""),
        attempt=request.get("attempt", 1),
        idempotency_key=request.get("idempotency_key", ""),
        secrets=secrets,
        tmp=Path(os.environ.get("TMPDIR", "/tmp")),
        artifacts_folder=Path(folder) if folder else None,
        saved=saved,
    )


def _take_secrets() -> dict[str, str]:
    number = os.environ.pop("COMMANDCENTER_SECRETS_FD", None)
    if number is None:
        return {}
    with os.fdopen(int(number), "rb") as pipe:
        secrets: dict[str, str] = json.loads(pipe.read() or b"{}")
    os.environ.update(secrets)
    return secrets


def _write(path: Path, result: dict[str, Any]) -> None:
    content = json.dumps(result).encode()
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:  # the file itself is mounted: its folder takes no other, and it cannot be replaced
        path.write_bytes(content)


def _brief(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 500 else f"{text[:500]}…"


def _log_traceback(error: BaseException, log: logging.Logger) -> None:
    import traceback  # only on the way out

    for line in "".join(traceback.format_exception(error)).rstrip().splitlines():
        log.error("%s", line)
