"""The one writer of schema ``chain``: holds the lease and turns deltas into transactions.

The lease is a session lock on the connection that writes, so that losing the connection is
losing the lease: whoever cannot write cannot believe it may.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import asyncpg
import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir_indexer.delta import DeadLetter, Delta, TransactionRow
from choir_indexer.model import FETCHED, SignatureRef
from choir_indexer.store import gaps, undo
from choir_indexer.store import merge as sql
from choir_indexer.store.connection import check_revision, connect, revision, take_lease
from choir_indexer.store.copying import Copier
from choir_indexer.store.errors import Incomplete, MirrorError
from choir_indexer.store.fresh import END_HISTORY, Head, Moved, copy_accounts, copy_transactions
from choir_indexer.store.gaps import GapRow
from choir_indexer.store.migrations import HEAD
from choir_indexer.store.staging import Staging

__all__ = [
    "LEASE",
    "Applied",
    "Identity",
    "Mark",
    "RolledBack",
    "StaleBatch",
    "Writer",
    "is_current",
]

# any constants will do, as long as nobody else in the database uses them
LEASE = 0x63686F69725F6978
THREAD_CHANNEL = "choir_thread"
OUTBOX_CHANNEL = "choir_outbox"


class StaleBatch(MirrorError):
    """The batch does not begin where the watermark stands; read it again and go on from there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which chain and program the mirror is of, and the number of its event sequences."""

    genesis_hash: str
    program_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The watermark: `slot` is complete; accounts not touched later are as of `snapshot_slot`
    or newer (None before the first snapshot); what the mirror has up to `finalized_slot`, which is
    never above `slot`, is final; transactions older than `history_slot` could not be had (None: all
    are here), and some up to `retired_slot` are no longer kept."""

    slot: int
    snapshot_slot: int | None
    finalized_slot: int | None
    history_slot: int | None = None
    retired_slot: int | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What one transaction changed."""

    transactions: int
    events: int
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a rollback withdrew; `epoch` is that of new sequences and of the threads in `heads`,
    which lost events."""

    epoch: int
    transactions: int
    events: int
    accounts: int
    heads: tuple[Head, ...]


