"""The loop under faults: whatever happens on the way, the mirror ends as the chain is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solders.signature import Signature
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.killing import Killed
from tests.indexer.story import Script, Teller, expected, held, scripts, transactions
from tests.indexer.synthetic import Faults, SyntheticChain, SyntheticSource, key

from choir.testing import ManualClock
from choir_indexer.delta import Delta
from choir_indexer.mirror import Mirror
from choir_indexer.model import Hint, Lost
from choir_indexer.sources import (
    MissingTransaction,
    NotListed,
    Pruned,
    SourceError,
    SourceLost,
)
from choir_indexer.store import Incomplete, WrongChain, read, rebuild
from choir_indexer.store.writer import Writer

some = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def _settle(mirror: asyncio.Task[None], source: SyntheticSource) -> None:
    """Until the mirror has dealt with everything announced, or has stopped."""
    idle = asyncio.create_task(source.idle.wait())
    await asyncio.wait({mirror, idle}, return_when=asyncio.FIRST_COMPLETED)
    idle.cancel()
    if mirror.done():
        mirror.result()


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def _compare(bench: Bench, chain: SyntheticChain, *, rows: bool = True) -> None:
    connection = await bench.connect()
    there, wanted = await held(connection), expected(chain)
    mark = await connection.fetchval("SELECT slot FROM chain.watermark")
    await connection.close()
    assert mark == chain.slot
    for name, table in wanted.items():
        if rows or name in ("events", "transactions"):
            assert there[name] == table, name


class RandomFaults(Faults):
    """Faults drawn from a list; when it is used up, all is well."""

    def __init__(self, plan: list[int]) -> None:
        self.plan = plan

    def _next(self) -> int:
        return self.plan.pop() if self.plan else 0

    def before(self, call: str) -> None:
        if self._next() == 1:
            raise SourceError(f"{call} failed")

    def announced(self, hints: list[Hint]) -> list[Hint] | SourceLost:
        what = self._next()
        if what == 1:
            return SourceLost("cut off")
        if what == 2:
            return [Lost(len(hints))]
        if what == 3:
            return [*reversed(hints), *hints]
        return hints

    def lag(self) -> int:
        return 1 if self._next() == 4 else 0


@some
@given(scripts, scripts, st.lists(st.integers(0, 4), max_size=40))
def test_under_any_faults_the_mirror_ends_as_the_chain_is(
    bench: Bench, before: Script, after: Script, plan: list[int]
) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell(before)

    async def honest() -> None:
        """At every walk: what is at or below the watermark is there, in order, and no more."""
        connection = await bench.connect()
        mark = await connection.fetchval("SELECT slot FROM chain.watermark")
        if mark is not None:
            there, wanted = await held(connection), expected(chain, int(mark))
            assert there["events"] == wanted["events"]
            assert there["transactions"] == wanted["transactions"]
        await connection.close()

    async def play() -> None:
        await bench.clear()
        source = SyntheticSource(chain, RandomFaults(list(plan)), at_frontier=honest)
        following = asyncio.create_task(bench.mirror(source).run())
        await _settle(following, source)
        for slot in after:
            teller.slot(slot)
            await _settle(following, source)
        source.faults = Faults()
        chain.close_slot()
        await _settle(following, source)
        await _compare(bench, chain)
        await _stop(following)

    bench.run(play())


STORY: Script = [
    [[("open", 0, 0), ("stake", 0, 0)], [("post", 0, 1)]],
    [[("post", 0, 0), ("garbage", 0, 0)]],
    [],
    [[("leave", 0, 0), ("open", 1, 0)], [("post", 1, 0), ("noise", 0, 0)]],
]
LATER: Script = [[[("stake", 0, 0), ("post", 0, 0)]], [[("leave", 0, 0)], [("privacy", 1, 0)]]]


def test_a_kill_between_any_two_awaits_loses_and_repeats_nothing(bench: Bench) -> None:
    """Both in the first fill (snapshot and history) and in a later catching up."""

    async def die(at: int) -> bool:
        await bench.clear()
        bench.writers.clear()
        chain = SyntheticChain()
        teller = Teller(chain)
        teller.tell(STORY)
        first = Killed(bench.mirror(SyntheticSource(chain, batch=1)).catch_up(), at, bench.cut)
        await first
        teller.tell(LATER)
        second = Killed(bench.mirror(SyntheticSource(chain, batch=1)).catch_up(), at, bench.cut)
        await second
        await bench.mirror(SyntheticSource(chain, batch=1)).catch_up()
        await _compare(bench, chain)
        return first.died or second.died

    at = 1
    while bench.run(die(at)):
        at += 1
    assert at > 25  # the kills did reach the commits


@settings(some, max_examples=15)
@given(st.lists(transactions, min_size=1, max_size=3))
def test_rows_do_not_wait_for_the_watermark(bench: Bench, slot: list[Any]) -> None:
    """Announced accounts are there even while history cannot be had; events are not."""
    chain = SyntheticChain()
    teller = Teller(chain)

    class NoHistory(Faults):
        on = False

        def before(self, call: str) -> None:
            if self.on and call == "list":
                raise SourceError("no history today")

    bench.run(_rows_first(bench, chain, teller, slot, NoHistory()))


async def _until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110 - the state is plain; nothing to wait on
        await asyncio.sleep(0)


async def _rows_first(
    bench: Bench, chain: SyntheticChain, teller: Teller, slot: list[Any], faults: Any
) -> None:
    await bench.clear()
    source = SyntheticSource(chain, faults)
    mirror = bench.mirror(source)
    following = asyncio.create_task(mirror.run())
    await _settle(following, source)
    faults.on = True
    teller.slot(slot)
    await _until(lambda: mirror.state.trouble is not None)
    connection = await bench.connect()
    there, wanted = await held(connection), expected(chain)
    await connection.close()
    assert there["events"] == {}
    assert there["messages"] == wanted["messages"]
    assert there["threads"] == wanted["threads"]
    faults.on = False
    source.idle.clear()
    await _settle(following, source)
    await _compare(bench, chain)
    await _stop(following)


def test_a_database_that_goes_away_is_waited_for(bench: Bench) -> None:
    """Every connection is cut while the mirror waits, and while it walks."""
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell(STORY)

    async def cut() -> None:
        connection = await bench.connect()
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()

    async def play() -> None:
        source = SyntheticSource(chain)
        mirror = bench.mirror(source)
        following = asyncio.create_task(mirror.run())
        await _settle(following, source)
        await cut()
        teller.slot(LATER[0])
        await _settle(following, source)
        walks = 0

        async def cut_once() -> None:
            nonlocal walks
            walks += 1
            if walks == 1:
                await cut()

        source.at_frontier = cut_once
        teller.slot(LATER[1])
        await asyncio.wait_for(mirror.reached(chain.slot), 30)
        await _compare(bench, chain)
        assert walks > 1
        await _stop(following)

    bench.run(play())


def test_a_snapshot_that_breaks_off_is_taken_again(bench: Bench) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell(STORY)

    class Once(Faults):
        broken = 0

        def before(self, call: str) -> None:
            if call == "snapshot part" and not self.broken:
                self.broken += 1
                teller.slot([[("leave", 0, 0), ("leave", 0, 1)]])  # what was written is closed
                raise SourceError("the answer broke off")

    faults = Once()

    async def play() -> None:
        mirror = bench.mirror(SyntheticSource(chain, faults, batch=4))
        with pytest.raises(SourceError, match="broke off"):
            await mirror.catch_up()
        connection = await bench.connect()
        assert await connection.fetchval("SELECT count(*) FROM chain.accounts") == 4
        assert await connection.fetchval("SELECT snapshot_slot FROM chain.watermark") is None
        await connection.close()
        await mirror.catch_up()
        await _compare(bench, chain)

    bench.run(play())
    assert faults.broken


def test_a_mirror_that_is_told_to_stop_while_the_database_goes_away_stops(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(STORY)

    class Gone(Writer):
        async def _merge_accounts(self, delta: Delta, *, first: Sequence[str] = ()) -> None:
            self.terminate()
            running.cancel()
            await asyncio.sleep(0)

    async def play() -> None:
        nonlocal running
        source = SyntheticSource(chain)
        mirror = Mirror(source, lambda: Gone.open(bench.url), clock=ManualClock())
        running = asyncio.create_task(mirror.run())
        await asyncio.wait_for(asyncio.wait({running}), 60)
        assert running.cancelled()

    running: asyncio.Task[None]
    bench.run(play())


def test_a_gap_stops_the_mirror_loudly_and_skips_nothing(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(STORY)

    class Pruned(Faults):
        def before(self, call: str) -> None:
            if call == "transactions":
                raise MissingTransaction("the node lists transaction X, but does not have it")

    async def play() -> None:
        mirror = bench.mirror(SyntheticSource(chain, Pruned()), patience_s=60)
        with pytest.raises(Incomplete, match=r"stopped at slot 0: .*transaction X.*CHOIR_RPC_URL"):
            await mirror.run()
        connection = await bench.connect()
        assert await connection.fetchval("SELECT slot FROM chain.watermark") == 0
        await connection.close()

    bench.run(play())


def test_history_that_turns_up_late_stops_the_mirror(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(STORY)
    hidden = chain.transactions.pop(1)

    async def play() -> None:
        await bench.mirror(SyntheticSource(chain)).catch_up()
        chain.transactions.insert(1, hidden)
        chain.close_slot()
        with pytest.raises(Incomplete, match="slot 1 was not in the node's history"):
            await bench.mirror(SyntheticSource(chain)).catch_up()

    bench.run(play())


def test_history_that_vanishes_stops_the_mirror(bench: Bench) -> None:
    """What is known behind the watermark must be listed, as what is listed must be known."""
    chain = SyntheticChain()
    Teller(chain).tell(STORY)

    async def play() -> None:
        await bench.mirror(SyntheticSource(chain)).catch_up()
        stood = chain.slot
        gone = chain.transactions.pop(1)
        chain.close_slot()
        name = str(Signature(gone.ref.signature))
        with pytest.raises(NotListed, match=f"{name} of slot 1 is in the mirror"):
            await bench.mirror(SyntheticSource(chain)).catch_up()
        connection = await bench.connect()
        assert await connection.fetchval("SELECT slot FROM chain.watermark") == stood
        await connection.close()
        chain.transactions.insert(1, gone)
        await bench.mirror(SyntheticSource(chain)).catch_up()
        await _compare(bench, chain)

    bench.run(play())


def test_a_history_without_its_beginning_is_said_to_be_one(bench: Bench) -> None:
    chain = SyntheticChain(finality=0)
    Teller(chain).tell(LATER)
    second = chain.transactions[-1].ref.slot

    async def said() -> tuple[int | None, bool]:
        engine = create_async_engine(bench.url.replace("://", "+asyncpg://"), poolclass=NullPool)
        async with engine.connect() as connection:
            mark = await read.watermark(connection)
        await engine.dispose()
        assert mark is not None
        return mark.history_slot, mark.events_whole

    async def play() -> None:
        source = SyntheticSource(chain)
        source.begins = second
        mirror = bench.mirror(source)
        await mirror.catch_up()
        assert await said() == (second, False)
        assert mirror.state.report(60)[1]["history_slot"] == second
        connection = await bench.connect()
        there, wanted = await held(connection), expected(chain)
        await connection.close()
        assert there["accounts"] == wanted["accounts"]
        assert len(there["transactions"]) < len(wanted["transactions"])
        # a node that knows more finds nothing late in it
        chain.close_slot()
        again = bench.mirror(SyntheticSource(chain))
        await again.catch_up()
        assert again.state.history_slot == second
        chain.close_slot(({}, [encode("Initialized")]))
        await again.catch_up()
        assert await said() == (second, True)

    bench.run(play())


def test_a_history_that_begins_after_the_snapshot_is_a_gap(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(STORY)
    source = SyntheticSource(chain)
    source.begins = chain.slot + 2
    with pytest.raises(Pruned, match=f"after the snapshot at slot {chain.final}"):
        bench.run(bench.mirror(source).catch_up())


def test_another_chain_stops_the_mirror_or_begins_it_anew(bench: Bench) -> None:
    old, new = SyntheticChain(), SyntheticChain(genesis="4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z")
    Teller(old).tell(STORY)
    Teller(new).tell(LATER)

    async def play() -> None:
        await bench.mirror(SyntheticSource(old)).catch_up()
        with pytest.raises(WrongChain, match=r"4uhcVJyU9.*migrate --rebuild"):
            await bench.mirror(SyntheticSource(new)).catch_up()
        await _compare(bench, old)
        connection = await bench.connect()
        epoch = await connection.fetchval("SELECT epoch FROM chain.meta")

        async def anew() -> None:
            await asyncio.to_thread(rebuild, bench.url)

        mirror: Mirror = bench.mirror(SyntheticSource(new), rebuild=anew)
        await mirror.catch_up()
        await _compare(bench, new)
        assert await connection.fetchval("SELECT epoch FROM chain.meta") > epoch
        await connection.close()

    bench.run(play())


def test_a_chain_without_the_program_is_refused(bench: Bench) -> None:
    source = SyntheticSource(SyntheticChain())
    source.program_reason = "program P is not on this chain"
    with pytest.raises(WrongChain, match=r"program P is not on this chain; .*CHOIR_RPC_URL"):
        bench.run(bench.mirror(source).catch_up())


def test_what_is_not_understood_is_kept_and_the_rest_goes_on(bench: Bench) -> None:
    chain = SyntheticChain()
    unknown = bytes(range(8)) + b"an event of a newer program"
    chain.close_slot(({key("odd"): b"not an account"}, [unknown]))
    Teller(chain).tell(STORY)

    async def play() -> None:
        await bench.mirror(SyntheticSource(chain)).catch_up()
        connection = await bench.connect()
        letters = await connection.fetch(
            "SELECT kind, key, data, reason FROM chain.dead_letters ORDER BY id"
        )
        found = {(r["kind"], r["key"]): r for r in letters}
        assert found["account", key("odd")]["data"] == b"not an account"
        assert found["transaction", chain.transactions[0].ref.signature]["reason"]
        await connection.close()
        await _compare(bench, chain)

    bench.run(play())
