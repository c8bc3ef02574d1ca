"""An agent's own cases, `cases/*.yaml` -> each run in the jail and compared with what it expects.

    action: greet
    inputs: {name: Ada}
    expect: {text: Hello Ada}            # a part of the output; lists are compared as a whole
    error: {kind: exit, message: no one} # or: it fails, with this in its message
    artifacts: [greeting.txt]            # files that it saves
    secrets: {TOKEN: only-for-this-case}
    settings: {LANGUAGE: en}

An effect is never carried out: `expect` is compared with what the agent proposes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.sdk.agent import explain
from compiler.catalogue import AgentSpec
from operations.run_agent import AgentWorkplace, run_agent

FOLDER = "cases"
MAX_CASES = 500
_SHOWN = 200


class CaseRefused(ValueError):
    """A case cannot be read, or there is none."""


class _Error(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str | None = None
    message: str = ""


class _Case(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: str
    inputs: dict[str, Any] = Field(default_factory=dict)
    expect: dict[str, Any] | None = None
    error: _Error | None = None
    artifacts: list[str] = Field(default_factory=list)
    secrets: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AgentCase:
    """One case, as it was read."""

    name: str
    """Of its file, without the ending."""
    case: _Case


@dataclass(frozen=True, kw_only=True)
class AgentCaseResult:
    """What came of a case."""

    name: str
    problems: tuple[str, ...]
    """Each difference: where, what was expected, what came. Empty: it passed."""
    milliseconds: int

    @property
    def ok(self) -> bool:
        """Whether it passed."""
        return not self.problems


@dataclass(frozen=True)
class _CaseSecrets:
    """The secrets that a case gives; no others are there."""

    values: Mapping[str, str]

    async def get(self, name: str) -> str | None:
        return self.values.get(name)


def read_cases(folder: Path, spec: AgentSpec) -> list[AgentCase]:
    """The cases in the agent's folder, by name. Raises CaseRefused, which names the file."""
    files = sorted(file for ending in ("*.yaml", "*.yml") for file in (folder / FOLDER).glob(ending))
    if not files:
        raise CaseRefused(
            f"agent {spec.name!r} has no cases: write one in {FOLDER}/NAME.yaml, with action, inputs, expect"
        )
    if len(files) > MAX_CASES:
        raise CaseRefused(f"more than {MAX_CASES} cases")
    return [AgentCase(name=file.stem, case=_read(file, spec)) for file in files]


def _read(file: Path, spec: AgentSpec) -> _Case:
    where = f"{FOLDER}/{file.name}"
    try:
        found = _Case.model_validate(yaml.safe_load(file.read_text("utf-8")))
        json.dumps([found.inputs, found.expect])
    except ValidationError as exc:
        raise CaseRefused(f"{where}: {explain(exc)}") from exc
    except (yaml.YAMLError, OSError, ValueError, TypeError, RecursionError) as exc:
        raise CaseRefused(f"{where} cannot be read: {' '.join(str(exc).split())[:300]}") from exc
    if found.action not in spec.actions:
        raise CaseRefused(f"{where}: no action {found.action!r}; there are: {', '.join(sorted(spec.actions))}")
    if (found.expect is None) == (found.error is None):
        raise CaseRefused(f"{where}: give either expect (a part of the output) or error")
    return found


async def run_case(
    each: AgentCase, spec: AgentSpec, *, folder: Path, workplace: AgentWorkplace, project_id: int
) -> AgentCaseResult:
    """Run one case in the jail. `folder`: where its relative paths of repositories begin."""
    began = time.monotonic()
    place = replace(workplace, secrets=(_CaseSecrets(each.case.secrets),), settings=each.case.settings)
    logged: list[str] = []
    outcome = await run_agent(
        spec,
        each.case.action,
        _with_paths(each.case.inputs, spec.actions[each.case.action].input_schema, folder),
        workplace=place,
        project_id=project_id,
        with_effects=False,
        on_log=lambda line: logged.append(line.text),
    )
    saved = {file.name for file in outcome.files}
    problems = _problems(each.case, outcome.result.output, outcome.result.failure, saved)
    if problems and logged:
        problems += [f"log: {line}" for line in logged[-5:]]
    return AgentCaseResult(
        name=each.name, problems=tuple(problems), milliseconds=round((time.monotonic() - began) * 1000)
    )


def differences(expected: Any, found: Any, where: str = "output") -> list[str]:
    """What of `expected` is not in `found`: objects in part, all else as a whole."""
    if isinstance(expected, dict) and isinstance(found, dict):
        wanted, given = cast("dict[str, object]", expected), cast("dict[str, object]", found)
        told: list[str] = []
        for name, value in wanted.items():
            if name in given:
                told += differences(value, given[name], f"{where}.{name}")
            else:
                told.append(f"{where}.{name}: expected {_short(value)}, and it is not there")
        return told
    if isinstance(expected, list) and isinstance(found, list):
        wants, gives = cast("list[object]", expected), cast("list[object]", found)
        if len(wants) == len(gives):
            pairs = enumerate(zip(wants, gives, strict=True))
            return [
                each for number, (one, other) in pairs for each in differences(one, other, f"{where}[{number}]")
            ]
    if _equal(expected, found):
        return []
    return [f"{where}: expected {_short(expected)}, got {_short(found)}"]


def _equal(one: Any, other: Any) -> bool:
    # True is no 1 here, and 1.0 is.
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    return (numbers or type(one) is type(other)) and one == other


def _problems(case: _Case, output: Any, failure: Any, saved: set[str]) -> list[str]:
    if case.error is not None:
        if failure is None:
            return [f"expected an error, got the output {_short(output)}"]
        told: list[str] = []
        if case.error.kind not in (None, failure.kind):
            told.append(f"error.kind: expected {case.error.kind!r}, got {failure.kind!r} ({failure.message})")
        if case.error.message not in failure.message:
            told.append(f"error.message: expected {case.error.message!r} in it, got {_short(failure.message)}")
        return told
    if failure is not None:
        return [f"expected an output, got the error {failure.kind}: {failure.message}"]
    missing = [f"artifact {name!r}: it was not saved" for name in case.artifacts if name not in saved]
    return differences(case.expect, output) + missing


def _with_paths(inputs: dict[str, Any], schema: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths of repositories are those of the agent's folder."""
    fields = cast("dict[str, Any]", schema.get("properties") or {})
    return {
        name: str(folder / value)
        if isinstance(value, str)
        and isinstance(fields.get(name), dict)
        and fields[name].get("x-kind") == "repository"
        else value
        for name, value in inputs.items()
    }


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


async def run_cases(
    cases: list[AgentCase], spec: AgentSpec, *, folder: Path, workplace: AgentWorkplace, project_id: int
) -> list[AgentCaseResult]:
    """All of them, two at a time: each has a jail of its own."""
    free = asyncio.Semaphore(2)

    async def one(each: AgentCase) -> AgentCaseResult:
        async with free:
            return await run_case(each, spec, folder=folder, workplace=workplace, project_id=project_id)

    return list(await asyncio.gather(*(one(each) for each in cases)))
