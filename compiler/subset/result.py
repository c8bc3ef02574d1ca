"""The answer to "does everything that A gives fit B?", with reasons that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from compiler.schemas.excerpt import PathStep, json_path

Kind = Literal["mismatch", "unproven", "unsupported", "too complex"]
"""`mismatch`: the producer may give what the consumer refuses. `unproven`: it may be right, and cannot be shown.
`unsupported`: one of the schemas cannot be used. `too complex`: the budget was used up."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason why the producer is not known to fit."""

    sentence: str
    """Goes on where the path ends: `may be null, but must be a string`."""
    path: tuple[PathStep, ...] = ()
    """Where in the value; `*` stands for any item or any further property."""
    kind: Kind = "mismatch"

    def below(self, step: PathStep) -> Reason:
        """The same reason, seen from one level further up."""
        return replace(self, path=(step, *self.path))

    def __str__(self) -> str:
        return f"{json_path(self.path)} {self.sentence}"


@dataclass(frozen=True, kw_only=True)
class SubsetResult:
    """What the check found. Without reasons, every instance of the producer's schema is one of the consumer's."""

    reasons: tuple[Reason, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it is proven."""
        return not self.reasons

    @property
    def unsupported(self) -> bool:
        """Whether a schema could not be understood, or was too large a question."""
        return any(reason.kind in ("unsupported", "too complex") for reason in self.reasons)

    def sentences(self) -> list[str]:
        """The reasons as text, each beginning with the JSON path."""
        return [str(reason) for reason in self.reasons]


def below(step: PathStep, reasons: Iterable[Reason]) -> list[Reason]:
    """The reasons, seen from one level further up."""
    return [reason.below(step) for reason in reasons]
