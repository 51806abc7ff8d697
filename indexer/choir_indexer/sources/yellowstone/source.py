"""A source over Yellowstone gRPC: the stream for what happens, a node for everything before it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass

from solders.pubkey import Pubkey

from choir.clock import Clock, SystemClock
from choir.ids import PROGRAM_ID
from choir.rpc import Commitment
from choir_indexer.model import AccountUpdate, Frontier, HistoryBatch, SignatureRef
from choir_indexer.sources.port import Feed, Snapshot, SourceError
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.sources.yellowstone.chain import Block, Links, StreamedChain, whole_slots
from choir_indexer.sources.yellowstone.metrics import StreamMetrics
from choir_indexer.sources.yellowstone.stream import Endpoint, Stream

__all__ = ["YellowstoneSource"]

LIMIT = 50_000
WAITS = 8
WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class _Given:
    """A batch that came from the stream: the state of accounts at its end, as far as known."""

    through: int
    states: dict[bytes, AccountUpdate]


class YellowstoneSource:
    """A stream, and a node of the same chain.

    The frontier is the newest slot that the stream has proven. History comes from the stream as
    far back as that proof goes, and from the node before; so does an account that a transaction
    could write to and that the stream did not carry, and the snapshot.

    Args:
        endpoint: the stream's server.
        node: the node; closed with this.
        program: whose accounts and transactions.
        commitment: what the stream is asked at; the node's must be the same.
        batch: transactions in a batch of history, about; slots are never split.
        limit: transactions and accounts that may wait for the mirror before the stream is paused.
        clock: paces pings and waits.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        node: RpcSource,
        *,
        program: Pubkey = PROGRAM_ID,
        commitment: Commitment = "confirmed",
        batch: int = 512,
        limit: int = LIMIT,
        clock: Clock | None = None,
        metrics: StreamMetrics | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._node = node
        self._program = program
        self._commitment: Commitment = commitment
        self._batch = batch
        self._limit = limit
        self._clock = clock or SystemClock()
        self._metrics = metrics or StreamMetrics()
        self._links = Links()
        self._finalized = 0
        self._stream: Stream | None = None
        self._given: _Given | None = None
        self._audited = 0
        self._joined = False
        self._genesis: str | None = None

    async def genesis_hash(self) -> str:
        """Which chain the node is of."""
        found = await self._node.genesis_hash()
        if self._genesis not in (None, found):
            self._links.clear()
            self._finalized = 0
        self._genesis = found
        return found

    async def program_missing(self) -> str | None:
        """Why the program cannot be followed there."""
        return await self._node.program_missing()

    def feed(self, *, after: int | None = None) -> AbstractAsyncContextManager[Feed]:
        """Subscribe, with a replay of what came after a slot if the server has it."""
        return self._feed(after)

    @asynccontextmanager
    async def _feed(self, after: int | None) -> AsyncIterator[Feed]:
        chain = StreamedChain(self._program, self._links, self._finalized)
        chain.given = after or 0
        self._links.forget_after(chain.given)  # what was not written is given again
        self._joined = chain.given in self._links
        stream = Stream(
            self._endpoint,
            chain,
            program=self._program,
            commitment=self._commitment,
            from_slot=after or None,
            limit=self._limit,
            clock=self._clock,
            metrics=self._metrics,
        )
        async with stream:
            self._stream = stream
            try:
                yield stream
            finally:
                self._stream = self._given = None
                self._finalized = chain.finalized

    async def frontier(self) -> Frontier:
        """As far as the stream has proven the chain, or the node's newest slot before it has
        begun to."""
        chain = self._chain()
        if chain is None or chain.head is None:
            frontier = await self._node.frontier()
            if chain is not None:
                chain.finalized = max(chain.finalized, frontier.finalized)
            return frontier
        if chain.finalized == 0:
            chain.finalized = (await self._node.frontier()).finalized
        return Frontier(chain.head, min(chain.finalized, chain.head))

    async def history(
        self,
        after: int,
        through: int,
        *,
        overlap: int = 0,
        anchor: SignatureRef | None = None,
    ) -> AsyncGenerator[HistoryBatch, None]:
        """From the stream what it has proven, from the node what is before.

        Raises:
            Forked: what the stream gave no longer stands.
            SourceError: as the node's history.
        """
        begin = after
        while begin < through:
            chain = self._chain()
            proven = chain is not None and chain.head is not None and through <= chain.head
            base = chain.held_after if chain is not None and proven else None
            if base is not None and not self._joined:
                # what was written before this stream began is on the chain that it shows, or has
                # to be compared with the node's, as far back as it is not final
                self._joined = True
                base = None
            if chain is not None:
                chain.given = begin
                for signature, slot in chain.announced:
                    self._node.announce(signature, slot)
                chain.announced.clear()
            self._given = None
            if base is None or base > begin:
                end = through if base is None else min(base, through)
                listed = self._node.history(begin, end, overlap=overlap, anchor=anchor)
                async with aclosing(listed):
                    async for batch in listed:
                        if chain is not None:
                            chain.given = batch.through
                        yield batch
                        self._took(batch.through)
                self._audited = begin = end
                continue
            async for batch in self._streamed(begin, through, overlap, anchor):
                yield batch
                self._took(batch.through)
                begin = batch.through

    async def _streamed(
        self, after: int, through: int, overlap: int, anchor: SignatureRef | None
    ) -> AsyncGenerator[HistoryBatch, None]:
        """The proven part. Ends early when the proof does."""
        chain = self._chain()
        assert chain is not None
        recheck, rechecked_after = await self._audit(after, overlap, anchor)
        late, chain.late = tuple(chain.late), []
        begin = after
        if chain.held_after is None or chain.held_after > after:
            return  # while the node was asked
        runs = whole_slots(chain.between(after, through), self._batch)
        for number, run in enumerate(runs):
            end = through if number == len(runs) - 1 else run[-1].slot
            transactions = tuple(each for block in run for each in block.transactions)
            self._given = _Given(end, _states(run))
            chain.given = end
            yield HistoryBatch(begin, end, transactions, (*recheck, *late), rechecked_after)
            recheck, late, rechecked_after, begin = (), (), None, end

    async def _audit(
        self, after: int, overlap: int, anchor: SignatureRef | None
    ) -> tuple[tuple[SignatureRef, ...], int | None]:
        """Every `overlap` slots, what the node lists of the last ones: the stream's proof rests
        on what its server promises, and this is held against it."""
        since = after - self._audited
        if not overlap or since < overlap:
            return (), None
        self._audited = after
        looking_back = self._node.history(after, after, overlap=since, anchor=anchor)
        async with aclosing(looking_back):
            async for batch in looking_back:
                return batch.recheck, batch.rechecked_after
        return (), None

    def signatures(
        self, after: int, through: int
    ) -> AsyncGenerator[Sequence[tuple[bytes, int]], None]:
        """The node's list."""
        return self._node.signatures(after, through)

    async def accounts(self, pubkeys: Collection[bytes], *, at_least: int) -> list[AccountUpdate]:
        """From the stream, for the batch that was given last; what it does not carry, and every
        other question, from the node."""
        given, chain = self._given, self._chain()
        if given is None or given.through != at_least or chain is None:
            return await self._node.accounts(pubkeys, at_least=at_least)
        found = [given.states[key] for key in pubkeys if key in given.states]
        doubtful, chain.doubtful = chain.doubtful, set()
        ask = {key for key in pubkeys if key not in given.states} | doubtful
        if ask:
            self._metrics.asked.inc(len(ask))
            found += await self._node.accounts(ask, at_least=at_least)
        return found

    async def blocks(self, slots: Collection[int]) -> set[int]:
        """What the stream has proven says for itself; of other slots the node is asked."""
        chain = self._chain()
        if chain is None or chain.base is None or chain.head is None:
            return await self._node.blocks(slots)
        begins = max(chain.base, self._links.oldest() or 0)
        proven = {slot for slot in slots if begins <= slot <= chain.head}
        there = {slot for slot in proven if slot in self._links}
        other = set(slots) - proven
        return there | await self._node.blocks(other) if other else there

    @asynccontextmanager
    async def snapshot(self, *, at_least: int, final: bool = False) -> AsyncIterator[Snapshot]:
        """The node's, once it has come as far as the stream."""
        for _ in range(WAITS):
            frontier = await self._node.frontier()
            if (frontier.finalized if final else frontier.slot) >= at_least:
                break
            await self._clock.sleep(WAIT_S)
        else:
            raise SourceError(f"the node has not reached slot {at_least}, where the stream is")
        async with self._node.snapshot(at_least=at_least, final=final) as snapshot:
            yield snapshot

    async def close(self) -> None:
        """Close the node's side; the stream ends with its feed."""
        await self._node.close()

    def _chain(self) -> StreamedChain | None:
        if self._stream is None or self._stream.ended:
            return None
        self._stream.check()
        return self._stream.chain

    def _took(self, through: int) -> None:
        if self._stream is not None:
            self._stream.took(through)


def _states(run: list[Block]) -> dict[bytes, AccountUpdate]:
    """Of each account the newest state; none of one that a later slot touched without telling."""
    states: dict[bytes, AccountUpdate] = {}
    for block in run:
        for transaction in block.transactions:
            if transaction.error is None:
                for key in transaction.writable:
                    states.pop(key, None)
        states |= block.states
    return states
