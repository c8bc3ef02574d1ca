"""Files of many languages -> what semgrep's engine finds in them with the rules of this platform.

The engine is one program of a package that brings no rules we use; it is called without network and without its command
line. It is optional: where it is not installed, the scan says so, and only own patterns are applied.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, cast

from agents.builtin.scanning.rules import EngineRule, load
from agents.builtin.scanning.vulnerability import FlowStep, Vulnerability

LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys((".py", ".pyw"), "python"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), "javascript"),
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), "typescript"),
    ".java": "java",
    ".go": "go",
    ".rb": "ruby",
    ".php": "php",
    ".cs": "csharp",
}
"""Ending -> language, by the engine's names."""
_AT_ONCE = 400
"""Files of one start: bounds memory, and how much one crash costs."""
_SECONDS_PER_RULE, _SECONDS_PER_START, _SECONDS_IN_ALL = 5, 120, 240
_SECONDS_TWICE = 60
_MEMORY_MB = 400
_MOST_STEPS = 12
NAME = "semgrep"
"""Of the engine, as findings have it."""


@dataclass(kw_only=True)
class EngineScan:
    """What the engine found, and in which files it did not get to the end."""

    found: list[Vulnerability] = field(default_factory=list[Vulnerability])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """File -> why its result is not complete."""


@cache
def program() -> Path | None:
    """The engine's program; None where it is not installed."""
    try:
        spec = importlib.util.find_spec(NAME)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    core = Path(spec.origin).parent / "bin" / "semgrep-core"
    return core if core.is_file() else None


def version() -> str:
    """Name and version of the engine; empty where there is none."""
    if program() is None:
        return ""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return f"{NAME} {version_of(NAME)}"
    except PackageNotFoundError:
        return NAME


def language_of(name: str) -> str | None:
    """The engine's name of the file's language; None where there are no rules for it."""
    return LANGUAGES.get(PurePosixPath(name).suffix.lower())


def scan(
    folder: Path,
    names: Iterable[str],
    log: logging.Logger,
    followed: Set[str] = frozenset(),
    seconds: float = _SECONDS_IN_ALL,
) -> EngineScan:
    """Findings in the named files, which were read before: regular, not too large. No engine: no findings.

    In files that are `followed` data flow was looked at by other means: the engine's rules for it are applied to them
    last, as a second opinion, and only as long as that takes no more than a minute.
    """
    folder = folder.absolute()  # the engine runs in another one
    core, done = program(), EngineScan()
    if core is None:
        return done
    by_language: dict[str, list[str]] = {}
    for name in names:
        language = language_of(name)
        if language is not None:
            by_language.setdefault(language, []).append(name)
    if not by_language:
        return done
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        opinions: list[tuple[_Start, list[str]]] = []
        for language, files in by_language.items():
            own = [rule for rule in load().values() if language in rule.languages]
            start = _start(core, folder, Path(place), language, ends, own, "")
            seen = [name for name in files if name in followed]
            if seen:
                patterns = [rule for rule in own if not _is_flow(rule)]
                _in_parts(
                    _start(core, folder, Path(place), language, ends, patterns, "-patterns"), seen, done, log
                )
                flows = [rule for rule in own if _is_flow(rule)]
                opinions.append((_start(core, folder, Path(place), language, ends, flows, "-flows"), seen))
            _in_parts(start, [name for name in files if name not in followed], done, log)
        last = min(ends, time.monotonic() + _SECONDS_TWICE)
        for start, files in opinions:
            second = EngineScan()
            _in_parts(replace(start, ends=last), files, second, log)
            done.found += second.found
    return done


def _is_flow(rule: EngineRule) -> bool:
    return rule.query.get("mode") == "taint"


def _start(
    core: Path, folder: Path, place: Path, language: str, ends: float, rules: Sequence[EngineRule], suffix: str
) -> _Start:
    file = place / f"{language}{suffix}.json"
    file.write_text(json.dumps({"rules": [rule.query for rule in rules]}), "utf-8")
    return _Start(core=core, folder=folder, rules=file, language=language, place=place, ends=ends)


def _in_parts(start: _Start, files: Sequence[str], done: EngineScan, log: logging.Logger) -> None:
    for first in range(0, len(files), _AT_ONCE):
        _scan_some(start, files[first : first + _AT_ONCE], done, log)


@dataclass(frozen=True, kw_only=True)
class _Start:
    core: Path
    folder: Path
    rules: Path
    language: str
    place: Path
    ends: float


