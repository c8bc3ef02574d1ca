"""How a jailed process ended and what it left -> a validated result, or one clear failure."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict, cast, get_args

from agents.sandbox.leaks import unpacking
from agents.sandbox.leaks.masking import Masker
from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult, Artifact, FailureKind
from agents.sandbox.report import JailReport
from compiler.schemas.validation import validate_bounded
from observability.traces.parts import AttemptPart
from reliability import apart

_MAX_MESSAGE = 2_000
_MAX_ARTIFACTS = 64
_SMALL_BYTES = 64 << 10
_ARTIFACT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}(; ?[\w.+-]{1,32}=[\w.+-]{1,64})?")
_NOT_FOR_AGENTS: frozenset[FailureKind] = frozenset(
    {"sandbox-unavailable", "cancelled", "leaked-secret", "output-limit", "timeout"}
)
"""Kinds that only the sandbox may give."""
_SAID_BY_AGENTS: dict[str, FailureKind] = {
    kind: kind for kind in get_args(FailureKind) if kind not in _NOT_FOR_AGENTS
}


@dataclass(frozen=True, kw_only=True)
class ProcessEnd:
    """The end of a run, as seen from outside."""

    report: JailReport | None
    stopped: FailureKind | None = None
    """Why the sandbox ended it; None: it ended by itself."""
    out_of_memory: bool = False
    log_tail: str = ""
    parts: tuple[AttemptPart, ...] = ()


def judge(
    ending: ProcessEnd,
    request: AgentRequest,
    masker: Masker,
    *,
    began: float,
    held: Mapping[str, str],
    denied: Sequence[str],
) -> AgentResult:
    """Every file the agent left is read here, and trusted nowhere.

    `began` is a time of `time.monotonic`; `held` and `denied` are what the jail enforced and its proxy refused.
    """
    read = _read_here(ending, request, masker) if _is_small(ending.report) else _read_apart(ending, request)
    files = {} if ending.report is None else dict(ending.report.files)
    failure = (
        None if read["failure"] is None else AgentFailure(kind=read["failure"][0], message=read["failure"][1])
    )
    return AgentResult(
        output=read["output"],
        failure=failure,
        artifacts=tuple(
            Artifact(name=name, media_type=media_type, content=files[file])
            for name, media_type, file in read["artifacts"]
        ),
        exit_code=None if ending.report is None else os.waitstatus_to_exitcode(ending.report.status),
        duration_ms=round((time.monotonic() - began) * 1000),
        log_tail=ending.log_tail,
        parts=ending.parts,
        memory_kb=None if ending.report is None else ending.report.max_memory_kb,
        cpu_ms=None if ending.report is None else round(ending.report.cpu_seconds * 1_000),
        limits_held=held,
        denied_egress=tuple(masker.mask(target) for target in denied),
    )


class _Read(TypedDict):
    """What was found, as plain values; the files stay where they are."""

    output: Any
    artifacts: list[tuple[str, str, str]]
    """Name, media type, and which of the files."""
    failure: tuple[FailureKind, str] | None


def _is_small(report: JailReport | None) -> bool:
    """Whether reading it here is bounded by its size: a few milliseconds, in a thread, and nothing to unpack."""
    if report is None:
        return True
    contents = [report.result or b"", *(content for _, content in report.files)]
    return sum(map(len, contents)) <= _SMALL_BYTES and not any(map(unpacking.may_be_packed, contents))


def _read_apart(ending: ProcessEnd, request: AgentRequest) -> _Read:
    """The same in a process that can be stopped. What cannot be checked is refused."""
    # Only what is looked at: inputs may be large, and mounts are this process's.
    asked = replace(request, inputs={}, mounts=(), settings={}, secrets={})
    try:
        return apart.ask(read_result, ending, asked, dict(request.secrets))
    except apart.NotChecked as exc:
        kind: FailureKind = "transient" if isinstance(exc, apart.CheckerBroken) else "output-limit"
        return _Read(output=None, artifacts=[], failure=(kind, f"{_cannot(request)}: {exc}"))


def read_result(ending: ProcessEnd, request: AgentRequest, secrets: Mapping[str, str]) -> _Read:
    """What a process of its own is asked."""
    return _read_here(ending, request, Masker(secrets))


def _read_here(ending: ProcessEnd, request: AgentRequest, masker: Masker) -> _Read:
    try:
        try:
            output, artifacts = _result(ending, request, masker)
        except unpacking.TooMuchToCheck as exc:
            raise _Failed("output-limit", f"{_cannot(request)} for secrets: {exc}") from exc
    except _Failed as exc:
        message = masker.mask(exc.message)
        if len(message) > _MAX_MESSAGE:
            message = f"{message[:_MAX_MESSAGE]}…"
        return _Read(output=None, artifacts=[], failure=(exc.kind, message))
    return _Read(output=output, artifacts=artifacts, failure=None)


def _cannot(request: AgentRequest) -> str:
    return f"what the agent of node {request.node_id!r} left cannot be checked"


class _Failed(Exception):
    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.message = message


def _result(ending: ProcessEnd, request: AgentRequest, masker: Masker) -> tuple[Any, list[tuple[str, str, str]]]:
    limits = request.limits
    who = f"agent of node {request.node_id!r}"
    match ending.stopped:
        case "timeout":
            raise _Failed("timeout", f"{who} was stopped after {limits.timeout_seconds:g} s (its timeoutSeconds)")
        case "output-limit":
            raise _Failed(
                "output-limit", f"{who} was stopped: it wrote far more than {limits.log_bytes} bytes of log"
            )
        case _:
            pass
    if ending.stopped == "memory" or ending.out_of_memory or (ending.report and ending.report.over_memory):
        raise _out_of_memory(who, request)
    if ending.report is None:
        raise _Failed("exit", f"{who} ended, and its jail with it, before it gave a result{_last_words(ending)}")
    report = ending.report
    _check_signal(who, request, report)
    if report.result is None:
        raise _no_result(who, request, report, ending)
    if len(report.result) > limits.result_bytes:
        raise _Failed("output-limit", f"{who} returned more than {limits.result_bytes} bytes")
    leaked = masker.leaked(report.result)
    if leaked is not None:
        raise _Failed("leaked-secret", f"the result of the {who} holds secret {leaked!r}; it was discarded")
    result = _parse(who, report.result)
    if result.get("ok") is not True:
        raise _said_so(who, result)
    if report.status != 0:
        code = os.waitstatus_to_exitcode(report.status)
        raise _Failed("exit", f"{who} ended with status {code} after it gave its result{_last_words(ending)}")
    return _output(who, request, result, masker), _artifacts(who, result, report, masker)


def _check_signal(who: str, request: AgentRequest, report: JailReport) -> None:
    code = os.waitstatus_to_exitcode(report.status)
    if code == -signal.SIGXCPU:
        raise _Failed("timeout", f"{who} used more than {request.limits.cpu_seconds} s of processor time")
    if code == -signal.SIGXFSZ:
        raise _Failed("exit", f"{who} wrote a file of more than {request.limits.file_size_mb} MB")
    if code == -signal.SIGSYS:
        raise _Failed("exit", f"{who} was ended by the jail's system call filter")


def _no_result(who: str, request: AgentRequest, report: JailReport, ending: ProcessEnd) -> _Failed:
    if "MemoryError" in ending.log_tail or report.max_memory_kb >= request.limits.memory_mb * 1024 * 0.97:
        return _out_of_memory(who, request)
    code = os.waitstatus_to_exitcode(report.status)
    if code == 0:
        return _Failed("invalid-output", f"{who} ended without a result{_last_words(ending)}")
    how = f"was ended by signal {_signal_name(-code)}" if code < 0 else f"ended with status {code}"
    return _Failed("exit", f"{who} {how}{_last_words(ending)}")


def _out_of_memory(who: str, request: AgentRequest) -> _Failed:
    return _Failed("memory", f"{who} needs more than {request.limits.memory_mb} MB; raise the node's memoryMb")


def _parse(who: str, content: bytes) -> dict[str, Any]:
    try:
        result: Any = json.loads(content, parse_constant=_refuse_constant)
        # What cannot be written as UTF-8 (lone surrogates) could be stored nowhere.
        json.dumps(result, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as exc:
        raise _Failed("invalid-output", f"{who} returned something that is not valid JSON: {exc}") from exc
    if not isinstance(result, dict):
        raise _Failed("invalid-output", f"{who} returned JSON that is not an object")
    return cast(dict[str, Any], result)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _said_so(who: str, result: dict[str, Any]) -> _Failed:
    kind, message = _SAID_BY_AGENTS.get(str(result.get("kind"))), result.get("message")
    if kind is None or not isinstance(message, str) or not message.strip():
        return _Failed("invalid-output", f"{who} reported a failure that is not readable")
    return _Failed(kind, message)


def _output(who: str, request: AgentRequest, result: dict[str, Any], masker: Masker) -> Any:
    output = result.get("output")
    # Once more on what was read: JSON may write any character as an escape.
    leaked = masker.leaked(json.dumps(output, ensure_ascii=False).encode())
    if leaked is None:
        leaked = masker.leaked_in_parts(_texts(output))
    if leaked is not None:
        raise _Failed("leaked-secret", f"the result of the {who} holds secret {leaked!r}; it was discarded")
    if request.result_schema is not None:
        problems = validate_bounded(output, request.result_schema)
        if problems:
            more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
            raise _Failed(
                "invalid-output",
                f"what action {request.action!r} returned does not fit its schema: "
                f"{'; '.join(problems[:3])}{more}",
            )
    return output


def _texts(value: Any) -> Iterator[str]:
    """All texts in it, in their order."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            left += reversed(list(cast("dict[str, Any]", each).values()))
        elif isinstance(each, list):
            left += reversed(cast("list[Any]", each))


