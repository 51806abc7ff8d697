"""A run with a vector pump beside the mirror, over an engine and an embedder that fail."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray
from solders.pubkey import Pubkey
from tests.indexer.faults.history import History
from tests.indexer.faults.plan import VECTORS, Plan
from tests.indexer.faults.run import Run, Tally
from tests.indexer.killing import Killed
from tests.indexer.vectors.seeding import WordVectors
from tests.program.moves import CONTENTS

from choir.privacy import Level
from choir.testing import ManualClock
from choir.vectors import VectorsError, VectorsUnavailable
from choir.vectors.edge import EdgeStore
from choir_indexer.store import DatabaseUnreachable
from choir_indexer.vectors import Pump
from choir_indexer.vectors.pump import TextRefused

__all__ = ["VectorRun"]

TEXTS = [*(f"content {number}" for number in range(CONTENTS)), "let me in"]
HASHES = [hashlib.sha256(text.encode()).digest() for text in TEXTS]
LONGEST_LIFE = 60  # suspensions, until a kill that was decided on
LONGEST_WAIT = 20  # turns of the event loop that a slow engine takes
EXPECTED = (
    VectorsError,
    TextRefused,
    DatabaseUnreachable,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

CLEAR = "DELETE FROM app.contents; DELETE FROM app.content_outbox; DELETE FROM chain.outbox"
STORE_CONTENTS = """
    WITH stored AS (
        INSERT INTO app.contents (thread, content_hash, thread_id, author, text, created_at)
        SELECT DISTINCT ON (m.thread, m.content_hash)
               m.thread, m.content_hash, t.thread_id, m.author, x.text, now()
        FROM chain.messages m JOIN chain.threads t ON t.pubkey = m.thread
        JOIN unnest($1::bytea[], $2::text[]) AS x (hash, text) ON x.hash = m.content_hash
        ON CONFLICT DO NOTHING RETURNING thread, content_hash)
    INSERT INTO app.content_outbox (thread, content_hash, created_at)
    SELECT thread, content_hash, now() FROM stored
"""
WANTED = """
    SELECT m.pubkey, m.thread, m.author, greatest(m.privacy, t.privacy) AS level, m.created_at,
           m.content_hash
    FROM chain.messages m JOIN chain.threads t ON t.pubkey = m.thread
    WHERE greatest(m.privacy, t.privacy) <> $1 AND m.content_hash = ANY ($2::bytea[])
"""


class FailingStore:
    """A real engine, of which each call can fail, before, after or in the middle of it."""

    def __init__(self, directory: Path, plan: Plan) -> None:
        self._directory = directory
        self._plan = plan
        self.real = EdgeStore(directory)

    async def restart(self) -> None:
        """A new process opens what the last one wrote."""
        await self.real.aclose()
        self.real = EdgeStore(self._directory)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **more: Any) -> Any:
            if self._plan.hits("vectors slow"):
                for _ in range(self._plan.dice.randint(1, LONGEST_WAIT)):
                    await asyncio.sleep(0)
            if self._plan.hits("vectors refused"):
                raise VectorsUnavailable("not now")
            if name in ("upsert", "delete") and self._plan.hits("vectors half written"):
                await getattr(self.real, name)(args[0][: len(args[0]) // 2])
                raise VectorsUnavailable("died in the middle")
            answer = await getattr(self.real, name)(*args, **more)
            if self._plan.hits("vectors answer lost"):
                raise VectorsUnavailable("lost the answer")
            return answer

        return call


class FailingEmbedder:
    """Refuses whole lists, and each text by itself no more than once."""

    name = WordVectors.name
    dimension = WordVectors.dimension

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._real = WordVectors()
        self._refused: set[str] = set()

    async def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        await asyncio.sleep(0)
        if not self._refused.issuperset(texts) and self._plan.hits("embedder refused"):
            if len(texts) == 1:
                self._refused.update(texts)
            raise RuntimeError("no vectors today")
        return self._real.embed_texts(texts)


class WatchedPump(Pump):
    """A pump whose connections can be cut."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.connections: list[asyncpg.Connection[Any]] = []

    async def _connect(self) -> asyncpg.Connection[Any]:
        connection = await super()._connect()
        self.connections.append(connection)
        return connection

    def cut(self) -> None:
        """Drop the connections, as the process's end would."""
        for connection in self.connections:
            connection.terminate()


