"""The store made to agree with the tables, whatever it held before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from tests.indexer.vectors.seeding import Seeder
from tests.indexer.vectors.test_pump import EVERYONE, found, message_key

from choir.embed import OffLoop
from choir.privacy import Level
from choir.vectors.edge import EdgeStore
from choir_indexer.vectors import Pump
from choir_indexer.vectors.pump import PUMP_LOCK, PumpBusy


async def test_an_emptied_store_is_filled_again_from_the_tables(
    database_url: str, seed: Seeder, pump: Pump, store: EdgeStore, embedder: OffLoop, tmp_path: Path
) -> None:
    await seed.thread("T", level=Level.PREMIUM)
    await seed.thread("E", level=Level.ENCRYPTED)
    for index in range(9):
        await seed.said("T", index, f"kept {index}")
    await seed.said("E", 0, "sealed")
    await pump.run_once()
    await store.aclose()
    again = EdgeStore(tmp_path / "another")
    reconciled = await Pump(database_url, again, embedder, batch=4).reconcile()
    assert (reconciled.written, reconciled.removed) == (9, 0)
    assert len(await found(again, "kept", EVERYONE)) == 9
    # and once more there is nothing to do
    assert (await Pump(database_url, again, embedder).reconcile()).written == 0
    await again.aclose()


async def test_reconciling_puts_right_what_differs(
    database_url: str, seed: Seeder, pump: Pump, store: EdgeStore
) -> None:
    await seed.thread("T")
    messages = [await seed.said("T", index, f"point {index}") for index in range(6)]
    await pump.run_once()
    await store.delete(messages[:2])  # lost
    await seed.level("T", Level.PREMIUM, noted=False)  # not told
    await seed.connection.execute(
        "DELETE FROM chain.messages WHERE pubkey = $1", message_key(messages[5])
    )
    reconciled = await pump.reconcile()
    assert (reconciled.written, reconciled.removed) == (5, 1)
    assert await found(store, "point") == []
    assert set(await found(store, "point", EVERYONE)) == set(messages[:5])


async def test_a_rebuild_goes_on_where_it_was_cut_off(
    seed: Seeder, database_url: str, store: EdgeStore, embedder: OffLoop
) -> None:
    await seed.thread("T")
    for index in range(9):
        await seed.said("T", index, f"point {index}")
    told: list[tuple[int, int]] = []

    def cut(done: int, total: int) -> None:
        told.append((done, total))
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Pump(database_url, store, embedder, batch=4).rebuild(progress=cut)
    assert told == [(4, 9)]
    pump = Pump(database_url, store, embedder, batch=4)
    found = await pump.rebuild(progress=lambda done, total: told.append((done, total)))
    assert (found.written, found.removed) == (5, 0)
    assert told[1:] == [(4, 5), (5, 5)]
    found = await Pump(database_url, store, embedder, batch=4).rebuild(anew=True)
    assert (found.written, found.removed) == (9, 9)
    assert await store.count() == 9


async def test_a_rebuild_beside_a_working_pump_is_refused(
    database_url: str, store: EdgeStore, embedder: OffLoop
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT pg_advisory_lock($1)", PUMP_LOCK)
    with pytest.raises(PumpBusy, match="stop it"):
        await Pump(database_url, store, embedder).rebuild()
    await connection.close()
