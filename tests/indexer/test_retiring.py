"""Retention: what is left of each sequence has no gap and ends where it ended, whatever else
happens; nothing takes what is gone for a loss."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.story import Script, Teller, expected, held, scripts
from tests.indexer.synthetic import Faults, SourceError, SyntheticChain, SyntheticSource, key
from tests.indexer.test_replay import _mirror, _replayed

from choir.testing import FakeRpc, ManualClock
from choir_indexer.reconcile import reconcile
from choir_indexer.retiring import DAY_S, LOCK, Policy, Retirer
from choir_indexer.settings import Settings
from choir_indexer.store import read
from choir_indexer.store.writer import Writer

BLOCK_TIME = 1_700_000_000  # of slot 0; a slot takes a second
OVERLAP = 2
some = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
POSTS: Script = [[[("post", 0, 0)]], [[("post", 0, 0)], [("stake", 1, 0)]]] * 5


def _retirer(
    bench: Bench, slot: int, *, transactions: int | None = 1, batch: int = 2, overlap: int = OVERLAP
) -> Retirer:
    """To which what is of a slot before `slot` is a day old."""
    clock = ManualClock(BLOCK_TIME + slot + DAY_S)
    return Retirer(bench.url, Policy(1, transactions, overlap), clock=clock, batch=batch)


async def _fetch(bench: Bench, query: str, *arguments: Any) -> list[Any]:
    connection = await bench.connect()
    rows: list[Any] = await connection.fetch(query, *arguments)
    await connection.close()
    return rows


async def _heads(connection: asyncpg.Connection[Any]) -> dict[bytes, tuple[int, int, int]]:
    rows = await connection.fetch("SELECT thread, epoch, seq, slot FROM chain.thread_heads")
    return {row[0]: (row[1], row[2], int(row[3])) for row in rows}


async def _look(bench: Bench, chain: SyntheticChain) -> None:
    """What is kept is the end of what was; what is not, is old, and said to be gone."""
    connection = await bench.connect()
    there, wanted = await held(connection), expected(chain)
    mark = await connection.fetchrow(
        "SELECT retired_slot, retired_events_slot, finalized_slot, slot FROM chain.watermark"
    )
    heads = await _heads(connection)
    await connection.close()
    assert mark["slot"] == chain.slot
    retired, events = (int(-1 if mark[n] is None else mark[n]) for n in range(2))
    assert there["events"].keys() == wanted["events"].keys() == heads.keys()
    for thread, rows in wanted["events"].items():
        kept = there["events"][thread]
        assert kept == rows[len(rows) - len(kept) :]
        gone = rows[: len(rows) - len(kept)]
        assert all(row[1] <= events for row in gone)
        assert heads[thread][1:] == (rows[-1][0], rows[-1][1])
        final = [row for row in rows if row[1] <= mark["finalized_slot"]]
        assert not final or final[-1] in kept
    slots = {ran.ref.signature: ran.ref.slot for ran in chain.transactions}
    kept_ones = set(there["transactions"])
    assert there["transactions"] == [s for s in wanted["transactions"] if s in kept_ones]
    assert all(slots[s] <= retired for s in slots.keys() - kept_ones)
    assert {row[2] for rows in there["events"].values() for row in rows} <= kept_ones
    for name, table in wanted.items():
        if name not in ("events", "transactions"):
            assert there[name] == table, name


async def _reconciled(bench: Bench, source: SyntheticSource) -> None:
    writer = await Writer.open(bench.url, lease=False)
    report = await reconcile(source, writer, FakeRpc(), repair=False, clock=ManualClock())
    await writer.close()
    assert not report.missing_transactions
    assert not report.differences


class _Reader:
    """Follows every thread as a client does: from where it is, without a hole, or anew."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._at: dict[bytes, read.Head] = {}

    async def read(self) -> None:
        url = self._bench.url.replace("://", "+asyncpg://")
        engine = create_async_engine(url, poolclass=NullPool)
        threads = [
            row[0] for row in await _fetch(self._bench, "SELECT thread FROM chain.thread_heads")
        ]
        async with engine.connect() as connection:
            for thread in threads:
                head = await read.head(connection, thread)
                at = self._at.get(thread, read.Head(head.epoch, 0))
                events = await read.events_since(connection, thread, at.epoch, at.seq, limit=999)
                oldest = await read.oldest_event(connection, thread, head.epoch)
                assert oldest is not None
                seqs = [event.seq for event in events]
                if at.epoch != head.epoch:
                    assert seqs == []
                elif oldest <= at.seq + 1:
                    assert seqs == list(range(at.seq + 1, head.seq + 1))
                else:  # and so the first says
                    assert seqs == list(range(oldest, head.seq + 1))
                self._at[thread] = head
        await engine.dispose()


class _Unsteady(Faults):
    def __init__(self, plan: list[int]) -> None:
        self.plan = plan

    def before(self, call: str) -> None:
        if self.plan and self.plan.pop() == 1:
            raise SourceError(f"{call} failed")


