"""A mirror's database that examples of one test share, emptied between them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import asyncpg
import pytest
import structlog
from tests.indexer.synthetic import SyntheticSource

from choir.stack.postgres import EmbeddedPostgres
from choir.testing import ManualClock
from choir_indexer.mirror import Mirror
from choir_indexer.store import migrate
from choir_indexer.store.schema import metadata
from choir_indexer.store.writer import Writer

T = TypeVar("T")


class Bench:
    """One database with schema ``chain``, and an event loop for Hypothesis' examples."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._runner = asyncio.Runner()
        self.writers: list[Writer] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def connect(self) -> asyncpg.Connection[Any]:
        return await asyncpg.connect(self.url)

    async def clear(self) -> None:
        """An empty mirror."""
        names = ", ".join(f"chain.{table.name}" for table in metadata.sorted_tables)
        connection = await self.connect()
        await connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
        await connection.close()

    async def open_writer(self) -> Writer:
        writer = await Writer.open(self.url)
        self.writers.append(writer)
        return writer

    def cut(self) -> None:
        """Drop every writer's connection, as its process's end would."""
        for writer in self.writers:
            writer.terminate()

    def mirror(self, source: SyntheticSource, **options: Any) -> Mirror:
        return Mirror(source, self.open_writer, clock=ManualClock(), jitter=lambda: 0.5, **options)

    def close(self) -> None:
        self._runner.close()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The log of a thousand mirrors says nothing to a reader of test results."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


def _drop(*_: Any) -> dict[str, Any]:
    raise structlog.DropEvent


@pytest.fixture(scope="session")
def _bench_database(postgres_server: EmbeddedPostgres) -> str:
    import sqlalchemy as sa

    url = postgres_server.url("postgres").replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE indexer_bench TEMPLATE template0"))
    engine.dispose()
    migrate(postgres_server.url("indexer_bench"))
    return postgres_server.url("indexer_bench")


@pytest.fixture
def bench(_bench_database: str) -> Iterator[Bench]:
    """An empty mirror's database."""
    bench = Bench(_bench_database)
    bench.run(bench.clear())
    yield bench
    bench.close()
