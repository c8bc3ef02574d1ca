"""Python source -> its syntax tree, one at a time.

CPython 3.11 and 3.12 count how deep they are in a tree in one place for all threads. A collection of garbage in the
midst of it may let another thread go on, and where that makes a tree as well, one of the two ends with a SystemError.
"""

from __future__ import annotations

import ast
import threading

_one_at_a_time = threading.Lock()


def syntax_tree(source: str | bytes) -> ast.Module:
    """As `ast.parse`, from any thread. Raises SyntaxError, ValueError, RecursionError or MemoryError."""
    with _one_at_a_time:
        return ast.parse(source)