class Writer:
    """One connection that holds the lease. Get one with :meth:`open`; use it in one task."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._copier = Copier(connection)
        self._staging = Staging(connection, self._copier)
        self._new: bool | None = None  # whether a snapshot's accounts are expected to be unknown

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        lease: bool = True,
        waiting: Callable[[], Awaitable[None]] | None = None,
    ) -> Self:
        """Connect and take the lease.

        Args:
            url: ``postgresql://`` URL.
            lease: False for a repair beside the worker: guarded account rows only, no history.
            waiting: called once when another worker holds the lease; afterwards this waits.

        Raises:
            DatabaseUnreachable: nothing answers there, or it refuses us.
            NotMigrated: schema ``chain`` is not there, or not at its newest revision.
        """
        connection = await connect(url)
        try:
            if lease:
                await take_lease(connection, LEASE, waiting)
            await check_revision(connection)
        except BaseException:
            connection.terminate()
            raise
        return cls(connection)

    @property
    def connection(self) -> asyncpg.Connection[Any]:
        """The connection that holds the lease, for the other modules of this package."""
        return self._connection

    async def close(self) -> None:
        """Give the lease back. A connection that is gone already is no error."""
        try:
            await self._connection.close(timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection.terminate()

    def terminate(self) -> None:
        """Drop the connection at once; whatever is not committed never was."""
        self._connection.terminate()

    async def identity(self) -> Identity | None:
        """None while the mirror is new."""
        row = await self._connection.fetchrow(
            "SELECT genesis_hash, program_id, epoch FROM chain.meta"
        )
        return None if row is None else Identity(row[0], row[1], row[2])

    async def mark(self) -> Mark | None:
        """The watermark, None while the mirror is new."""
        row = await self._connection.fetchrow(
            "SELECT slot, snapshot_slot, finalized_slot, history_slot, retired_slot"
            " FROM chain.watermark"
        )
        return None if row is None else Mark(int(row[0]), *map(_whole, row[1:]))

    async def try_lease(self) -> bool:
        """Take the lease if nobody holds it; whether this writer has it now."""
        taken: bool = await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", LEASE)
        return taken

    async def followed(self) -> bool:
        """Whether some worker (this one too) holds the lease."""
        return bool(
            await self._connection.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND (classid::bigint << 32) | objid::bigint = $1)",
                LEASE,
            )
        )

    async def open_gap(self) -> GapRow | None:
        """The gap that the mirror stands before, None when there is none."""
        return await gaps.open_gap(self._connection)

    async def note_gap(self, from_slot: int, to_slot: int, reason: str) -> GapRow:
        """Open the gap, or say of the open one how far it reaches now and why."""
        return await gaps.note(self._connection, from_slot, to_slot, reason)

    async def end_filled_gaps(self) -> list[GapRow]:
        """Close what the watermark has passed; returns it."""
        return await gaps.end_filled(self._connection)

    async def begin(self, identity: Identity, *, after: int, commitment: str) -> None:
        """Give a new mirror its identity and a watermark at `after`; another one only hears at
        what commitment it is followed now."""
        async with self._connection.transaction():
            await self._connection.execute(
                "INSERT INTO chain.meta (genesis_hash, program_id, epoch) VALUES ($1, $2, $3)"
                " ON CONFLICT DO NOTHING",
                identity.genesis_hash, identity.program_id, identity.epoch,
            )  # fmt: skip
            await self._connection.execute(
                "INSERT INTO chain.watermark (slot, commitment) VALUES ($1, $2)"
                " ON CONFLICT (single) DO UPDATE SET commitment = excluded.commitment",
                after, commitment,
            )  # fmt: skip

    async def unknown(self, signatures: Iterable[bytes]) -> list[bytes]:
        """Which of these transactions the mirror does not have."""
        rows = await self._connection.fetch(
            "SELECT s FROM unnest($1::bytea[]) AS s"
            " WHERE NOT EXISTS (SELECT FROM chain.transactions t WHERE t.signature = s)",
            list(signatures),
        )
        return [row[0] for row in rows]

    async def anchor(self) -> SignatureRef | None:
        """The newest transaction that the mirror has and that is final."""
        row = await self._connection.fetchrow(
            "SELECT signature, slot, position FROM chain.transactions"
            " WHERE slot <= (SELECT finalized_slot FROM chain.watermark)"
            " ORDER BY slot DESC, position DESC LIMIT 1"
        )
        return None if row is None else SignatureRef(row[0], int(row[1]), row[2])

    async def known(self, after: int, through: int) -> dict[bytes, int]:
        """Slots of the transactions that the mirror has in the slots (`after`, `through`]."""
        rows = await self._connection.fetch(
            "SELECT signature, slot FROM chain.transactions WHERE slot > $1 AND slot <= $2"
            " ORDER BY slot, position",
            after, through,
        )  # fmt: skip
        return {row[0]: int(row[1]) for row in rows}

    async def account_slots(self, after: int, through: int) -> set[int]:
        """The slots in (`after`, `through`] that rows of ``chain.accounts`` are as of, and those
        to `through` that absences on record are."""
        rows = await self._connection.fetch(
            "SELECT slot FROM chain.accounts WHERE slot > $1 AND slot <= $2"
            " UNION SELECT slot FROM chain.absences WHERE slot <= $2",
            after, through,
        )  # fmt: skip
        return {int(row[0]) for row in rows}

    async def accounts_as_of(self, slots: Iterable[int]) -> list[bytes]:
        """The accounts whose rows, or absences, are as of one of these slots."""
        rows = await self._connection.fetch(sql.ACCOUNTS_AS_OF, list(slots))
        return [row[0] for row in rows]

    async def accounts_after(self, slot: int) -> list[bytes]:
        """The accounts whose rows, or absences, are as of a later slot."""
        rows = await self._connection.fetch(sql.ACCOUNTS_AFTER, slot)
        return [row[0] for row in rows]

    async def apply_live(self, delta: Delta) -> None:
        """Write announced accounts that are newer than the watermark. It does not move.

        What is seen of them may be lost when the database is killed, unless a batch of history
        was committed since: the watermark is never ahead of them on disk.
        """
        if not delta.accounts:
            return
        await self._staging.make(delta)
        async with self._connection.transaction():
            await self._merge_accounts(delta, first=(sql.NOT_AT_ONCE, sql.DROP_STALE_LIVE))

    async def apply_accounts(self, delta: Delta) -> None:
        """Write accounts that were asked for."""
        await self._staging.make(delta)
        async with self._connection.transaction():
            await self._merge_accounts(delta)

    async def apply_snapshot(self, delta: Delta) -> None:
        """Write a part of a snapshot. The end of it waits for the disk for all of them."""
        if await self._copied_fresh(delta):
            return
        await self._staging.make(delta)
        async with self._connection.transaction():
            await self._merge_accounts(delta, first=[sql.NOT_AT_ONCE])

    async def end_snapshot(self, slot: int) -> None:
        """Every part of the snapshot at `slot` is written: bury what was not in it.

        Every account of the snapshot must have been written at `slot` itself.
        """
        async with self._connection.transaction():
            if await self._connection.fetchval(sql.SOME_UNLISTED, slot):
                await self._staging.make(Delta())
                await self._staging.empty()
                await self._connection.execute(sql.BURY_UNLISTED, slot, FETCHED)
                await self._connection.execute(sql.DROP_TYPED)
            await self._connection.execute(
                "UPDATE chain.watermark SET updated_at = now(),"
                " snapshot_slot = greatest(snapshot_slot, $1)",
                slot,
            )

    async def apply_history(
        self,
        delta: Delta,
        *,
        after: int,
        through: int,
        finalized: int | None,
        begins: int | None = None,
    ) -> Applied:
        """Write whole slots of history and move the watermark over them, all or nothing.

        Args:
            delta: every transaction of the slots (`after`, `through`] with its events, and the
                accounts they touched as of `through` or later.
            after: where the watermark must stand.
            through: where it will stand.
            finalized: the newest final slot, where known. The caller has held what the mirror
                has up to there against the chain, absences too.
            begins: the slot that history begins with, when what is older cannot be had.

        Raises:
            StaleBatch: the watermark stands elsewhere. Nothing was written.
            Incomplete: a transaction is new at a slot the watermark has passed.
        """
        try:
            return await self._apply_history(
                delta, after=after, through=through, finalized=finalized, begins=begins
            )
        except asyncpg.UniqueViolationError:
            new = set(await self.unknown(delta.transactions))
            if len(new) == len(delta.transactions):
                raise
            rest = {name: row for name, row in delta.transactions.items() if name in new}
        return await self._apply_history(
            Delta(delta.accounts, rest),
            after=after, through=through, finalized=finalized, begins=begins,
        )  # fmt: skip

    async def _apply_history(
        self,
        delta: Delta,
        *,
        after: int,
        through: int,
        finalized: int | None,
        begins: int | None,
    ) -> Applied:
        transactions = list(delta.transactions.values())
        if delta.accounts:
            await self._staging.make(delta)
        async with self._connection.transaction():
            stands = await self._connection.fetchval(
                "SELECT slot = $1 FROM chain.watermark FOR UPDATE", after
            )
            if not stands:
                raise StaleBatch(f"the watermark is not at slot {after}")
            await self._merge_accounts(delta)
            await self._keep_absences(delta, finalized)
            moved = await self._write_transactions(transactions, after) if transactions else []
            heads: list[Head] = [head[:3] for head in moved]
            await self._connection.execute(
                END_HISTORY, through, finalized, begins,
                *([head[column] for head in moved] for column in range(4)),
                THREAD_CHANNEL, [_note(head) for head in heads],
            )  # fmt: skip
        return Applied(
            len(transactions), sum(len(row.events) for row in transactions), tuple(heads)
        )

    async def roll_back(self, delta: Delta, *, after: int, to: int, reason: str) -> RolledBack:
        """Take back everything of the slots after `to`, all or nothing.

        Transactions, events and dead letters of those slots go. Threads that lost events move to a
        new epoch, where their sequences end with the last event that stands; the others keep
        their places. Accounts written as of those slots become what `delta` says.

        Args:
            delta: every account whose row or absence is as of a slot after `to`, as of now.
            after: where the watermark must stand.
            to: where it will stand.
            reason: what showed that the slots are gone, for the record.

        Raises:
            StaleBatch: the watermark stands elsewhere, or `delta` lacks an account. Nothing was
                written.
            Incomplete: a slot after `to` is final.
        """
        run = self._connection
        await self._staging.make(delta)
        async with run.transaction():
            mark = await run.fetchrow("SELECT slot, finalized_slot FROM chain.watermark FOR UPDATE")
            if mark is None or mark[0] != after or to >= after:
                raise StaleBatch(f"the watermark is not at slot {after}")
            if mark[1] is not None and to < mark[1]:
                raise Incomplete(final_message(int(mark[1]), reason))
            withdrawn = await run.fetch(undo.WITHDRAW_EVENTS, to)
            threads = [row[0] for row in withdrawn]
            epoch: int = await run.fetchval(
                undo.NEXT_EPOCH if threads else "SELECT epoch FROM chain.meta"
            )
            await run.execute(undo.MOVE_EVENTS, epoch, threads)
            await run.execute(undo.MOVE_HEADS, to, epoch, threads, [row[1] for row in withdrawn])
            await run.execute(undo.DROP_EMPTY_HEADS, threads)
            dropped = await run.execute(undo.DROP_TRANSACTIONS, to)
            await run.execute(undo.DROP_LETTERS, to)
            aged = [row[0] for row in await run.fetch(undo.AGE_ACCOUNTS, to)]
            absent = [row[0] for row in await run.fetch(undo.DROP_ABSENCES, to)]
            unasked = [pubkey for pubkey in (*aged, *absent) if pubkey not in delta.accounts]
            if unasked:
                raise StaleBatch(f"{len(unasked)} accounts were written meanwhile")
            for statement in undo.AGE_TYPED:
                await run.execute(statement, to, aged)
            await self._merge_accounts(delta)
            await self._keep_absences(delta, None)
            await run.execute(undo.TURN_BACK, to)
            transactions, events = int(dropped.split()[-1]), sum(row[2] for row in withdrawn)
            await run.execute(
                undo.RECORD, to, after, epoch, transactions, events, len(aged), reason
            )
            heads: list[Head] = [(thread, epoch, seq) for thread, seq, _ in withdrawn]
            await self._tell(heads)
        return RolledBack(epoch, transactions, events, len(aged), tuple(heads))

    async def _tell(self, heads: Sequence[Head]) -> None:
        """Say where sequences end now, once that is committed."""
        if heads:
            await self._connection.execute(
                "SELECT pg_notify($1, note) FROM unnest($2::text[]) AS note",
                THREAD_CHANNEL, [_note(head) for head in heads],
            )  # fmt: skip

    async def _write_transactions(
        self, transactions: Sequence[TransactionRow], after: int
    ) -> list[Moved]:
        """A transaction is written once; its events go with it or not at all.

        What the watermark has passed cannot be new.
        """
        rows = sorted(transactions, key=lambda row: (row.slot, row.position))
        behind = [row.signature for row in rows if row.slot <= after]
        if behind:
            late = set(await self.unknown(behind))
            found = [(row.signature, row.slot) for row in rows if row.signature in late]
            if found:
                raise Incomplete(late_message(found))
            rows = [row for row in rows if row.slot > after]
        moved = await copy_transactions(self._connection, self._copier, rows)
        await self._letters(letter for row in rows for letter in row.dead)
        return moved

    async def _copied_fresh(self, delta: Delta) -> bool:
        """Write accounts of a new mirror at once, if nothing is known of any; whether it was so."""
        if self._new is None:
            self._new = await self._connection.fetchval(
                "SELECT NOT EXISTS (SELECT FROM chain.accounts)"
            )
        rows = delta.accounts.values()
        if not self._new or not rows or any(row.update.data is None for row in rows):
            return False
        try:
            async with self._connection.transaction():
                await self._connection.execute(sql.NOT_AT_ONCE)
                outbox = await copy_accounts(self._copier, rows)
                await self._letters(row.dead for row in rows if row.dead)
                if outbox:
                    await self._connection.execute("SELECT pg_notify($1, '')", OUTBOX_CHANNEL)
        except asyncpg.UniqueViolationError:
            self._new = False
            return False
        return True

    async def _merge_accounts(self, delta: Delta, *, first: Sequence[str] = ()) -> None:
        if not delta.accounts:
            return
        await self._staging.fill(delta)
        statements = [*first, sql.MERGE_ACCOUNTS]
        present = {row.kind for row in delta.accounts.values()}
        for kind in sql.KINDS:
            if kind in present:
                if kind in sql.OUTBOX_BEFORE:
                    statements.append(sql.OUTBOX_BEFORE[kind])
                statements.append(sql.merge_typed(kind))
        statements.append(sql.DROP_TYPED)
        if present & sql.OUTBOX_BEFORE.keys():
            statements.append(f"NOTIFY {OUTBOX_CHANNEL}")
        await self._connection.execute(";".join(statements))  # one way there and back
        await self._letters(row.dead for row in delta.accounts.values() if row.dead)

    async def _keep_absences(self, delta: Delta, finalized: int | None) -> None:
        """After the merge: what was not there as of a slot that is not final. Those as of slots
        that are, the caller has looked at; they are forgotten with the end of the batch."""
        if any(r.update.data is None and not r.update.certain for r in delta.accounts.values()):
            await self._connection.execute(sql.KEEP_ABSENCES, finalized or 0)

    async def _letters(self, letters: Iterable[DeadLetter]) -> None:
        rows = [(d.kind, d.key, d.ordinal, d.slot, d.data, d.reason) for d in letters]
        if rows:
            await self._connection.execute(sql.KEEP_LETTERS, *map(list, zip(*rows, strict=True)))


async def is_current(url: str) -> bool:
    """Whether schema ``chain`` is there at its newest revision. Raises DatabaseUnreachable."""
    connection = await connect(url)
    try:
        return await revision(connection) == HEAD
    finally:
        await connection.close()


def _note(head: Head) -> str:
    """What is notified of a sequence."""
    thread, epoch, seq = head
    note = {"thread": str(Pubkey.from_bytes(thread)), "epoch": epoch, "seq": seq}
    return orjson.dumps(note).decode()


def late_message(found: list[tuple[bytes, int]]) -> str:
    """What to say of transactions that turned up behind the watermark."""
    signature, slot = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return (
        f"transaction {Signature(signature)} of slot {slot}{more} was not in the node's history"
        " when the mirror passed that slot; event numbers after it would be wrong. Rebuild the"
        " mirror from a node with complete history: choir-indexer migrate --rebuild"
    )


def final_message(final: int, reason: str) -> str:
    """What to say when slots up to `final` seem to be gone."""
    return (
        f"slots up to {final} are final, but the node's chain has others now ({reason}). Point"
        " CHOIR_RPC_URL at a node of the right chain; if it is this one, make the mirror anew with:"
        " choir-indexer migrate --rebuild"
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
