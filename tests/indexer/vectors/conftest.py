"""A database with rows to seed and a real engine to fill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.indexer.vectors.seeding import Seeder, WordVectors

from choir.embed import OffLoop
from choir.testing import ManualClock
from choir.vectors.edge import EdgeStore
from choir_indexer.vectors import Pump


@pytest.fixture
async def seed(database_url: str) -> AsyncIterator[Seeder]:
    connection = await asyncpg.connect(database_url)
    yield Seeder(connection)
    await connection.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EdgeStore]:
    store = EdgeStore(tmp_path / "vectors")
    yield store
    await store.aclose()


@pytest.fixture
def words() -> WordVectors:
    return WordVectors()


@pytest.fixture
async def embedder(words: WordVectors) -> AsyncIterator[OffLoop]:
    off = OffLoop(words)
    yield off
    off.close()


@pytest.fixture
def pump(database_url: str, store: EdgeStore, embedder: OffLoop) -> Pump:
    return Pump(database_url, store, embedder, clock=ManualClock(), batch=4)
