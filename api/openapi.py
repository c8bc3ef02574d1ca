"""The routes -> the OpenAPI document, as the routes really answer: problems have a media type of their own."""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI

from api.problems import MEDIA_TYPE

_PROBLEM = {"$ref": "#/components/schemas/Problem"}


def describe_app(app: FastAPI) -> None:
    """Make `app.openapi()`, and so `/openapi.json`, give the document of `openapi_of`."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(plain())
        return app.openapi_schema

    app.openapi = described


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    for path in cast("dict[str, dict[str, Any]]", document["paths"]).values():
        for operation in path.values():
            for response in cast("dict[str, dict[str, Any]]", operation["responses"]).values():
                content = response.get("content", {})
                if content.get("application/json", {}).get("schema") == _PROBLEM:
                    content[MEDIA_TYPE] = content.pop("application/json")
    return document
