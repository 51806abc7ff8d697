"""What was not understood at first ends as if it had been, and its readers are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.indexer.conftest import Bench
from tests.indexer.story import Script, Teller, expected, held, scripts
from tests.indexer.synthetic import PAYER, SyntheticChain, key

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_transaction, decode_update
from choir_indexer.delta import AccountRow, DeadLetter, Delta, TransactionRow
from choir_indexer.model import AccountUpdate
from choir_indexer.replay import Replayed, replay_letters
from choir_indexer.store import read
from choir_indexer.store.writer import Identity, Writer
from choir_indexer.transactions import from_json, to_bytes

EPOCH = 7
some = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
POST_STAKE_POST: Script = [
    [[("open", 0, 0), ("post", 0, 0)]],
    [[("stake", 0, 0), ("stake", 1, 0)], [("post", 0, 0)]],
]


def _transactions(chain: SyntheticChain, refused: set[int]) -> list[TransactionRow]:
    """Rows as a decoder makes them that does not know the events of some transactions."""
    rows = []
    for number, ran in enumerate(chain.transactions):
        raw = from_json(ran.ref, ran.json())
        row = decode_transaction(raw)
        if number in refused and row.events:
            letter = DeadLetter("transaction", row.signature, row.slot, 0, to_bytes(raw), "unknown")
            row = row._replace(events=(), dead=(letter,))
        rows.append(row)
    return rows


def _accounts(chain: SyntheticChain, refused: Callable[[int], bool]) -> list[AccountRow]:
    rows = []
    for number, pubkey in enumerate(chain.states):
        data = chain.at(pubkey, chain.slot)
        if data is None or pubkey == PAYER:
            continue
        update = AccountUpdate(pubkey, chain.slot, 1, data, 1, bytes(PROGRAM_ID))
        row = decode_update(update)
        if refused(number):
            letter = DeadLetter("account", pubkey, chain.slot, 0, data, "unknown")
            row = AccountRow(update, dead=letter)
        rows.append(row)
    return rows


async def _mirror(
    bench: Bench, chain: SyntheticChain, transactions: set[int], accounts: Callable[[int], bool]
) -> None:
    await bench.clear()
    writer = await bench.open_writer()
    await writer.begin(Identity("genesis", str(PROGRAM_ID), EPOCH), after=0, commitment="confirmed")
    await writer.apply_snapshot(Delta.of(accounts=_accounts(chain, accounts)))
    rows = _transactions(chain, transactions)
    for slot in range(1, chain.slot + 1):
        delta = Delta.of(transactions=[row for row in rows if row.slot == slot])
        await writer.apply_history(delta, after=slot - 1, through=slot, finalized=None)
    await writer.close()


async def _replayed(bench: Bench, **options: Any) -> Replayed:
    writer = await Writer.open(bench.url, lease=False)
    found = await replay_letters(writer, **options)
    await writer.close()
    return found


def _late(chain: SyntheticChain, refused: set[int]) -> set[str]:
    """Threads that have an understood event after one that was not."""
    waiting: set[bytes] = set()
    late: set[bytes] = set()
    for number, ran in enumerate(chain.transactions):
        threads = {e.thread for e in decode_transaction(from_json(ran.ref, ran.json())).events}
        if number in refused:
            waiting |= threads
        else:
            late |= waiting & threads
    return {str(Pubkey.from_bytes(thread)) for thread in late}


@some
@given(scripts, st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)))
def test_after_the_replay_the_mirror_is_as_if_all_had_been_understood(
    bench: Bench, script: Script, transactions: set[int], accounts: set[int]
) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(script)

    async def play() -> None:
        await _mirror(bench, chain, transactions, accounts.__contains__)
        found = await _replayed(bench)
        connection = await bench.connect()
        there, wanted = await held(connection), expected(chain)
        for name, table in wanted.items():
            assert there[name] == table, name
        assert set(found.renumbered) == _late(chain, transactions)
        heads = await connection.fetch("SELECT thread, epoch, seq, slot FROM chain.thread_heads")
        assert {h[0]: (h[2], int(h[3])) for h in heads} == {
            thread: (len(rows), rows[-1][1]) for thread, rows in wanted["events"].items()
        }
        known = {e.thread for row in _transactions(chain, transactions) for e in row.events}
        late = {bytes(Pubkey.from_string(thread)) for thread in found.renumbered}
        assert {h[0] for h in heads if h[1] == EPOCH} >= known - late
        assert {h[0] for h in heads if h[1] > EPOCH} >= late
        epochs = await connection.fetch("SELECT DISTINCT thread, epoch FROM chain.thread_events")
        assert sorted(map(tuple, epochs)) == sorted((h[0], h[1]) for h in heads)
        told = await connection.fetch("SELECT message FROM chain.outbox WHERE kind = 'message'")
        assert sorted(row[0] for row in told) == sorted(wanted["messages"])
        left = await connection.fetch("SELECT key FROM chain.dead_letters")
        # the story's garbage stays what it is
        assert {row[0] for row in left} == {
            pubkey for pubkey, (kind, _) in wanted["accounts"].items() if kind is None
        }
        assert found.left == len(left)
        await connection.close()

    bench.run(play())


def test_a_thread_numbered_anew_has_another_epoch_for_its_readers(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(POST_STAKE_POST)
    thread, other = key("thread0"), key("thread1")

    async def play() -> None:
        await _mirror(bench, chain, {1}, lambda _: False)
        heard: list[str] = []
        connection = await bench.connect()
        await connection.add_listener("choir_thread", lambda *a: heard.append(a[3]))
        engine = create_async_engine(bench.url.replace("://", "+asyncpg://"), poolclass=NullPool)
        async with engine.connect() as reading:
            assert await read.head(reading, thread) == read.Head(EPOCH, 3)
        found = await _replayed(bench)
        assert (found.transactions, found.events) == (1, 2)
        assert found.renumbered == (str(Pubkey.from_bytes(thread)),)
        async with engine.connect() as reading:
            assert await read.head(reading, thread) == read.Head(EPOCH + 1, 4)
            assert await read.events_since(reading, thread, EPOCH, 0, limit=9) == []
            events = await read.events_since(reading, thread, EPOCH + 1, 0, limit=9)
            assert [e.kind for e in events] == [
                "ThreadCreated", "MessagePosted", "Deposited", "MessagePosted",
            ]  # fmt: skip
            assert (await read.head(reading, other)).seq == 1
        await connection.fetchval("SELECT 1")  # notifications come before the answer
        assert len(heard) == 2
        await engine.dispose()
        await connection.close()

    bench.run(play())


def test_beside_a_running_indexer_only_events_wait(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(POST_STAKE_POST)

    async def play() -> None:
        await _mirror(bench, chain, {0, 1}, lambda _: True)
        running = await bench.open_writer()
        found = await _replayed(bench)
        assert found.accounts == len(expected(chain)["accounts"])
        assert (found.transactions, found.held_back, found.clean) == (0, 2, False)
        await running.close()
        told: list[tuple[int, int]] = []
        found = await _replayed(bench, progress=lambda done, total: told.append((done, total)))
        assert (found.transactions, found.held_back, found.clean) == (2, 0, True)
        assert told[-1] == (2, 2)
        connection = await bench.connect()
        assert (await held(connection))["events"] == expected(chain)["events"]
        await connection.close()

    bench.run(play())


def test_letters_of_what_is_no_longer_there_are_dropped(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(POST_STAKE_POST)

    async def play() -> None:
        await _mirror(bench, chain, {2}, lambda _: False)
        connection = await bench.connect()
        await connection.execute("DELETE FROM chain.transactions WHERE slot = 2 AND position = 1")
        await connection.executemany(
            "INSERT INTO chain.dead_letters (kind, key, ordinal, slot, data, reason)"
            " VALUES ($1, $2, 0, 1, $3, 'old')",
            [
                ("account", key("thread0"), b"as it was before"),
                ("account", key("never there"), b"x"),
                ("message", key("message00"), key("another content")),
            ],
        )
        found = await _replayed(bench)
        assert (found.superseded, found.left, found.clean) == (4, 0, True)
        assert await connection.fetchval("SELECT count(*) FROM chain.dead_letters") == 0
        assert (await held(connection))["threads"] == expected(chain)["threads"]
        await connection.close()

    bench.run(play())


def test_a_message_given_up_goes_back_to_the_pump(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(POST_STAKE_POST)

    async def play() -> None:
        await _mirror(bench, chain, set(), lambda _: False)
        connection = await bench.connect()
        await connection.execute("DELETE FROM chain.outbox")
        await connection.execute(
            "INSERT INTO chain.dead_letters (kind, key, ordinal, slot, data, reason)"
            " SELECT 'message', pubkey, 0, slot, content_hash, 'no vector' FROM chain.messages"
            " WHERE index = 1"
        )
        found = await _replayed(bench)
        assert (found.messages, found.clean) == (1, True)
        rows = await connection.fetch("SELECT kind, message FROM chain.outbox")
        assert [tuple(row) for row in rows] == [("message", key("message01"))]
        await connection.close()

    bench.run(play())


def test_what_is_still_not_understood_stays_with_one_letter(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell([[[("garbage", 0, 0), ("open", 0, 0)]]])

    def none_known(raw: Any, *, program: Pubkey) -> TransactionRow:
        row = decode_transaction(raw, program=program)
        letter = DeadLetter("transaction", row.signature, row.slot, 0, to_bytes(raw), "unknown")
        return row._replace(events=(), dead=(letter,))

    async def play() -> None:
        await _mirror(bench, chain, {0}, lambda _: False)
        connection = await bench.connect()
        older = "UPDATE chain.dead_letters SET slot = 0 WHERE kind = 'account' RETURNING data"
        data = await connection.fetchval(older)
        for twice in (False, True):
            found = await _replayed(bench, read=none_known)
            assert (found.left, found.clean) == (2, False), twice
        rows = await connection.fetch("SELECT kind, data FROM chain.dead_letters ORDER BY kind")
        assert [row["kind"] for row in rows] == ["account", "transaction"]
        assert rows[0]["data"] == data
        await connection.close()

    bench.run(play())


@pytest.mark.parametrize("letters", [1, 2])
def test_every_page_is_gone_through(bench: Bench, letters: int) -> None:
    chain = SyntheticChain()
    Teller(chain).tell([[[("stake", 0, 0)]]] * 501)

    async def play() -> None:
        await _mirror(bench, chain, set(range(0, 501, letters)), lambda _: False)
        assert (await _replayed(bench)).clean
        connection = await bench.connect()
        assert (await held(connection))["events"] == expected(chain)["events"]
        await connection.close()

    bench.run(play())
