"""The source over JSON-RPC: what a node may do, and what must never come of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import base58
import pytest
from solders.signature import Signature
from tests.indexer.borsh import encode
from tests.indexer.synthetic import Ran, key

from choir.errors import MethodNotServed, NodeBehind, RateLimited, RpcError, RpcUnreachable
from choir.ids import PROGRAM_ID
from choir.rpc import JsonRpc
from choir.testing import ManualClock
from choir_indexer.model import FETCHED, HistoryBatch, SignatureRef
from choir_indexer.sources import MissingTransaction, NotListed, Pruned, SourceError
from choir_indexer.sources.pubsub import PubSubFeed
from choir_indexer.sources.rpc import FIRST_PAGE, PAGE, RpcSource


class Node(JsonRpc):
    """A node with a history of (slot, count of transactions), newest slot last."""

    def __init__(self, *slots: tuple[int, int]) -> None:
        self.history: list[dict[str, Any]] = [
            {"slot": slot, "signature": str(_signature(slot, n)), "err": None}
            for slot, count in slots
            for n in range(count)
        ]
        self.asked: list[tuple[str, list[Any]]] = []
        self.failures: list[RpcError] = []
        self.batches: list[int] = []
        self.refusals: list[RpcError] = []  # of batches
        self.forgotten: set[str] = set()
        self.slot = slots[-1][0] if slots else 0
        self.first: int | None = 0  # the oldest block kept; None: does not say
        self.forgets_before = False  # as one that never saw the transaction named in `before`
        self.initialized = ""
        self.eventless: set[str] = set()
        self.listing: list[bytes] = []
        self.dropped: set[int] = set()

    def prune(self, first: int) -> None:
        """Keep the slots from `first` on."""
        self.first = first
        self.history = [row for row in self.history if row["slot"] >= first]

    async def request_many(self, method: str, params: Sequence[Sequence[Any]]) -> list[Any]:
        self.batches.append(len(params))
        if self.refusals:
            raise self.refusals.pop()
        return await super().request_many(method, params)

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        self.asked.append((method, list(params)))
        if self.failures:
            raise self.failures.pop()
        return getattr(self, method)(*params)

    def getSlot(self, options: dict[str, Any]) -> int:  # noqa: N802
        return self.slot if options["commitment"] == "confirmed" else self.slot - 32

    def getSignaturesForAddress(  # noqa: N802
        self, address: str, options: dict[str, Any]
    ) -> list[dict[str, Any]]:
        assert address == str(PROGRAM_ID)
        newest_first = self.history[::-1]
        if "before" in options and self.forgets_before:
            return []
        if "before" in options:
            names = [row["signature"] for row in newest_first]
            newest_first = newest_first[names.index(options["before"]) + 1 :]
        return newest_first[: options["limit"]]

    def getTransaction(self, name: str, options: dict[str, Any]) -> Any:  # noqa: N802
        if name in self.forgotten:
            return None
        event = encode("Initialized" if name == self.initialized else "Deposited")
        signature = bytes(Signature.from_string(name))
        events = () if name in self.eventless else (event,)
        slot = next(row["slot"] for row in self.history if row["signature"] == name)
        return Ran(SignatureRef(signature, slot, 0), {}, events).json()

    def getBlocks(self, start: int, end: int, options: dict[str, Any]) -> list[int]:  # noqa: N802
        assert options["minContextSlot"] == end
        first = max(start, self.first or 0)
        return [slot for slot in range(first, end + 1) if slot not in self.dropped]

    def getFirstAvailableBlock(self) -> int:  # noqa: N802
        if self.first is None:
            raise MethodNotServed("getFirstAvailableBlock is not served", code=-32601)
        return self.first

    minimumLedgerSlot = getFirstAvailableBlock  # noqa: N815

    def getMultipleAccounts(  # noqa: N802
        self, names: list[str], options: dict[str, Any]
    ) -> dict[str, Any]:
        account = {
            "lamports": 1, "owner": str(PROGRAM_ID), "executable": False, "data": ["AA==", "base64"]
        }  # fmt: skip
        other = {**account, "owner": "11111111111111111111111111111111"}
        values = [account, other, None] * len(names)
        return {"context": {"slot": self.slot}, "value": values[: len(names)]}

    def getProgramAccounts(  # noqa: N802
        self, program: str, options: dict[str, Any]
    ) -> dict[str, Any]:
        assert options["withContext"]
        account = {"lamports": 1, "owner": program, "executable": False, "data": ["AA==", "base64"]}
        value = [
            {"account": account, "pubkey": base58.b58encode(pubkey).decode()}
            for pubkey in self.listing
        ]
        return {"context": {"slot": self.slot}, "value": value}


def _signature(slot: int, n: int) -> Signature:
    return Signature(hashlib.sha512(f"{slot}.{n}".encode()).digest())


def _source(node: Node, **options: Any) -> tuple[RpcSource, ManualClock]:
    clock = ManualClock()
    return RpcSource(node, "ws://nowhere", clock=clock, **options), clock


async def _history(source: RpcSource, *args: int, **options: Any) -> list[HistoryBatch]:
    return [batch async for batch in source.history(*args, **options)]


async def test_history_is_whole_slots_in_chain_order() -> None:
    node = Node((1, 2), (4, 5), (5, 1), (9, 3), (12, 1))
    source, _ = _source(node, batch=3)
    batches = await _history(source, 1, 10, overlap=5)
    assert [(b.after, b.through) for b in batches] == [(1, 4), (4, 10)]
    refs = [t.ref for b in batches for t in b.transactions]
    assert [(r.slot, r.position) for r in refs] == [
        (4, 0), (4, 1), (4, 2), (4, 3), (4, 4), (5, 0), (9, 0), (9, 1), (9, 2)
    ]  # fmt: skip
    assert [r.signature for r in refs] == [bytes(_signature(r.slot, r.position)) for r in refs]
    assert [r.slot for r in batches[0].recheck] == [1, 1]
    assert batches[1].recheck == ()


async def test_a_long_history_begins_with_a_small_batch() -> None:
    node = Node(*((slot, 8) for slot in range(1, 101)))
    source, _ = _source(node, batch=512)
    batches = await _history(source, 0, 100)
    assert [len(batch.transactions) for batch in batches] == [128, 256, 416]
    source, _ = _source(node, batch=300)
    batches = await _history(source, 0, 100)
    assert [len(batch.transactions) for batch in batches] == [128, 256, 304, 112]


async def test_slots_without_transactions_are_history_too() -> None:
    source, _ = _source(Node())
    assert await _history(source, 3, 8) == [HistoryBatch(3, 8, (), (), 3)]


async def test_a_long_history_is_read_to_its_very_end() -> None:
    total = FIRST_PAGE + 2 * PAGE + 7
    node = Node(*((slot, 1) for slot in range(1, total + 1)))
    source, _ = _source(node)
    listed = [row async for page in source.signatures(0, total) for row in page]
    assert listed == [(bytes(_signature(slot, 0)), slot) for slot in range(total, 0, -1)]
    assert all(params[1]["minContextSlot"] == total for _, params in node.asked)


def _anchor(slot: int) -> SignatureRef:
    return SignatureRef(bytes(_signature(slot, 0)), slot, 0)


HUNDREDS = tuple((slot, 1) for slot in range(100, 1001, 100))


@pytest.mark.parametrize("first", [800, None])
@pytest.mark.parametrize("anchor", [_anchor(100), None])
async def test_history_that_the_node_has_pruned_is_a_gap(
    first: int | None, anchor: SignatureRef | None
) -> None:
    node = Node(*HUNDREDS)
    node.prune(800)
    node.first = first
    source, _ = _source(node)
    with pytest.raises((Pruned, NotListed), match=r"slots 101 to 799 are missing|of slot 100 is"):
        await _history(source, 100, 1000, overlap=64, anchor=anchor)


async def test_one_behind_a_balancer_that_does_not_know_before_is_no_end() -> None:
    node = Node(*HUNDREDS)
    node.history = node.history[-3:]  # one full page of what another would go on with
    node.forgets_before = True
    source, _ = _source(node)
    with pytest.raises(Pruned, match="broke off at slot 800"):
        await _history(source, 100, 1000)
    with pytest.raises(Pruned, match="broke off at slot 800"):
        await _history(source, 0, 1000)


async def test_a_quiet_program_on_a_pruned_node_is_followed_on() -> None:
    node = Node(*HUNDREDS)
    node.prune(800)
    source, _ = _source(node)
    [batch] = await _history(source, 799, 1000, overlap=64, anchor=_anchor(700))
    assert [t.ref.slot for t in batch.transactions] == [800, 900, 1000]
    assert batch.begins is None
    [batch] = await _history(source, 950, 1000, overlap=64, anchor=_anchor(900))
    assert [t.ref.slot for t in batch.transactions] == [1000]


async def test_the_newest_that_the_mirror_has_must_be_listed() -> None:
    node = Node(*HUNDREDS)
    del node.history[3:]  # forgot its newest, or never heard of them
    source, _ = _source(node)
    with pytest.raises(NotListed, match=f"{_signature(900, 0)} of slot 900 is in the mirror"):
        await _history(source, 950, 1000, overlap=1000, anchor=_anchor(900))


async def test_a_new_mirror_says_where_its_history_begins() -> None:
    node = Node(*HUNDREDS)
    node.prune(750)
    source, _ = _source(node)
    [batch] = await _history(source, 0, 1000)
    assert (batch.begins, [t.ref.slot for t in batch.transactions]) == (800, [800, 900, 1000])
    node.prune(850)
    node.history[:0] = [{"slot": 700, "signature": str(_signature(700, 0)), "err": None}]
    [batch] = await _history(source, 0, 1000)
    assert (batch.begins, [t.ref.slot for t in batch.transactions]) == (850, [900, 1000])
    empty = Node()
    for first, begins in ((300, 300), (None, 1001), (1, None)):
        empty.first = first
        source, _ = _source(empty)
        assert [b.begins for b in await _history(source, 0, 1000)] == [begins]


async def test_the_first_event_proves_that_no_event_is_missing() -> None:
    node = Node(*HUNDREDS)
    node.prune(300)
    node.eventless = {str(_signature(300, 0))}  # the deployment
    source, _ = _source(node)
    with pytest.raises(Pruned):
        await _history(source, 50, 1000)
    node.initialized = str(_signature(400, 0))
    [batch] = await _history(source, 50, 1000)
    assert (batch.begins, len(batch.transactions)) == (None, 8)


async def test_an_announced_transaction_must_be_listed() -> None:
    node = Node((1, 1), (2, 1))
    source, _ = _source(node)
    source.announce(bytes(_signature(2, 7)), 2)
    with pytest.raises(NotListed, match=str(_signature(2, 7))):
        await _history(source, 0, 2)
    node.history.append({"slot": 2, "signature": str(_signature(2, 7)), "err": None})
    assert len(await _history(source, 0, 2)) == 1


async def test_an_announced_transaction_may_have_gone_with_its_slot() -> None:
    node = Node((1, 1), (3, 1))
    source, _ = _source(node)
    source.announce(bytes(_signature(2, 7)), 2)
    node.dropped = {2}
    assert len(await _history(source, 0, 3)) == 1
    node.dropped = set()  # it is not asked for again
    assert len(await _history(source, 0, 3)) == 1


async def test_a_list_is_compared_as_far_back_as_it_is_whole() -> None:
    node = Node((7, 1))
    source, _ = _source(node)
    [batch] = await _history(source, 5, 8, overlap=3)
    assert batch.rechecked_after == 2  # nothing listed there, and the node has those blocks
    node.prune(5)
    [batch] = await _history(source, 5, 8, overlap=3)
    assert batch.rechecked_after == 4
    [batch] = await _history(source, 7, 8, overlap=7, anchor=_anchor(7))
    assert batch.rechecked_after == 7


async def test_blocks_are_those_the_node_has() -> None:
    node = Node((9, 1))
    node.dropped = {4, 5, 900_000}
    source, _ = _source(node)
    assert await source.blocks([]) == set()
    assert await source.blocks([2, 4, 5, 8, 900_000, 900_001]) == {2, 8, 900_001}
    assert [params[:2] for method, params in node.asked if method == "getBlocks"] == [
        [2, 8], [900_000, 900_001]
    ]  # fmt: skip
    node.prune(5)
    with pytest.raises(Pruned, match=r"whether slot 4 has a block: its blocks begin at slot 5"):
        await source.blocks([4, 8])
    node.first = None
    assert await source.blocks([8]) == {8}


async def test_what_is_only_processed_is_announced_and_not_asked_for() -> None:
    node = Node((1, 1), (2, 1))
    source, _ = _source(node, commitment="processed")
    feed = source.feed()
    assert isinstance(feed, PubSubFeed)
    assert feed._commitment == "processed"
    source.announce(bytes(_signature(2, 7)), 2)  # may never be confirmed
    await source.frontier()
    assert len(await _history(source, 0, 2)) == 1
    await source.accounts([key("a")], at_least=2)
    await source.blocks([1])
    asked = {params[-1]["commitment"] for method, params in node.asked if params}
    assert asked == {"confirmed", "finalized"}


async def test_transactions_are_asked_for_together() -> None:
    node = Node((10, 7), (20, 4))
    source, _ = _source(node, together=4)
    [batch] = await _history(source, 0, 20)
    assert [t.ref.position for t in batch.transactions] == [*range(7), *range(4)]
    assert node.batches == [4, 4, 3]


@pytest.mark.parametrize(
    ("refusal", "for_good"),
    [
        (RateLimited("too many"), True),
        (RpcError("no batches here", code=-32600), True),
        (RpcUnreachable("it answers HTML", code=413), True),
        (RpcUnreachable("nobody there"), False),
        (NodeBehind("not yet", slots_behind=1), False),
    ],
)
async def test_a_node_that_refuses_to_be_asked_so_is_asked_one_by_one(
    refusal: RpcError, for_good: bool
) -> None:
    node = Node((10, 5))
    node.refusals = [refusal]
    source, _ = _source(node, together=4, concurrency=1)
    for _ in range(2):
        [batch] = await _history(source, 0, 10)
        assert len(batch.transactions) == 5
    assert node.batches == ([4] if for_good else [4, 4])


async def test_a_node_that_says_how_long_to_wait_is_left_alone_for_so_long() -> None:
    node = Node((10, 5))
    node.refusals = [RateLimited("too many", retry_after=2.5)]
    source, clock = _source(node, together=5, concurrency=1)
    await _history(source, 0, 10)
    assert clock.slept == [2.5]


async def test_what_is_listed_and_no_signature_is_said() -> None:
    node = Node((10, 2))
    node.history[0]["signature"] = "not base58!"
    source, _ = _source(node)
    with pytest.raises(SourceError, match="'not base58!', which is no signature"):
        async for _page in source.signatures(0, 10):
            pass


async def test_one_that_is_not_given_together_is_asked_for_alone() -> None:
    node = Node((10, 3))
    late = node.history[1]["signature"]
    node.forgotten.add(late)
    source, clock = _source(node, together=3)
    clock.on_sleep = lambda _: node.forgotten.clear()
    [batch] = await _history(source, 0, 10)
    assert [t.ref.position for t in batch.transactions] == [0, 1, 2]
    assert sum(late in params for method, params in node.asked if method == "getTransaction") > 1


async def test_a_listed_transaction_must_be_given() -> None:
    node = Node((1, 1), (2, 1))
    node.forgotten.add(str(_signature(2, 0)))
    source, clock = _source(node)
    with pytest.raises(MissingTransaction, match=f"{_signature(2, 0)} of slot 2"):
        await _history(source, 0, 2)
    assert len(clock.slept) > 3


async def test_a_list_out_of_order_is_not_believed() -> None:
    node = Node((5, 1), (2, 1))
    source, _ = _source(node)
    with pytest.raises(SourceError, match="lists slot 5 after slot 2"):
        await _history(source, 0, 5)


async def test_a_busy_node_is_asked_again_after_what_it_said() -> None:
    node = Node((1, 1))
    node.failures = [NodeBehind("behind"), RateLimited("slow down", retry_after=2.5)]
    asked: list[int] = []
    source, clock = _source(node, retried=lambda: asked.append(1))
    assert (await source.frontier()).slot == 1
    assert clock.slept[0] == 2.5
    assert len(asked) == len(clock.slept) == 2
    node.failures = [RateLimited("slow down")] * 20
    with pytest.raises(SourceError, match="slow down"):
        await source.frontier()
    node.failures = [RpcError("no such thing")]
    with pytest.raises(SourceError, match="no such thing"):
        await source.frontier()


async def test_accounts_carry_the_slot_they_are_of() -> None:
    node = Node((7, 1))
    source, _ = _source(node)
    names = sorted(key(str(n)) for n in range(3))
    first = await source.accounts(names, at_least=7)
    assert [u.pubkey for u in first] == names
    assert [(u.slot, u.data, u.certain) for u in first] == [
        (7, b"\0", True),
        (7, None, False),
        (7, None, False),
    ]
    later = await source.accounts(names, at_least=7)
    assert FETCHED < first[0].write_version < later[0].write_version
    with pytest.raises(SourceError, match="slot 8 or later was asked for"):
        await source.accounts(names, at_least=8)


async def test_a_snapshot_carries_the_slot_it_is_of() -> None:
    node = Node((7, 1))
    source, _ = _source(node)
    node.listing = [key(str(n)) for n in range(3)]
    async with source.snapshot(at_least=7) as snapshot:
        updates = [update async for part in snapshot.parts for update in part]
    assert [(u.pubkey, u.slot, u.data) for u in updates] == [(k, 7, b"\0") for k in node.listing]
    with pytest.raises(SourceError, match="slot 7, older than slot 8"):
        async with source.snapshot(at_least=8):
            pass
    node.failures = [RateLimited("slow down", retry_after=2.5)]
    async with source.snapshot(at_least=7) as snapshot:
        assert snapshot.slot == 7


async def test_a_snapshot_that_cannot_be_read_to_its_end_raises() -> None:
    node = Node((7, 1))
    source, _ = _source(node)
    node.listing = [b"short"]
    async with source.snapshot(at_least=7) as snapshot:
        with pytest.raises(SourceError, match="list of accounts cannot be read"):
            [update async for part in snapshot.parts for update in part]
