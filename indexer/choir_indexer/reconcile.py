"""Comparing the mirror with the chain, account by account, and putting right what differs.

The chain's list of accounts goes to a temporary table as digests while it arrives, and the database
compares; so a long one takes no memory here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.accounts import Thread
from choir.clock import Clock, SystemClock
from choir.errors import DecodeError
from choir.rpc import Rpc
from choir_indexer.decode import decode_update
from choir_indexer.delta import Delta
from choir_indexer.sources import Snapshot, Source
from choir_indexer.store.errors import MirrorError
from choir_indexer.store.writer import Mark, Writer

__all__ = ["Difference", "Report", "ShortVault", "read_vaults", "reconcile"]

What = Literal["missing", "extra", "different"]
PAIRS_PER_CALL = 50  # a thread and its vault, in one answer of one slot
AMOUNT_AT = 64  # of a token account: mint, owner, amount u64
WAIT_S = 30.0
STEP_S = 0.2

_LISTED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS listed (pubkey bytea NOT NULL, digest bytea NOT NULL);
    TRUNCATE listed
"""
# Rows newer than the list at $1 say nothing about it. A node may list an account twice.
_DIFFERING: Final = """
    SELECT DISTINCT pubkey,
           CASE WHEN l.pubkey IS NULL THEN 'extra' WHEN a.data IS NULL THEN 'missing'
                ELSE 'different' END AS what
    FROM chain.accounts a FULL JOIN listed l USING (pubkey)
    WHERE (a.slot IS NULL OR a.slot <= $1) AND sha256(a.data) IS DISTINCT FROM l.digest
    ORDER BY pubkey
"""


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

    Works beside a running indexer. Repairs are ordinary guarded writes of what the accounts are
    now; missing transactions cannot be repaired, since the events after them are numbered.

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
        accounts, threads = await _list(writer, snapshot)
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
    differing = await writer.connection.fetch(_DIFFERING, snapshot.slot)
    if repair and differing:
        pubkeys = [row["pubkey"] for row in differing]
        updates = await source.accounts(pubkeys, at_least=snapshot.slot)
        await writer.apply_accounts(Delta.of(accounts=map(decode_update, updates)))
    listed, missing = await _missing_transactions(source, writer, mark, frontier.slot)
    return Report(
        slot=snapshot.slot,
        watermark=mark.slot,
        behind=mark.slot < snapshot.slot,
        accounts=accounts,
        transactions=listed,
        differences=tuple(Difference(str(Pubkey(row["pubkey"])), row["what"]) for row in differing),
        missing_transactions=tuple(missing),
        short_vaults=tuple(
            ShortVault(str(Pubkey(pubkey)), owed, held)
            for pubkey, owed, held in await read_vaults(rpc, threads)
            if held < owed
        ),
        repaired=len(differing) if repair else 0,
    )


async def _list(writer: Writer, snapshot: Snapshot) -> tuple[int, list[tuple[Pubkey, Pubkey]]]:
    """Take down what is listed; how many accounts there are, and the threads with their vaults."""
    count, threads = 0, []
    await writer.connection.execute(_LISTED)
    async for part in snapshot.parts:
        rows = []
        for update in part:
            data = update.data or b""
            rows.append((update.pubkey, sha256(data).digest()))
            if data.startswith(Thread.DISCRIMINATOR):
                try:
                    threads.append((Pubkey(update.pubkey), Thread.decode(data).vault))
                except DecodeError:
                    continue  # the mirror keeps it as a dead letter
        await writer.connection.copy_records_to_table("listed", records=rows)
        count += len(rows)
    return count, threads


async def _missing_transactions(
    source: Source, writer: Writer, mark: Mark, through: int
) -> tuple[int, list[str]]:
    """How many transactions the chain lists to the watermark at most, and which the mirror lacks
    of them."""
    # what is older than the mirror's history is known to be missing, and so is what is retired
    begins = max(mark.history_slot or 1, (mark.retired_slot or 0) + 1)
    count, unknown = 0, dict[bytes, int]()
    async with aclosing(source.signatures(begins - 1, min(mark.slot, through))) as pages:
        async for page in pages:
            slots = dict(page)
            count += len(slots)
            unknown |= {name: slots[name] for name in await writer.unknown(slots)}
    if unknown:  # asked for afterwards, so that what was retired meanwhile is not missing
        now = await writer.mark()
        retired = 0 if now is None else now.retired_slot or 0
        unknown = {name: slot for name, slot in unknown.items() if slot > retired}
    oldest_first = sorted(unknown, key=lambda name: unknown[name])
    return count, [str(Signature(name)) for name in oldest_first]


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
