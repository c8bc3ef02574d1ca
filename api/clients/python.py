"""The OpenAPI document -> `client/`: a type for each thing sent or answered, a method for each route."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

from api.clients.dialects import PYTHON, Schema, fields_of, type_of

_MADE = "Made from the API's routes by `python -m api.clients`; a test fails where it is not what they say."
_MODELS = f'''"""What the API takes and answers, as dictionaries with types.

{_MADE}
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
'''
_ROUTES = f'''"""One method for each route of the API.

{_MADE}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol
from urllib.parse import quote

from client import models


class Sends(Protocol):
    """What carries requests."""

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = None,
        text: str | None = None,
        binary: bool = False,
    ) -> Any:
        """The answer's JSON; its bytes where `binary`. Raises for a problem."""
        ...


class Routes:
    """The API, route by route. Raises `client.ApiProblem` for what is refused."""

    def __init__(self, sends: Sends) -> None:
        self._sends = sends
'''
_STREAMS = "text/event-stream"
# Who asks is the client's affair, not that of each call.
_SKIPPED = ("authorization",)


def python_models(document: Mapping[str, Any]) -> str:
    """The file of types."""
    parts = [_MODELS]
    for name, schema in sorted(document["components"]["schemas"].items()):
        if schema.get("type") != "object":
            parts.append(f"\n{name} = {type_of(schema, PYTHON)}\n")
            continue
        parts.append(f"\n{_model(name, schema)}")
    return "\n".join(parts)


def _model(name: str, schema: Schema) -> str:
    fields = fields_of(schema)
    if any(keyword.iskeyword(field) for field, _, _ in fields):
        lines = ",\n".join(f'        "{field}": {_field(inner, needed)!r}' for field, inner, needed in fields)
        return f'{name} = TypedDict(\n    "{name}",\n    {{\n{lines},\n    }},\n)\n'
    about = " ".join(str(schema.get("description", name)).split("\n\n")[0].split())
    lines = "\n".join(f"    {field}: {_field(inner, needed)}" for field, inner, needed in fields)
    return f'class {name}(TypedDict):\n    """{about}"""\n\n{lines}\n'


def _field(schema: Schema, needed: bool) -> str:
    found = type_of(schema, PYTHON)
    return found if needed else f"NotRequired[{found}]"


def python_routes(document: Mapping[str, Any]) -> str:
    """The file of methods."""
    parts = [_ROUTES]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not any(_STREAMS in each.get("content", {}) for each in operation["responses"].values()):
                parts.append(_method(path, method, operation))
    return "\n".join(parts)


def _method(path: str, method: str, operation: Mapping[str, Any]) -> str:
    known = [each for each in operation.get("parameters", ()) if each["name"] not in _SKIPPED]
    places = [each for each in known if each["in"] == "path"]
    # Prefixed: types of the models' file.
    takes = [f"{_name(each)}: {_qualified(each['schema'])}" for each in places]
    kind, body = _body(operation)
    needed_body = bool(operation.get("requestBody", {}).get("required"))
    if body is not None:
        takes.append(f"body: {body}" if needed_body else f"body: {body} | None = None")
    options = [each for each in known if each["in"] in ("query", "header")]
    if options:
        takes.append("*")
        takes += [f"{_name(each)}: {_optional(each['schema'])} = None" for each in options]
    about = operation["summary"] + "."
    said = operation.get("description", "").strip()
    if said:
        indented = "\n".join(f"        {line}".rstrip() for line in said.splitlines())
        about = f"{about}\n\n{indented}\n        "
    sent = [f'"{method.upper()}"', _address(path, places)]
    for place, argument in (("query", "query"), ("header", "headers")):
        pairs = [f'"{each["name"]}": {_name(each)}' for each in options if each["in"] == place]
        if pairs:
            sent.append(f"{argument}={{{', '.join(pairs)}}}")
    if body is not None:
        sent.append(f"{kind}=body")
    answer = _answer(operation)
    if answer == "bytes":
        sent.append("binary=True")
    call = f"self._sends.send({', '.join(sent)})"
    call = call if answer == "None" else f"return {call}"
    arguments = ", ".join(["self", *takes])
    return f'''    def {operation["operationId"]}({arguments}) -> {answer}:
        """{about}"""
        {call}
'''


def _body(operation: Mapping[str, Any]) -> tuple[str, str | None]:
    """By which argument the body is sent, and its type."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        return "json", _qualified(content["application/json"]["schema"])
    return "text", "str" if content else None


def _answer(operation: Mapping[str, Any]) -> str:
    for status, response in sorted(operation["responses"].items()):
        if not status.startswith("2"):
            continue
        content = response.get("content", {})
        if "application/json" in content:
            return _qualified(content["application/json"]["schema"])
        return "bytes" if content else "None"
    return "None"


def _address(path: str, places: list[Mapping[str, Any]]) -> str:
    if not places:
        return f'"{path}"'
    written = re.sub(r"\{(\w+)\}", lambda found: f"{{quote(str({_snake(found[1])}), safe='')}}", path)
    return f'f"{written}"'


def _name(parameter: Mapping[str, Any]) -> str:
    return _snake(parameter["name"])


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), name).replace("-", "_")


def _optional(schema: Schema) -> str:
    found = _qualified(schema)
    return found if found.endswith("| None") else f"{found} | None"


def _qualified(schema: Schema) -> str:
    if "$ref" in schema:
        return "models." + type_of(schema, PYTHON)
    if schema.get("type") == "array" and "$ref" in schema.get("items", {}):
        return f"list[models.{type_of(schema['items'], PYTHON)}]"
    return type_of(schema, PYTHON)
