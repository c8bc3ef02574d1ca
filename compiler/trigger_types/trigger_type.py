"""What the compiler, a deployment and a dry run ask about a trigger, as one class for each kind of trigger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from compiler.catalogue import JsonSchema
from compiler.language.document import Path

Written = TypeVar("Written", bound=BaseModel)
Planned = TypeVar("Planned", bound=BaseModel)


class Findings(Protocol):
    """Where a check reports, and the checks that are the same wherever a filter or a condition stands."""

    def at(self, path: Path, code: str, message: str, hint: str = "") -> None:
        """Report the value at the path."""
        ...

    def filter(self, name: str, wanted: JsonValue, path: Path, event: JsonSchema | None) -> None:
        """Check one filter on events of that schema (None: of any)."""
        ...

    def condition(self, text: str, path: Path, event: JsonSchema | None) -> None:
        """Check a condition over `context` of that schema (None: of any)."""
        ...

    def schema(self, schema: JsonSchema, path: Path) -> None:
        """Check the schema of a context, and that the defaults in it fit."""
        ...


class TriggerType(ABC, Generic[Written, Planned]):
    """One kind of trigger. `Written` is its model in YAML, `Planned` the one in a plan."""

    word: ClassVar[str]
    """Its key in YAML, its `kind` in a plan, and the name of its page, `docs/reference/triggers/<word>.md`."""
    written: ClassVar[type[BaseModel]]
    planned: ClassVar[type[BaseModel]]
    by_subject: ClassVar[bool] = False
    """Whether its runs are started by messages, so that a dry run has to ask whether one matches."""

    @abstractmethod
    def plan(self, trigger: Written, declared: JsonSchema | None) -> Planned:
        """The trigger as it stands in a plan; `declared` is the workflow's `context`, if it has one."""

    @abstractmethod
    def context(self, trigger: Written, declared: JsonSchema | None) -> JsonSchema | None:
        """The schema of what templates see as `context` in a run that it started; None: nothing is known of it."""

    @abstractmethod
    def check(self, trigger: Written, path: Path, declared: JsonSchema | None, found: Findings) -> None:
        """Report what is wrong with it; `path` is its place in the document."""

    def name(self, trigger: Written | Planned) -> str:
        """How an approval policy, a test case and a message name it."""
        del trigger
        return self.word

    def label(self, trigger: Planned) -> str:
        """How a diagram and a review name it."""
        return self.name(trigger)

    def starts(self, trigger: Planned, by: str, context: Mapping[str, Any]) -> bool:
        """Whether it starts a run in a test case: `by` is a subject, or the word of a type."""
        del context
        return by == self.name(trigger)

    def example(self, trigger: Planned, context: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """An example of the workflow's context, changed so that this trigger accepts it."""
        del trigger
        return context

    def same_source(self, old: Planned, new: Planned) -> bool:
        """Whether the new one is the old one, changed."""
        return self.name(old) == self.name(new)

    @abstractmethod
    def widened(self, old: Planned, new: Planned) -> str:
        """Why the new one may start runs that the old one did not; empty if it cannot."""

    def form(self, trigger: Planned) -> JsonSchema | None:
        """The schema of the context that a person gives who starts a run; None: it asks for none."""
        del trigger
        return None
