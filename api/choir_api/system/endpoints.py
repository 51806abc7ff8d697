"""``/health`` and ``/metrics``."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from choir_api.deps import Given
from choir_api.responses import Schema

router = APIRouter(tags=["system"])
ANSWER_WITHIN_S = 2.0


class Health(Schema):
    """Whether what the API stands on answers."""

    status: Literal["ok", "failing"]
    database: Literal["ok", "failing"]


@router.get(
    "/health",
    response_model=Health,
    responses={503: {"model": Health, "description": "Something is down."}},
)
async def health(deps: Given) -> Response:
    """200 when the database answers within two seconds, else 503."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await deps.database.ping()
    except (SQLAlchemyError, OSError, TimeoutError):
        return JSONResponse(Health(status="failing", database="failing").model_dump(), 503)
    return JSONResponse(Health(status="ok", database="ok").model_dump())


@router.get("/metrics", response_class=Response)
async def metrics(deps: Given) -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(deps.registry), media_type=CONTENT_TYPE_LATEST)
