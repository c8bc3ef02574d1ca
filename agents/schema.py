"""The base of an action's input and output models, and the field types that the platform gives a meaning to.

Fields are snake_case in Python and camelCase in workflows. What a field means beyond its type is said in `x-…`
keywords of its JSON Schema.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


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


RepositoryPath = Annotated[
    str, Field(min_length=1, max_length=4096, json_schema_extra={"x-kind": "repository", "x-access": "read"})
]
"""A folder of the host. The agent sees a read-only snapshot of it and gets that path instead."""

ArtifactFile = Annotated[str, Field(min_length=1, max_length=4096, json_schema_extra={"x-kind": "artifact"})]
"""In an output: what `Context.save_artifact` returned. In an input: a file that holds that artifact's bytes."""

Url = Annotated[str, Field(min_length=1, max_length=2048, json_schema_extra={"x-interprets": "host"})]
"""An address whose host the agent connects to."""

Instructions = Annotated[str, Field(max_length=8000, json_schema_extra={"x-interprets": "instructions"})]
"""Text that a model obeys."""
