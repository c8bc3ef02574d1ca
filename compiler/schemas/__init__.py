"""JSON Schemas (draft 2020-12) as the compiler uses them: plain data, checked once, local, bounded in cost."""

from compiler.schemas.combine import array_of, closed, nullable, union
from compiler.schemas.literal import infer

__all__ = ["array_of", "closed", "infer", "nullable", "union"]
