"""A folder with `agent.yaml` -> an agent in any language: its command is run with the request and the result as files.

The program starts in its own folder, which it cannot write to, inside every limit of the jail. What it prints is log.

| variable | what it holds |
|---|---|
| `COMMANDCENTER_ACTION` | the action's name |
| `COMMANDCENTER_INPUTS` | file with the inputs, as JSON |
| `COMMANDCENTER_REQUEST` | file with `action`, `inputs`, `propose`, `runId`, `nodeId`, `attempt`, `idempotencyKey` |
| `COMMANDCENTER_RESULT` | file to write: `{"output": …}`, or `{"error": {"message": …, "kind": …}}` |
| `COMMANDCENTER_ARTIFACTS` | folder: every file in it is kept; `artifact:NAME` in the output refers to it |

Secrets and settings that it declared are variables of their names. Status 75 is a transient error.
"""

from __future__ import annotations

import json
import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agents.sdk.context import Context
from agents.sdk.errors import AgentError, BadRequestError, InvalidInputError, InvalidOutputError, TransientError

PROGRAM_FILE = "agent.yaml"
"""What the folder of a program must hold."""
_MAX_RESULT_BYTES = 64 << 20
_TRANSIENT_STATUS = 75
"""`EX_TEMPFAIL` of sysexits.h."""
_LIMIT_SIGNALS = (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGSYS)
_ERRORS: dict[str, type[AgentError]] = {
    error.kind: error for error in (AgentError, TransientError, BadRequestError, InvalidInputError)
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """An agent whose actions are one command."""

    folder: Path
    command: tuple[str, ...]
    """The program and its arguments; a relative path is one of the folder."""

    def execute(self, action: str, inputs: Any, context: Context) -> dict[str, Any]:
        """Run the command for one action. Returns JSON data, which is checked outside of the jail."""
        return self._run(action, inputs, context, propose=False)

    def propose(self, action: str, inputs: Any, context: Context) -> dict[str, Any]:
        """The same for an action with an effect: it says what the effect is to be."""
        return self._run(action, inputs, context, propose=True)

    def _run(self, action: str, inputs: Any, context: Context, *, propose: bool) -> dict[str, Any]:
        place = context.tmp / ".program"
        place.mkdir(mode=0o700)
        artifacts, result = place / "artifacts", place / "result.json"
        artifacts.mkdir()
        _write(place / "inputs.json", inputs)
        _write(
            place / "request.json",
            {
                "action": action,
                "inputs": inputs,
                "propose": propose,
                "runId": context.run_id,
                "nodeId": context.node_id,
                "attempt": context.attempt,
                "idempotencyKey": context.idempotency_key,
            },
        )
        environment = {
            **os.environ,
            "COMMANDCENTER_ACTION": action,
            "COMMANDCENTER_INPUTS": str(place / "inputs.json"),
            "COMMANDCENTER_REQUEST": str(place / "request.json"),
            "COMMANDCENTER_RESULT": str(result),
            "COMMANDCENTER_ARTIFACTS": str(artifacts),
        }
        status = self._wait(environment)
        output = _outcome(status, result, self.command[0])
        return _with_references(output, _save(artifacts, context))

    def _wait(self, environment: dict[str, str]) -> int:
        import subprocess  # an agent in Python needs it as little as what else is imported late here

        try:
            # Its output is the log, as that of every agent.
            done = subprocess.run(
                self.command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, check=False
            )
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else exc
            raise BadRequestError(
                f"the command {self.command[0]!r} of {PROGRAM_FILE} cannot be started: {reason}"
            ) from exc
        if -done.returncode in _LIMIT_SIGNALS:
            # The jail ended the program for a limit: it says which, for the one that ended so.
            signal.signal(-done.returncode, signal.SIG_DFL)
            os.kill(os.getpid(), -done.returncode)
        return done.returncode


def load_program(folder: Path) -> Program:
    """The program in the folder. Raises BadRequestError."""
    from agents.runtime.program_description import DescriptionRefused, command_of, read_description

    try:
        return Program(
            folder=folder, command=command_of(read_description((folder / PROGRAM_FILE).read_text("utf-8")))
        )
    except (DescriptionRefused, OSError, UnicodeDecodeError) as exc:
        raise BadRequestError(str(exc)) from exc


def _write(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False), "utf-8")


def _outcome(status: int, file: Path, program: str) -> Any:
    """The output, from the exit status and the result file. Raises AgentError."""
    result = _read(file)
    if result is not None and "error" in result:
        raise _error(result["error"])
    if status == _TRANSIENT_STATUS:
        raise TransientError(f"{program} ended with status {status}, which stands for a transient error")
    if status < 0:
        raise AgentError(f"{program} was ended by signal {_signal_name(-status)}")
    if status != 0:
        raise AgentError(f"{program} ended with status {status}; the log holds what it said")
    if result is None:
        raise InvalidOutputError(f"{program} ended well and wrote no result to $COMMANDCENTER_RESULT")
    if "output" not in result:
        raise InvalidOutputError('the result holds neither "output" nor "error"')
    return result["output"]


def _error(error: object) -> AgentError:
    told = cast("dict[str, object]", error) if isinstance(error, dict) else {"message": error}
    message, kind = told.get("message"), told.get("kind", AgentError.kind)
    if not isinstance(message, str) or not message.strip():
        return InvalidOutputError('the result\'s "error" holds no message')
    if not isinstance(kind, str) or kind not in _ERRORS:
        return InvalidOutputError(
            f'the result\'s "error" is of kind {kind!r:.40}, not of {", ".join(sorted(_ERRORS))}'
        )
    return _ERRORS[kind](message)


def _read(file: Path) -> dict[str, Any] | None:
    """The result file; None: there is none. The program may have put anything there."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        content = opened.read(_MAX_RESULT_BYTES + 1)
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise InvalidOutputError(f"the result is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise InvalidOutputError("the result is JSON, and no object")
    return cast("dict[str, Any]", found)


def _save(folder: Path, context: Context) -> dict[str, str]:
    """The files that it left -> the reference of each, by `artifact:NAME`."""
    import mimetypes

    saved: dict[str, str] = {}
    for file in sorted(folder.iterdir()):
        if file.is_symlink() or not file.is_file():
            continue
        media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        saved[f"artifact:{file.name}"] = context.save_artifact(file.name, file.read_bytes(), media_type)
    return saved


def _with_references(value: Any, saved: dict[str, str]) -> Any:
    if not saved:
        return value
    if isinstance(value, str):
        return saved.get(value, value)
    if isinstance(value, list):
        return [_with_references(each, saved) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _with_references(each, saved) for name, each in cast("dict[str, Any]", value).items()}
    return value


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
