"""A `pattern` -> a matcher whose time is linear in the text, or the reason why the pattern is refused.

The engine is the Rust one inside Pydantic, the one that models with a `pattern` use themselves. It knows no
look-around and no back-references, so no pattern can backtrack; counted repetitions still multiply its states,
which is why their product is bounded here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

from compiler.schemas.excerpt import printable, shown

MAX_LENGTH = 1_000
"""Characters of a pattern."""
MAX_STATES = 3_000
"""Estimated automaton states of a pattern, with its counted repetitions multiplied out."""

_CLASS = 4
_TOKEN = re.compile(
    r"\\(?:[pPux]\{[^}]*\}|.)"
    r"|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]"
    r"|\((?:\?(?:P?<\w+>|[a-zA-Z-]*:?))?"
    r"|\{(?P<least>\d+)(?P<comma>,)?(?P<most>\d*)\}"
    r"|.",
    re.DOTALL,
)


class PatternRefused(ValueError):
    """The pattern is malformed, uses what the engine does not know, or is too large."""


class Matcher:
    """A compiled pattern; searches, as JSON Schema demands, anywhere in the text."""

    def __init__(self, pattern: str, states: int) -> None:
        self.pattern = pattern
        self.states = states
        """Upper estimate of the work per character."""
        schema = core_schema.str_schema(pattern=pattern, strict=True, regex_engine="rust-regex")
        self._validator = SchemaValidator(schema)

    def search(self, text: str) -> bool:
        """Whether the pattern occurs in `text`. A lone surrogate is no text and matches nothing."""
        return self._validator.isinstance_python(text)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Matcher:
    """The matcher of `pattern`. Raises PatternRefused."""
    if len(pattern) > MAX_LENGTH:
        raise PatternRefused(f"the pattern is longer than {MAX_LENGTH} characters; shorten it")
    states = _states(pattern)
    if states > MAX_STATES:
        raise PatternRefused(
            f"the counted repetitions in {shown(pattern, 60)} multiply to more than {MAX_STATES} states; "
            "use smaller counts, or minLength and maxLength"
        )
    try:
        return Matcher(pattern, states)
    except SchemaError as exc:
        raise PatternRefused(f"the pattern {shown(pattern, 60)} is refused: {_engine_reason(exc)}") from exc


def _states(pattern: str) -> int:
    """States after multiplying out counted repetitions; an upper bound that is cheap to compute for any text."""
    groups = [0]
    last = 0
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if token["least"] is not None:
            times = max(int(token["least"][:6]), int(token["most"][:6] or 0), 1)
            groups[-1] += last * (times - 1)
            last *= times
        elif text.startswith("("):
            groups.append(0)
            last = 0
        elif text == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif text not in "?*+|":
            last = _CLASS if len(text) > 1 or text == "." else 1
            groups[-1] += last
        if groups[-1] > MAX_STATES:
            break
    return max(1, sum(groups))


def _engine_reason(error: SchemaError) -> str:
    """The last line of the engine's message, without its drawing of the pattern."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1] if lines else "it does not compile"
    _, _, tail = reason.rpartition("error: ")
    return printable(tail.removeprefix("Compiled regex"), 160)
