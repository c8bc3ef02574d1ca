"""A bound on work: counted in steps of about a microsecond, shared by everything one question sets off."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar


class TooMuchWork(Exception):
    """The answer needs more work than its budget."""


class Budget:
    """A number of steps; TooMuchWork after that."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Spend `steps`. Raises TooMuchWork when the budget is used up."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork


_CURRENT: ContextVar[Budget | None] = ContextVar("schema_budget", default=None)


@contextmanager
def budgeted(budget: Budget) -> Generator[Budget]:
    """Makes `budget` the one that `spend` draws on, for keyword functions that cannot be handed one."""
    token = _CURRENT.set(budget)
    try:
        yield budget
    finally:
        _CURRENT.reset(token)


def spend(steps: int = 1) -> None:
    """Spend steps of the current budget, if there is one. Raises TooMuchWork."""
    current = _CURRENT.get()
    if current is not None:
        current.spend(steps)
