"""A node that plays a history over JSON-RPC, and the real RPC source on it."""

# ruff: noqa: N802 - the methods have the names of the requests they answer

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import base58
from solders.pubkey import Pubkey
from tests.indexer.faults.history import Played
from tests.indexer.faults.plan import Plan
from tests.indexer.synthetic import MemoryFeed

from choir.clock import Clock
from choir.errors import NodeBehind
from choir.ids import PROGRAM_ID
from choir.rpc import JsonRpc
from choir_indexer.model import Hint, SignatureSeen
from choir_indexer.sources import Feed, SourceLost
from choir_indexer.sources.rpc import RpcSource

__all__ = ["PlayedNode", "PlayedSource"]

Options = Mapping[str, Any]
PAGES = (3, 12, 1000)
"""How many transactions a node lists at once at most."""


class PlayedNode(JsonRpc):
    """Answers as a node at the newest slot, or at an older one, or not at all.

    Args:
        chain: what there is.
        plan: what goes wrong.

    `announced` is what the source has heard of: only that may be missing from a list, for a node
    that does not list what nobody heard of cannot be told from an honest one.
    """

    def __init__(self, chain: Played, plan: Plan) -> None:
        self.chain = chain
        self.plan = plan
        self._page = plan.dice.choice(PAGES)
        self.announced: Callable[[], Container[bytes]] = tuple

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        await asyncio.sleep(0)
        self.plan.request(method)
        answers: Callable[..., Any] = getattr(self, f"_{method}")
        return answers(*params)

    def _slot(self, options: Options) -> int:
        slot = self.chain.block_before(self.chain.slot - self.plan.lag())
        wanted = options.get("minContextSlot", 0)
        if slot < wanted:
            raise NodeBehind(f"slot {wanted} has not been reached", slots_behind=wanted - slot)
        return slot

    def _getGenesisHash(self) -> str:
        return self.chain.genesis

    def _getFirstAvailableBlock(self) -> int:
        return 0

    def _getBlocks(self, start: int, end: int, options: Options) -> list[int]:
        slot = self._slot(options)
        return [each for each in self.chain.blocks if start <= each <= min(end, slot)]

    def _getSlot(self, options: Options) -> int:
        slot = self._slot(options)
        return slot if options["commitment"] == "confirmed" else self.chain.final_at(slot)

    def _getAccountInfo(self, address: str, options: Options) -> Any:
        assert address == str(PROGRAM_ID)
        account = _account(b"", 1, owner=Pubkey.default(), executable=True)
        return {"context": {"slot": self._slot(options)}, "value": account}

    def _getSignaturesForAddress(self, address: str, options: Options) -> list[dict[str, Any]]:
        slot = self._slot(options)
        told = [t for t in reversed(self.chain.transactions) if t.ref.slot <= slot]
        rows = [(t.ref.slot, t.ref.signature) for t in told]
        if "before" in options:
            before = base58.b58decode(options["before"])
            known = [signature for _, signature in rows]
            rows = rows[known.index(before) + 1 :] if before in known else []
            if rows and self.plan.hits("list breaks off"):
                rows = []
        elif self._unlisted(rows) and self.plan.hits("list lacks newest"):
            rows = rows[self._unlisted(rows) :]
        limit = min(options["limit"], self._page)
        if len(rows) > 1 and self.plan.hits("short page"):
            limit = min(limit, self.plan.dice.randint(2, len(rows)))  # N2' of docs/indexer.md
        return [
            {"slot": when, "signature": base58.b58encode(signature).decode(), "err": None}
            for when, signature in rows[:limit]
        ]

    def _unlisted(self, rows: Sequence[tuple[int, bytes]]) -> int:
        """How many of the newest a list may lack."""
        for number, (_, signature) in enumerate(rows):
            if signature not in self.announced():
                return number
        return len(rows)

    def _getTransaction(self, name: str, options: Options) -> Any:
        slot = self._slot(options)
        signature = base58.b58decode(name)
        found = [t for t in self.chain.transactions if t.ref.signature == signature]
        if not found or found[0].ref.slot > slot or self.plan.hits("null transaction"):
            return None
        if len(self.chain.transactions) > 1 and self.plan.hits("another transaction"):
            return self.plan.dice.choice(self.chain.transactions).json()
        return found[0].json()

    def _older(self, slot: int, least: int) -> int:
        """A slot that a node may answer for just as well."""
        older = [block for block in self.chain.blocks if least <= block < slot]
        if older and self.plan.hits("older answer"):
            return self.plan.dice.choice(older)
        return slot

    def _getMultipleAccounts(self, names: list[str], options: Options) -> Any:
        slot = self._older(self._slot(options), options["minContextSlot"])
        values = [self._at(base58.b58decode(name), slot) for name in names]
        return {"context": {"slot": slot}, "value": values}

    def _getProgramAccounts(self, program: str, options: Options) -> Any:
        slot = self._older(self._slot(options), 0)
        if options["commitment"] == "finalized":
            slot = self.chain.final_at(slot)
        found = []
        for pubkey in self.chain.states:
            account = self._at(pubkey, slot)
            if account is not None:
                found.append({"pubkey": str(Pubkey(pubkey)), "account": account})
        return {"context": {"slot": slot}, "value": found}

    def _at(self, pubkey: bytes, slot: int) -> dict[str, Any] | None:
        data = self.chain.at(pubkey, slot)
        if data is None:
            return None
        return _account(data, self.chain.lamports(pubkey, slot), owner=PROGRAM_ID)


def _account(
    data: bytes, lamports: int, *, owner: Pubkey, executable: bool = False
) -> dict[str, Any]:
    return {
        "lamports": lamports,
        "owner": str(owner),
        "executable": executable,
        "data": [base64.b64encode(data).decode(), "base64"],
    }


class PlayedSource(RpcSource):
    """The real source on such a node; only its announcements come without a socket.

    `idle` is set while the mirror waits for announcements and none are left.
    """

    def __init__(self, node: PlayedNode, clock: Clock, *, batch: int) -> None:
        super().__init__(node, "ws://nowhere", clock=clock, batch=batch, concurrency=2)
        self.node = node
        node.announced = lambda: self._announced
        self.idle = asyncio.Event()

    def feed(self, *, after: int | None = None) -> AbstractAsyncContextManager[Feed]:
        return self._opened()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Feed]:
        if self.node.plan.hits("cut"):
            raise SourceLost("nobody there")
        feed = MemoryFeed(self.node.plan.announced, self.idle, self._take_in)
        self.node.chain.listeners.append(feed.put)
        try:
            yield feed
        finally:
            self.node.chain.listeners.remove(feed.put)

    def _take_in(self, hints: Sequence[Hint]) -> None:
        """What the pub/sub does with what arrives."""
        for hint in hints:
            if isinstance(hint, SignatureSeen):
                self.announce(hint.signature, hint.slot)
