"""The guarded merge and the numbering of events, in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.story import Teller, expected, held, scripts
from tests.indexer.synthetic import SyntheticChain, key

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_transaction, decode_update
from choir_indexer.delta import Delta
from choir_indexer.model import FETCHED, AccountUpdate
from choir_indexer.store import DatabaseUnreachable, Incomplete, NotMigrated, migrate
from choir_indexer.store.staging import STAGED_LIMIT
from choir_indexer.store.writer import Identity, StaleBatch, Writer, is_current
from choir_indexer.transactions import from_json

BEGIN = Identity("genesis", str(PROGRAM_ID), 7)
some = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _data(who: int, turn: int) -> bytes:
    thread = Pubkey(key("thread"))
    if who == 0:
        return encode("Thread", thread_id="t", balance=turn, privacy=turn % 4)
    if who == 1:
        return encode("Message", thread=thread, index=0, content_hash=key(str(turn % 2)))
    if who == 2 and turn % 2:
        return bytes([1, 2, 3]) * turn
    return encode("Position", thread=thread, shares=turn)


updates = st.builds(
    lambda who, slot, version, closed: AccountUpdate(
        key(str(who)), slot, version, None if closed else _data(who, 5 * slot + version), 1,
        bytes(PROGRAM_ID),
    ),
    st.integers(0, 3),
    st.integers(1, 4),
    st.integers(0, 3),
    st.booleans(),
)  # fmt: skip


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[AccountUpdate], list[list[AccountUpdate]]]:
    """A history, and batches that hold all of it in some order, with repetitions."""
    history = draw(
        st.lists(updates, unique_by=lambda u: (u.pubkey, u.version), min_size=1, max_size=12)
    )
    again = draw(st.lists(st.sampled_from(history), max_size=6))
    order = draw(st.permutations(history + again))
    size = draw(st.integers(1, 4))
    return history, [order[i : i + size] for i in range(0, len(order), size)]


@some
@given(tellings())
def test_any_order_and_repetition_gives_the_same_tables(
    bench: Bench, telling: tuple[list[AccountUpdate], list[list[AccountUpdate]]]
) -> None:
    history, batches = telling

    async def play() -> None:
        await bench.clear()
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        for batch in batches:
            await writer.apply_snapshot(Delta.of(accounts=map(decode_update, batch)))
        await writer.close()
        connection = await bench.connect()
        newest: dict[bytes, AccountUpdate] = {}
        for update in sorted(history, key=lambda u: u.version):
            newest[update.pubkey] = update
        rows = await connection.fetch(
            "SELECT pubkey, slot, write_version, data, closed_slot FROM chain.accounts"
        )
        assert {r[0]: (int(r[1]), int(r[2]), r[3]) for r in rows} == {
            u.pubkey: (*u.version, u.data) for u in newest.values()
        }
        assert all((r[3] is None) == (r[4] is not None) for r in rows)
        there = await held(connection, versions=True)
        for kind in ("threads", "messages", "positions"):
            typed = {}
            for update in newest.values():
                row = decode_update(update)
                if row.kind == kind:
                    typed[update.pubkey] = (*update.version, *row.columns)
            assert there[kind] == typed
        last = {
            r["kind"]
            for r in await connection.fetch(
                "SELECT DISTINCT ON (message) kind FROM chain.outbox WHERE message IS NOT NULL"
                " ORDER BY message, id DESC"
            )
        }
        message = newest.get(key("1"))
        if message is not None and last:
            assert last == {"message" if message.data is not None else "removed"}
        if message is not None and message.data is not None:
            assert last == {"message"}
        await connection.close()

    bench.run(play())


@pytest.mark.parametrize("differs", ["author", "created_at"])
def test_a_message_with_the_words_of_the_one_it_replaces_is_told_of(
    bench: Bench, differs: str
) -> None:
    """A fork puts one in another's place; the vector store must hear whose it is, and of when."""
    first = {"author": Pubkey(key("ada")), "created_at": 1}
    second = first | {differs: {"author": Pubkey(key("ben")), "created_at": 2}[differs]}

    async def play() -> None:
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        for slot, fields in enumerate((first, first, second), start=1):
            data = encode("Message", thread=Pubkey(key("thread")), index=0, **fields)
            update = AccountUpdate(key("1"), slot, 1, data, 1, bytes(PROGRAM_ID))
            await writer.apply_snapshot(Delta.of(accounts=[decode_update(update)]))
        await writer.close()
        connection = await bench.connect()
        told = await connection.fetch("SELECT slot FROM chain.outbox ORDER BY id")
        assert [int(row["slot"]) for row in told] == [1, 3]
        await connection.close()

    bench.run(play())


