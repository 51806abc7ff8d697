"""A stranger's Anchor program on a localnet: mirrored by its IDL, and by our typed tables too,
since it is our own at another address. Both must say the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from solders.pubkey import Pubkey
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.choir.chain import DAY, PARAMS, SOL, World
from tests.choir.test_idl_decoder_agrees import plain
from tests.indexer.programs.copied import an_address, object_at

from choir.accounts import PrivacyLevel, decode_account
from choir.client import ChoirClient
from choir.events import events_of_transaction
from choir.idl import load_idl
from choir.ids import content_hash, position_pda, thread_pda
from choir.localnet import Localnet, Settings
from choir.localnet.settings import ProgramFile
from choir.rpc import HttpRpc
from choir_indexer.mirror import Mirror
from choir_indexer.programs import ProgramConfig, load_programs
from choir_indexer.programs.decoding import ProgramDecoding
from choir_indexer.programs.writer import ProgramWriter
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.store import migrate, read
from choir_indexer.store.writer import Writer

COPY = an_address()


class Elsewhere(World):
    """Wallets of the program's copy."""

    def client(self, signer: Any = None) -> ChoirClient:
        ours = super().client(signer)
        return ChoirClient(self.rpc, signer, policy=ours.sender.policy, program_id=COPY)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Elsewhere]:
    path = tmp_path / "stranger.so"
    path.write_bytes(object_at(COPY))
    settings = Settings(
        http_port=0, ws_port=0, slot_ms=100, finality_slots=3, programs=(ProgramFile(COPY, path),)
    )
    async with Localnet(settings) as localnet, Elsewhere(localnet) as ready:
        await ready.rpc.request_airdrop(ready.authority.pubkey, 100 * SOL)
        await ready.client(ready.authority).initialize(stake_mint=ready.mint, params=PARAMS)
        yield ready


@pytest.fixture
def config(tmp_path: Path) -> ProgramConfig:
    (tmp_path / "stranger.json").write_text(json.dumps(load_idl()))
    listed = tmp_path / "programs.toml"
    listed.write_text(f'[[programs]]\nprogram_id = "{COPY}"\nidl = "stranger.json"\n')
    (found,) = load_programs(listed, choir=Pubkey.default())
    return found


@pytest.fixture
def url(empty_database_url: str) -> str:
    migrate(empty_database_url)
    return empty_database_url


@asynccontextmanager
async def following(world: World, *makers: Callable[[RpcSource], Mirror]) -> AsyncIterator[Any]:
    """Mirrors of the copy, each with its own source, until the block ends."""
    sources = [
        RpcSource(HttpRpc(world.localnet.rpc_url), world.localnet.ws_url, program=COPY, batch=4)
        for _ in makers
    ]
    mirrors = [maker(source) for maker, source in zip(makers, sources, strict=True)]
    running = [asyncio.create_task(mirror.run()) for mirror in mirrors]
    try:
        yield mirrors
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        for source in sources:
            await source.close()
        for task in running:
            if not task.cancelled():
                task.result()


def generic(url: str, config: ProgramConfig) -> Callable[[RpcSource], Mirror]:
    async def open_writer() -> ProgramWriter:
        return await ProgramWriter.open(url, config)

    return lambda source: Mirror(
        source, open_writer, program=COPY, decoding=ProgramDecoding(config)
    )


def typed(url: str) -> Callable[[RpcSource], Mirror]:
    async def open_writer() -> Writer:
        return await Writer.open(url)

    return lambda source: Mirror(source, open_writer, program=COPY)


async def caught_up(world: World, mirrors: list[Mirror]) -> None:
    slot = await world.rpc.get_slot(commitment="confirmed")
    for mirror in mirrors:
        await asyncio.wait_for(mirror.reached(slot), 30)


async def story(world: Elsewhere) -> None:
    """A thread, an approved spec, a denied one whose account is closed, a divestment."""
    ada, ben, eve = [await world.person() for _ in range(3)]
    await world.localnet.advance()
    await ada.create_thread("a", deposit=50_000)
    await ada.post_message("a", content_hash("first"))
    await ben.submit_spec("a", content_hash("idea"), stake=2_001)
    await ada.approve("a", ben.wallet, content_hash("idea"))
    await eve.submit_spec("a", content_hash("worse"), stake=1_500)
    await ada.deny("a", eve.wallet, content_hash("worse"))
    await ben.deny("a", eve.wallet, content_hash("worse"))
    await ben.cleanup_spec("a", eve.wallet, content_hash("worse"))
    await ada.set_privacy("a", PrivacyLevel.PREMIUM)
    await world.pass_time(DAY + 1)
    await ada.divest("a", 10_000)


def bare(value: Any) -> Any:
    """Without the spare room that the typed values leave out."""
    return {name: held for name, held in value.items() if name != "reserved"}


