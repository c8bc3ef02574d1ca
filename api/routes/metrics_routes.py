"""`/metrics` for Prometheus: with a token of its own, since the page holds names of all projects."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Request, Response
from fastapi.exceptions import HTTPException

from api.schemas import Problem
from observability.metrics.endpoint import is_admitted
from observability.metrics.exposition import content_type
from observability.metrics.settings import MetricsSettings
from operations.show_metrics import MetricsPage
from records import Records

router = APIRouter(tags=["metrics"])


def include(app: FastAPI, records: Records) -> None:
    """Add the page, for whoever holds the token that the settings name. Raises MetricsSettingsError."""
    app.state.metrics_token = MetricsSettings.load().token
    app.state.metrics_page = MetricsPage(records=records)
    app.include_router(router)


@router.get(
    "/metrics",
    summary="Show metrics to Prometheus",
    response_class=Response,
    responses={
        401: {"model": Problem, "description": "Not the token of the file."},
        404: {"model": Problem, "description": "There is no such page here."},
        422: {"model": Problem, "description": "The request is not in order."},
    },
)
async def show_metrics(
    request: Request,
    authorization: Annotated[str | None, Header()] = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """The page in Prometheus' text format, or OpenMetrics where `Accept` asks for it.

    404 unless COMMANDCENTER_METRICS_TOKEN_FILE names a token."""
    token: str | None = request.app.state.metrics_token
    page: MetricsPage = request.app.state.metrics_page
    if token is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no metrics here: set COMMANDCENTER_METRICS_TOKEN_FILE")
    if not is_admitted(authorization, token):
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "send the token as `Authorization: Bearer ...`")
    kind = content_type(accept)
    return Response(await page(kind), headers={"content-type": kind})
