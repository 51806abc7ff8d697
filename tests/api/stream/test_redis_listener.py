"""Hints over a real Redis: heard, missed and made up for, and enough for a thread's socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio as redis
from tests.api.stream.peer import peer
from tests.api.support import ManualClock
from tests.api.world import MIN_BALANCE, opened_live, opened_world
from tests.redis_server import RedisServer, needs_redis

from choir_api.db import Database
from choir_api.settings import Settings
from choir_api.stream.redis_listener import GAP_CHANNEL, RedisListener
from choir_indexer import fanout
from choir_indexer.fanout import Fanout

pytestmark = needs_redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


class Ear:
    """What a listener heard."""

    def __init__(self, url: str, *, poll_s: float = 60.0) -> None:
        self.hints: list[str] = []
        self.gaps = 0
        self.something = asyncio.Event()
        self.listener = RedisListener(url, {"a": self._hint}, on_gap=self._gap, poll_s=poll_s)

    def _hint(self, payload: str) -> None:
        self.hints.append(payload)
        self.something.set()

    def _gap(self) -> None:
        self.gaps += 1
        self.something.set()

    async def until(self, *, gaps: int = 0, hints: int = 0) -> None:
        async with asyncio.timeout(30):
            while self.gaps < gaps or len(self.hints) < hints:
                self.something.clear()
                await self.something.wait()


@asynccontextmanager
async def listening(ear: Ear) -> AsyncIterator[None]:
    task = asyncio.create_task(ear.listener.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _publish(server: RedisServer, channel: str, payload: str) -> None:
    client = redis.from_url(server.url)
    assert await client.publish(channel, payload) == 1
    await client.aclose()


def test_both_ends_mean_the_same_channel() -> None:
    assert GAP_CHANNEL == fanout.GAP_CHANNEL


async def test_hints_are_heard_and_gaps_made_up_for(server: RedisServer) -> None:
    ear = Ear(server.url)
    async with listening(ear):
        await ear.until(gaps=1)  # whatever was before
        await _publish(server, "a", "one")
        await ear.until(hints=1)
        await _publish(server, GAP_CHANNEL, "")
        await ear.until(gaps=2)
        server.stop()
        await ear.until(gaps=3)  # while it is away, each attempt is a look
        server.start()
        async with asyncio.timeout(30):
            await ear.listener.connected.wait()
        await _publish(server, "a", "two")
        await ear.until(hints=2)
    assert ear.hints == ["one", "two"]


async def test_a_quiet_redis_is_asked_whether_it_is_there(server: RedisServer) -> None:
    ear = Ear(server.url, poll_s=0.01)
    async with listening(ear):
        await ear.until(gaps=5)
        assert ear.listener.connected.is_set()
        await _publish(server, "a", "one")
        await ear.until(hints=1)


async def test_a_thread_socket_lives_on_hints_of_redis_alone(
    server: RedisServer, settings: Settings, database: Database, clock: ManualClock
) -> None:
    redis_settings = settings.model_copy(update={"redis_url": server.url})
    bridge = asyncio.create_task(Fanout(settings.database_url, server.url).run())
    try:
        async with (
            opened_world(redis_settings, database, clock) as world,
            opened_live(world) as live,
        ):
            alice = await world.wallet()
            await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
            async with peer(live) as viewer:
                await viewer.watch("room")
                for text in ("One.", "Two."):
                    await world.do(alice, "/message/submit", thread_id="room", content=text)
                    delta = await viewer.take("delta")
                    assert delta["payload"]["content"]["text"] == text
    finally:
        bridge.cancel()
        await asyncio.wait({bridge})