async def compare(world: World, url: str) -> None:
    """Generic rows equal to the typed ones, byte for byte and field for field, and to the chain."""
    connection = await asyncpg.connect(url)
    ours = {r["pubkey"]: r["data"] for r in await connection.fetch("SELECT * FROM chain.accounts")}
    theirs = {
        r["pubkey"]: r for r in await connection.fetch("SELECT * FROM chain.program_accounts")
    }
    assert {k: r["data"] for k, r in theirs.items()} == ours
    assert None in ours.values()  # something was closed
    chain = (await world.rpc.get_program_accounts(COPY)).value
    assert {bytes(k): a.data for k, a in chain} == {k: d for k, d in ours.items() if d is not None}
    for row in theirs.values():
        if row["data"] is not None:
            account = decode_account(row["data"])
            assert row["kind"] == type(account).__name__
            assert bare(json.loads(row["value"])) == plain(account)
    listed = await connection.fetch(
        "SELECT t.signature, e.ordinal, e.kind, e.payload FROM chain.thread_events e"
        " JOIN chain.transactions t USING (signature) ORDER BY t.slot, t.position, e.ordinal"
    )
    events = await connection.fetch(
        "SELECT signature, ordinal, kind, payload FROM chain.program_events"
        " ORDER BY slot, position, ordinal"
    )
    assert [tuple(r)[:3] for r in events] == [tuple(r)[:3] for r in listed]
    wanted = []
    for row in reversed(await world.rpc.get_signatures_for_address(COPY)):
        answer = await world.rpc.get_transaction(row.signature)
        assert answer is not None
        wanted += [plain(e) for e in events_of_transaction(answer, program_id=COPY)]
    assert [json.loads(r["payload"]) for r in events] == wanted
    assert len(wanted) > 8
    marks = await connection.fetchrow(
        "SELECT w.slot = p.slot FROM chain.watermark w, chain.program_watermarks p"
    )
    assert marks is not None
    await connection.close()


async def test_by_its_idl_it_is_mirrored_as_by_the_typed_tables(
    world: Elsewhere, url: str, config: ProgramConfig
) -> None:
    makers = (generic(url, config), typed(url))
    async with following(world, *makers) as mirrors:
        await asyncio.wait_for(mirrors[0].attached.wait(), 30)
        await story(world)
        await caught_up(world, mirrors)
        await compare(world, url)
    await (await world.person()).create_thread("b", deposit=20_000)  # nobody is looking
    async with following(world, *makers) as mirrors:
        await caught_up(world, mirrors)
        await compare(world, url)
    await _read_side(world, url)


async def _read_side(world: Elsewhere, url: str) -> None:
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool
    )
    program, a = bytes(COPY), thread_pda("a", program_id=COPY)
    async with engine.connect() as connection:
        (mark,) = await read.program_watermarks(connection)
        assert (mark.program, mark.not_understood, mark.gap) == (program, 0, None)
        thread = await read.program_account(connection, program, bytes(a))
        assert thread is not None
        assert (thread.kind, thread.value["thread_id"]) == ("Thread", "a")
        truth = await world.client().thread("a")
        assert thread.value["balance"] == truth.balance
        author = truth.co_authors[0]
        position = position_pda(a, author, program_id=COPY)
        everything = await read.program_accounts(connection, program, limit=100)
        assert len(everything) == mark.accounts
        first = await read.program_accounts(connection, program, kind="Position", limit=1)
        rest = await read.program_accounts(
            connection, program, kind="Position", limit=9, after=first[0].pubkey
        )
        positions = {row.pubkey for row in everything if row.kind == "Position"}
        assert {row.pubkey for row in (*first, *rest)} == positions
        mine = await read.program_accounts_where(
            connection, program, "owner", str(author), kind="Position", limit=9
        )
        assert bytes(position) in {row.pubkey for row in mine}
        assert {row.value["owner"] for row in mine} == {str(author)}
        threads = await read.program_accounts_where(
            connection, program, "co_authors[*]", str(author), limit=9
        )
        assert bytes(a) in {row.pubkey for row in threads}
        limits = await read.program_accounts_where(
            connection, program, "params.min_stake", PARAMS.min_stake, limit=9
        )
        assert [row.kind for row in limits] == ["Config"]
        events = await read.program_events(connection, program, limit=1000)
        assert len(events) == mark.events
        half = events[len(events) // 2]
        place = (half.slot, half.position, half.ordinal)
        later = await read.program_events(connection, program, limit=1000, after=place)
        assert later == events[len(events) // 2 + 1 :]
        settled = await read.program_events(connection, program, kind="SpecSettled", limit=9)
        assert [e.kind for e in settled] == ["SpecSettled"] * 2
    await engine.dispose()
