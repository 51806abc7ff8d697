"""The pump on a real PostgreSQL and a real engine, with failures put between any two steps."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg
import pytest
from solders.pubkey import Pubkey
from tests.indexer.vectors.seeding import Seeder, WordVectors, address, base58, thread58

from choir.embed import OffLoop
from choir.privacy import AccessFilter, Level, Viewer
from choir.testing import ManualClock
from choir.vectors import ModelMismatch, Query, VectorStore, VectorsUnavailable
from choir.vectors.edge import EdgeStore
from choir_indexer.store import DatabaseUnreachable
from choir_indexer.vectors import Pump
from choir_indexer.vectors.pump import TRIES, TextRefused

PUBLIC = AccessFilter.for_viewer(Viewer())
EVERYONE = AccessFilter(frozenset({"public", "premium"}))


class Flaky:
    """A real store, of which each call can fail, before or after the real one has run."""

    def __init__(self, store: VectorStore, fails: Any) -> None:
        self._store, self._fails = store, fails
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)

        async def call(*args: Any, **more: Any) -> Any:
            self.calls.append(name)
            when = self._fails(name)
            if when == "before":
                raise VectorsUnavailable("not now")
            answer = await real(*args, **more)
            if when == "after":
                raise VectorsUnavailable("lost the answer")
            return answer

        return call


async def found(store: VectorStore, text: str, access: AccessFilter = PUBLIC) -> list[str]:
    hits = await store.search(Query(access, vector=WordVectors().embed_query(text), limit=400))
    return [hit.message for hit in hits]


async def test_a_message_with_its_content_is_found(
    seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    await seed.thread("T")
    first = await seed.said("T", 0, "a river runs")
    second = await seed.said("T", 1, "the budget grows")
    assert await pump.run_once() > 0
    assert await seed.pending() == 0
    assert await found(store, "river") == [first, second]
    assert await found(store, "budget") == [second, first]
    assert await pump.run_once() == 0
    assert pump.metrics.indexed._value.get() == 2


async def test_content_may_come_after_its_message_or_before(
    seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    await seed.thread("T")
    late = await seed.message("T", 0, "comes later")
    await pump.run_once()
    assert await found(store, "later") == []
    await seed.content("T", "comes later")
    await seed.content("T", "comes first")
    await pump.run_once()
    assert await found(store, "later") == [late]
    early = await seed.message("T", 1, "comes first")
    await pump.run_once()
    assert set(await found(store, "first")) == {late, early}
    assert await seed.pending() == 0


async def test_a_thread_may_come_after_its_messages(
    seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    message = await seed.said("T", 0, "early bird")
    await pump.run_once()
    assert await found(store, "bird") == []
    await seed.thread("T", level=Level.PREMIUM)
    await pump.run_once()
    assert await found(store, "bird", EVERYONE) == [message]
    assert await found(store, "bird") == []


async def test_only_the_content_that_the_chain_vouches_for_is_indexed(
    seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    await seed.thread("T")
    await seed.message("T", 0, "what was signed")
    await seed.content("T", "something else")
    await seed.content("U", "what was signed")  # another thread's
    await pump.run_once()
    assert await store.count() == 0


async def test_levels_are_followed(seed: Seeder, pump: Pump, store: EdgeStore) -> None:
    await seed.thread("T")
    messages = [await seed.said("T", index, f"word{index} here") for index in range(10)]
    await seed.thread("U")
    other = await seed.said("U", 0, "stays here")
    await pump.run_once()
    mine = AccessFilter.for_viewer(Viewer("w", threads=frozenset({thread58("T")})))
    for level, expected in (
        (Level.THREAD_ONLY, [0, 10]),
        (Level.ENCRYPTED, [0, 0]),
        (Level.PREMIUM, [0, 10]),
        (Level.PUBLIC, [10, 10]),
    ):
        await seed.level("T", level)
        await pump.run_once()
        for access, count in zip((PUBLIC, mine), expected, strict=True):
            seen = await found(store, "here", access)
            assert len(set(seen) & set(messages)) == count, (level, access)
            assert other in seen
        by_words = await store.search(Query(mine, words="word3"))
        assert [hit.message for hit in by_words] == ([messages[3]] if level is Level.PUBLIC else [])


@pytest.mark.parametrize("told", [True, False])
async def test_what_a_fork_put_in_its_place_with_the_same_words_is_anothers(
    seed: Seeder, pump: Pump, store: EdgeStore, told: bool
) -> None:
    await seed.thread("T")
    message = await seed.said("T", 0, "a river runs", author="ada")
    await pump.run_once()
    await seed.connection.execute(
        "UPDATE chain.messages SET author = $1, created_at = created_at + 1", address("ben")
    )
    if told:
        await seed.note("message", "T", bytes(Pubkey.from_string(message)))
        await pump.run_once()
    else:
        await pump.reconcile()
    (hit,) = (await store.scroll(limit=10)).items
    assert (hit.message, hit.author, hit.created_at) == (message, base58("ben"), 1_700_000_001)


async def test_a_removed_message_goes(seed: Seeder, pump: Pump, store: EdgeStore) -> None:
    await seed.thread("T")
    await seed.said("T", 0, "undone by a fork")
    stays = await seed.said("T", 1, "kept by the fork")
    await pump.run_once()
    await seed.remove("T", 0)
    await pump.run_once()
    assert await found(store, "fork") == [stays]


async def test_the_same_row_twice_and_rows_in_any_order_change_nothing(
    seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    await seed.thread("T")
    message = await seed.said("T", 0, "once")
    for kind in ("removed", "message", "removed", "message", "privacy", "thread"):
        await seed.note(kind, "T", None if kind in ("privacy", "thread") else message_key(message))
    await pump.run_once()
    assert await found(store, "once") == [message]
    assert await store.count() == 1


def message_key(message: str) -> bytes:
    return bytes(Pubkey.from_string(message))


async def test_a_joined_author_costs_no_new_vectors(
    seed: Seeder, pump: Pump, words: WordVectors
) -> None:
    await seed.thread("T")
    for index in range(6):
        await seed.said("T", index, f"text {index}")
    await pump.run_once()
    before = len(words.texts)
    await seed.note("thread", "T")
    await pump.run_once()
    assert len(words.texts) == before == 6


@pytest.mark.parametrize("seed_number", range(8))
async def test_no_row_is_lost_wherever_the_store_fails(
    seed_number: int, database_url: str, seed: Seeder, store: EdgeStore, embedder: OffLoop
) -> None:
    rng = random.Random(seed_number)
    flaky = Flaky(store, lambda name: rng.choice(("before", "after", None, None)))
    pump = Pump(database_url, flaky, embedder, clock=ManualClock(), batch=3)
    levels = {"T": Level.PUBLIC, "U": Level.PREMIUM, "V": Level.THREAD_ONLY}
    for name, level in levels.items():
        await seed.thread(name, level=level)
    for index in range(12):
        await seed.said(rng.choice("TUV"), index, f"item {index} of many")
    await seed.level("U", Level.PUBLIC)
    await seed.level("T", Level.THREAD_ONLY)
    for _ in range(500):
        if not await seed.pending():
            break
        try:
            await pump.run_once()
        except VectorsUnavailable:
            continue
    assert await seed.pending() == 0
    rows = await seed.connection.fetch(
        "SELECT m.pubkey FROM chain.messages m JOIN chain.threads t ON t.pubkey = m.thread "
        "WHERE t.privacy = 0"
    )
    assert await store.count() == 12
    assert len(await found(store, "item")) == len(rows)


async def test_killed_between_any_two_awaits_the_rows_are_still_there(
    database_url: str, seed: Seeder, store: EdgeStore, embedder: OffLoop
) -> None:
    await seed.thread("T")
    for index in range(5):
        await seed.said("T", index, f"survivor {index}")
    rows = await seed.pending()
    # cancel at the first, second, third … call into the store
    await store.ensure_collection(model=embedder.name, dimension=embedder.dimension)
    for stop_at in range(1, 30):
        reached = itertools.count(1)

        def kill(name: str, reached: Iterator[int] = reached, stop_at: int = stop_at) -> None:
            if next(reached) == stop_at:
                current = asyncio.current_task()
                assert current is not None
                current.cancel()

        pump = Pump(database_url, Flaky(store, kill), embedder, clock=ManualClock(), batch=2)
        try:
            await asyncio.create_task(pump.run_once())
        except asyncio.CancelledError:
            left = await seed.pending()
            assert 0 < left <= rows
            continue
        break
    assert await seed.pending() == 0
    assert await store.count() == 5
    assert len(await found(store, "survivor")) == 5


async def test_run_waits_longer_after_each_failure_and_then_recovers(
    database_url: str, seed: Seeder, store: EdgeStore, embedder: OffLoop
) -> None:
    await seed.thread("T")
    await seed.said("T", 0, "patience")
    failures = 8
    done = asyncio.Event()

    def fails(name: str) -> str | None:
        nonlocal failures
        if failures:
            failures -= 1
            return "before"
        if name == "scroll":
            done.set()
        return None

    clock = ManualClock()
    pump = Pump(database_url, Flaky(store, fails), embedder, clock=clock, interval_s=60)
    task = asyncio.create_task(pump.run())
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.slept[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6]
    assert await found(store, "patience")
    assert pump.metrics.failures.labels("VectorsUnavailable")._value.get() == 8


class Hooked:
    """The embedder, with something happening while it works; texts with `poison` it refuses."""

    name, dimension = WordVectors.name, WordVectors.dimension

    def __init__(self, during: Any = None, *, broken: bool = False) -> None:
        self.during, self.broken = during, broken
        self.asked = 0

    async def embed_texts(self, texts: Sequence[str]) -> Any:
        self.asked += 1
        if self.during is not None:
            during, self.during = self.during, None
            await during()
        if self.broken or any("poison" in text for text in texts):
            raise RuntimeError("cannot be tokenized")
        return WordVectors().embed_texts(texts)


async def test_a_text_that_cannot_be_embedded_becomes_a_dead_letter(
    database_url: str, seed: Seeder, store: EdgeStore
) -> None:
    await seed.thread("T")
    good = [await seed.said("T", index, f"good text {index}") for index in range(2)]
    bad = await seed.said("T", 2, "poison text")
    pump = Pump(database_url, store, Hooked(), clock=ManualClock())
    for _ in range(TRIES - 1):
        with pytest.raises(TextRefused, match=f"{bad}: cannot be tokenized"):
            await pump.run_once()
        assert set(await found(store, "good")) == set(good)  # the others do not wait
        assert await seed.pending() > 0
    await pump.run_once()
    assert await seed.pending() == 0
    letters = await seed.connection.fetch("SELECT kind, key, reason FROM chain.dead_letters")
    assert [tuple(row) for row in letters] == [
        ("message", message_key(bad), "no vector: cannot be tokenized")
    ]
    again = Pump(database_url, store, Hooked())
    assert (await again.reconcile()).written == 0  # it is not missing


async def test_an_embedder_that_takes_nothing_makes_no_dead_letters(
    database_url: str, seed: Seeder, store: EdgeStore
) -> None:
    await seed.thread("T")
    await seed.said("T", 0, "a text like any other")
    embedder = Hooked(broken=True)
    pump = Pump(database_url, store, embedder, clock=ManualClock())
    for _ in range(2 * TRIES):
        with pytest.raises(RuntimeError):
            await pump.run_once()
    embedder.broken = False
    await pump.run_once()
    assert await store.count() == 1


@pytest.mark.parametrize(
    "error", [RuntimeError("what nobody thought of"), asyncpg.InternalClientError("cut off")]
)
async def test_no_error_ends_the_pump(
    error: Exception, database_url: str, seed: Seeder, store: EdgeStore, embedder: OffLoop
) -> None:
    await seed.thread("T")
    await seed.said("T", 0, "here at last")
    done = asyncio.Event()
    left = [error, error]

    def fails(name: str) -> None:
        if left:
            raise left.pop()
        if name == "maintain":
            done.set()

    async def pass_by(_: float) -> None:
        await asyncio.sleep(0)

    clock = ManualClock(on_sleep=pass_by)
    pump = Pump(database_url, Flaky(store, fails), embedder, clock=clock)
    task = asyncio.create_task(pump.run())
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await found(store, "last")
    assert pump.metrics.failures.labels(type(error).__name__)._value.get() == 2


async def test_what_hides_does_not_wait_for_what_is_embedded(
    database_url: str, seed: Seeder, store: EdgeStore, embedder: OffLoop
) -> None:
    await seed.thread("T")
    secret = await seed.said("T", 0, "soon a secret")
    gone = await seed.said("T", 1, "soon a memory")
    await Pump(database_url, store, embedder).run_once()
    await seed.thread("U")
    for index in range(12):
        await seed.said("U", index, f"backlog {index}")
    await seed.level("T", Level.THREAD_ONLY)  # last in the queue
    await seed.remove("T", 1)
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(await found(store, "soon"))

    await Pump(database_url, store, Hooked(look), batch=4).run_once()
    assert len(seen) == 1
    assert not {secret, gone} & set(seen[0])


async def test_what_hides_during_an_embedding_does_not_wait_for_the_next(
    database_url: str, seed: Seeder, store: EdgeStore, embedder: OffLoop
) -> None:
    await seed.thread("T")
    secret = await seed.said("T", 0, "soon a secret")
    await Pump(database_url, store, embedder).run_once()
    await seed.thread("U")
    for index in range(8):
        await seed.content("U", f"backlog {index}")
        await seed.message("U", index, f"backlog {index}", noted=False)
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(await found(store, "soon"))

    hooked = Hooked()

    async def hide() -> None:
        await seed.level("T", Level.THREAD_ONLY)
        hooked.during = look

    hooked.during = hide
    await Pump(database_url, store, hooked, batch=4).run_once()
    assert len(seen) == 1
    assert secret not in seen[0]


async def test_a_level_that_changes_during_the_embedding_is_the_one_that_is_written(
    database_url: str, seed: Seeder, store: EdgeStore
) -> None:
    await seed.thread("T")
    await seed.thread("U")
    premium = await seed.said("T", 0, "changes under our hands")
    await seed.said("U", 0, "changes under our hands")

    async def change() -> None:
        await seed.level("T", Level.PREMIUM, noted=False)
        await seed.level("U", Level.ENCRYPTED, noted=False)

    await Pump(database_url, store, Hooked(change)).run_once()
    assert await found(store, "hands") == []
    assert await found(store, "hands", EVERYONE) == [premium]


async def test_a_pump_that_lost_its_lease_writes_nothing(
    database_url: str, seed: Seeder, store: EdgeStore
) -> None:
    await seed.thread("T")
    await seed.said("T", 0, "whose turn is it")

    async def cut() -> None:
        await seed.connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )

    spy = Flaky(store, lambda _: None)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await Pump(database_url, spy, Hooked(cut)).run_once()
    assert "upsert" not in spy.calls
    assert await seed.pending() > 0


async def test_a_mirror_made_anew_empties_the_store_at_once(
    database_url: str, seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    from choir_indexer.store import rebuild

    await seed.thread("T")
    await seed.said("T", 0, "of the old chain")
    await pump.run_once()
    assert await store.count() == 1
    await asyncio.to_thread(rebuild, database_url)
    await pump.run_once()
    assert await store.count() == 0


async def test_run_is_woken_by_a_notification(
    database_url: str, seed: Seeder, store: EdgeStore, embedder: OffLoop
) -> None:
    asleep = asyncio.Event()

    async def forever(_: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    pump = Pump(database_url, store, embedder, clock=ManualClock(on_sleep=forever))
    task = asyncio.create_task(pump.run())
    async with asyncio.timeout(30):
        await asleep.wait()
        await seed.thread("T")
        message = await seed.said("T", 0, "wake up")
        # its outbox rows cannot be locked by us before the pump's transaction has ended
        while await found(store, "wake") != [message]:
            await seed.connection.fetch("SELECT FROM chain.outbox FOR UPDATE")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_two_pumps_do_not_work_at_once(
    database_url: str, seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    await seed.thread("T")
    holder = await asyncpg.connect(database_url)
    assert await holder.fetchval("SELECT pg_try_advisory_lock($1)", 0x63686F69725F7670)
    assert await pump.run_once() == 0
    assert await seed.pending() == 1
    await holder.close()
    assert await pump.run_once() == 1


async def test_it_starts_before_the_api_has_made_its_tables(
    empty_database_url: str, store: EdgeStore, embedder: OffLoop
) -> None:
    from choir_indexer.store import migrate

    await asyncio.to_thread(migrate, empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    seed = Seeder(connection)
    await seed.thread("T")
    await seed.message("T", 0, "nobody has brought it")
    pump = Pump(empty_database_url, store, embedder, clock=ManualClock())
    assert await pump.run_once() == 2
    assert await store.count() == 0
    await connection.close()


async def test_what_it_cannot_reach_is_named(store: EdgeStore, embedder: OffLoop) -> None:
    pump = Pump("postgresql://choir:secret@127.0.0.1:1/none", store, embedder)
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1") as refused:
        await pump.run_once()
    assert "secret" not in str(refused.value)


async def test_vectors_of_another_model_stop_it(
    database_url: str, seed: Seeder, pump: Pump, store: EdgeStore, embedder: OffLoop
) -> None:
    await seed.thread("T")
    await seed.said("T", 0, "first model")
    await pump.run_once()

    class Other(WordVectors):
        name = "other@2"

    await seed.said("T", 1, "second model")
    with pytest.raises(ModelMismatch):
        await Pump(database_url, store, OffLoop(Other())).run_once()
    assert await seed.pending() > 0
