"""A source over any node's JSON-RPC: history by signatures, accounts by asking, hints by pub/sub.

Methods: https://solana.com/docs/rpc
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    aclosing,
    asynccontextmanager,
    closing,
)
from functools import partial
from itertools import groupby, islice
from typing import Any, TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.clock import Clock, SystemClock
from choir.errors import (
    DecodeError,
    MethodNotServed,
    NodeBehind,
    RateLimited,
    RpcError,
    RpcUnreachable,
)
from choir.events import Initialized, decode_event
from choir.ids import PROGRAM_ID
from choir.rpc import Commitment, Rpc, account_from_json
from choir_indexer.model import (
    FETCHED,
    U64_MAX,
    AccountUpdate,
    Frontier,
    HistoryBatch,
    RawTransaction,
    SignatureRef,
)
from choir_indexer.sources.listing import Listed, listed, updates_of
from choir_indexer.sources.port import (
    Feed,
    MissingTransaction,
    NotListed,
    NotServed,
    Pruned,
    Snapshot,
    SourceError,
)
from choir_indexer.sources.pubsub import PubSubFeed
from choir_indexer.sources.walked import Row, Walked, signature_of
from choir_indexer.transactions import event_data, from_json, name_of

__all__ = ["RpcSource"]

T = TypeVar("T")
FIRST_PAGE = 100  # most sweeps find a handful
PAGE = 1000  # the most a node lists at once
FIRST_BATCH = 128
ACCOUNTS_PER_CALL = 100
ATTEMPTS = 6
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
PART_BYTES = 512 << 10  # of a listing of accounts: about a thousand
BLOCKS_PER_CALL = 500_000
ANNOUNCED_LIMIT = 100_000
LOOK = 100  # transactions looked through for the program's first event


class RpcSource:
    """One node.

    Args:
        rpc: its HTTP side.
        ws_url: its pub/sub side.
        program: whose accounts and transactions.
        commitment: what announcements are taken at, and what `frontier` and everything else is
            asked at; with "processed", which no node lists, all but announcements are confirmed.
        clock: waits between attempts, and numbers answers.
        batch: transactions in a batch of history, about, and fewer in its first; slots are never
            split.
        concurrency: requests under way at once.
        together: transactions asked for in one request, until the node refuses that.
        retried: called whenever the node has to be asked again.
    """

    def __init__(
        self,
        rpc: Rpc,
        ws_url: str,
        *,
        program: Pubkey = PROGRAM_ID,
        commitment: Commitment = "confirmed",
        clock: Clock | None = None,
        batch: int = 512,
        concurrency: int = 8,
        together: int = 8,
        retried: Callable[[], None] = lambda: None,
    ) -> None:
        self._rpc = rpc
        self._ws_url = ws_url
        self._program = program
        self._announced_at: Commitment = commitment
        self._commitment: Commitment = "confirmed" if commitment == "processed" else commitment
        self._clock = clock or SystemClock()
        self._batch = batch
        self._concurrency = concurrency
        self._together = together
        self._retried = retried
        self._slots = asyncio.Semaphore(concurrency)
        self._last_fetch = 0
        # announced but not yet found in history, by signature
        self._announced: dict[bytes, int] = {}

    async def genesis_hash(self) -> str:
        """Which chain this is."""
        return str(await self._again(self._rpc.get_genesis_hash))

    async def program_missing(self) -> str | None:
        """Why the program cannot be followed here."""
        answer = await self._again(
            lambda: self._rpc.get_account(self._program, commitment=self._commitment)
        )
        if answer.value is None:
            return f"program {self._program} is not on this chain"
        if not answer.value.executable:
            return f"{self._program} is an account, not a program"
        return None

    def feed(self, *, after: int | None = None) -> AbstractAsyncContextManager[Feed]:
        """Program accounts, logs that mention the program, and slots; from now on."""
        return PubSubFeed(
            self._ws_url, self._program, commitment=self._announced_at, announce=self.announce
        )

    async def frontier(self) -> Frontier:
        """The newest slot at the commitment, and the newest final one."""
        slot, final = await asyncio.gather(
            self._again(lambda: self._rpc.get_slot(commitment=self._commitment)),
            self._again(lambda: self._rpc.get_slot(commitment="finalized")),
        )
        return Frontier(slot, min(final, slot))

    async def history(
        self,
        after: int,
        through: int,
        *,
        overlap: int = 0,
        anchor: SignatureRef | None = None,
    ) -> AsyncGenerator[HistoryBatch, None]:
        """By `getSignaturesForAddress`, newest first, then `getTransaction`, oldest first.

        Raises:
            NotListed: the list lacks a transaction that was announced, or the anchor.
            Pruned: the list ends too early, and nothing proves that this is the beginning.
            MissingTransaction: a listed transaction is not to be had.
            SourceError: the node's list is out of order, or the node does not answer.
        """
        floor = max(after - overlap, -1)
        with closing(await self._walk(floor, through)) as walked:
            rechecked_after, begins = floor, None
            if walked.oldest is None or walked.oldest[0] > floor:
                first, begins = await self._beginning(walked, after, through, anchor)
                rechecked_after = max(floor, min(first, after))
            since = max(floor, (begins or 0) - 1)
            await self._find_announced(walked, after, through)
            recheck = tuple(walked.refs(since, after))
            begin = after
            for refs, last in _whole_slots(walked.refs(max(since, after), through), self._batch):
                end = through if last else refs[-1].slot
                transactions = tuple(await self._transactions(refs))
                if begin == after:
                    yield HistoryBatch(begin, end, transactions, recheck, rechecked_after, begins)
                else:
                    yield HistoryBatch(begin, end, transactions)
                begin = end
        self._announced = {s: slot for s, slot in self._announced.items() if slot > through}

    async def signatures(
        self, after: int, through: int
    ) -> AsyncGenerator[Sequence[tuple[bytes, int]], None]:
        """By `getSignaturesForAddress`; as far back as the node lists them."""
        async for page in self._pages(after, through):
            yield [(signature_of(text), slot) for slot, text in page if after < slot <= through]

    async def accounts(self, pubkeys: Collection[bytes], *, at_least: int) -> list[AccountUpdate]:
        """By `getMultipleAccounts`; each answer carries its own slot."""
        ordered = sorted(pubkeys)
        chunks = [
            ordered[start : start + ACCOUNTS_PER_CALL]
            for start in range(0, len(ordered), ACCOUNTS_PER_CALL)
        ]
        found = await asyncio.gather(*(self._accounts(chunk, at_least) for chunk in chunks))
        return [update for part in found for update in part]

    async def blocks(self, slots: Collection[int]) -> set[int]:
        """By `getBlocks`.

        Raises:
            Pruned: the node has no block of a slot so old that it may have forgotten it.
        """
        there: set[int] = set()
        for start, end in _ranges(slots, BLOCKS_PER_CALL):
            # one that is behind must not answer for slots it has not heard of
            options = {"commitment": self._commitment, "minContextSlot": end}
            answer = await self._again(
                partial(self._rpc.request, "getBlocks", [start, end, options])
            )
            if not isinstance(answer, list) or not all(isinstance(slot, int) for slot in answer):
                raise SourceError("the node's list of blocks cannot be read")
            there |= {slot for slot in answer if slot in slots}
        missing = set(slots) - there
        if missing:
            first = await self._first_block()
            if first is None or min(missing) < first:
                raise Pruned(
                    f"the node does not say whether slot {min(missing)} has a block: its blocks"
                    f" begin at slot {'?' if first is None else first}"
                )
        return there

    @asynccontextmanager
    async def snapshot(self, *, at_least: int, final: bool = False) -> AsyncIterator[Snapshot]:
        """By `getProgramAccounts`, read as it arrives.

        Raises:
            SourceError: the node answered for an older slot than `at_least`.
        """
        version = self._fetch_number()
        async with AsyncExitStack() as opened:
            slot, first, more = await self._again(lambda: self._listing(opened, final))
            if slot < at_least:
                raise SourceError(f"the node answered for slot {slot}, older than slot {at_least}")
            yield Snapshot(slot, self._parts(slot, version, first, more))

    async def _listing(
        self, opened: AsyncExitStack, final: bool
    ) -> tuple[int, Sequence[Mapping[str, Any]], AsyncIterator[Listed]]:
        """Ask for every account; the slot, the first of them, and the rest, to be had as long as
        `opened` is."""
        commitment = "finalized" if final else self._commitment
        options = {"encoding": "base64", "commitment": commitment, "withContext": True}
        async with AsyncExitStack() as opening:
            pieces = await opening.enter_async_context(
                self._rpc.stream("getProgramAccounts", [str(self._program), options])
            )
            parts = await opening.enter_async_context(
                aclosing(listed(pieces, part_bytes=PART_BYTES))
            )
            slot, first = await anext(parts)
            await opened.enter_async_context(opening.pop_all())
        return slot, first, parts

    async def _parts(
        self,
        slot: int,
        version: int,
        first: Sequence[Mapping[str, Any]],
        more: AsyncIterator[Listed],
    ) -> AsyncIterator[list[AccountUpdate]]:
        try:
            yield await updates_of(first, slot, version)
            async for _, items in more:
                yield await updates_of(items, slot, version)
        except (RpcError, KeyError, TypeError, ValueError) as error:
            raise SourceError(f"the node's list of accounts cannot be read: {error}") from error

    async def close(self) -> None:
        """Close the HTTP side."""
        await self._rpc.aclose()

    def announce(self, signature: bytes, slot: int) -> None:
        """History through this slot must list this transaction, or is not believed."""
        # what is only processed may never be confirmed, and then nobody lists it
        if self._announced_at != "processed" and len(self._announced) < ANNOUNCED_LIMIT:
            self._announced[signature] = slot

    async def _find_announced(self, walked: Walked, after: int, through: int) -> None:
        """Raise NotListed for a transaction that was announced in a slot which is still there;
        forget those whose slot went with its fork."""
        missing = {s: slot for s, slot in self._announced.items() if after < slot <= through}
        for signature in walked.holds(missing):
            del missing[signature]
        there = await self.blocks(set(missing.values())) if missing else set()
        for signature, slot in missing.items():
            if slot in there:
                raise NotListed(
                    f"transaction {Signature(signature)} was announced in slot {slot}, but the"
                    " node's history does not list it (yet)"
                )
            del self._announced[signature]

    async def _walk(self, floor: int, through: int) -> Walked:
        """List backwards from the newest to a slot at `floor`, or to an empty page.

        A short page is not the end; and an empty one is only what this node has to say.
        """
        with ExitStack() as failing:
            walked = failing.enter_context(closing(Walked()))
            async for page in self._pages(floor, through):
                walked.extend(page)
            failing.pop_all()
        return walked

    async def _pages(self, floor: int, through: int) -> AsyncGenerator[list[Row], None]:
        """The list's rows, newest first, to one at `floor` or to an empty page."""
        last: Row | None = None
        while True:
            first = last is None
            page = await self._page(last and last[1], FIRST_PAGE if first else PAGE, through)
            for row in page:
                if last is not None and row[0] > last[0]:
                    raise SourceError(f"the node lists slot {row[0]} after slot {last[0]}")
                last = row
            if not page:
                return
            yield page
            if page[-1][0] <= floor:
                return

    async def _beginning(
        self, walked: Walked, after: int, through: int, anchor: SignatureRef | None
    ) -> tuple[int, int | None]:
        """Where a walk that ran out is complete from: the slot after which nothing is missing, and
        None when that proves everything after `after`; otherwise, for a new mirror only, the slot
        that its history begins with.

        Raises:
            NotListed: the node should have the anchor, and does not list it.
            Pruned: something after `after` may be missing.
        """
        oldest = through if walked.oldest is None else walked.oldest[0]
        if anchor is not None and walked.holds([anchor.signature]):
            return oldest, None
        # whoever does not know `before` answers with an empty page too: ask for the last row
        # again, so that the end is said by one that has it
        if walked.oldest is not None:
            before = walked.before_oldest
            page = await self._page(None if before is None else before[1], PAGE, through)
            if not page or page[-1][1] != walked.oldest[1]:
                raise Pruned(
                    f"the node's list of transactions broke off at slot {oldest};"
                    " asked again, it does not end there"
                )
        first = await self._first_block()
        if anchor is not None and (first is None or anchor.slot >= first):
            raise NotListed(
                f"transaction {Signature(anchor.signature)} of slot {anchor.slot} is in the mirror,"
                " but the node's history does not list it"
            )
        if first is not None and first <= after + 1:
            return min(oldest, first - 1), None
        begins = through + 1
        if walked.oldest is not None or first is not None:
            begins = min(max(0 if walked.oldest is None else oldest, first or 0), through + 1)
        if after > 0:
            if await self._initialized(walked):
                return -1, None
            raise Pruned(
                f"the node's history begins at slot {begins}; slots {after + 1} to {begins - 1}"
                " are missing"
            )
        return oldest, begins

    async def _first_block(self) -> int | None:
        """The oldest slot whose block the node has, None when it does not say."""
        for method in ("getFirstAvailableBlock", "minimumLedgerSlot"):
            try:
                answer = await self._again(partial(self._rpc.request, method, []))
            except NotServed:
                continue
            if isinstance(answer, bool) or not isinstance(answer, int):
                raise SourceError(f"the node's answer to {method} is not a slot")
            return answer
        return None

    async def _initialized(self, walked: Walked) -> bool:
        """Whether the oldest events that are listed are the program's first: it is initialized
        once, and before that nothing it does succeeds."""
        for ref in islice(walked.refs(-1, U64_MAX), LOOK):
            try:
                raw = await self._transaction(ref)
                events = [decode_event(data) for data in event_data(raw, program=self._program)]
            except DecodeError:
                return False
            if events:
                return any(isinstance(event, Initialized) for event in events)
        return False

    async def _page(self, before: str | None, limit: int, at_least: int) -> list[Row]:
        options: dict[str, Any] = {
            "limit": limit,
            "commitment": self._commitment,
            "minContextSlot": at_least,
        }
        if before is not None:
            options["before"] = before
        page = await self._again(
            lambda: self._rpc.request("getSignaturesForAddress", [str(self._program), options])
        )
        try:
            rows = [(int(row["slot"]), str(row["signature"])) for row in page]
        except (KeyError, TypeError, ValueError):
            raise SourceError("the node's list of signatures cannot be read") from None
        if rows and not 0 <= min(rows)[0] <= max(rows)[0] <= U64_MAX:
            raise SourceError("the node lists a slot that is none")
        return rows

    async def _transactions(self, refs: Sequence[SignatureRef]) -> list[RawTransaction]:
        """All of them, some asked for at once; a task for each would cost more than reading it."""
        size = self._together
        left = deque(range(0, len(refs), size))
        found: dict[int, list[RawTransaction]] = {}

        async def work() -> None:
            while left:
                start = left.popleft()
                found[start] = await self._several(refs[start : start + size])

        try:
            await asyncio.gather(*(work() for _ in range(min(self._concurrency, len(left)))))
        finally:
            left.clear()  # where one fails the others have nothing more to ask
        return [raw for start in range(0, len(refs), size) for raw in found[start]]

    async def _several(self, refs: Sequence[SignatureRef]) -> list[RawTransaction]:
        """In one request; one by one what the node does not give so, and all from now on when it
        does not answer such requests."""
        answers: Sequence[Any] = [None] * len(refs)
        if 1 < len(refs) <= self._together:
            ask = partial(
                self._rpc.request_many, "getTransaction", [self._asking(ref) for ref in refs]
            )
            try:
                async with self._slots:
                    answers = await ask()
            except NodeBehind:
                pass
            except RateLimited as error:
                self._together = 1
                self._retried()
                await self._clock.sleep(min(error.retry_after or FIRST_DELAY_S, LONGEST_DELAY_S))
            except RpcError as error:
                if not isinstance(error, RpcUnreachable) or error.code is not None:
                    self._together = 1
        read = [
            None if answer is None else from_json(ref, answer, program=self._program)
            for ref, answer in zip(refs, answers, strict=True)
        ]
        return [raw or await self._transaction(ref) for ref, raw in zip(refs, read, strict=True)]

    def _asking(self, ref: SignatureRef) -> list[Any]:
        """What `getTransaction` is asked with."""
        options = {
            "encoding": "json",
            "commitment": self._commitment,
            "maxSupportedTransactionVersion": 0,
        }
        return [name_of(ref), options]

    async def _transaction(self, ref: SignatureRef) -> RawTransaction:
        ask = partial(self._rpc.request, "getTransaction", self._asking(ref))
        delay = FIRST_DELAY_S
        for attempt in range(ATTEMPTS):
            async with self._slots:
                answer = await self._again(ask)
            if answer is not None:
                return from_json(ref, answer, program=self._program)
            if attempt + 1 < ATTEMPTS:
                self._retried()
                await self._clock.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_S)
        raise MissingTransaction(
            f"the node lists transaction {name_of(ref)} of slot {ref.slot}, but does not have it"
        )

    async def _accounts(self, chunk: Sequence[bytes], at_least: int) -> list[AccountUpdate]:
        names = [str(Pubkey.from_bytes(pubkey)) for pubkey in chunk]
        options = {
            "encoding": "base64",
            "commitment": self._commitment,
            "minContextSlot": at_least,
        }
        async with self._slots:
            version = self._fetch_number()
            answer = await self._again(
                lambda: self._rpc.request("getMultipleAccounts", [names, options])
            )
        try:
            slot, values = int(answer["context"]["slot"]), answer["value"]
            accounts = [None if value is None else account_from_json(value) for value in values]
        except (KeyError, TypeError, ValueError, RpcError) as error:
            raise SourceError(f"the node's accounts cannot be read: {error}") from error
        if slot < at_least or len(accounts) != len(chunk):
            raise SourceError(
                f"the node answered {len(accounts)} of {len(chunk)} accounts for slot {slot};"
                f" slot {at_least} or later was asked for"
            )
        updates = []
        for pubkey, account in zip(chunk, accounts, strict=True):
            if account is not None and account.owner == self._program:
                updates.append(
                    AccountUpdate(
                        pubkey, slot, version, account.data, account.lamports, bytes(account.owner)
                    )
                )
            else:
                updates.append(AccountUpdate(pubkey, slot, version, None, certain=False))
        return updates

    def _fetch_number(self) -> int:
        """Greater each time, across restarts too: of two answers for one slot, the one that
        was asked for later is at least as new."""
        self._last_fetch = max(self._last_fetch + 1, int(self._clock.now() * 1_000_000))
        return FETCHED + self._last_fetch

    async def _again(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, and ask again while the node is busy, behind or away. Raises SourceError."""
        delay = FIRST_DELAY_S
        for attempt in range(ATTEMPTS):
            try:
                return await ask()
            except (RateLimited, NodeBehind, RpcUnreachable) as error:
                if attempt + 1 == ATTEMPTS:
                    raise SourceError(str(error)) from error
                self._retried()
                wait = getattr(error, "retry_after", None) or delay
                await self._clock.sleep(min(wait, LONGEST_DELAY_S))
                delay = min(2 * delay, LONGEST_DELAY_S)
            except MethodNotServed as error:
                raise NotServed(str(error)) from error
            except RpcError as error:
                raise SourceError(str(error)) from error
        raise AssertionError("unreachable")


def _ranges(slots: Collection[int], longest: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most `longest` slots that hold all of these."""
    start = end = -1
    for slot in sorted(slots):
        if start >= 0 and slot - start < longest:
            end = slot
            continue
        if start >= 0:
            yield start, end
        start = end = slot
    if start >= 0:
        yield start, end


def _whole_slots(
    refs: Iterator[SignatureRef], most: int
) -> Iterator[tuple[list[SignatureRef], bool]]:
    """Runs that never split a slot, at least one, and whether one is the last: of about
    `FIRST_BATCH`, so that there soon is something to commit, and twice as many each time until
    it is `most`."""
    batch: list[SignatureRef] = []
    size = min(FIRST_BATCH, most)
    for _, same in groupby(refs, key=lambda ref: ref.slot):
        if len(batch) >= size:
            yield batch, False
            batch, size = [], min(2 * size, most)
        batch += same
    yield batch, True