moves = st.one_of(
    st.tuples(st.just("fork"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("retire"), st.integers(0, 9), st.integers(1, 4)),
    st.tuples(st.just("look"), st.just(0), st.just(0)),
)


@some
@given(
    scripts,
    st.lists(st.tuples(st.lists(moves, max_size=3), scripts), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), max_size=20),
)
def test_whatever_happens_what_is_left_is_the_end_of_what_was(
    bench: Bench, before: Script, after: list[tuple[list[Any], Script]], plan: list[int]
) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell(before)

    async def follow(faults: Faults) -> None:
        """A process: it starts, catches up as far as its faults let it, and ends."""
        source = SyntheticSource(chain, faults)
        # a process that looks back further than retention was told of must not mind either
        with suppress(SourceError):
            await bench.mirror(source, overlap=50).catch_up()

    async def play() -> None:
        await bench.clear()
        reader = _Reader(bench)
        await follow(Faults())
        for happens, more in after:
            teller.tell(more)
            await follow(_Unsteady(list(plan)))
            for what, number, other in happens:
                if what == "fork":
                    chain.fork(number, lambda _, other=other: bool(other))  # type: ignore[misc]
                    chain.close_slot()
                    await follow(_Unsteady(list(plan)))
                elif what == "retire":
                    await _retirer(bench, chain.slot - number, batch=other).retire()
                else:
                    await reader.read()
            chain.close_slot()
            await follow(Faults())
            await _look(bench, chain)
            await reader.read()
        await _retirer(bench, chain.slot + 1).retire()
        await _look(bench, chain)
        await reader.read()
        await _reconciled(bench, SyntheticSource(chain))

    bench.run(play())


async def _told(bench: Bench, script: Script = POSTS) -> tuple[SyntheticChain, SyntheticSource]:
    chain = SyntheticChain()
    Teller(chain).tell(script)
    source = SyntheticSource(chain)
    await bench.mirror(source, overlap=OVERLAP).catch_up()
    return chain, source


def test_what_is_old_goes_and_nothing_else(bench: Bench) -> None:
    async def play() -> None:
        chain, source = await _told(bench)
        retirer = _retirer(bench, 6)
        # slots 1 to 5 are old: seven transactions with an event each
        assert await retirer.retire() == (7, 7)
        await _look(bench, chain)
        rows = await _fetch(
            bench, "SELECT min(seq), max(seq) FROM chain.thread_events GROUP BY thread ORDER BY 2"
        )
        assert [tuple(row) for row in rows] == [(3, 5), (6, 10)]
        rows = await _fetch(bench, "SELECT min(slot), count(*) FROM chain.transactions")
        assert tuple(rows[0]) == (6, 8)
        assert await retirer.retire() == (0, 0)
        registry = retirer.metrics.registry
        assert registry.get_sample_value("choir_indexer_retired_events_total") == 7
        assert registry.get_sample_value("choir_indexer_retired_transactions_total") == 7
        await _reconciled(bench, source)
        # everything is old: the newest final events stay, and what a walk looks at again
        assert await _retirer(bench, 99).retire() == (3, 3)
        rows = await _fetch(bench, "SELECT seq FROM chain.thread_events ORDER BY slot, thread")
        assert [row[0] for row in rows] == [8, 4, 9, 10, 5]
        await _look(bench, chain)

    bench.run(play())


def test_transactions_are_kept_longer_where_that_is_asked(bench: Bench) -> None:
    async def play() -> None:
        await _told(bench)
        assert await _retirer(bench, 6, transactions=None).retire() == (7, 0)
        assert await _retirer(bench, 6).retire() == (0, 7)

    bench.run(play())


def test_the_newest_final_transaction_stays_for_the_walk_to_find(bench: Bench) -> None:
    async def play() -> None:
        chain, _ = await _told(bench, [[[("wallet", 0, 0)]]] * 3 + [[]] * 9)
        assert await _retirer(bench, 99).retire() == (0, 2)
        writer = await bench.open_writer()
        anchor = await writer.anchor()
        await writer.close()
        assert anchor == chain.transactions[-1].ref

    bench.run(play())


def test_a_transaction_with_a_letter_waits_for_its_replay(bench: Bench) -> None:
    async def play() -> None:
        chain, _ = await _told(bench)
        first = chain.transactions[0].ref.signature
        await _fetch(
            bench,
            "INSERT INTO chain.dead_letters (kind, key, ordinal, slot, data, reason)"
            " VALUES ('transaction', $1, 0, 1, '', 'unknown')",
            first,
        )
        assert await _retirer(bench, 6).retire() == (7, 6)
        await _fetch(bench, "DELETE FROM chain.dead_letters")
        assert await _retirer(bench, 6).retire() == (0, 1)

    bench.run(play())


def test_a_slot_of_unknown_time_is_as_old_as_the_next(bench: Bench) -> None:
    async def play() -> None:
        await _told(bench)
        nobody = "UPDATE chain.{} WHERE slot = ANY($1::numeric[])"
        for what in ("transactions SET block_time = NULL", "thread_events SET at = NULL"):
            await _fetch(bench, nobody.format(what), [3, 5])
        # what is of slot 5 may be as young as what is of slot 6
        assert await _retirer(bench, 6).retire() == (6, 6)
        rows = await _fetch(bench, "SELECT min(slot) FROM chain.transactions")
        assert rows[0][0] == 5

    bench.run(play())


