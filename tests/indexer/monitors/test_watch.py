"""Rounds of the monitors: alerts open, last and close; a real chain's vaults are read."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from solders.pubkey import Pubkey
from tests.choir.chain import World
from tests.indexer.conftest import Bench
from tests.indexer.faults.history import History, Played
from tests.indexer.synthetic import SyntheticSource

from choir.ids import thread_pda
from choir.localnet import Localnet, Settings
from choir.rpc import HttpRpc
from choir.testing import ManualClock
from choir_indexer.mirror import Mirror
from choir_indexer.monitors.rules import Limits
from choir_indexer.monitors.running import watch_on
from choir_indexer.monitors.watch import Watch
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.store import migrate
from choir_indexer.store.writer import Writer

# so that nothing that an honest history does is unusual
QUIET = Limits(
    drain_percent=10**9, floods=10**9, wallets=10**9, stall_s=10**12, near_s=0
)  # fmt: skip


@pytest.fixture
async def world() -> AsyncIterator[World]:
    settings = Settings(http_port=0, ws_port=0, slot_ms=100, finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as ready:
        await ready.initialize()
        yield ready


async def _mirror(bench: Bench, history: History) -> None:
    chain = Played.of(history)
    while not chain.over:
        chain.step()
    await bench.mirror(SyntheticSource(chain)).catch_up()


def _watch(bench: Bench, limits: Limits = QUIET) -> Watch:
    clock = ManualClock(0)
    return Watch(bench.url, None, limits=limits, window_s=10**6, clock=clock)


def _metric(watch: Watch, rule: str) -> float | None:
    return watch.metrics.registry.get_sample_value("choir_indexer_alert", {"rule": rule})


async def _alerts(bench: Bench) -> list[tuple[str, str, bool]]:
    connection = await bench.connect()
    rows = await connection.fetch(
        "SELECT rule, subject, closed_at IS NULL AS open FROM chain.alerts ORDER BY id"
    )
    await connection.close()
    return [tuple(row) for row in rows]


async def _execute(bench: Bench, statement: str, *arguments: Any) -> Any:
    connection = await bench.connect()
    found = await connection.fetchval(statement, *arguments)
    await connection.close()
    return found


def test_an_alert_opens_lasts_and_closes(bench: Bench, honest: list[History]) -> None:
    async def play() -> None:
        await _mirror(bench, honest[0])
        watch = _watch(bench)
        assert await watch.look() == []
        standing = "choir_indexer_dead_letters_standing"
        assert watch.metrics.registry.get_sample_value(standing) == 0
        thread = await _execute(
            bench,
            "UPDATE chain.threads SET balance = balance + 1, slot = (SELECT slot FROM"
            " chain.watermark) WHERE pubkey = (SELECT min(pubkey::text)::bytea FROM chain.threads)"
            " RETURNING pubkey",
        )
        name = str(Pubkey.from_bytes(thread))
        # nothing moved, so this round looks at nothing; a new process looks at everything
        assert await watch.look() == []
        watch = _watch(bench)
        for _ in range(2):  # it lasts, though nothing of it changed in between
            found = await watch.look()
            assert [(f.rule, f.subject) for f in found] == [("token_flow", name)]
            assert await _alerts(bench) == [("token_flow", name, True)]
            assert _metric(watch, "token_flow") == 1
        change = "UPDATE chain.threads SET balance = balance + $2 WHERE pubkey = $1"
        await _execute(bench, change, thread, -1)
        assert await watch.look() == []
        assert await _alerts(bench) == [("token_flow", name, False)]
        assert _metric(watch, "token_flow") == 0
        await _execute(bench, change, thread, 2)
        await _watch(bench).look()
        assert await _alerts(bench) == [("token_flow", name, False), ("token_flow", name, True)]

    bench.run(play())


def test_what_is_unusual_is_over_when_it_is_over(bench: Bench, honest: list[History]) -> None:
    low = Limits(drain_percent=10**9, floods=10**9, wallets=1, stall_s=10**12, near_s=0)

    async def play() -> None:
        for history in honest:
            await bench.clear()
            await _mirror(bench, history)
            if any(f.rule == "one_payer" for f in await _watch(bench, low).look()):
                break
        assert {rule for rule, _, _ in await _alerts(bench)} == {"one_payer"}
        assert await _watch(bench).look() == []
        assert not any(is_open for _, _, is_open in await _alerts(bench))

    bench.run(play())


def test_a_thread_that_was_ahead_is_looked_at_again(bench: Bench, honest: list[History]) -> None:
    async def play() -> None:
        await _mirror(bench, honest[0])
        await _execute(
            bench,
            "UPDATE chain.threads SET balance = balance + 1,"
            " slot = (SELECT slot + 1 FROM chain.watermark)",
        )
        watch = _watch(bench)
        assert await watch.look() == []
        await _execute(bench, "UPDATE chain.watermark SET slot = slot + 1")
        assert {f.rule for f in await watch.look()} == {"token_flow"}

    bench.run(play())


def test_after_a_fork_everything_is_looked_at(bench: Bench, honest: list[History]) -> None:
    async def play() -> None:
        await _mirror(bench, honest[0])
        watch = _watch(bench)
        assert await watch.look() == []
        await _execute(bench, "UPDATE chain.threads SET balance = balance + 1, slot = 1")
        assert await watch.look() == []
        await _execute(bench, "UPDATE chain.meta SET epoch = epoch + 1")
        assert {f.rule for f in await watch.look()} == {"token_flow"}

    bench.run(play())


async def test_a_round_that_fails_is_followed_by_another() -> None:
    clock = ManualClock()
    watch = Watch("postgresql://nobody@127.0.0.1:1/nowhere", None, clock=clock)
    attached = asyncio.Event()
    attached.set()
    running = asyncio.create_task(watch_on(watch, attached, every_s=5, clock=clock))
    async with asyncio.timeout(30):
        while len(clock.slept) < 2:  # noqa: ASYNC110 - the clock is plain; nothing to wait on
            await asyncio.sleep(0)
    assert clock.slept[:2] == [5, 5]
    running.cancel()
    await asyncio.wait({running})


async def test_the_vaults_of_a_real_chain_are_read(world: World, empty_database_url: str) -> None:
    migrate(empty_database_url)
    source = RpcSource(HttpRpc(world.localnet.rpc_url), world.localnet.ws_url)
    person = await world.person()
    await world.localnet.advance()
    await person.create_thread("a", deposit=50_000)
    mirror = Mirror(source, partial(Writer.open, empty_database_url))
    await mirror.catch_up()
    watch = Watch(empty_database_url, world.rpc, clock=ManualClock())
    assert await watch.look() == []
    vault = (await person.thread("a")).vault
    account = (await world.rpc.get_accounts([vault])).value[0]
    assert account is not None
    short = account.data[:64] + (49_000).to_bytes(8, "little") + account.data[72:]
    written = {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "data": [base64.b64encode(short).decode(), "base64"],
    }
    await world.rpc.request("localnet_setAccount", [str(vault), written])
    await world.localnet.advance()  # until then it is not confirmed
    watch = Watch(empty_database_url, world.rpc, clock=ManualClock())
    (found,) = await watch.look()
    assert (found.rule, found.subject, found.measure) == ("vaults", str(thread_pda("a")), 1_000)
    await source.close()
