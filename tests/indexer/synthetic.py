"""A chain that exists in memory, as a source: what it holds is exact, how it tells is not.

`SyntheticChain` keeps slots of transactions and every account's state at every slot's end, so
that a test can compare the mirror with it. `SyntheticSource` gives it out through the port with
the faults a plan asks for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import base58
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.events import EVENT_INSTRUCTION
from choir.ids import PROGRAM_ID, event_authority_pda
from choir_indexer.model import (
    FETCHED,
    AccountUpdate,
    Frontier,
    Hint,
    HistoryBatch,
    SignatureRef,
    SignatureSeen,
    SlotSeen,
)
from choir_indexer.sources import Feed, Forked, Snapshot, SourceError
from choir_indexer.transactions import from_json

PAYER = bytes([7]) * 32
GENESIS = "11111111111111111111111111111111"


def key(name: str) -> bytes:
    """An address made from a name."""
    return hashlib.sha256(name.encode()).digest()


@dataclass(frozen=True)
class Ran:
    """A transaction on the chain: what it wrote (None closes), and its events as bytes."""

    ref: SignatureRef
    writes: dict[bytes, bytes | None]
    events: tuple[bytes, ...]
    error: Any = None

    def json(self) -> dict[str, Any]:
        """As `getTransaction` answers."""
        accounts = [PAYER, *self.writes, bytes(PROGRAM_ID), bytes(event_authority_pda())]
        names = [str(Pubkey(a)) for a in accounts]
        program = len(accounts) - 2
        call = {"programIdIndex": program, "accounts": [len(accounts) - 1], "stackHeight": 2}
        calls = [
            {**call, "data": base58.b58encode(EVENT_INSTRUCTION + event).decode()}
            for event in self.events
        ]
        return {
            "slot": self.ref.slot,
            "blockTime": 1_700_000_000 + self.ref.slot,
            "version": "legacy",
            "transaction": {
                "signatures": [str(Signature(self.ref.signature))],
                "message": {
                    "accountKeys": names,
                    "header": {
                        "numRequiredSignatures": 1,
                        "numReadonlySignedAccounts": 0,
                        "numReadonlyUnsignedAccounts": 2,
                    },
                    "instructions": [
                        {"programIdIndex": program, "accounts": [], "data": "", "stackHeight": 1}
                    ],
                    "recentBlockhash": GENESIS,
                },
            },
            "meta": {
                "err": self.error,
                "fee": 5000,
                "innerInstructions": [{"index": 0, "instructions": calls}] if calls else [],
                "loadedAddresses": {"writable": [], "readonly": []},
                "logMessages": [],
                "preBalances": [],
                "postBalances": [],
            },
        }


@dataclass
class SyntheticChain:
    """Slots from 1 on; `slot` is the newest closed one, `final` the newest that no fork drops:
    `finality` slots with a block are above it."""

    genesis: str = GENESIS
    slot: int = 0
    finality: int = 2
    final: int = 0
    blocks: list[int] = field(default_factory=list)
    transactions: list[Ran] = field(default_factory=list)
    states: dict[bytes, list[tuple[int, bytes | None]]] = field(default_factory=dict)
    listeners: list[Callable[[list[Hint]], None]] = field(default_factory=list)
    _made: int = 0
    _highest: int = 0
    fetches: int = 0
    forks: int = 0

    def close_slot(
        self, *transactions: tuple[dict[bytes, bytes | None], Sequence[bytes]], skip: int = 0
    ) -> int:
        """Run transactions (writes, events) in one slot and close it; returns the slot."""
        ran = []
        for writes, events in transactions:
            self._made += 1
            digest = hashlib.sha512(f"{self.genesis}{self._made}".encode()).digest()
            ran.append(Ran(SignatureRef(digest, 0, 0), dict(writes), tuple(events)))
        return self._close(ran, skip)

    def fork(self, depth: int, reland: Callable[[int], bool] = lambda _: False) -> int:
        """Drop the newest `depth` slots, as many as are not final; returns the slot gone back to.

        The transactions lost that `reland` takes, by number, run again in one slot of the new
        branch, whose slots have numbers that were not used before.
        """
        dropped = [slot for slot in self.blocks if slot > self.final][-depth:] if depth else []
        if not dropped:
            return self.slot
        self.forks += 1
        self.blocks = self.blocks[: -len(dropped)]
        self.slot = self.blocks[-1] if self.blocks else 0
        lost = [ran for ran in self.transactions if ran.ref.slot > self.slot]
        self.transactions = [ran for ran in self.transactions if ran.ref.slot <= self.slot]
        for pubkey, states in self.states.items():
            self.states[pubkey] = [state for state in states if state[0] <= self.slot]
        back = self.slot
        again = [ran for number, ran in enumerate(lost) if reland(number)]
        if again:
            self._close(again, 0)
        return back

    def _close(self, transactions: list[Ran], skip: int) -> int:
        self._highest = max(self._highest, self.slot) + 1 + skip
        self.slot = self._highest
        self.blocks.append(self.slot)
        written: dict[bytes, bytes | None] = {}
        hints: list[Hint] = [SlotSeen(self.slot)]
        for position, ran in enumerate(transactions):
            ref = SignatureRef(ran.ref.signature, self.slot, position)
            self.transactions.append(replace(ran, ref=ref))
            written |= ran.writes
            hints.append(SignatureSeen(ref.signature, self.slot))
        for number, (pubkey, data) in enumerate(written.items()):
            self.states.setdefault(pubkey, []).append((self.slot, data))
            if data is not None:  # a node does not announce what is closed
                hints.append(
                    AccountUpdate(pubkey, self.slot, number + 1, data, 1, bytes(PROGRAM_ID))
                )
        if len(self.blocks) > self.finality:
            self.final = max(self.final, self.blocks[-1 - self.finality])
        for listener in self.listeners:
            listener(hints)
        return self.slot

    def at(self, pubkey: bytes, slot: int) -> bytes | None:
        """An account's data at the end of `slot`."""
        found = None
        for when, data in self.states.get(pubkey, ()):
            if when <= slot:
                found = data
        return found

    def lamports(self, pubkey: bytes, slot: int) -> int:
        """What an account that is there holds."""
        return 1

    def final_at(self, slot: int) -> int:
        """The newest final slot when `slot` was the newest."""
        return min(self.final, slot)

    def block_before(self, slot: int) -> int:
        """The newest slot to `slot` that a node can answer for: one with a block."""
        return max((block for block in self.blocks if block <= slot), default=0)

    def live(self) -> dict[bytes, bytes]:
        """Every account there is now."""
        now = {pubkey: self.at(pubkey, self.slot) for pubkey in self.states}
        return {pubkey: data for pubkey, data in now.items() if data is not None}


