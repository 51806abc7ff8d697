"""A reader who trusts the watermark, and looks after every commit."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import Any

import asyncpg
from tests.indexer.faults.history import Played

from choir_indexer.store.merge import KINDS
from choir_indexer.store.writer import Writer

__all__ = ["Reader", "WatchedWriter"]

Event = tuple[bytes, int, str, Any]

TYPED_APART = " UNION ALL ".join(
    f"""SELECT pubkey FROM (SELECT * FROM chain.accounts WHERE kind = '{kind}') a
        FULL JOIN chain.{kind} t USING (pubkey)
        WHERE (a.slot, a.write_version) IS DISTINCT FROM (t.slot, t.write_version)"""
    for kind in KINDS
)


class Reader:
    """Compares what the mirror claims with the chain, and remembers what it was told.

    Args:
        url: the database; the reader has a connection of its own, and a new one when that is gone.
        chain: the truth.
    """

    def __init__(self, url: str, chain: Played) -> None:
        self._url = url
        self._chain = chain
        self._connection: asyncpg.Connection[Any] | None = None
        self._told: dict[tuple[bytes, int, int], Event] = {}
        self._mark = -1
        self._looking = asyncio.Lock()
        self.looks = 0

    async def connection(self) -> asyncpg.Connection[Any]:
        """The connection, open."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url)
        return self._connection

    async def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            await self._connection.close()

    async def look(self) -> None:
        """Whatever becomes of who asks, a look begun is ended, one at a time."""
        await asyncio.shield(asyncio.ensure_future(self._look()))

    async def _look(self) -> None:
        async with self._looking:
            ask = await self.connection()
            async with ask.transaction(isolation="repeatable_read", readonly=True):
                await self._compare(ask)
                self.looks += 1

    async def _compare(self, ask: asyncpg.Connection[Any]) -> None:
        mark = await ask.fetchrow("SELECT slot, snapshot_slot FROM chain.watermark")
        if mark is None:
            return
        through = int(mark["slot"])
        assert through >= self._mark, f"the watermark went from {self._mark} to {through}"
        self._mark = through
        await self._transactions(ask, through)
        await self._events(ask, through)
        if mark["snapshot_slot"] is not None:
            await self._accounts(ask, through)
        assert not await ask.fetch(TYPED_APART), "typed rows apart from raw ones"

    async def _transactions(self, ask: asyncpg.Connection[Any], through: int) -> None:
        rows = await ask.fetch(
            "SELECT signature, slot FROM chain.transactions ORDER BY slot, position"
        )
        wanted = [(t.ref.signature, t.ref.slot) for t in self._chain.upto(through)]
        assert [(row[0], int(row[1])) for row in rows] == wanted, f"transactions at {through}"

    async def _events(self, ask: asyncpg.Connection[Any], through: int) -> None:
        """In chain order, numbered without a gap, and never told otherwise than before."""
        rows = await ask.fetch(
            "SELECT thread, epoch, seq, signature, ordinal, kind, payload"
            " FROM chain.thread_events ORDER BY thread, epoch, seq"
        )
        found: dict[bytes, list[Event]] = defaultdict(list)
        for row in rows:
            thread, epoch, seq = row["thread"], row["epoch"], row["seq"]
            event = (row["signature"], row["ordinal"], row["kind"], json.loads(row["payload"]))
            found[thread].append(event)
            assert seq == len(found[thread]), f"{seq} after {len(found[thread]) - 1}"
            before = self._told.setdefault((thread, epoch, seq), event)
            assert before == event, f"({epoch}, {seq}) was told otherwise before"
        assert found == events_upto(self._chain, through), f"events at {through}"
        heads = await ask.fetch("SELECT thread, seq FROM chain.thread_heads")
        assert {row[0]: row[1] for row in heads} == {t: len(e) for t, e in found.items()}, "heads"

    async def _accounts(self, ask: asyncpg.Connection[Any], through: int) -> None:
        """As of the watermark or later; none is missing."""
        chain = self._chain
        rows = await ask.fetch("SELECT pubkey, slot, data, lamports FROM chain.accounts")
        there = {row["pubkey"]: row for row in rows}
        for pubkey, row in there.items():
            slot = int(row["slot"])
            state = (row["data"], int(row["lamports"]))
            possible = [(w.data, w.lamports) for w in chain.during(pubkey, slot)]
            data = chain.at(pubkey, slot)
            lamports = 0 if data is None else chain.lamports(pubkey, slot)
            assert state == (data, lamports) or state in possible, f"{pubkey.hex()} at {slot}"
            now = chain.at(pubkey, max(slot, through))
            assert slot > through or row["data"] == now, f"{pubkey.hex()} is older than {through}"
        missing = [
            pubkey.hex()
            for pubkey in chain.states
            if pubkey not in there
            and chain.at(pubkey, through) is not None
            and all(data is not None for slot, data in chain.states[pubkey] if slot > through)
        ]
        assert not missing, f"accounts missing at {through}: {missing}"


def events_upto(chain: Played, through: int) -> dict[bytes, list[Event]]:
    """Every thread's events, in chain order."""
    found: dict[bytes, list[Event]] = defaultdict(list)
    for told in chain.upto(through):
        for event in told.events:
            found[event.thread].append((event.signature, event.ordinal, event.kind, event.payload))
    return found


class WatchedWriter(Writer):
    """A writer whose reader looks after each of its commits."""

    reader: Reader


def _watch(name: str) -> None:
    async def commit(self: WatchedWriter, *args: Any, **more: Any) -> Any:
        result = await getattr(super(WatchedWriter, self), name)(*args, **more)
        await self.reader.look()
        return result

    setattr(WatchedWriter, name, commit)


for _name in vars(Writer):
    if _name.startswith(("apply_", "begin", "end_")):
        _watch(_name)
