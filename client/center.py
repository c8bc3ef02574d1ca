"""The API as an object: its routes, and what takes several of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Self

from client.connection import ApiProblem, Connection, NoAnswer
from client.models import LogLineAnswer, RunDetailResponse
from client.routes import Routes

__all__ = ["ApiProblem", "CommandCenter", "NoAnswer"]

_LOOK_SECONDS = 0.5


class CommandCenter(Routes):
    """The API at an address, for the person of a token; `project` chooses one of several."""

    def __init__(self, address: str, *, token: str, project: int | None = None, seconds: float = 30.0) -> None:
        self.connection = Connection(address, token=token, project=project, seconds=seconds)
        super().__init__(self.connection)

    @staticmethod
    def asks_or_ended(run: RunDetailResponse) -> bool:
        """Whether the run waits for a person, or has ended."""
        return run["status"] in ("WAITING_APPROVAL", "SUCCESS", "FAILED")

    @staticmethod
    def ended(run: RunDetailResponse) -> bool:
        """Whether the run has ended."""
        return run["status"] in ("SUCCESS", "FAILED")

    def wait_for_run(
        self, run: str, *, until: Callable[[RunDetailResponse], bool] | None = None, seconds: float = 3600.0
    ) -> RunDetailResponse:
        """The run, once `until` holds for it (None: once it has ended).

        `run`: its id, or the `flowRunId` that `start_run` answers, whose run is on record as soon as a worker has it.
        Raises TimeoutError after that many seconds, and ApiProblem.
        """
        ends = time.monotonic() + seconds
        reached = until or self.ended
        while True:
            found = self._run(run)
            if found is not None and reached(found):
                return found
            if time.monotonic() >= ends:
                said = "is not on record" if found is None else f"is {found['status']}"
                raise TimeoutError(f"after {seconds:g} s run {run!r} {said}")
            time.sleep(_LOOK_SECONDS)

    def follow_log(
        self, run: str, *, node: str | None = None, search: str | None = None
    ) -> Generator[LogLineAnswer]:
        """Lines of the run's log as they come, until it has ended. Raises ApiProblem."""
        after = 0
        while True:
            page = self.read_log(run, node=node, search=search, after=after)
            yield from page["lines"]
            after = int(page["next"])
            if page["ended"] and not page["lines"]:
                return
            if not page["lines"]:
                time.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Close its connections."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, run: str) -> RunDetailResponse | None:
        try:
            return self.show_run(run)
        except ApiProblem as exc:
            if exc.status != 404:
                raise
            return None