def test_what_may_be_undone_or_is_looked_at_again_stays(bench: Bench) -> None:
    async def play() -> None:
        chain, _ = await _told(bench)
        await _fetch(bench, "UPDATE chain.watermark SET finalized_slot = 3")
        # of what is final, each thread's newest event stays
        assert await _retirer(bench, 99).retire() == (2, 2)
        await _fetch(bench, "UPDATE chain.watermark SET finalized_slot = $1", chain.slot)
        await _retirer(bench, 99, overlap=4).retire()
        rows = await _fetch(bench, "SELECT DISTINCT slot FROM chain.transactions ORDER BY slot")
        assert [int(row[0]) for row in rows] == [7, 8, 9, 10]
        await _fetch(bench, "UPDATE chain.watermark SET finalized_slot = NULL")
        assert await _retirer(bench, 99, overlap=0).retire() == (0, 0)

    bench.run(play())


def test_a_walk_that_looks_back_further_does_not_take_it_for_late(bench: Bench) -> None:
    async def play() -> None:
        chain, source = await _told(bench)
        await _retirer(bench, 99).retire()
        chain.close_slot(({}, [encode("Initialized")]))
        await bench.mirror(source, overlap=50).catch_up()
        await _look(bench, chain)

    bench.run(play())


def test_what_is_read_says_what_is_gone(bench: Bench) -> None:
    async def said() -> read.WatermarkRow:
        engine = create_async_engine(bench.url.replace("://", "+asyncpg://"), poolclass=NullPool)
        async with engine.connect() as connection:
            mark = await read.watermark(connection)
            assert (await read.head(connection, key("thread0"), commitment="finalized")).seq > 0
        await engine.dispose()
        assert mark is not None
        return mark

    async def play() -> None:
        await _told(bench)
        mark = await said()
        assert (mark.retired_slot, mark.retired_events_slot, mark.events_whole) == (
            None,
            None,
            True,
        )
        await _retirer(bench, 6, transactions=None).retire()
        mark = await said()
        assert (mark.retired_slot, mark.retired_events_slot, mark.events_whole) == (None, 5, False)
        await _retirer(bench, 6).retire()
        assert (await said()).retired_slot == 5

    bench.run(play())


@some
@given(scripts, st.sets(st.integers(0, 12)), st.integers(0, 9))
def test_what_is_replayed_takes_its_place_only_among_what_is_kept(
    bench: Bench, script: Script, refused: set[int], slot: int
) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(script)

    async def play() -> None:
        await _mirror(bench, chain, refused, lambda _: False)
        await _fetch(bench, "UPDATE chain.watermark SET finalized_slot = slot")
        await _retirer(bench, slot, overlap=0).retire()
        replayed = await _replayed(bench)
        connection = await bench.connect()
        there, heads = (await held(connection))["events"], await _heads(connection)
        left = await connection.fetchval(
            "SELECT count(*) FROM chain.dead_letters WHERE kind = 'transaction'"
        )
        await connection.close()
        assert (left, there.keys()) == (0, heads.keys())
        wanted = expected(chain)["events"]
        assert there.keys() == wanted.keys()
        for thread, kept in there.items():
            assert [row[1:] for row in kept] == [row[1:] for row in wanted[thread][-len(kept) :]]
            assert [row[0] for row in kept] == list(range(kept[0][0], heads[thread][1] + 1))
            gone = wanted[thread][: -len(kept)]
            assert all(row[1] < slot for row in gone)
        assert replayed.events <= sum(map(len, there.values()))

    bench.run(play())


def test_one_at_a_time_while_this_process_writes(bench: Bench) -> None:
    async def play() -> None:
        await _told(bench)
        retirer = _retirer(bench, 6)
        connection = await bench.connect()
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        assert await retirer.retire() is None
        await connection.close()
        attached = asyncio.Event()
        running = asyncio.create_task(retirer.run(attached))
        gone = "choir_indexer_retired_events_total"
        await asyncio.sleep(0)
        assert retirer.metrics.registry.get_sample_value(gone) == 0
        attached.set()
        while retirer.metrics.registry.get_sample_value(gone) != 7:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})

    bench.run(play())


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"indexer_keep_transactions_days": 5}, "for ever"),
        ({"indexer_keep_events_days": 6, "indexer_keep_transactions_days": 5}, "6 days"),
        ({"indexer_keep_events_days": 1, "indexer_monitor_window_s": 86_401}, "further back"),
        ({"indexer_keep_events_days": 0}, "greater than 0"),
    ],
)
def test_contradictions_are_refused(given: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as raised:
        Settings(database_url="postgresql://x", **given)  # type: ignore[arg-type]  # only integers
    assert str(raised.value.errors()[0]["loc"][0]).startswith("indexer_")
