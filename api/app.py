"""Records and the platform's parts -> the HTTP API."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from prefect.client.orchestration import PrefectClient
from sqlalchemy.exc import SQLAlchemyError

from agents.sandbox.port import Sandbox
from api import asyncapi, console_page, docs_page
from api.context import ApiServices, Platform, Resume
from api.limits import MAX_BODY_BYTES, BodyLimit
from api.oidc.provider import Provider
from api.openapi import describe_app
from api.problems import add_problem_handlers, problem
from api.routes import (
    agent_routes,
    approval_routes,
    artifact_routes,
    change_routes,
    compile_routes,
    draft_routes,
    event_routes,
    log_stream_routes,
    metrics_routes,
    oidc_routes,
    run_routes,
    session_routes,
    slack_routes,
    statistics_routes,
    stream_routes,
    workflow_routes,
)
from api.schemas import HealthAnswer, Problem
from api.sign_in import People, SignIn, authorise
from api.strict_bodies import StrictBodies
from operations.deploy import DeploymentPublisher
from operations.second_person import SecondPersonNeeded
from operations.start_run import Launch
from records import DatabaseUnavailable, LimitReached, NameRefused, NotFound, PayloadRefused, Records
from records.people.change_store import SamePerson
from reliability.browser_borders import LOOPBACK_NAMES, OwnPagesOnly, SecurityHeaders

log = logging.getLogger(__name__)

_DESCRIPTION = """Agents, workflows, runs and approvals of one project.

Every request but `/health` carries `Authorization: Bearer <token>`, or the cookie of a browser session (`POST
/session`). It says who you are, which projects you see (the header `X-Project` chooses one) and what you may do."""

_health = APIRouter(tags=["health"])


@_health.get("/health", summary="Tell whether it works", responses={503: {"model": HealthAnswer}})
async def show_health(platform: Platform, response: Response) -> HealthAnswer:
    """200 when the API and its database answer, else 503."""
    try:
        await platform.records.count_dead_letters()
    except (DatabaseUnavailable, SQLAlchemyError, OSError):
        # No more than that: the message may name hosts, and nobody has shown a token here.
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return HealthAnswer(status="unavailable", database="does not answer")
    return HealthAnswer(status="ok", database="ok")


def create_app(
    records: Records,
    people: People,
    *,
    launch: Launch | None = None,
    resume: Resume | None = None,
    publisher: DeploymentPublisher | None = None,
    prefect: PrefectClient | None = None,
    sandbox: Callable[[], Sandbox] | None = None,
    agent_folders: Sequence[Path] = (),
    max_body_bytes: int = MAX_BODY_BYTES,
    hosts: Sequence[str] = LOOPBACK_NAMES,
    provider: Provider | None = None,
) -> FastAPI:
    """The API over these records for these people; `api.context.ApiServices` says what is missing without the rest.

    `hosts`: the names under which it may be addressed. `provider`: signs people in; None: nobody but us does.
    """
    app = FastAPI(
        title="CommandCenter",
        description=_DESCRIPTION,
        version=version("commandcenter-automation"),
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(authorise)],
        generate_unique_id_function=_route_name,
    )
    app.state.parts = ApiServices(
        records=records,
        launch=launch,
        resume=resume,
        publisher=publisher,
        prefect=prefect,
        sandbox=sandbox,
        agent_folders=tuple(agent_folders),
    )
    app.state.sign_in = SignIn(records, people)
    app.state.oidc = oidc_routes.Oidc(provider)
    for module in _ROUTES:
        app.include_router(module.router, responses=_PROBLEMS)
    app.include_router(session_routes.router, responses=_PROBLEMS)
    app.include_router(oidc_routes.router, responses=_PROBLEMS)
    app.include_router(change_routes.router, responses=_PROBLEMS)
    app.include_router(_health)
    metrics_routes.include(app, records)
    slack_routes.include(app)
    app.include_router(asyncapi.router)
    app.include_router(docs_page.router)
    app.include_router(console_page.router)
    app.include_router(console_page.front_door)
    app.add_middleware(StrictBodies)
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(OwnPagesOnly, hosts=hosts)
    for error, status in _STATUS.items():
        app.add_exception_handler(error, _answer(status))
    add_problem_handlers(app)
    describe_app(app)
    return app


_ROUTES = (
    agent_routes,
    compile_routes,
    workflow_routes,
    draft_routes,
    log_stream_routes,
    run_routes,
    artifact_routes,
    approval_routes,
    event_routes,
    statistics_routes,
    stream_routes,
)
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON at all."},
    401: {"model": Problem, "description": "No known token."},
    403: {"model": Problem, "description": "Your role does not allow it."},
    404: {"model": Problem, "description": "The project has no such thing."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {"model": Problem, "description": "The request is not in order."},
    429: {"model": Problem, "description": "Too many failed sign-ins from your address."},
    503: {"model": Problem, "description": "The database or Prefect does not answer."},
}

_STATUS: Mapping[type[Exception], int] = {
    NotFound: 404,
    SecondPersonNeeded: 409,
    SamePerson: 403,
    PayloadRefused: 422,
    NameRefused: 422,
    LimitReached: 409,
    DatabaseUnavailable: 503,
    SQLAlchemyError: 503,
}
"""What the records raise -> how it is answered."""


def _answer(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(_request: Request, error: Exception) -> Response:
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            log.error("The database does not answer", exc_info=error)
            return problem(status, "the database does not answer; try again")
        return problem(status, str(error))

    return answer


def _route_name(route: APIRoute) -> str:
    return route.name
