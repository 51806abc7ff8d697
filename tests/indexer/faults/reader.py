"""A reader who trusts the watermark, and looks after every commit."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from typing import Any

import asyncpg
from tests.indexer.faults.history import Branch, Played, Told

from choir_indexer.store.merge import KINDS
from choir_indexer.store.writer import Writer

__all__ = ["Reader", "WatchedWriter"]

Event = tuple[bytes, int, str, Any]
Ref = tuple[bytes, int]

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
        self._final = 0
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

    async def run(self, statement: str, *args: Any) -> None:
        """Run a statement, between two looks: a connection does one thing at a time."""
        async with self._looking:
            await (await self.connection()).execute(statement, *args)

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
        mark = await ask.fetchrow("SELECT slot, snapshot_slot, finalized_slot FROM chain.watermark")
        if mark is None:
            return
        through, final = int(mark["slot"]), int(mark["finalized_slot"] or 0)
        chain = self._chain
        assert through >= self._mark or chain.forks, f"the watermark went back to {through}"
        assert final >= self._final, f"what was final to {self._final} is to {final}"
        assert final <= chain.final_at(chain.slot), f"{final} is not final"
        self._mark, self._final = through, final
        transactions = await self._transactions(ask)
        events = await self._events(ask)
        rows = await ask.fetch("SELECT pubkey, slot, data, lamports FROM chain.accounts")
        absences = await ask.fetch("SELECT slot, unnest(pubkeys) FROM chain.absences")
        absent = {(row[1], int(row[0])) for row in absences}
        complaints = []
        # where the mirror has not heard of a fork yet, it holds what was the chain before
        for branch in (chain.branch, *reversed(chain.left)):
            found = _transactions_differ(branch, transactions, through)
            found = found or _events_differ(branch, events, through)
            if not found and mark["snapshot_slot"] is not None:
                found = self._accounts_differ(branch, rows, absent, through)
            if not found:
                break
            complaints.append(found)
        else:
            raise AssertionError("; on the branch before that: ".join(complaints))
        stands = [each for each in transactions if each[1] <= final]
        assert stands == _refs(chain.branch.upto(final)), f"what is final at {final}"
        assert not await ask.fetch(TYPED_APART), "typed rows apart from raw ones"

    async def _transactions(self, ask: asyncpg.Connection[Any]) -> list[Ref]:
        rows = await ask.fetch(
            "SELECT signature, slot FROM chain.transactions ORDER BY slot, position"
        )
        return [(row[0], int(row[1])) for row in rows]

    async def _events(self, ask: asyncpg.Connection[Any]) -> dict[bytes, list[Event]]:
        """Each thread's events, of one epoch, numbered without a gap, and never told otherwise
        than before."""
        rows = await ask.fetch(
            "SELECT thread, epoch, seq, signature, ordinal, kind, payload"
            " FROM chain.thread_events ORDER BY thread, epoch, seq"
        )
        found: dict[bytes, list[Event]] = defaultdict(list)
        heads: dict[bytes, tuple[int, int]] = {}
        for row in rows:
            thread, epoch, seq = row["thread"], row["epoch"], row["seq"]
            event = (row["signature"], row["ordinal"], row["kind"], json.loads(row["payload"]))
            found[thread].append(event)
            assert seq == len(found[thread]), f"{seq} after {len(found[thread]) - 1}"
            assert heads.get(thread, (epoch, 0))[0] == epoch, "two epochs in one sequence"
            heads[thread] = (epoch, seq)
            before = self._told.setdefault((thread, epoch, seq), event)
            assert before == event, f"({epoch}, {seq}) was told otherwise before"
        told = await ask.fetch("SELECT thread, epoch, seq FROM chain.thread_heads")
        assert {row[0]: (row[1], row[2]) for row in told if row[2]} == heads, "heads"
        return dict(found)

    def _accounts_differ(
        self,
        branch: Branch,
        rows: Sequence[asyncpg.Record],
        absent: Set[Ref],
        through: int,
    ) -> str:
        """Rows as of the watermark or later, and none missing. A later row, and an absence on
        record, may be of any branch: it is looked at again when the watermark gets there."""
        branches = (branch, self._chain.branch, *self._chain.left)
        there = {
            pubkey
            for pubkey, slot in absent
            if slot > through and any(each.state(pubkey, slot)[0] is None for each in branches)
        }
        for row in rows:
            pubkey, slot, state = (
                row["pubkey"],
                int(row["slot"]),
                (row["data"], int(row["lamports"])),
            )
            there.add(pubkey)
            if slot <= through:
                if state not in (branch.state(pubkey, slot), *branch.within(pubkey, slot)):
                    return f"{pubkey.hex()} is not what it was at {slot}"
                if state[0] != branch.state(pubkey, through)[0]:
                    return f"{pubkey.hex()} of {slot} is older than {through}"
            elif not any(
                state in (each.state(pubkey, slot), *each.within(pubkey, slot)) for each in branches
            ):
                return f"{pubkey.hex()} never was like that at {slot}"
        missing = [
            pubkey.hex()
            for pubkey in branch.written
            if pubkey not in there and branch.lives_through(pubkey, through)
        ]
        return f"accounts missing at {through}: {missing}" if missing else ""


def _refs(told: Sequence[Told]) -> list[Ref]:
    return [(each.ref.signature, each.ref.slot) for each in told]


def _transactions_differ(branch: Branch, transactions: list[Ref], through: int) -> str:
    wanted = _refs(branch.upto(through))
    if transactions == wanted:
        return ""
    few, many = set(wanted) - set(transactions), set(transactions) - set(wanted)
    return (
        f"transactions at {through} are not the chain's: lacks {_slots(few)}, has {_slots(many)}"
        f" beside it, of branch to {branch.transactions[-1].ref.slot if branch.transactions else 0}"
    )


def _slots(refs: Iterable[Ref]) -> list[str]:
    return [
        f"{signature.hex()[:8]} of {slot}" for signature, slot in sorted(refs, key=lambda r: r[1])
    ]


def _events_differ(branch: Branch, events: dict[bytes, list[Event]], through: int) -> str:
    wanted: dict[bytes, list[Event]] = defaultdict(list)
    for told in branch.upto(through):
        for each in told.events:
            wanted[each.thread].append((each.signature, each.ordinal, each.kind, each.payload))
    return "" if events == wanted else f"events at {through} are not the chain's"


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
    if _name.startswith(("apply_", "begin", "end_", "roll_back")):
        _watch(_name)
