"""A local `$ref` -> the subschema it names. Nothing is ever fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import unquote


def pointer_of(path: Sequence[str | int]) -> str:
    """`["$defs", "a/b"]` -> `#/$defs/a~1b`, unescaped for URIs; the form locations are compared in."""
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def normal(ref: str) -> str:
    """`#/$defs/a%20b` -> `#/$defs/a b`."""
    return unquote(ref)


def target(root: Any, ref: str) -> Any:
    """The value that a local reference names. Raises LookupError where there is none."""
    value = root
    for part in normal(ref).removeprefix("#").split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value)[step]
        elif isinstance(value, list):
            items = cast("list[Any]", value)
            if not (step.isascii() and step.isdigit()):
                raise LookupError(step)
            value = items[int(step[:6])]
        else:
            raise LookupError(step)
    return value
