"""The indexer's HTTP side: `/health`, `/metrics` and, when it hosts the engine, `/vectors`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, Metric, generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from choir_indexer.telemetry import Metrics, State

__all__ = ["make_app"]


class Beside(Protocol):
    """A mirror that is reported, but not asked for the health of the process."""

    metrics: Metrics

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> State: ...


def make_app(
    state: State,
    metrics: Metrics,
    *,
    max_lag_s: float,
    more: Sequence[BaseRoute] = (),
    beside: Sequence[Beside] = (),
) -> Starlette:
    """The application.

    Args:
        state: what `/health` reports; 200 when the mirror has been at the source's newest slot
            within `max_lag_s` seconds, else 503.
        metrics: what `/metrics` shows, in Prometheus' text format.
        max_lag_s: seconds.
        more: further routes.
        beside: mirrors of other programs: each has its part in `/health`, which does not fail for
            them, and its metrics, named `choir_indexer_program_…`, with the label `program`.
    """
    if beside:
        metrics.registry.register(_Labelled(beside))

    async def health(_: Request) -> Response:
        healthy, report = state.report(max_lag_s)
        if beside:
            reports = {each.name: each.state.report(max_lag_s)[1] for each in beside}
            report = {**report, "programs": reports}
        return Response(
            orjson.dumps(report), 200 if healthy else 503, media_type="application/json"
        )

    async def numbers(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/health", health), Route("/metrics", numbers), *more],
    )


class _Labelled(Collector):
    """The metrics of mirrors beside the process's own, told apart by a label."""

    def __init__(self, mirrors: Sequence[Beside]) -> None:
        self._mirrors = mirrors

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for mirror in self._mirrors:
            for family in mirror.metrics.registry.collect():
                name = _of_programs(family.name)
                made = families.setdefault(name, Metric(name, family.documentation, family.type))
                for sample in family.samples:
                    labels = {"program": mirror.name, **sample.labels}
                    made.add_sample(_of_programs(sample.name), labels, sample.value)
        yield from families.values()

    def describe(self) -> list[Metric]:
        return []


def _of_programs(name: str) -> str:
    return name.replace("choir_indexer_", "choir_indexer_program_", 1)
