"""JSON Schemas (draft 2020-12) and values in; schemas as checked plain data and validation errors, bounded in cost, out."""

from compiler.schemas.combine import array_of, closed, nullable, union
from compiler.schemas.literal import infer

__all__ = ["array_of", "closed", "infer", "nullable", "union"]