def test_a_tombstone_is_not_revived_by_an_older_write(bench: Bench) -> None:
    position = AccountUpdate(key("p"), 5, 9, _data(3, 1), 1, bytes(PROGRAM_ID))

    async def play() -> None:
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")

        async def write(update: AccountUpdate) -> int:
            await writer.apply_snapshot(Delta.of(accounts=[decode_update(update)]))
            connection = await bench.connect()
            count: int = await connection.fetchval("SELECT count(*) FROM chain.positions")
            await connection.close()
            return count

        assert await write(position) == 1
        assert await write(position._replace(slot=6, write_version=1, data=None)) == 0
        assert await write(position) == 0
        assert await write(position._replace(slot=6, write_version=0)) == 0
        assert await write(position._replace(slot=7, write_version=0)) == 1  # opened again
        # absent, not known to have been there: nothing is left of it
        stranger = AccountUpdate(key("wallet"), 9, FETCHED, None, certain=False)
        await write(stranger)
        assert await write(position._replace(slot=9, write_version=FETCHED, data=None)) == 0
        connection = await bench.connect()
        assert await connection.fetchval("SELECT count(*) FROM chain.accounts") == 1
        await connection.close()
        await writer.close()

    bench.run(play())


def test_an_announcement_behind_the_watermark_says_nothing(bench: Bench) -> None:
    """It may be of an account whose end the mirror has passed without ever seeing it."""

    async def play() -> None:
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        await writer.apply_history(Delta(), after=0, through=5, finalized=None)
        for slot in (4, 5, 6):
            update = AccountUpdate(key(f"p{slot}"), slot, 1, _data(3, slot), 1, bytes(PROGRAM_ID))
            await writer.apply_live(Delta.of(accounts=[decode_update(update)]))
        await writer.close()
        connection = await bench.connect()
        rows = await connection.fetch("SELECT pubkey FROM chain.positions")
        assert [r[0] for r in rows] == [key("p6")]
        assert await connection.fetchval("SELECT count(*) FROM chain.accounts") == 1
        await connection.close()

    bench.run(play())


def _history(chain: SyntheticChain, after: int, through: int) -> Delta:
    return Delta.of(
        transactions=[
            decode_transaction(from_json(r.ref, r.json()))
            for r in chain.transactions
            if after < r.ref.slot <= through
        ]
    )


@some
@given(scripts, st.data())
def test_events_are_numbered_in_chain_order_without_a_gap(
    bench: Bench, script: list[list[list[tuple[str, int, int]]]], data: st.DataObject
) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(script)
    cuts = sorted(data.draw(st.sets(st.integers(1, chain.slot))) | {chain.slot})

    async def play() -> None:
        await bench.clear()
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        after = 0
        for cut in cuts:
            delta = _history(chain, after, cut)
            await writer.apply_history(delta, after=after, through=cut, finalized=None)
            with pytest.raises(StaleBatch):  # the same again
                await writer.apply_history(delta, after=after, through=cut, finalized=None)
            after = cut
        await writer.close()
        connection = await bench.connect()
        there, wanted = await held(connection), expected(chain)
        assert there["events"] == wanted["events"]
        assert there["transactions"] == wanted["transactions"]
        heads = await connection.fetch("SELECT thread, epoch, seq FROM chain.thread_heads")
        assert {r[0]: (r[1], r[2]) for r in heads} == {
            thread: (7, len(rows)) for thread, rows in wanted["events"].items()
        }
        await connection.close()

    bench.run(play())


