"""JSON Schemas (draft 2020-12) and values in; checked schemas and validation errors, at bounded cost, out."""

from compiler.schemas.combine import array_of, closed, nullable, union
from compiler.schemas.literal import infer

__all__ = ["array_of", "closed", "infer", "nullable", "union"]
