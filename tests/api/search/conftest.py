"""The application with a real engine behind it, and rows to search."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.api.support import ManualClock
from tests.indexer.vectors.seeding import Seeder, WordVectors

from choir.embed import OffLoop
from choir.vectors.edge import EdgeStore
from choir_api.deps import Deps
from choir_api.search import SearchEngine
from choir_api.settings import Settings
from choir_indexer.vectors import Pump


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"searches_per_hour": 100_000})


@pytest.fixture
async def seed(database_url: str) -> AsyncIterator[Seeder]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """
        INSERT INTO chain.meta (genesis_hash, program_id, epoch) VALUES ('here', 'choir', 1);
        INSERT INTO chain.watermark (slot, commitment) VALUES (1, 'confirmed');
        """
    )
    yield Seeder(connection)
    await connection.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EdgeStore]:
    store = EdgeStore(tmp_path / "vectors")
    yield store
    await store.aclose()


@pytest.fixture
async def engine(store: EdgeStore) -> AsyncIterator[SearchEngine]:
    engine = SearchEngine(store, OffLoop(WordVectors()))
    yield engine
    await engine.aclose()


@pytest.fixture
async def deps(deps: Deps, engine: SearchEngine) -> Deps:
    return replace(deps, search=engine)


@pytest.fixture
async def index(database_url: str, store: EdgeStore) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Brings the store into step with the tables."""
    embedder = OffLoop(WordVectors())
    yield Pump(database_url, store, embedder, clock=ManualClock()).run_once
    embedder.close()


@pytest.fixture
def search(http: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.Response]]:
    """``GET /v1/search``."""

    async def ask(
        q: str, headers: dict[str, str] | None = None, **more: str | int
    ) -> httpx.Response:
        return await http.get("/v1/search", params={"q": q, **more}, headers=headers)

    return ask
