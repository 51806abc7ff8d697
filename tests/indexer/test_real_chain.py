"""The whole road: the real program on a localnet, over HTTP and WebSocket, into PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from solders.pubkey import Pubkey
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.choir.chain import DAY, World
from tests.indexer.story import held

from choir.accounts import PrivacyLevel, SpecStatus, claimable_now
from choir.client import ChoirClient
from choir.events import events_of_transaction
from choir.ids import PROGRAM_ID, config_pda, content_hash, position_pda, thread_pda
from choir.localnet import Localnet, Settings
from choir.rpc import HttpRpc
from choir_indexer.decode import plain
from choir_indexer.mirror import Mirror
from choir_indexer.reconcile import reconcile
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.store import migrate, read
from choir_indexer.store.writer import Writer


@pytest.fixture
async def world() -> AsyncIterator[World]:
    settings = Settings(http_port=0, ws_port=0, slot_ms=100, finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as ready:
        await ready.initialize()
        yield ready


@pytest.fixture
def url(empty_database_url: str) -> str:
    migrate(empty_database_url)
    return empty_database_url


@asynccontextmanager
async def following(world: World, url: str) -> AsyncIterator[Mirror]:
    source = RpcSource(HttpRpc(world.localnet.rpc_url), world.localnet.ws_url, batch=4)

    async def open_writer() -> Writer:
        return await Writer.open(url)

    mirror = Mirror(source, open_writer)
    running = asyncio.create_task(mirror.run())
    try:
        yield mirror
    finally:
        running.cancel()
        await asyncio.wait({running})
        await source.close()
        if not running.cancelled():
            running.result()


async def caught_up(world: World, mirror: Mirror) -> None:
    slot = await world.rpc.get_slot(commitment="confirmed")
    await asyncio.wait_for(mirror.reached(slot), 30)


async def people(world: World, count: int) -> list[ChoirClient]:
    """New wallets whose SOL and stake tokens are confirmed."""
    found = [await world.person() for _ in range(count)]
    await world.localnet.advance()
    return found


async def story(world: World) -> None:
    """Three wallets: a thread, messages, an approved spec, a denied one, a claim, a divestment."""
    ada, ben, eve = await people(world, 3)
    await ada.create_thread("a", deposit=50_000)
    await ada.post_message("a", content_hash("first"))
    await ben.submit_spec("a", content_hash("idea"), stake=2_001)
    await ada.approve("a", ben.wallet, content_hash("idea"))
    await eve.submit_spec("a", content_hash("worse"), stake=1_500)
    await ada.deny("a", eve.wallet, content_hash("worse"))
    await ben.deny("a", eve.wallet, content_hash("worse"))
    await ben.deposit("a", 5_000)
    await ada.claim("a")
    await ada.set_privacy("a", PrivacyLevel.PREMIUM)
    await ben.create_thread("b", deposit=20_000)
    await world.pass_time(DAY + 1)
    await ada.divest("a", 10_000)


async def compare(world: World, url: str) -> None:
    """Tables equal to the chain: every account byte for byte, every event in order."""
    connection = await asyncpg.connect(url)
    there = await held(connection)
    await connection.close()
    chain = (await world.rpc.get_program_accounts(PROGRAM_ID)).value
    assert {k: data for k, (_, data) in there["accounts"].items()} == {
        bytes(pubkey): account.data for pubkey, account in chain
    }
    listed = await world.rpc.get_signatures_for_address(PROGRAM_ID)
    wanted: dict[bytes, list[tuple[str, object]]] = {}
    for row in reversed(listed):
        answer = await world.rpc.get_transaction(row.signature)
        assert answer is not None
        for event in events_of_transaction(answer):
            thread = bytes(getattr(event, "thread", PROGRAM_ID))
            wanted.setdefault(thread, []).append((type(event).__name__, plain(event)))
    assert {t: [(e[4], e[5]) for e in rows] for t, rows in there["events"].items()} == wanted
    assert all(
        [e[0] for e in rows] == [*range(1, len(rows) + 1)] for rows in there["events"].values()
    )
    assert there["transactions"] == [bytes(row.signature) for row in reversed(listed)]


async def test_a_story_is_mirrored_while_it_happens(world: World, url: str) -> None:
    async with following(world, url) as mirror:
        await asyncio.wait_for(mirror.attached.wait(), 30)
        await story(world)
        await caught_up(world, mirror)
        await compare(world, url)
        await _read_side(world, url)
        await _reconciled(world, url)


async def _read_side(world: World, url: str) -> None:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool
    )
    a = bytes(thread_pda("a"))
    client = world.client()
    async with engine.connect() as connection:
        thread = await read.thread_by_id(connection, "a")
        truth = await client.thread("a")
        assert thread is not None
        assert (thread.balance, thread.privacy) == (truth.balance, PrivacyLevel.PREMIUM)
        assert thread.co_authors == tuple(bytes(author) for author in truth.co_authors)
        page = await read.threads(connection, limit=1)
        rest = await read.threads(connection, limit=5, after=(page[0].created_at, page[0].pubkey))
        assert {t.thread_id for t in (*page, *rest)} == {"a", "b"}
        mine = await read.threads(connection, limit=5, co_author=thread.co_authors[0])
        assert [t.thread_id for t in mine] == ["a"]
        for position in await read.positions(connection, a, limit=10):
            there = await client.position("a", Pubkey(position.owner))
            assert there is not None
            assert position.claimable == claimable_now(truth, there)
            assert position.pubkey == bytes(position_pda(thread_pda("a"), Pubkey(position.owner)))
        specs = await read.specs(connection, a, limit=10)
        assert {s.status for s in specs} == {SpecStatus.APPROVED, SpecStatus.DENIED}
        messages = await read.messages(connection, a, limit=10)
        assert [m.index for m in messages] == [0, 1]
        assert messages[1].content_hash == content_hash("idea")
        head = await read.head(connection, a)
        events = await read.events_since(connection, a, head.epoch, 0, limit=1000)
        assert [e.seq for e in events] == [*range(1, head.seq + 1)]
        assert events[0].kind == "ThreadCreated"
        assert await read.events_since(connection, a, head.epoch, head.seq, limit=9) == []
        transaction = await read.transaction(connection, events[0].signature)
        assert transaction is not None
        assert (transaction.error, transaction.commitment) == (None, "finalized")
        config = await read.config(connection)
        assert config is not None
        assert config.pubkey == bytes(config_pda())
        assert config.params["min_stake"] == 1_000
        counts = await read.counts(connection)
        assert (counts.threads, counts.messages, counts.dead_letters) == (2, 2, 0)
        assert await read.treasury(connection) is not None
    await engine.dispose()


async def _reconciled(world: World, url: str) -> None:
    """Equal at first; after an accident in the tables, found and put right."""
    source = RpcSource(HttpRpc(world.localnet.rpc_url), world.localnet.ws_url)
    writer = await Writer.open(url, lease=False)
    try:
        report = await reconcile(source, writer, world.rpc, repair=False)
        assert report.clean, report
        assert report.accounts > 8
        connection = await asyncpg.connect(url)
        await connection.execute(
            "UPDATE chain.accounts SET data = '\\x00', write_version = 0 WHERE kind = 'specs'"
        )
        await connection.execute("DELETE FROM chain.accounts WHERE kind = 'config'")
        await connection.close()
        report = await reconcile(source, writer, world.rpc, repair=True)
        assert sorted(d.what for d in report.differences) == ["different", "different", "missing"]
        assert (await reconcile(source, writer, world.rpc, repair=False)).clean
    finally:
        await writer.close()
        await source.close()


async def test_a_mirror_that_was_away_catches_up(world: World, url: str) -> None:
    async with following(world, url) as mirror:
        await caught_up(world, mirror)
    await story(world)  # nobody is looking
    async with following(world, url) as mirror:
        await caught_up(world, mirror)
        await compare(world, url)


async def test_a_new_mirror_reads_the_whole_history(world: World, url: str) -> None:
    await story(world)
    async with following(world, url) as mirror:
        await caught_up(world, mirror)
        await compare(world, url)


async def test_cut_sockets_and_refused_requests_lose_nothing(world: World, url: str) -> None:
    async with following(world, url) as mirror:
        await asyncio.wait_for(mirror.attached.wait(), 30)
        (ada,) = await people(world, 1)
        await ada.create_thread("a", deposit=50_000)
        for turn in range(3):
            for method in ("getSignaturesForAddress", "getTransaction", "getGenesisHash"):
                fault = {"kind": "status", "status": 429, "count": 2, "methods": [method]}
                await world.rpc.request("localnet_injectFault", [fault])
            assert world.localnet.websocket.drop() <= 1
            await ada.post_message("a", content_hash(f"message {turn}"))
        await world.rpc.request("localnet_clearFaults", [])
        await caught_up(world, mirror)
        await compare(world, url)
