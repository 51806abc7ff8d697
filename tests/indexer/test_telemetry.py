"""When the mirror may call itself healthy."""

from __future__ import annotations

import httpx
from tests.indexer.synthetic import SyntheticChain, SyntheticSource

from choir.testing import ManualClock
from choir_indexer.http import make_app
from choir_indexer.mirror import Mirror
from choir_indexer.store.writer import Writer
from choir_indexer.telemetry import Metrics, State


async def test_health_fails_past_the_lag() -> None:
    clock = ManualClock()
    state = State(clock)
    app = make_app(state, Metrics(), max_lag_s=10)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://indexer"
    ) as http:
        assert (await http.get("/health")).status_code == 503  # never caught up yet
        state.caught_up_at = clock.monotonic()
        clock.advance(10)
        assert (await http.get("/health")).status_code == 200
        clock.advance(0.5)
        state.trouble = "cannot reach the node"
        answer = await http.get("/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "behind"
        assert answer.json()["lag_s"] == 10.5
        assert answer.json()["trouble"] == "cannot reach the node"


async def test_the_lag_in_seconds_is_what_health_says() -> None:
    clock = ManualClock()
    mirror = Mirror(SyntheticSource(SyntheticChain()), _never, clock=clock)
    clock.advance(7)
    said = mirror.metrics.registry.get_sample_value("choir_indexer_lag_seconds")
    assert said == mirror.state.lag_s() == 7


async def _never() -> Writer:
    raise AssertionError("nothing is written")
