"""A content that is stored wakes who indexes it."""

from __future__ import annotations

import asyncio

import asyncpg
from tests.api.world import MIN_BALANCE, World


async def test_the_indexer_is_told_once_the_content_is_there(world: World) -> None:
    alice = await world.wallet()
    await world.do(alice, "/thread/create", thread_id="room", deposit=MIN_BALANCE)
    url = world.deps.settings.database_url.replace("+asyncpg", "")
    listener = await asyncpg.connect(url)
    told = asyncio.Event()
    await listener.add_listener("choir_outbox", lambda *_: told.set())
    stored = await world.post(alice, "/content", thread_id="room", content="a text")
    assert stored.status_code == 200
    async with asyncio.timeout(10):
        await told.wait()
    assert await listener.fetchval("SELECT count(*) FROM app.content_outbox") == 1
    await listener.close()
