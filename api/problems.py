"""What goes wrong -> an answer as RFC 9457 has it: type, title, status, detail, and members of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as StarletteHTTPException

MEDIA_TYPE = "application/problem+json"
_TYPES: Mapping[int, str] = {
    401: "not-signed-in",
    403: "not-allowed",
    404: "not-found",
    409: "conflict",
    412: "changed-meanwhile",
    413: "too-large",
    422: "not-in-order",
    429: "too-many",
    500: "fault",
    503: "unavailable",
}


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """The answer. `members` stand beside `detail`, and cannot replace what the RFC defines."""
    body = {
        **members,
        "type": f"urn:commandcenter:problem:{_TYPES.get(status, 'other')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    content = json.dumps(body, ensure_ascii=False, default=str)
    return Response(content, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def add_problem_handlers(app: FastAPI) -> None:
    """Every HTTPException of a route becomes a problem; a `detail` that is an object gives its members."""
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _fault)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    detail: Any = error.detail
    members: dict[str, Any] = {}
    if isinstance(detail, dict):
        members = dict(cast("dict[str, Any]", detail))
        detail = members.pop("message", HTTPStatus(error.status_code).phrase)
    return problem(error.status_code, str(detail), headers=error.headers, **members)


async def _invalid(_request: Request, error: Exception) -> Response:
    """What is wrong with the request, without repeating what was sent: it may be a secret, or no text at all."""
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
    text = "; ".join(found).encode("utf-8", "replace").decode()
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, text)


async def _fault(_request: Request, _error: Exception) -> Response:
    """What nobody has thought of: it is raised on, into the log, and not told to who asked."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "the server has a fault, which is in its log; nothing more is known"
    )


def refusal(status: int, message: str, **members: Any) -> HTTPException:
    """To be raised by a route: a problem with members of its own."""
    return HTTPException(status, {"message": message, **members} if members else message)
