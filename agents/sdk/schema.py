"""The base of an action's input and output models, and the field types with a meaning to the platform.

Fields are snake_case in Python and camelCase in workflows. What a field means beyond its type is said in `x-…`
keywords of its JSON Schema.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_Sized = TypeVar("_Sized", bound=Sized)


class Schema(BaseModel):
    """An input or output model: unknown fields are refused, values do not change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        validate_default=True,
        json_schema_serialization_defaults_required=True,
    )


def bounded(low: int, high: int) -> AfterValidator:
    """A length that is checked when the agent runs, and not part of the JSON Schema.

    A workflow's templates promise no length, so a bound in the schema would refuse every workflow beforehand.
    """

    def check(value: _Sized) -> _Sized:
        if not low <= len(value) <= high:
            raise ValueError(f"length {len(value):,} is outside of {low:,} to {high:,}")
        return value

    return AfterValidator(check)


ShortText = Annotated[str, bounded(1, 1000)]
LongText = Annotated[str, bounded(0, 100_000)]

RepositoryPath = Annotated[
    str, bounded(1, 4096), Field(json_schema_extra={"x-kind": "repository", "x-access": "read"})
]
"""A folder of the host. The agent sees a read-only snapshot of it and gets that path instead."""

ArtifactFile = Annotated[str, bounded(1, 4096), Field(json_schema_extra={"x-kind": "artifact"})]
"""In an output: what `Context.save_artifact` returned. In an input: a file that holds that artifact's bytes."""

Url = Annotated[str, bounded(1, 2048), Field(json_schema_extra={"x-interprets": "host"})]
"""An address whose host the agent connects to."""

Instructions = Annotated[str, bounded(0, 8000), Field(json_schema_extra={"x-interprets": "instructions"})]
"""Text that a model reads as instructions."""
