"""Slots that are not final are dropped, under whatever faults: the mirror is what the chain is."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.story import Teller, expected, held, transactions
from tests.indexer.synthetic import Faults, SyntheticChain, SyntheticSource, key
from tests.indexer.test_mirror import RandomFaults, _compare, _settle, _stop, _until

from choir.ids import PROGRAM_ID
from choir_indexer.mirror import Mirror
from choir_indexer.model import AccountUpdate, Hint
from choir_indexer.sources import Forked, NotListed, SourceError
from choir_indexer.store import Incomplete, read

some = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

Move = tuple[str, Any]
moves: st.SearchStrategy[Move] = st.one_of(
    st.tuples(st.just("slot"), st.lists(transactions, max_size=3)),
    st.tuples(st.just("fork"), st.tuples(st.integers(1, 4), st.integers(0, 15))),
    st.tuples(st.just("restart"), st.none()),
)


class ForkingFaults(RandomFaults):
    """Also drops slots while the mirror is in the middle of something."""

    def __init__(self, plan: list[int], chain: SyntheticChain) -> None:
        super().__init__(plan)
        self._chain = chain

    def before(self, call: str) -> None:
        what = self._next()
        if what == 1:
            raise SourceError(f"{call} failed")
        if what == 5:
            self._chain.fork(2, lambda number: number % 2 == 0)


class Reader:
    """Follows every thread by the rule that subscribers have: events after its place while the
    epoch is the same, else all of them anew."""

    def __init__(self) -> None:
        self.places: dict[bytes, tuple[int, int]] = {}
        self.seen: dict[bytes, list[Any]] = defaultdict(list)

    async def look(self, connection: asyncpg.Connection[Any]) -> None:
        events = (await held(connection))["events"]
        rows = await connection.fetch("SELECT thread, epoch, seq FROM chain.thread_heads")
        heads = {row[0]: (row[1], row[2]) for row in rows}
        assert set(heads) == set(events)
        for thread in set(heads) | set(self.places):
            whole = events.get(thread, [])
            epoch, seq = heads.get(thread, (None, 0))
            before, place = self.places.get(thread, (None, 0))
            assert seq == len(whole)
            kept = self.seen[thread] == whole[: len(self.seen[thread])]
            if before is not None and epoch is not None:
                assert (epoch == before) == kept, "an epoch ends exactly where events are lost"
                assert epoch >= before
            if epoch == before:
                self.seen[thread] += whole[place:]
            else:
                self.seen[thread] = list(whole)
            self.places[thread] = (epoch, seq)
            assert self.seen[thread] == whole


async def _honest(connection: asyncpg.Connection[Any], source: SyntheticSource) -> None:
    """What the watermark claims, held against the chain."""
    chain = source.chain
    row = await connection.fetchrow("SELECT slot, finalized_slot FROM chain.watermark")
    if row is None or row[0] > chain.slot or source.forks_seen != chain.forks:
        return  # the chain has changed since the mirror last looked at it
    mark, final = int(row[0]), row[1] or 0
    assert final <= min(chain.final, mark)
    there, wanted = await held(connection), expected(chain, mark)
    assert there["events"] == wanted["events"]
    assert there["transactions"] == wanted["transactions"]
    rows = await connection.fetch("SELECT pubkey, slot, data FROM chain.accounts")
    for pubkey, slot, data in rows:
        if slot <= mark or slot in chain.blocks:
            assert data == chain.at(pubkey, max(int(slot), mark))
    assert set(wanted["accounts"]) <= {row[0] for row in rows}


@some
@given(st.lists(moves, max_size=12), st.lists(st.integers(0, 5), max_size=40))
def test_whatever_slots_are_dropped_the_mirror_ends_as_the_chain_is(
    bench: Bench, story: list[Move], plan: list[int]
) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    reader = Reader()

    async def play() -> None:
        await bench.clear()
        source = SyntheticSource(chain, ForkingFaults(list(plan), chain))
        connection = await bench.connect()
        following = asyncio.create_task(bench.mirror(source).run())
        for what, how in story:
            if what == "slot":
                teller.slot(how)
            elif what == "fork":
                depth, mask = how
                chain.fork(depth, lambda number, mask=mask: bool(mask >> number % 4 & 1))
            else:
                await _stop(following)
                source.idle.clear()
                following = asyncio.create_task(bench.mirror(source).run())
            await _settle(following, source)
            await _honest(connection, source)
            await reader.look(connection)
        source.faults = Faults()
        chain.close_slot()
        await _settle(following, source)
        await _compare(bench, chain)
        await reader.look(connection)
        await connection.close()
        await _stop(following)

    bench.run(play())


def _posts(count: int) -> list[list[Any]]:
    return [[("post", 0, 0)] for _ in range(count)]


async def _fetch(bench: Bench, query: str) -> list[Any]:
    connection = await bench.connect()
    rows = await connection.fetch(query)
    await connection.close()
    return [tuple(row) for row in rows]


def test_a_rollback_is_recorded_and_told(bench: Bench) -> None:
    chain = SyntheticChain(finality=8)
    teller = Teller(chain)
    teller.tell([_posts(2), [[("stake", 1, 0)]]])

    async def play() -> None:
        mirror = bench.mirror(SyntheticSource(chain))
        await mirror.catch_up()
        teller.tell([_posts(1), [[("noise", 0, 0)]]])
        await mirror.catch_up()
        [(epoch,)] = await _fetch(bench, "SELECT epoch FROM chain.meta")
        chain.fork(2, lambda number: number == 1)
        await mirror.catch_up()
        await _compare(bench, chain)
        heads = dict(await _fetch(bench, "SELECT thread, epoch FROM chain.thread_heads"))
        assert heads[key("thread0")] == epoch + 1
        assert heads[key("thread1")] == epoch
        [(back, to, new, transactions, events, accounts, reason)] = await _fetch(
            bench,
            "SELECT from_slot, to_slot, epoch, transactions, events, accounts, reason"
            " FROM chain.rollbacks",
        )
        assert (back, to, new, transactions, events) == (4, 2, epoch + 1, 2, 2)
        assert accounts == 2  # the thread and the message that is no more
        assert "of slot 3 is not listed now" in reason
        assert mirror.metrics.rollbacks._value.get() == 1
        # what is taken out of the index, and what comes back
        last = await _fetch(
            bench,
            "SELECT kind FROM chain.outbox WHERE message IS NOT NULL ORDER BY id DESC LIMIT 1",
        )
        assert last == [("removed",)]

    bench.run(play())


def test_a_row_that_ran_ahead_on_a_fork_is_put_right(bench: Bench) -> None:
    """Announced in a slot that is dropped; no transaction that is ever listed tells of it."""
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell([_posts(1), [[("stake", 0, 0)]], []])

    class NoHistory(Faults):
        on = False

        def before(self, call: str) -> None:
            if self.on and call == "list":
                raise SourceError("no history today")

    async def play() -> None:
        source = SyntheticSource(chain, faults := NoHistory())
        mirror = bench.mirror(source)
        following = asyncio.create_task(mirror.run())
        await _settle(following, source)
        faults.on = True
        teller.slot([[("stake", 0, 0), ("open", 1, 0)]])
        await _until(lambda: mirror.state.trouble is not None)
        assert len(await _fetch(bench, "SELECT 1 FROM chain.threads")) == 2
        await _stop(following)  # a restart must not forget it
        chain.fork(1)
        chain.close_slot()
        faults.on = False
        await bench.mirror(source).catch_up()
        await _compare(bench, chain)
        assert await _fetch(bench, "SELECT 1 FROM chain.rollbacks") == []

    bench.run(play())


class ClosedMeanwhile(Faults):
    """Closes an account between the listing of its creation and the reading of its state."""

    def __init__(self, chain: SyntheticChain, pubkey: bytes) -> None:
        self._close = lambda: chain.close_slot(({pubkey: None}, []))
        self._done = False

    def before(self, call: str) -> None:
        if call == "accounts" and not self._done:
            self._done = True
            self._close()


@pytest.mark.parametrize("passed", [False, True])
def test_an_account_that_was_closed_only_on_a_fork_is_there(bench: Bench, passed: bool) -> None:
    """Nothing that is ever listed of the new branch names it, nor is there a row of it; whether
    the watermark has passed the slot that is dropped or not."""
    chain = SyntheticChain(finality=8)
    Teller(chain).tell([_posts(1)])
    made = key("made")

    async def play() -> None:
        await bench.mirror(SyntheticSource(chain)).catch_up()
        chain.close_slot(({made: encode("Thread", thread_id="made", balance=7)}, []))
        faults = ClosedMeanwhile(chain, made)
        await bench.mirror(SyntheticSource(chain, faults)).catch_up()
        assert await _fetch(bench, "SELECT slot FROM chain.watermark") == [(2,)]
        if passed:
            await bench.mirror(SyntheticSource(chain)).catch_up()
        assert len(await _fetch(bench, "SELECT 1 FROM chain.threads")) == 1
        chain.fork(1)
        chain.close_slot()
        await bench.mirror(SyntheticSource(chain)).catch_up()
        await _compare(bench, chain)
        assert len(await _fetch(bench, "SELECT 1 FROM chain.threads")) == 2
        assert len(await _fetch(bench, "SELECT 1 FROM chain.rollbacks")) == passed
        for _ in range(20):  # until all of it is final
            chain.close_slot()
            await bench.mirror(SyntheticSource(chain)).catch_up()
        assert await _fetch(bench, "SELECT * FROM chain.absences") == []

    bench.run(play())


def test_readers_see_how_settled_a_row_is_and_choose(bench: Bench) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell([_posts(1) for _ in range(4)])
    thread = key("thread0")

    async def play() -> None:
        source = SyntheticSource(chain)
        following = asyncio.create_task(bench.mirror(source, commitment="processed").run())
        await _settle(following, source)
        # the slot that is under way: nobody lists what is in it yet
        data = encode("Thread", thread_id="t0", balance=7)
        early = AccountUpdate(thread, 5, 1, data, 1, bytes(PROGRAM_ID))
        source.idle.clear()
        for listener in chain.listeners:
            listener([early])
        await _settle(following, source)
        engine = create_async_engine(bench.url.replace("://", "+asyncpg://"), poolclass=NullPool)
        async with engine.connect() as connection:
            mark = await read.watermark(connection)
            row = await read.thread(connection, thread)
            assert mark is not None
            assert row is not None
            assert (row.balance, mark.commitment_of(row.slot)) == (7, "processed")
            settled = [mark.commitment_of(slot) for slot in range(1, 6)]
            assert settled == ["finalized"] * 2 + ["confirmed"] * 2 + ["processed"]
            head = await read.head(connection, thread)
            final = await read.head(connection, thread, commitment="finalized")
            assert (head.seq, final.seq, final.epoch) == (4, 2, head.epoch)
            for place, wanted in ((head, "confirmed"), (final, "finalized")):
                events = await read.events_since(
                    connection, thread, head.epoch, 0, limit=9, commitment=wanted
                )
                assert [event.seq for event in events] == [*range(1, place.seq + 1)]
            for ran, commitment in zip(chain.transactions, settled, strict=False):
                signature = ran.ref.signature
                found = await read.transaction(connection, signature)
                assert found is not None
                assert found.commitment == commitment
                strict = await read.transaction(connection, signature, commitment="finalized")
                assert (strict is not None) == (commitment == "finalized")
            # what is final of a sequence whose beginning is no longer kept
            await connection.execute(sa.text("DELETE FROM chain.thread_events WHERE seq < 4"))
            final = await read.head(connection, thread, commitment="finalized")
            assert final.seq == 3
        await engine.dispose()
        chain.close_slot(skip=1)  # and it never was
        await _settle(following, source)
        kept = await _fetch(bench, "SELECT balance FROM chain.threads")
        assert kept == [(4,)]
        await _stop(following)

    bench.run(play())


def test_what_is_final_never_goes(bench: Bench) -> None:
    chain = SyntheticChain(finality=1)
    Teller(chain).tell([_posts(1), _posts(1), _posts(1)])

    async def play() -> None:
        mirror = bench.mirror(SyntheticSource(chain))
        await mirror.catch_up()
        everything = await _fetch(bench, "SELECT * FROM chain.thread_events")
        chain.final = 0  # a chain that breaks its word
        chain.fork(2)
        chain.close_slot()
        with pytest.raises(NotListed, match="of slot 2 is in the mirror"):
            await mirror.catch_up()
        assert await _fetch(bench, "SELECT * FROM chain.thread_events") == everything

        class Source(SyntheticSource):
            async def blocks(self, slots: Any) -> set[int]:
                raise Forked(1, "slot 2 is dead")

        with pytest.raises(Incomplete, match=r"slots up to 2 are final.*slot 2 is dead.*--rebuild"):
            await bench.mirror(Source(chain)).catch_up()
        assert await _fetch(bench, "SELECT * FROM chain.thread_events") == everything

    bench.run(play())


def test_a_slot_that_is_there_has_not_lost_its_transactions(bench: Bench) -> None:
    """A list that lacks one of a slot that the node has is wrong; nothing is taken back."""
    chain = SyntheticChain(finality=8)
    Teller(chain).tell([_posts(1), _posts(1)])

    async def play() -> None:
        await bench.mirror(SyntheticSource(chain)).catch_up()
        hidden = chain.transactions.pop()
        chain.close_slot()
        with pytest.raises(NotListed, match="of slot 2 is not listed now, although the node has"):
            await bench.mirror(SyntheticSource(chain)).catch_up()
        assert await _fetch(bench, "SELECT 1 FROM chain.rollbacks") == []
        chain.transactions.append(hidden)
        await bench.mirror(SyntheticSource(chain)).catch_up()
        await _compare(bench, chain)

    bench.run(play())


def test_one_that_turns_up_in_a_slot_not_final_is_taken_in(bench: Bench) -> None:
    chain = SyntheticChain(finality=8)
    Teller(chain).tell([_posts(1), _posts(1), _posts(1)])
    hidden = chain.transactions.pop(1)

    async def play() -> None:
        await bench.mirror(SyntheticSource(chain)).catch_up()
        chain.transactions.insert(1, hidden)
        chain.close_slot()
        await bench.mirror(SyntheticSource(chain)).catch_up()
        await _compare(bench, chain)
        assert len(await _fetch(bench, "SELECT 1 FROM chain.rollbacks")) == 1

    bench.run(play())


def test_a_fork_that_the_source_announces_is_believed(bench: Bench) -> None:
    chain = SyntheticChain(finality=8)
    teller = Teller(chain)
    teller.tell([_posts(1), _posts(1)])

    class Told(Faults):
        def announced(self, hints: list[Hint]) -> Any:
            return Forked(1, "slot 2 is dead")

    async def play() -> None:
        source = SyntheticSource(chain)
        mirror: Mirror = bench.mirror(source)
        following = asyncio.create_task(mirror.run())
        await _settle(following, source)
        chain.fork(1)
        source.faults = Told()
        chain.close_slot()
        source.faults = Faults()
        await _settle(following, source)
        await _compare(bench, chain)
        assert await _fetch(bench, "SELECT to_slot, reason FROM chain.rollbacks") == [
            (1, "slot 2 is dead")
        ]
        await _stop(following)

    bench.run(play())


def test_letters_of_what_was_dropped_go_with_it(bench: Bench) -> None:
    chain = SyntheticChain(finality=8)
    unknown = bytes(range(8)) + b"an event of a newer program"
    chain.close_slot(({key("old"): b"odd"}, [unknown]))
    chain.close_slot(({key("new"): b"odd too"}, [unknown]))

    async def play() -> None:
        mirror = bench.mirror(SyntheticSource(chain))
        await mirror.catch_up()
        assert len(await _fetch(bench, "SELECT 1 FROM chain.dead_letters")) == 4
        chain.fork(1)
        chain.close_slot(({}, [encode("Initialized")]))
        await mirror.catch_up()
        letters = await _fetch(bench, "SELECT kind, key FROM chain.dead_letters ORDER BY kind")
        assert letters == [
            ("account", key("old")),
            ("transaction", chain.transactions[0].ref.signature),
        ]

    bench.run(play())
