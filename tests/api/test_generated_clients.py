"""Code that is made from the routes is what the routes say now; to make it anew: `python -m api.clients`."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.clients.dialects import PYTHON, TYPESCRIPT, type_of
from api.clients.written import client_files, openapi_document

FILES = client_files()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_file_is_what_the_routes_say(path: Path) -> None:
    assert path.read_text() == FILES[path], "a route has changed: python -m api.clients"


def test_every_route_but_the_streams_is_a_method_of_the_client() -> None:
    routes = next(text for path, text in FILES.items() if path.name == "routes.py")
    for operations in openapi_document()["paths"].values():
        for operation in operations.values():
            name = operation["operationId"]
            assert (f"def {name}(" in routes) != (name in ("follow", "stream_log")), name


def test_types_are_written_as_each_language_has_them() -> None:
    schema = {
        "anyOf": [
            {"type": "array", "items": {"$ref": "#/components/schemas/Run"}},
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"enum": ["a", "b"], "type": "string"},
            {"const": 1},
            {"type": "null"},
        ]
    }
    assert type_of(schema, PYTHON) == 'list[Run] | dict[str, int] | Literal["a", "b"] | Literal[1] | None'
    assert type_of(schema, TYPESCRIPT) == 'Array<Run> | Record<string, number> | "a" | "b" | 1 | null'
    assert type_of({}, PYTHON) == "Any"
