"""Reconciliation on a schedule: recorded, counted, never two at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from tests.indexer.conftest import Bench
from tests.indexer.story import Script, Teller
from tests.indexer.synthetic import Faults, SourceError, SyntheticChain, SyntheticSource

from choir.testing import FakeRpc, ManualClock
from choir_indexer.model import AccountUpdate
from choir_indexer.reconciling import LOCK, Reconciler
from choir_indexer.sources import Snapshot

# accounts, but no thread, so that no vault is asked for
SCRIPT: Script = [[[("garbage", 0, 0)]], [[("garbage", 1, 0)], [("garbage", 2, 0)]]]
LOSE = "DELETE FROM chain.accounts WHERE slot > 0 AND pubkey = (SELECT min(pubkey::text)::bytea"
LOSE += " FROM chain.accounts)"


def _told() -> SyntheticChain:
    chain = SyntheticChain()
    Teller(chain).tell(SCRIPT)
    return chain


def _reconciler(bench: Bench, source: SyntheticSource, *, repair: bool) -> Reconciler:
    return Reconciler(bench.url, source, FakeRpc(), repair=repair, clock=ManualClock())


async def _recorded(bench: Bench) -> list[tuple[Any, ...]]:
    connection = await bench.connect()
    rows = await connection.fetch(
        "SELECT ok, differences, repaired, report FROM chain.reconciliations ORDER BY id"
    )
    await connection.close()
    return [(*row[:3], len(json.loads(row[3])["differences"])) for row in rows]


def _sample(reconciler: Reconciler, name: str, **labels: str) -> float | None:
    return reconciler.metrics.registry.get_sample_value(f"choir_indexer_{name}", labels)


def test_what_differs_is_recorded_and_repaired_only_when_asked(bench: Bench) -> None:
    async def play() -> None:
        source = SyntheticSource(_told())
        await bench.mirror(source).catch_up()
        looking = _reconciler(bench, source, repair=False)
        report = await looking.compare()
        assert report is not None
        assert report.clean
        connection = await bench.connect()
        await connection.execute(LOSE)
        for _ in range(2):
            await looking.compare()
        assert _sample(looking, "reconcile_wrong", what="accounts") == 1
        assert _sample(looking, "reconciliations_total", result="wrong") == 2
        mending = _reconciler(bench, source, repair=True)
        await mending.compare()
        assert _sample(mending, "reconcile_wrong", what="accounts") == 0
        await mending.compare()
        assert await _recorded(bench) == [
            (True, 0, 0, 0), (False, 1, 0, 1), (False, 1, 0, 1), (True, 1, 1, 1), (True, 0, 0, 0),
        ]  # fmt: skip
        await connection.close()

    bench.run(play())


def test_an_account_that_is_listed_twice_counts_as_one_difference(bench: Bench) -> None:
    class Stammering(SyntheticSource):
        @asynccontextmanager
        async def snapshot(self, *, at_least: int, final: bool = False) -> AsyncIterator[Snapshot]:
            async with super().snapshot(at_least=at_least, final=final) as whole:

                async def twice() -> AsyncIterator[Sequence[AccountUpdate]]:
                    async for part in whole.parts:
                        yield [*part, *part]

                yield Snapshot(whole.slot, twice())

    async def play() -> None:
        source = Stammering(_told())
        await bench.mirror(source).catch_up()
        report = await _reconciler(bench, source, repair=False).compare()
        assert report is not None
        assert report.clean
        connection = await bench.connect()
        await connection.execute(LOSE)
        await connection.close()
        await _reconciler(bench, source, repair=True).compare()
        assert await _recorded(bench) == [(True, 0, 0, 0), (True, 1, 1, 1)]

    bench.run(play())


def test_two_are_never_at_it_at_once(bench: Bench) -> None:
    async def play() -> None:
        source = SyntheticSource(_told())
        await bench.mirror(source).catch_up()
        reconciler = _reconciler(bench, source, repair=False)
        connection: asyncpg.Connection[Any] = await bench.connect()
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        assert await reconciler.compare() is None
        assert _sample(reconciler, "reconciliations_total", result="busy") == 1
        await connection.close()
        assert await _recorded(bench) == []

    bench.run(play())


def test_one_that_fails_is_said_and_the_next_is_made(bench: Bench) -> None:
    class Away(Faults):
        on = True

        def before(self, call: str) -> None:
            if self.on:
                raise SourceError("the node is away")

    async def play() -> None:
        source = SyntheticSource(_told())
        await bench.mirror(source).catch_up()
        source.faults = faults = Away()
        clock = ManualClock()
        reconciler = Reconciler(bench.url, source, FakeRpc(), repair=False, clock=clock)
        attached = asyncio.Event()
        running = asyncio.create_task(reconciler.run(attached, 3600))
        while not clock.slept:  # noqa: ASYNC110 - the clock is plain; nothing to wait on
            await asyncio.sleep(0)
        assert clock.slept == [3600]  # and now for the lease
        attached.set()
        while not _sample(reconciler, "reconciliations_total", result="failed"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        faults.on = False
        while not _sample(reconciler, "reconciliations_total", result="ok"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})

    bench.run(play())