class Faults:
    """What goes wrong; the plain one lets everything through."""

    def before(self, call: str) -> None:
        """Called before each request; may raise SourceError."""

    def announced(self, hints: list[Hint]) -> list[Hint] | SourceError:
        """What becomes of announcements: all, some, twice, in another order, the end, or word of
        a fork."""
        return hints

    def lag(self) -> int:
        """How many slots the node that answers is behind."""
        return 0


class SyntheticSource:
    """The chain through the port.

    `idle` is set whenever the mirror waits for announcements and none are left; `at_frontier` is
    awaited each time the mirror asks how far it may go.
    """

    def __init__(
        self,
        chain: SyntheticChain,
        faults: Faults | None = None,
        *,
        batch: int = 3,
        at_frontier: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.chain = chain
        self.faults = faults or Faults()
        self.batch = batch
        self.at_frontier = at_frontier
        self.idle = asyncio.Event()
        self.program_reason: str | None = None
        self.begins: int | None = None
        self.forks_seen = 0  # how many there had been when the mirror last asked how far it may go

    async def genesis_hash(self) -> str:
        return self.chain.genesis

    async def program_missing(self) -> str | None:
        self.faults.before("program")
        return self.program_reason

    @asynccontextmanager
    async def feed(self, *, after: int | None = None) -> AsyncIterator[Feed]:
        self.faults.before("feed")
        feed = MemoryFeed(lambda hints: self.faults.announced(hints), self.idle)
        self.chain.listeners.append(feed.put)
        try:
            yield feed
        finally:
            self.chain.listeners.remove(feed.put)

    async def frontier(self) -> Frontier:
        self.faults.before("frontier")
        if self.at_frontier is not None:
            await self.at_frontier()
        self.forks_seen = self.chain.forks
        slot = self.chain.block_before(self.chain.slot - self.faults.lag())
        return Frontier(slot, self.chain.final_at(slot))

    async def history(
        self,
        after: int,
        through: int,
        *,
        overlap: int = 0,
        anchor: SignatureRef | None = None,
    ) -> AsyncGenerator[HistoryBatch, None]:
        self.faults.before("list")
        since = max(after, (self.begins or 0) - 1)
        listed = [r for r in self.chain.transactions if since < r.ref.slot <= through]
        recheck = tuple(
            r.ref for r in self.chain.transactions if after - overlap < r.ref.slot <= after
        )
        begin = after
        while True:
            part = listed[: self.batch]
            while len(part) < len(listed) and listed[len(part)].ref.slot == part[-1].ref.slot:
                part = listed[: len(part) + 1]
            listed = listed[len(part) :]
            end = part[-1].ref.slot if listed else through
            self.faults.before("transactions")
            raws = tuple(from_json(r.ref, r.json()) for r in part)
            first = begin == after
            yield HistoryBatch(
                begin, end, raws, recheck, after - overlap if first else None,
                self.begins if first and after == 0 else None,
            )  # fmt: skip
            begin, recheck = end, ()
            if not listed:
                return

    async def signatures(
        self, after: int, through: int
    ) -> AsyncGenerator[Sequence[tuple[bytes, int]], None]:
        for ran in reversed(self.chain.transactions):
            if after < ran.ref.slot <= through:
                yield [(ran.ref.signature, ran.ref.slot)]

    async def accounts(self, pubkeys: Collection[bytes], *, at_least: int) -> list[AccountUpdate]:
        self.faults.before("accounts")
        # a node answers for any slot it has from the one asked for
        slot = self.chain.block_before(self.chain.slot - self.faults.lag())
        if slot < at_least:
            slot = self.chain.block_before(self.chain.slot)
        if slot < at_least:
            raise SourceError(f"the node has not reached slot {at_least}")
        return self._updates(pubkeys, slot)

    async def blocks(self, slots: Collection[int]) -> set[int]:
        self.faults.before("blocks")
        return set(slots) & set(self.chain.blocks)

    @asynccontextmanager
    async def snapshot(self, *, at_least: int, final: bool = False) -> AsyncIterator[Snapshot]:
        self.faults.before("snapshot")
        newest = self.chain.final if final else self.chain.slot
        slot = max(self.chain.block_before(newest - self.faults.lag()), at_least)
        there = [u for u in self._updates(self.chain.states, slot) if u.data is not None]

        async def parts() -> AsyncIterator[list[AccountUpdate]]:
            for start in range(0, len(there), self.batch):
                yield there[start : start + self.batch]
                self.faults.before("snapshot part")

        yield Snapshot(slot, parts())

    async def close(self) -> None:
        pass

    def _updates(self, pubkeys: Iterable[bytes], slot: int) -> list[AccountUpdate]:
        self.chain.fetches += 1
        version, owner = FETCHED + self.chain.fetches, bytes(PROGRAM_ID)
        found = []
        for pubkey in pubkeys:
            data = self.chain.at(pubkey, slot)
            if data is None:
                found.append(AccountUpdate(pubkey, slot, version, None, certain=False))
            else:
                lamports = self.chain.lamports(pubkey, slot)
                found.append(AccountUpdate(pubkey, slot, version, data, lamports, owner))
        return found


class MemoryFeed:
    """Announcements handed over in memory.

    Args:
        announced: what becomes of them on the way.
        idle: set while somebody waits for more and there are none.
        heard: told of those that arrive.
    """

    def __init__(
        self,
        announced: Callable[[list[Hint]], list[Hint] | SourceError],
        idle: asyncio.Event,
        heard: Callable[[Sequence[Hint]], None] | None = None,
    ) -> None:
        self._announced = announced
        self._idle = idle
        self._heard = heard
        self._hints: list[Hint] = []
        self._lost: SourceError | None = None
        self._wake = asyncio.Event()

    def put(self, hints: list[Hint]) -> None:
        """Announce."""
        left = self._announced(list(hints))
        if isinstance(left, SourceError):
            self._lost = left
        elif left:
            if self._heard is not None:
                self._heard(left)
            self._hints += left
        else:
            return
        self._idle.clear()
        self._wake.set()

    async def take(self) -> Sequence[Hint]:
        """As the port's feed."""
        while not self._hints:
            if isinstance(lost := self._lost, Forked):
                self._lost = None
            if lost is not None:
                raise lost
            self._idle.set()
            self._wake.clear()
            try:
                await self._wake.wait()
            finally:
                self._idle.clear()
        taken, self._hints = self._hints, []
        return taken


__all__ = [
    "Faults",
    "MemoryFeed",
    "Ran",
    "SourceError",
    "SyntheticChain",
    "SyntheticSource",
    "key",
]