def _artifacts(who: str, result: dict[str, Any], report: JailReport, masker: Masker) -> list[tuple[str, str, str]]:
    described: Any = result.get("artifacts") or []
    files = dict(report.files)
    artifacts: list[tuple[str, str, str]] = []
    if not isinstance(described, list):
        raise _Failed("invalid-output", f"{who} reported artifacts that are not readable")
    for entry in cast(list[Any], described)[:_MAX_ARTIFACTS]:
        fields = cast(dict[str, Any], entry) if isinstance(entry, dict) else {}
        name, media_type, file = fields.get("name"), fields.get("media_type"), fields.get("file")
        if not (isinstance(name, str) and isinstance(media_type, str) and isinstance(file, str)):
            raise _Failed("invalid-output", f"{who} reported artifacts that are not readable")
        if not _ARTIFACT_NAME.fullmatch(name) or not _MEDIA_TYPE.fullmatch(media_type):
            raise _Failed(
                "invalid-output", f"{who} saved an artifact under a name or type that is refused: {name!r}"
            )
        if file not in files:
            raise _Failed("output-limit", f"artifact {name!r} of the {who} is missing or too large")
        leaked = masker.leaked(files[file]) or masker.leaked(f"{name}\n{file}".encode())
        if leaked is not None:
            raise _Failed("leaked-secret", f"an artifact of the {who} holds secret {leaked!r}; it was discarded")
        artifacts.append((name, media_type, file))
    return artifacts


def _last_words(ending: ProcessEnd) -> str:
    lines = [line for line in ending.log_tail.splitlines() if line.strip()]
    return f"; the last it logged: {lines[-1].strip()[:500]}" if lines else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
