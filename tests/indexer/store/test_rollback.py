"""Taking slots back, in a real PostgreSQL: what goes, what stays, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.store.test_writer import BEGIN, _history
from tests.indexer.story import Teller, expected, held
from tests.indexer.synthetic import SyntheticChain, key

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_update
from choir_indexer.delta import Delta, merge
from choir_indexer.model import FETCHED, AccountUpdate
from choir_indexer.store import Incomplete
from choir_indexer.store.writer import StaleBatch, Writer

POST = [[("post", 0, 0)]]


def _state(chain: SyntheticChain, slot: int) -> Delta:
    """The accounts that changed in a slot, as asked for at its end."""
    updates = [
        AccountUpdate(pubkey, slot, FETCHED + slot, data, 1, bytes(PROGRAM_ID))
        for pubkey, states in chain.states.items()
        for when, data in states
        if when == slot
    ]
    return Delta.of(accounts=map(decode_update, updates))


@asynccontextmanager
async def _told(bench: Bench, slots: int) -> AsyncIterator[tuple[SyntheticChain, Writer]]:
    """A mirror that stands at the end of so many slots, each with a message."""
    chain = SyntheticChain()
    Teller(chain).tell([POST] * slots)
    writer = await bench.open_writer()
    await writer.begin(BEGIN, after=0, commitment="confirmed")
    for slot in range(1, slots + 1):
        delta = replace(
            _state(chain, slot), transactions=_history(chain, slot - 1, slot).transactions
        )
        await writer.apply_history(delta, after=slot - 1, through=slot, finalized=1)
    try:
        yield chain, writer
    finally:
        await writer.close()


def _now(chain: SyntheticChain, *, through: int, at: int) -> Delta:
    """All accounts as they were after `through`, asked for at `at`; others are gone."""
    rows = []
    for pubkey in chain.states:
        data = chain.at(pubkey, through)
        owner = None if data is None else bytes(PROGRAM_ID)
        rows.append(AccountUpdate(pubkey, at, FETCHED, data, 1, owner, certain=False))
    return Delta.of(accounts=map(decode_update, rows))


def test_a_rollback_leaves_what_was_there_before_and_tells_of_it(bench: Bench) -> None:
    async def play() -> None:
        async with _told(bench, 4) as (chain, writer):
            heard: list[dict[str, Any]] = []
            connection = await bench.connect()
            await connection.add_listener("choir_thread", lambda *a: heard.append(json.loads(a[3])))
            undone = await writer.roll_back(
                _now(chain, through=2, at=9), after=4, to=2, reason="a test"
            )
            assert (undone.epoch, undone.transactions, undone.events, undone.accounts) == (
                8,
                2,
                2,
                3,
            )
            assert undone.heads == ((key("thread0"), 8, 2),)
            there, wanted = await held(connection), expected(chain, 2)
            for name, table in wanted.items():
                assert there[name] == table, name
            assert await connection.fetch("SELECT DISTINCT epoch FROM chain.thread_events") == [
                (8,)
            ]
            assert [(each["epoch"], each["seq"]) for each in heard] == [(8, 2)]
            mark = await writer.mark()
            assert mark is not None
            assert (mark.slot, mark.finalized_slot) == (2, 1)
            # the account that is no more is a tombstone that an older write does not revive
            late = AccountUpdate(key("message02"), 4, 9, encode("Message"), 1, bytes(PROGRAM_ID))
            await writer.apply_snapshot(Delta.of(accounts=[decode_update(late)]))
            assert await connection.fetchval("SELECT count(*) FROM chain.messages") == 2
            await connection.close()

    bench.run(play())


def test_a_sequence_ends_before_what_was_withdrawn_though_its_beginning_is_not_kept(
    bench: Bench,
) -> None:
    async def play() -> None:
        async with _told(bench, 4) as (chain, writer):
            connection = await bench.connect()
            await connection.execute("DELETE FROM chain.thread_events WHERE seq < 4")
            await writer.roll_back(_now(chain, through=3, at=9), after=4, to=3, reason="a test")
            head = await connection.fetchrow("SELECT epoch, seq, slot FROM chain.thread_heads")
            assert tuple(head) == (8, 3, 3)
            await connection.close()

    bench.run(play())


def test_what_is_absent_on_the_new_branch_is_on_record_again(bench: Bench) -> None:
    async def play() -> None:
        async with _told(bench, 3) as (chain, writer):
            gone = AccountUpdate(key("another"), 3, FETCHED, None, certain=False)
            await writer.apply_history(
                Delta.of(accounts=[decode_update(gone)]), after=3, through=3, finalized=1
            )
            assert key("another") in await writer.accounts_after(2)
            now = _now(chain, through=2, at=9)
            again = Delta.of(accounts=[decode_update(gone._replace(slot=9))])
            await writer.roll_back(merge(now, again), after=3, to=2, reason="a test")
            assert await writer.account_slots(9, 9) == {9}
            assert key("another") in await writer.accounts_as_of([9])
            assert key("another") not in await writer.accounts_as_of([3])

    bench.run(play())


def test_what_would_be_wrong_is_refused_whole(bench: Bench) -> None:
    async def play() -> None:
        async with _told(bench, 3) as (chain, writer):
            connection = await bench.connect()
            before = await held(connection, versions=True)
            now = _now(chain, through=1, at=9)
            with pytest.raises(StaleBatch, match="not at slot 2"):
                await writer.roll_back(now, after=2, to=1, reason="a test")
            with pytest.raises(StaleBatch, match="3 accounts were written meanwhile"):
                await writer.roll_back(Delta(), after=3, to=1, reason="a test")
            gone = AccountUpdate(key("another"), 3, FETCHED, None, certain=False)
            await writer.apply_history(
                Delta.of(accounts=[decode_update(gone)]), after=3, through=3, finalized=1
            )
            with pytest.raises(StaleBatch, match="1 accounts were written meanwhile"):
                await writer.roll_back(now, after=3, to=1, reason="a test")
            with pytest.raises(Incomplete, match=r"slots up to 1 are final.*a test.*--rebuild"):
                await writer.roll_back(now, after=3, to=0, reason="a test")
            assert await held(connection, versions=True) == before
            assert await connection.fetchval("SELECT count(*) FROM chain.rollbacks") == 0
            await connection.close()

    bench.run(play())
