"""One run: a history played to a mirror under a plan of faults, watched all the way."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.indexer.faults.history import History, Played
from tests.indexer.faults.node import PlayedNode, PlayedSource
from tests.indexer.faults.plan import Plan
from tests.indexer.faults.reader import Reader, WatchedWriter
from tests.indexer.killing import Killed
from tests.indexer.story import expected, held
from tests.indexer.synthetic import SyntheticSource

from choir.testing import ManualClock
from choir_indexer.mirror import Mirror
from choir_indexer.store.schema import metadata

__all__ = ["Run", "Tally"]

CLEAR = ";".join(f"DELETE FROM chain.{t.name}" for t in reversed(metadata.sorted_tables))
LONGEST_LIFE = 80  # suspensions, until a kill that was decided on
SETTLED_S = 600.0  # a watchdog


@dataclass
class Tally:
    """What was done, over all runs."""

    runs: int = 0
    commits: int = 0
    transactions: int = 0
    lives: int = 0
    forks: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(self.faults.items()))
        return (
            f"{self.runs} runs, {self.lives} lives of a mirror, {self.transactions} transactions,"
            f" {self.forks} forks,"
            f" {self.commits} commits looked at, {self.faults.total()} faults: {kinds}"
        )


class Run:
    """A run on one database.

    Args:
        url: the database, with schema ``chain``; emptied.
        history: what happens.
        dice: everything that is left to chance.
        tally: where it is counted.
        kill_at: the suspension that the first mirror dies at; nothing else goes wrong then.
        through_rpc: over the real RPC source, or through the port itself; None leaves it to chance.
    """

    def __init__(
        self,
        url: str,
        history: History,
        dice: random.Random,
        tally: Tally,
        *,
        kill_at: int = 0,
        through_rpc: bool | None = None,
    ) -> None:
        self._url = url
        self._dice = dice
        self._tally = tally
        self._plan = Plan(dice, tally.faults)
        self._plan.move = self._move
        self._kill_at = kill_at
        self._seen_before = dice.randint(0, len(history.moments))
        if kill_at:
            self._plan.calm()
            self._seen_before = len(history.moments) // 2
        self._through_rpc = through_rpc
        self.chain = Played.of(history, every_write=not through_rpc and dice.random() < 0.25)
        self.killed = False
        self._reader = Reader(url, self.chain)
        self._writers: list[WatchedWriter] = []
        self._life: Killed | None = None

    async def play(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        """To the end of the history, then until all is quiet; then everything must be equal.

        `meanwhile` happens once, while the mirror is at work.
        """
        self._meanwhile = meanwhile
        try:
            await self._reader.run(CLEAR)
            await self._play()
            self._tally.runs += 1
            self._tally.commits += self._reader.looks
            self._tally.transactions += len(self.chain.transactions)
            self._tally.forks += self.chain.forks
        finally:
            self._plan.calm()
            await self._stop()
            await self._reader.close()

    async def _play(self) -> None:
        while self.chain.at_moment < self._seen_before:
            self.chain.step()  # what was there before anybody looked
        self._start()
        if self._meanwhile is not None:
            await self._during(self._meanwhile)
        while self._move():
            while self._plan.hits("several slots at once", counted=False) and self._move():
                self._tally.faults["several slots at once"] += 1
            if self._plan.hits("database cut"):
                await self._cut_database()
            if self._plan.hits("stop"):
                await self._stop()
                self._start()
            if self._plan.hits("kill", counted=False) and self._life is not None:
                self._life.die_in(self._dice.randint(1, LONGEST_LIFE))
            await self._settle()
        self._plan.calm()
        if self._life is not None and not self._kill_at:
            self._life.die_in(0)
        self.chain.close_slot()
        await self._settle()
        await self._compare()

    async def _during(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """The chain moves on while something else happens."""
        happening = asyncio.ensure_future(meanwhile())
        while not happening.done():
            self._move()
            await asyncio.wait({happening, self._task}, timeout=0.05)
        await happening
        await self._settle()

    def _move(self) -> bool:
        if self.chain.over:
            return False
        self.chain.step()
        return True

    def _start(self) -> None:
        """A new process: nothing is left of the last one."""
        clock = ManualClock(1_700_000_000 + self._tally.lives, on_sleep=lambda _: asyncio.sleep(0))
        batch = 1 if self._kill_at else self._dice.choice((1, 3, 50))
        self._source: PlayedSource | SyntheticSource
        through_rpc = self._through_rpc
        if through_rpc is None:
            through_rpc = not self.chain.every_write and self._dice.random() < 0.7
        if not through_rpc:
            self._source = SyntheticSource(self.chain, self._plan, batch=batch)
        else:
            self._source = PlayedSource(PlayedNode(self.chain, self._plan), clock, batch=batch)
        mirror = Mirror(
            self._source,
            self._open_writer,
            clock=clock,
            jitter=lambda: 0.5,
            overlap=self._dice.choice((0, 2, 64)),
            patience_s=float("inf"),
        )
        self._tally.lives += 1
        self._writers.clear()
        self._life = Killed(mirror.run(), 0 if self.killed else self._kill_at, self._cut)
        self._task = asyncio.create_task(_until_dead(self._life))

    async def _open_writer(self) -> WatchedWriter:
        writer = await WatchedWriter.open(self._url)
        writer.reader = self._reader
        self._writers.append(writer)
        return writer

    def _cut(self) -> None:
        for writer in self._writers:
            writer.terminate()

    async def _stop(self) -> None:
        if self._life is not None:
            self._life = None
            await asyncio.sleep(0)  # it has begun to live
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    async def _settle(self) -> None:
        """Until the mirror waits for news; where it was killed, a new one does."""
        while True:
            idle = asyncio.create_task(self._source.idle.wait())
            async with asyncio.timeout(SETTLED_S):
                await asyncio.wait({self._task, idle}, return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()
            if not self._task.done():
                return
            self._task.result()
            self.killed = True
            self._tally.faults["kill"] += 1
            self._start()

    async def _cut_database(self) -> None:
        await self._reader.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    async def _compare(self) -> None:
        """Tables equal to the chain, byte for byte."""
        ask = await self._reader.connection()
        mark = await ask.fetchval("SELECT slot FROM chain.watermark")
        assert mark == self.chain.slot, f"stands at {mark}, the chain at {self.chain.slot}"
        await self._reader.look()
        there, wanted = await held(ask), expected(self.chain)
        for name, table in wanted.items():
            assert there[name] == table, name
        assert await ask.fetchval("SELECT count(*) FROM chain.dead_letters") == 0


async def _until_dead(life: Any) -> None:
    await life