def _scan_some(start: _Start, files: Sequence[str], done: EngineScan, log: logging.Logger) -> None:
    """All of the files at once; where that fails, halves of them, down to the file that is to blame."""
    left = start.ends - time.monotonic()
    if left <= 1:
        done.failed.update(dict.fromkeys(files, "the engine was stopped when its time was up"))
        return
    answer = _ask(start, files, min(left, _SECONDS_PER_START))
    if isinstance(answer, str):
        if len(files) == 1:
            done.failed[files[0]] = f"the engine failed: {answer}"
            log.warning("%s: the engine failed: %s", files[0], answer)
            return
        middle = len(files) // 2
        _scan_some(start, files[:middle], done, log)
        _scan_some(start, files[middle:], done, log)
        return
    known = {str(start.folder / name): name for name in files}
    done.found += _findings(answer, known, start.folder)
    for fault in answer.get("errors", ()):
        _note(fault, known, done, log)


def _ask(start: _Start, files: Sequence[str], seconds: float) -> dict[str, Any] | str:
    """The engine's answer, or why there is none."""
    targets = start.place / "targets.json"
    listed = [
        [
            "CodeTarget",
            {
                "path": {"fpath": str(start.folder / name), "ppath": f"/{name}"},
                "analyzer": start.language,
                "products": ["sast"],
            },
        ]
        for name in files
    ]
    try:
        targets.write_text(json.dumps(["Targets", listed]), "utf-8")
    except UnicodeEncodeError:
        return "a name is not text"
    command = [
        *(
            str(start.core),
            "-rules",
            str(start.rules),
            "-targets",
            str(targets),
            "-json_nodots",
            "-j",
            "1",
            "-fast",
        ),
        *("-timeout", str(_SECONDS_PER_RULE), "-timeout_threshold", "3", "-max_memory", str(_MEMORY_MB)),
    ]
    environment = {"HOME": str(start.place), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=seconds, check=False, env=environment, cwd=start.place
        )
    except subprocess.TimeoutExpired:
        return f"no end after {seconds:.0f} s"
    except OSError as exc:
        return f"it does not start: {exc.strerror}"
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except (ValueError, RecursionError):
        return f"status {done.returncode} and no readable result"
    return answer if isinstance(answer.get("results"), list) else "no results"


def _findings(answer: Mapping[str, Any], known: Mapping[str, str], folder: Path) -> Iterator[Vulnerability]:
    rules = load()
    for result in answer["results"]:
        rule, name = rules.get(str(result.get("check_id"))), known.get(str(result.get("path")))
        if rule is None or name is None:
            continue
        if rule.needs is not None and not rule.needs.search((folder / name).read_text("utf-8", "replace")):
            continue
        finding = rule.rule.at(name, max(1, int(result["start"]["line"])), tool=NAME)
        flow = _flow(result["extra"].get("dataflow_trace"), name)
        yield finding.model_copy(update={"confidence": rule.confidence, "flow": flow})


def _flow(trace: Any, name: str) -> tuple[FlowStep, ...]:
    """From where text from outside comes in, by the variables it goes through, to where it must not be."""
    trace = _mapping(trace)
    steps = [*_places(trace.get("taint_source")), *_variables(trace), *_places(trace.get("taint_sink"))]
    told = [FlowStep(file=name, line=max(1, line)) for line in steps]
    return tuple({step.line: step for step in told}.values())[:_MOST_STEPS]


def _variables(trace: Mapping[str, Any]) -> Iterator[int]:
    for variable in trace.get("intermediate_vars") or ():
        yield int(variable["location"]["start"]["line"])


def _places(end: Any) -> Iterator[int]:
    """The line of a source or sink: a place, or a call that leads to one."""
    kind: str = end[0] if end else ""
    value: Any = end[1] if end else None
    if kind == "CliLoc":
        yield int(value[0]["start"]["line"])
    elif kind == "CliCall":
        yield int(value[0][0]["start"]["line"])


def _note(fault: Mapping[str, Any], known: Mapping[str, str], done: EngineScan, log: logging.Logger) -> None:
    """A fault of one file is told with it; text of the engine may quote the file, so it is not repeated."""
    path = _mapping(fault.get("location")).get("path") or fault.get("path")
    told: Any = fault.get("type") or fault.get("error_type")
    kind = str(told if isinstance(told, str) or not told else told[0])[:100]
    name = known.get(str(path))
    if name is None:
        log.warning("the engine reports %s", kind)
    elif kind in ("Timeout", "OutOfMemory", "TimeoutDuringInterfile", "Stack overflow", "StackOverflow"):
        done.failed.setdefault(name, f"the engine did not get to the end ({kind})")
    else:
        log.info("%s: the engine read it only in part (%s)", name, kind)


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
