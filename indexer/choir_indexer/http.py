"""The indexer's HTTP side: `/health`, `/metrics` and, when it hosts the engine, `/vectors`."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from choir_indexer.telemetry import Metrics, State

__all__ = ["make_app"]


def make_app(
    state: State, metrics: Metrics, *, max_lag_s: float, more: Sequence[BaseRoute] = ()
) -> Starlette:
    """The application.

    Args:
        state: what `/health` reports; 200 when the mirror has been at the source's newest slot
            within `max_lag_s` seconds, else 503.
        metrics: what `/metrics` shows, in Prometheus' text format.
        max_lag_s: seconds.
        more: further routes.
    """

    async def health(_: Request) -> Response:
        healthy, report = state.report(max_lag_s)
        return Response(
            orjson.dumps(report), 200 if healthy else 503, media_type="application/json"
        )

    async def numbers(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/health", health), Route("/metrics", numbers), *more],
    )
