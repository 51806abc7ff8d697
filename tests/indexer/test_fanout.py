"""Hints of commits over a real Redis; after every interruption somebody says that there was one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis
from tests.redis_server import RedisServer, needs_redis

from choir.testing import ManualClock
from choir_indexer.fanout import GAP_CHANNEL, Fanout

pytestmark = needs_redis
HINT = json.dumps({"thread": "T", "epoch": 1, "seq": 2})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@asynccontextmanager
async def subscribed(server: RedisServer) -> AsyncIterator[Any]:
    """Whoever listens at Redis; yields a function that waits for the next hint."""
    client = redis.from_url(server.url, decode_responses=True)
    heard = client.pubsub(ignore_subscribe_messages=True)
    await heard.subscribe("choir_thread", GAP_CHANNEL)
    for _ in range(2):  # the answers to that
        await heard.get_message(timeout=30)

    async def take() -> tuple[str, str]:
        async with asyncio.timeout(30):
            while True:
                message = await heard.get_message(timeout=30)
                if message is not None:
                    return message["channel"], message["data"]

    try:
        yield take
    finally:
        await heard.aclose()  # type: ignore[no-untyped-call]  # redis leaves it untyped
        await client.aclose()


@asynccontextmanager
async def bridging(fanout: Fanout) -> AsyncIterator[None]:
    running = asyncio.create_task(fanout.run())
    try:
        async with asyncio.timeout(30):
            await fanout.connected.wait()
        yield
    finally:
        running.cancel()
        await asyncio.wait({running})


async def _notify(url: str, *payloads: str) -> None:
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        for payload in payloads:
            await connection.execute("SELECT pg_notify('choir_thread', $1)", payload)
    await connection.close()


async def test_what_is_committed_is_told_in_order(
    server: RedisServer, empty_database_url: str
) -> None:
    fanout = Fanout(empty_database_url, server.url)
    async with subscribed(server) as take, bridging(fanout):
        assert await take() == (GAP_CHANNEL, "")  # it begins
        await _notify(empty_database_url, HINT, "another")
        assert [await take(), await take()] == [("choir_thread", HINT), ("choir_thread", "another")]


async def test_a_redis_that_restarts_is_found_again_and_a_gap_is_told(
    server: RedisServer, empty_database_url: str
) -> None:
    fanout = Fanout(empty_database_url, server.url, clock=ManualClock())
    async with bridging(fanout):
        server.stop()
        await _notify(empty_database_url, "lost")
        while fanout.connected.is_set():  # noqa: ASYNC110 - until the bridge has seen it
            await asyncio.sleep(0)
        server.start()
        async with subscribed(server) as take:
            while not fanout.connected.is_set():  # noqa: ASYNC110 - until it is back
                await asyncio.sleep(0)
            await _notify(empty_database_url, HINT)
            heard = [await take()]
            while heard[-1] != ("choir_thread", HINT):
                heard.append(await take())
        assert ("choir_thread", "lost") not in heard


async def test_a_database_that_cuts_the_connection_makes_a_gap(
    server: RedisServer, empty_database_url: str
) -> None:
    fanout = Fanout(empty_database_url, server.url, clock=ManualClock())
    async with subscribed(server) as take, bridging(fanout):
        assert await take() == (GAP_CHANNEL, "")
        connection = await asyncpg.connect(empty_database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
        assert await take() == (GAP_CHANNEL, "")
        await _notify(empty_database_url, HINT)
        assert await take() == ("choir_thread", HINT)


async def test_more_than_can_be_told_becomes_a_gap(
    server: RedisServer, empty_database_url: str
) -> None:
    fanout = Fanout(empty_database_url, server.url, queue=1)
    async with subscribed(server) as take, bridging(fanout):
        assert await take() == (GAP_CHANNEL, "")
        await _notify(empty_database_url, *map(str, range(1000)))  # heard together
        while await take() != (GAP_CHANNEL, ""):
            pass
    dropped = fanout.metrics.registry.get_sample_value("choir_indexer_fanout_dropped_total")
    assert dropped
