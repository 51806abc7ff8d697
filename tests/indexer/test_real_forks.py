"""A localnet drops slots under the mirror that follows it: over HTTP and WebSocket, for real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.choir.chain import World
from tests.indexer.test_real_chain import caught_up, compare, following, people, url

from choir.ids import content_hash, thread_pda
from choir.localnet import Localnet, Settings
from choir.rpc import HttpRpc
from choir_indexer.reconcile import reconcile
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.store.writer import Writer

__all__ = ["url"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    settings = Settings(http_port=0, ws_port=0, production="transaction")
    async with Localnet(settings) as localnet, World(localnet) as ready:
        await ready.initialize()
        yield ready


@pytest.mark.parametrize("reland", ["none", "all", "some"])
async def test_what_is_dropped_is_taken_back_and_nothing_else(
    world: World, url: str, reland: str
) -> None:
    async with following(world, url) as mirror:
        await asyncio.wait_for(mirror.attached.wait(), 30)
        ada, ben = await people(world, 2)
        await ada.create_thread("a", deposit=50_000)
        await ben.create_thread("b", deposit=50_000)
        await caught_up(world, mirror)
        stands = await world.rpc.get_slot(commitment="confirmed")
        epochs = await _epochs(url)
        sent = [
            await ada.post_message("a", content_hash("first")),
            await ben.submit_spec("a", content_hash("idea"), stake=2_001),
            await ada.approve("a", ben.wallet, content_hash("idea")),
            await ada.post_message("a", content_hash("last")),
        ]
        await caught_up(world, mirror)
        again: Any = {"none": False, "all": True, "some": [str(sent[0].signature)]}[reland]
        back = await world.rpc.request("localnet_fork", [len(sent), {"reland": again}])
        assert back == stands
        await world.localnet.advance()
        await ben.deposit("b", 5_000)
        await caught_up(world, mirror)
        await compare(world, url)
        rows = await _fetch(url, "SELECT to_slot, transactions FROM chain.rollbacks")
        assert [(int(to), count) for to, count in rows] == [(stands, len(sent))]
        now = await _epochs(url)
        assert [thread for thread in epochs if now[thread] != epochs[thread]] == [
            bytes(thread_pda("a"))
        ]
        source = RpcSource(HttpRpc(world.localnet.rpc_url), world.localnet.ws_url)
        writer = await Writer.open(url, lease=False)
        try:
            assert (await reconcile(source, writer, world.rpc, repair=False)).clean
        finally:
            await writer.close()
            await source.close()


async def test_a_fork_while_nobody_looked_is_found_later(world: World, url: str) -> None:
    (ada,) = await people(world, 1)
    await ada.create_thread("a", deposit=50_000)
    async with following(world, url) as mirror:
        await ada.post_message("a", content_hash("first"))
        await caught_up(world, mirror)
    await world.rpc.request("localnet_fork", [1])
    await world.localnet.advance(40)  # what is there now is final
    async with following(world, url) as mirror:
        await caught_up(world, mirror)
        await compare(world, url)
        assert len(await _fetch(url, "SELECT 1 FROM chain.rollbacks")) == 1


async def _fetch(url: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(query)
    await connection.close()
    return [tuple(row) for row in rows]


async def _epochs(url: str) -> dict[bytes, int]:
    return dict(await _fetch(url, "SELECT thread, epoch FROM chain.thread_heads"))
