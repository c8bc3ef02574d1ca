"""Which process executes a run: the text that stands in the run's `infrastructure_pid`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

_PREFIX = "commandcenter:"


@dataclass(frozen=True)
class WorkerIdentity:
    """One life of one worker."""

    worker: str
    """The worker's name, under which its heartbeats are known to the work pool."""
    life: str
    """Differs from one process of that name to the next."""

    @classmethod
    def new(cls, worker: str) -> WorkerIdentity:
        """The owner for a worker process that starts now."""
        return cls(worker, uuid4().hex[:12])

    @classmethod
    def parse(cls, infrastructure_pid: str | None) -> WorkerIdentity | None:
        """The owner that a run names; None if it has none, or one of another kind of worker."""
        if not infrastructure_pid or not infrastructure_pid.startswith(_PREFIX):
            return None
        worker, _, life = infrastructure_pid.removeprefix(_PREFIX).rpartition("/")
        return cls(worker, life)

    def __str__(self) -> str:
        return f"{_PREFIX}{self.worker}/{self.life}"