class VectorRun(Run):
    """As :class:`Run`; the pump works while the mirror does, and in the end the points are what
    the tables say.

    Args:
        directory: the engine's.

    `points` is how many there were in the end.
    """

    def __init__(
        self, url: str, history: History, dice: random.Random, tally: Tally, *, directory: Path
    ) -> None:
        super().__init__(url, history, dice, tally)
        # what it does depends on threads: nothing else of the run may depend on its dice
        self._pump_plan = Plan(random.Random(dice.random()), tally.faults, VECTORS)
        self._store = FailingStore(directory, self._pump_plan)
        self._embedder = FailingEmbedder(self._pump_plan)
        self._pump = self._new_pump()
        self.points = 0

    async def play(self, meanwhile: Any = None) -> None:
        try:
            await self._reader.run(CLEAR)
            await super().play(meanwhile)
        finally:
            self._pump.cut()
            await self._store.real.aclose()

    def _new_pump(self) -> WatchedPump:
        batch = self._pump_plan.dice.choice((1, 2, 128))
        clock = ManualClock(on_sleep=lambda _: asyncio.sleep(0))
        return WatchedPump(self._url, self._store, self._embedder, clock=clock, batch=batch)

    async def _settle(self) -> None:
        plan = self._pump_plan
        if plan.hits("no pump"):
            await super()._settle()
            return
        if plan.hits("vectors restarted"):
            await self._store.restart()
        await self._store_contents()
        at = plan.dice.randint(1, LONGEST_LIFE) if plan.hits("pump killed", counted=False) else 0
        life = Killed(self._pumped(), at, self._pump.cut)
        working = asyncio.create_task(_until_dead(life))
        try:
            await super()._settle()
        finally:
            await working
        if life.died:
            self._tally.faults["pump killed"] += 1
            await self._store.restart()
            self._pump = self._new_pump()

    async def _pumped(self) -> None:
        try:
            await self._pump.run_once()
        except EXPECTED:
            pass  # the rows are still there
        except RuntimeError as error:
            assert str(error) == "no vectors today"  # noqa: PT017 - and no other

    async def _store_contents(self) -> None:
        """Somebody uploads what the messages of now say; some of it is of a fork."""
        await self._reader.run(STORE_CONTENTS, HASHES, TEXTS)

    async def _compare(self) -> None:
        await super()._compare()
        self._pump_plan.calm()
        await self._store_contents()
        while await self._pump.run_once():
            pass
        ask = await self._reader.connection()
        rows = await ask.fetch(WANTED, int(Level.ENCRYPTED), HASHES)
        assert await ask.fetchval("SELECT count(*) FROM chain.outbox") == 0
        assert await ask.fetchval("SELECT count(*) FROM app.content_outbox") == 0
        wanted = {
            str(Pubkey(row["pubkey"])): (
                str(Pubkey(row["thread"])), str(Pubkey(row["author"])), Level(row["level"]),
                row["created_at"], row["content_hash"].hex(),
            )
            for row in rows
        }  # fmt: skip
        page = await self._store.real.scroll(limit=10_000)
        there = {
            hit.message: (hit.thread, hit.author, hit.level, hit.created_at, hit.content_hash)
            for hit in page.items
        }
        differ = {key: (there.get(key), wanted.get(key)) for key in there.keys() | wanted.keys()}
        differ = {key: both for key, both in differ.items() if both[0] != both[1]}
        assert not differ, f"points and what they should be: {differ}"
        self.points = len(there)


async def _until_dead(life: Killed) -> None:
    await life
