"""`trigger: manual`: a person or a program starts the run, and gives values of the declared types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from compiler.catalogue import JsonSchema
from compiler.language.context_fields import fields_schema, filled_schema, with_defaults
from compiler.language.document import Path
from compiler.language.spec import ManualSpec
from compiler.plan import ManualTrigger
from compiler.schemas.validation import validate_bounded
from compiler.trigger_types.trigger_type import Findings, TriggerType


class ManualType(TriggerType[ManualSpec, ManualTrigger]):
    """Typed values from whoever starts the run."""

    word = "manual"
    written = ManualSpec
    planned = ManualTrigger

    def plan(self, trigger: ManualSpec, declared: JsonSchema | None) -> ManualTrigger:
        """With its own fields, else with the workflow's `context`."""
        schema = _schema(trigger, declared)
        return ManualTrigger(context=None if schema is None else cast("dict[str, JsonValue]", dict(schema)))

    def context(self, trigger: ManualSpec, declared: JsonSchema | None) -> JsonSchema | None:
        """The fields after their defaults are filled in."""
        schema = _schema(trigger, declared)
        return None if schema is None else filled_schema(schema)

    def check(self, trigger: ManualSpec, path: Path, declared: JsonSchema | None, found: Findings) -> None:
        """CC307 of its own fields; those under `context` are checked with the workflow."""
        if trigger.manual is not None:
            found.schema(fields_schema(trigger.manual), (*path, "manual"))

    def starts(self, trigger: ManualTrigger, by: str, context: Mapping[str, Any]) -> bool:
        """Whether the values fit."""
        return by == self.word and not self.misfits(trigger, context)

    def example(self, trigger: ManualTrigger, context: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """With the defaults."""
        return self.completed(trigger, context)

    def widened(self, old: ManualTrigger, new: ManualTrigger) -> str:
        """Other values may be given."""
        return "takes other values" if old != new else ""

    def form(self, trigger: ManualTrigger) -> JsonSchema | None:
        """As it is declared."""
        return trigger.context

    def completed(self, trigger: ManualTrigger, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is given, with the defaults of what is not."""
        return dict(given) if trigger.context is None else with_defaults(trigger.context, given)

    def misfits(self, trigger: ManualTrigger, given: Mapping[str, Any]) -> list[str]:
        """Why what is given cannot start a run, field by field; empty where it can."""
        if trigger.context is None:
            return []
        return validate_bounded(
            self.completed(trigger, given), {**trigger.context, **_open_for_project(trigger.context)}
        )


def _open_for_project(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The platform adds `projectId` to each context, also where no other field than the declared may be given."""
    return {"properties": filled_schema(schema)["properties"]}


def _schema(trigger: ManualSpec, declared: JsonSchema | None) -> JsonSchema | None:
    return declared if trigger.manual is None else fields_schema(trigger.manual)
