"""Comparing the mirror with the chain, account by account, and putting right what differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.accounts import Thread
from choir.clock import Clock, SystemClock
from choir.errors import DecodeError
from choir.rpc import Rpc
from choir_indexer.decode import decode_update
from choir_indexer.delta import Delta
from choir_indexer.model import AccountUpdate
from choir_indexer.sources import Source
from choir_indexer.store.errors import MirrorError
from choir_indexer.store.writer import Writer

__all__ = ["Difference", "Report", "ShortVault", "read_vaults", "reconcile", "short_vaults"]

What = Literal["missing", "extra", "different"]
PAGE = 5000
PAIRS_PER_CALL = 50  # a thread and its vault, in one answer of one slot
AMOUNT_AT = 64  # of a token account: mint, owner, amount u64
WAIT_S = 30.0
STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Difference:
    """An account that the mirror lacks, should not have, or has otherwise than the chain."""

    pubkey: str
    what: What


@dataclass(frozen=True, slots=True)
class ShortVault:
    """A thread whose vault holds less than its books say, base units."""

    thread: str
    owed: int
    held: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a comparison at `slot` found. `behind` says that the watermark had not reached the
    slot, so that differences may be only late."""

    slot: int
    watermark: int
    behind: bool
    accounts: int
    transactions: int
    differences: tuple[Difference, ...]
    missing_transactions: tuple[str, ...]
    short_vaults: tuple[ShortVault, ...]
    repaired: int

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong, or nothing is wrong any more."""
        left = len(self.differences) - self.repaired
        return not (left or self.missing_transactions or self.short_vaults or self.behind)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"ok": self.clean, **asdict(self)}


async def reconcile(
    source: Source, writer: Writer, rpc: Rpc, *, repair: bool, clock: Clock | None = None
) -> Report:
    """Compare a whole snapshot with the mirror, transactions by their signatures, and vaults.

    Works beside a running indexer. Repairs are ordinary guarded writes of what the snapshot
    says; missing transactions cannot be repaired, since the events after them are numbered.

    Args:
        source: the chain.
        writer: a writer, with or without the lease.
        rpc: the same chain, for token accounts.
        repair: write what differs.
        clock: waits for a running indexer to reach the snapshot's slot.

    Raises:
        MirrorError: the mirror is empty.
        SourceError: the chain cannot be read.
    """
    clock = clock or SystemClock()
    frontier = await source.frontier()
    async with source.snapshot(at_least=frontier.slot) as snapshot:
        listed = [update async for part in snapshot.parts for update in part]
    deadline = clock.monotonic() + WAIT_S
    while True:
        mark = await writer.mark()
        if mark is None:
            raise MirrorError("the mirror is empty; run: choir-indexer run")
        if mark.slot >= snapshot.slot or clock.monotonic() >= deadline:
            break
        if not await writer.followed():
            break  # nobody is on the way there
        await clock.sleep(STEP_S)
    chain = {update.pubkey: update for update in listed}
    differing: list[tuple[Difference, AccountUpdate]] = []
    version = max((update.write_version for update in listed), default=0)
    seen: set[bytes] = set()
    async for pubkey, slot, data in writer.accounts(PAGE):
        seen.add(pubkey)
        there = chain.get(pubkey)
        if slot > snapshot.slot or (there is None and data is None):
            continue
        if there is None:
            gone = AccountUpdate(pubkey, snapshot.slot, version, None)
            differing.append((_difference(pubkey, "extra"), gone))
        elif data != there.data:
            differing.append(
                (_difference(pubkey, "missing" if data is None else "different"), there)
            )
    differing += [
        (_difference(pubkey, "missing"), update)
        for pubkey, update in chain.items()
        if pubkey not in seen
    ]
    if repair and differing:
        updates = (update for _, update in differing)
        await writer.apply_snapshot(Delta.of(accounts=map(decode_update, updates)))
    # what is older than the mirror's history is known to be missing, and so is what is retired
    begins = max(mark.history_slot or 1, (mark.retired_slot or 0) + 1)
    refs = await source.signatures(begins - 1, min(mark.slot, frontier.slot))
    unknown = await writer.unknown([ref.signature for ref in refs])
    if unknown:  # asked for afterwards, so that what was retired meanwhile is not missing
        now = await writer.mark()
        retired = 0 if now is None else now.retired_slot or 0
        kept = {ref.signature for ref in refs if ref.slot > retired}
        unknown = [signature for signature in unknown if signature in kept]
    return Report(
        slot=snapshot.slot,
        watermark=mark.slot,
        behind=mark.slot < snapshot.slot,
        accounts=len(chain),
        transactions=len(refs),
        differences=tuple(difference for difference, _ in differing),
        missing_transactions=tuple(str(Signature(signature)) for signature in unknown),
        short_vaults=tuple(await short_vaults(rpc, listed)),
        repaired=len(differing) if repair else 0,
    )


async def short_vaults(rpc: Rpc, updates: Iterable[AccountUpdate]) -> list[ShortVault]:
    """Threads whose vault does not cover their balance and what they owe.

    Each thread is read again together with its vault, so that both are of one slot.
    """
    threads: list[tuple[Pubkey, Pubkey]] = []
    for update in updates:
        try:
            thread = Thread.decode(update.data or b"")
        except DecodeError:
            continue
        threads.append((Pubkey(update.pubkey), thread.vault))
    return [
        ShortVault(str(Pubkey(pubkey)), owed, held)
        for pubkey, owed, held in await read_vaults(rpc, threads)
        if held < owed
    ]


async def read_vaults(
    rpc: Rpc, threads: Sequence[tuple[Pubkey, Pubkey]]
) -> list[tuple[bytes, int, int]]:
    """Of each thread and its vault, read in one answer: the thread, what it owes and what the
    vault holds, base units. Threads that are gone are left out."""
    found = []
    for start in range(0, len(threads), PAIRS_PER_CALL):
        part = threads[start : start + PAIRS_PER_CALL]
        answer = await rpc.get_accounts([key for pair in part for key in pair])
        for (pubkey, _), account, vault in zip(
            part, answer.value[::2], answer.value[1::2], strict=True
        ):
            if account is None:
                continue
            thread = Thread.decode(account.data)
            held = 0
            if vault is not None and len(vault.data) >= AMOUNT_AT + 8:
                held = int.from_bytes(vault.data[AMOUNT_AT : AMOUNT_AT + 8], "little")
            found.append((bytes(pubkey), thread.balance + thread.total_claimable, held))
    return found


def _difference(pubkey: bytes, what: What) -> Difference:
    return Difference(str(Pubkey(pubkey)), what)
