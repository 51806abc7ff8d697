"""Telemetry: only while watched, once for everybody, the latest first, milestones as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.api.spaces.support import SOON, Process, TurnedClock, listening, shift, until
from tests.api.support import Wallet

from choir.spaces.client import ResonanceClient
from choir.spaces.engine import measures

Space = dict[str, Any]


async def _next(events: AsyncIterator[Any]) -> Any:
    return await asyncio.wait_for(anext(events), SOON)


async def test_the_latest_at_once_then_every_tick(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock
) -> None:
    async with listening(api) as url:
        rs = ResonanceClient(token=alice.tokens["access_token"], base_url=url)
        stream = rs.spaces.telemetry(space["id"])
        first = await _next(stream)
        assert first.t == 0
        await api.http.post(
            f"/v1/spaces/{space['id']}/deltas",
            json={"fromVersion": 0, "ops": [shift(0, 1.0)]},
            headers=alice.headers,
        )
        clock.advance(0.05)
        second = await _next(stream)
        assert second.t == 1
        assert second.coherence != first.coherence
        await stream.aclose()  # type: ignore[attr-defined]
        await rs.aclose()


async def test_a_browser_brings_the_sessions_token(
    api: Process, alice: Wallet, space: Space
) -> None:
    made = await api.session(alice, space["id"])
    path = f"/v1/spaces/{space['id']}/telemetry"
    async with listening(api) as url, httpx.AsyncClient(base_url=url) as http:
        wrong = await http.get(path, params={"token": "nonsense"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "token_refused")
        async with http.stream("GET", path, params={"token": made["token"]}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            event = [await _next(lines) for _ in range(3)]
    assert event[:2] == ["id: 0", "event: telemetry"]
    assert event[2].startswith('data: {"t":0,"resonanceStrength":')


async def test_the_token_of_an_ended_session_opens_nothing(
    api: Process, alice: Wallet, space: Space
) -> None:
    made = await api.session(alice, space["id"])
    await api.http.delete(f"/v1/auth/sessions/{alice.tokens['session_id']}", headers=alice.headers)
    answer = await api.http.get(
        f"/v1/spaces/{space['id']}/telemetry", params={"token": made["token"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")


@pytest.mark.parametrize("ends", ["session", "membership"])
async def test_a_stream_ends_with_its_right(
    api: Process, alice: Wallet, writer: Wallet, space: Space, ends: str
) -> None:
    path = f"/v1/spaces/{space['id']}/telemetry"
    async with (
        listening(api) as url,
        httpx.AsyncClient(base_url=url) as http,
        http.stream("GET", path, headers=writer.headers) as answer,
    ):
        lines = answer.aiter_lines()
        assert (await _next(lines)).startswith("id:")
        if ends == "session":
            path = f"/v1/auth/sessions/{writer.tokens['session_id']}"
            ended = await api.http.delete(path, headers=writer.headers)
        else:
            path = f"/v1/spaces/{space['id']}/members/{writer.address}"
            ended = await api.http.delete(path, headers=alice.headers)
        assert ended.status_code in (200, 204), ended.text
        async with asyncio.timeout(SOON):
            assert not [line async for line in lines if line.startswith("event: error")]


async def test_sockets_hear_telemetry_as_frames(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock
) -> None:
    async with api.joined(alice, space["id"], "telemetry") as peer:
        first = await peer.receive("telemetry")
        assert set(first) == {
            "type", "t", "resonanceStrength", "coherence", "locality", "entropy", "dominance",
        }  # fmt: skip
        clock.advance(0.05)
        assert (await peer.receive("telemetry"))["t"] == 1
        await peer.send(type="subscribe", kinds=[])
        await peer.send(type="ping", ts=0)
        await peer.receive("pong")
        clock.advance(0.05)
        await peer.send(type="ping", ts=1)
        assert (await peer.receive())["type"] == "pong"  # no telemetry any more


async def test_nothing_is_measured_unwatched_and_once_for_all_watchers(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock, monkeypatch: Any
) -> None:
    measured: list[int] = []

    def count(state: Any, primes: Any, t: int) -> Any:
        measured.append(t)
        return measures.measure(state, primes, t)

    monkeypatch.setattr("choir_api.spaces.telemetry.measure", count)
    live = await api.hub.open(space["id"])
    for _ in range(5):
        clock.advance(0.05)
    assert measured == []
    streams = [live.ticker.stream() for _ in range(3)]
    for stream in streams:
        await _next(stream)
    before = len(measured)
    await until(lambda: clock.sleeping >= 2)  # the listener and the ticker
    clock.advance(0.05)
    for stream in streams:
        await _next(stream)
    assert len(measured) == before + 1
    for stream in streams:
        await stream.aclose()
    sleeping = clock.sleeping
    clock.advance(0.05)
    await until(lambda: clock.sleeping == sleeping - 1)  # the ticker went to rest
    assert len(measured) == before + 1


async def test_a_slow_watcher_gets_the_latest(
    api: Process, alice: Wallet, space: Space, clock: TurnedClock
) -> None:
    live = await api.hub.open(space["id"])
    fast, slow = live.ticker.stream(), live.ticker.stream()
    await _next(fast)
    await _next(slow)
    for t in range(1, 6):
        await until(lambda: clock.sleeping >= 2)
        clock.advance(0.05)
        assert (await _next(fast)).t == t
    assert (await _next(slow)).t == 5


@pytest.mark.parametrize(("wanted", "hz"), [(1, 5), (12, 12), (60, 20)])
async def test_the_rate_is_the_policys_within_bounds(
    api: Process, alice: Wallet, wanted: int, hz: int
) -> None:
    made = await api.http.post(
        "/v1/spaces", json={"policy": {"publishHz": wanted}}, headers=alice.headers
    )
    assert (await api.hub.open(made.json()["id"])).ticker.hz == hz


async def test_agreement_is_told_once(api: Process, alice: Wallet, clock: TurnedClock) -> None:
    made = await api.http.post(
        "/v1/spaces",
        json={
            "basis": {"primes": [2, 3]},
            "phases": {"custom": [0.0, 3.0]},
            "entropy": {"collapseThreshold": 0.9, "plateauT": 1000},
        },
        headers=alice.headers,
    )
    space = made.json()
    async with api.joined(alice, space["id"], "telemetry") as peer:
        await peer.receive("telemetry")
        await peer.propose(shift(1, -3.0), at=0)
        await peer.receive("delta")
        clock.advance(0.05)
        assert (await peer.receive("telemetry"))["coherence"] > 0.9
        event = await peer.receive("event")
        assert (event["name"], event["at"]) == ("collapse", "2027-01-15T08:00:00.050000Z")
        await until(lambda: clock.sleeping >= 2)
        clock.advance(0.05)
        await peer.receive("telemetry")
        await peer.send(type="ping", ts=0)
        await peer.receive("pong")