def test_what_the_watermark_has_passed_cannot_turn_up(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell([[[("post", 0, 0)]], [[("post", 0, 0)]]])
    known, late = _history(chain, 1, 2), _history(chain, 0, 1)

    async def play() -> None:
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        await writer.apply_history(known, after=0, through=2, finalized=None)
        with pytest.raises(Incomplete, match=r"slot 1 .*--rebuild"):
            await writer.apply_history(late, after=2, through=3, finalized=None)
        mark = await writer.mark()
        assert mark is not None
        assert mark.slot == 2  # nothing of it was written
        assert await writer.unknown(late.transactions) == list(late.transactions)
        assert await writer.unknown(known.transactions) == []
        await writer.close()

    bench.run(play())


def test_a_transaction_that_is_there_already_changes_nothing(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell([[[("post", 0, 0)], [("post", 0, 1)]], [[("post", 0, 0)]]])

    async def play() -> None:
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        await writer.apply_history(_history(chain, 0, 1), after=0, through=1, finalized=None)
        connection = await bench.connect()
        await connection.execute("UPDATE chain.watermark SET slot = 0")
        applied = await writer.apply_history(
            _history(chain, 0, 2), after=0, through=2, finalized=None
        )
        assert applied.transactions == 1
        await writer.close()
        there, wanted = await held(connection), expected(chain)
        assert there["events"] == wanted["events"]
        assert there["transactions"] == wanted["transactions"]
        await connection.close()

    bench.run(play())


def test_accounts_of_a_new_mirror_are_as_if_merged(bench: Bench) -> None:
    """The first part of a snapshot goes another way than what comes after."""
    version = {"slot": 3, "write_version": 1, "lamports": 1, "owner": bytes(PROGRAM_ID)}
    part = [AccountUpdate(key(str(who)), data=_data(who, 1), **version) for who in range(4)]

    async def told(
        *parts: list[AccountUpdate],
    ) -> tuple[dict[str, object], list[tuple[object, ...]]]:
        await bench.clear()
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        for each in parts:
            await writer.apply_snapshot(Delta.of(accounts=map(decode_update, each)))
        await writer.close()
        connection = await bench.connect()
        outbox = await connection.fetch(
            "SELECT kind, thread, content_hash, message, slot FROM chain.outbox ORDER BY id"
        )
        found = await held(connection, versions=True)
        await connection.close()
        return found, [tuple(row) for row in outbox]

    async def play() -> None:
        at_once = await told(part)
        assert len(at_once[1]) == 2
        nothing = AccountUpdate(key("gone"), 3, 1, None, certain=False)
        assert await told([nothing, *part]) == at_once  # an absence is for the merge
        assert await told(part, part) == at_once  # and so is what is known
        assert await told(part[:2], part[2:]) == at_once

    bench.run(play())


def test_staging_tables_are_cut_before_they_grow_for_ever(bench: Bench) -> None:
    async def play() -> None:
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")

        async def sizes() -> list[int]:
            rows = await writer.connection.fetch(
                "SELECT pg_relation_size(oid) FROM pg_class WHERE relname LIKE 'stage_%'"
                " AND relkind = 'r'"
            )
            return [row[0] for row in rows]

        for turn in (1, 2):
            for who in range(4):
                update = AccountUpdate(key(f"{who}"), turn, 1, _data(who, turn), 1, key("owner"))
                await writer.apply_live(Delta.of(accounts=[decode_update(update)]))
        assert any(await sizes())
        writer._staging.staged = STAGED_LIMIT
        await writer._staging.empty()
        assert any(await sizes())
        writer._staging.staged = STAGED_LIMIT + 1
        await writer._staging.empty()
        assert not any(await sizes())
        await writer.close()

    bench.run(play())


def test_listeners_hear_of_the_newest_position_once_it_is_committed(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell([[[("post", 0, 0), ("post", 0, 0)], [("post", 1, 0)]]])

    async def play() -> None:
        heard: list[dict[str, object]] = []
        connection = await bench.connect()
        await connection.add_listener("choir_thread", lambda *a: heard.append(json.loads(a[3])))
        writer = await bench.open_writer()
        await writer.begin(BEGIN, after=0, commitment="confirmed")
        await writer.apply_history(_history(chain, 0, 1), after=0, through=1, finalized=None)
        await connection.fetchval("SELECT 1")  # notifications come before the answer
        assert sorted(heard, key=str) == sorted(
            (
                {"thread": str(Pubkey(key("thread0"))), "epoch": 7, "seq": 2},
                {"thread": str(Pubkey(key("thread1"))), "epoch": 7, "seq": 1},
            ),
            key=str,
        )
        await connection.close()
        await writer.close()

    bench.run(play())


def test_a_second_worker_waits_for_the_lease(bench: Bench) -> None:
    async def play() -> None:
        first = await Writer.open(bench.url)
        told = asyncio.Event()

        async def waiting() -> None:
            told.set()

        second = asyncio.create_task(Writer.open(bench.url, waiting=waiting))
        await told.wait()
        assert not second.done()
        beside = await Writer.open(bench.url, lease=False)
        assert await beside.followed()
        first.terminate()  # a killed worker gives no lease back; its connection does
        await (await second).close()
        while await beside.followed():  # the server takes its time to see a connection go
            pass
        await beside.close()

    bench.run(play())


def test_what_is_wrong_with_the_database_is_said(bench: Bench, empty_database_url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1/nowhere .*CHOIR_DATABASE_URL"):
        bench.run(Writer.open("postgresql://u:secret@127.0.0.1:1/nowhere"))
    with pytest.raises(NotMigrated, match="choir-indexer migrate"):
        bench.run(Writer.open(empty_database_url))
    assert not bench.run(is_current(empty_database_url))
    migrate(empty_database_url)
    assert bench.run(is_current(empty_database_url))

    async def age() -> None:
        connection = await asyncpg.connect(empty_database_url)
        await connection.execute("UPDATE chain.alembic_version SET version_num = 'chain_0000'")
        await connection.close()

    bench.run(age())
    with pytest.raises(NotMigrated, match=r"revision chain_0000.*choir-indexer migrate"):
        bench.run(Writer.open(empty_database_url))
