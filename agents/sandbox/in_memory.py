"""The sandbox port in memory: scripted results, and every request kept for the test to look at."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, cast

from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult, FailureKind, LogLine, SandboxReport

Answer = AgentResult | Callable[[AgentRequest], AgentResult | Awaitable[AgentResult]]


class InMemorySandbox:
    """Answers from a script. Runs nothing, and so protects from nothing: for tests only."""

    def __init__(self) -> None:
        self.requests: list[AgentRequest] = []
        """All that was asked for, in order."""
        self.described: list[str] = []
        self.closed = False
        self._answers: dict[str, deque[Answer]] = {}
        self._logs: dict[str, tuple[LogLine, ...]] = {}
        self._manifests: dict[str, AgentResult] = {}

    def answer(self, key: str, *answers: Any, logs: Iterable[LogLine] = ()) -> None:
        """Script a node id or an action: results in turn, the last one for ever.

        An answer is an AgentResult, a function of the request (plain or async), or simply the output.
        """
        self._answers[key] = deque(_as_answer(answer) for answer in answers)
        self._logs[key] = tuple(logs)

    def fail(self, key: str, kind: FailureKind, message: str = "scripted") -> None:
        """Script a failure."""
        self.answer(key, AgentResult(failure=AgentFailure(kind=kind, message=message)))

    def manifest(self, entry_path: str, data: dict[str, Any]) -> None:
        """Script what `describe` gives."""
        self._manifests[entry_path] = AgentResult(output=data)

    async def run(self, request: AgentRequest, *, on_log: Callable[[LogLine], None]) -> AgentResult:
        """The scripted result for the node, else for the action."""
        self.requests.append(request)
        key = request.node_id if request.node_id in self._answers else request.action
        script = self._answers.get(key)
        if not script:
            message = f"nothing is scripted for node {request.node_id!r} or action {request.action!r}"
            return AgentResult(failure=AgentFailure(kind="bad-request", message=message))
        for line in self._logs[key]:
            on_log(line)
        answer = script[0] if len(script) == 1 else script.popleft()
        if isinstance(answer, AgentResult):
            return answer
        result = answer(request)
        return await result if inspect.isawaitable(result) else result

    async def describe(self, entry_path: str, *, environment: Path | None = None) -> AgentResult:
        """The scripted manifest."""
        self.described.append(entry_path)
        missing = AgentFailure(kind="bad-request", message=f"no manifest is scripted for {entry_path!r}")
        return self._manifests.get(entry_path, AgentResult(failure=missing))

    async def check(self) -> SandboxReport:
        """Always there."""
        return SandboxReport(backend="in-memory", available=True, detail="scripted, for tests")

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def _as_answer(value: Any) -> Answer:
    if isinstance(value, AgentResult):
        return value
    return cast(Answer, value) if callable(value) else AgentResult(output=value)
