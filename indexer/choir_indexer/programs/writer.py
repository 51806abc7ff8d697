"""The writer of one other program's rows: what :class:`choir_indexer.store.ledger.Ledger` asks.

It holds a lease of its own, so that several processes share the work without writing twice.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from hashlib import sha256
from typing import Any, Self

import asyncpg
from solders.pubkey import Pubkey

from choir_indexer.delta import Delta
from choir_indexer.model import FETCHED, SignatureRef
from choir_indexer.programs import sql
from choir_indexer.programs.config import ProgramConfig
from choir_indexer.programs.decoding import UNKNOWN, as_json
from choir_indexer.store.connection import check_revision, connect, take_lease
from choir_indexer.store.errors import Incomplete
from choir_indexer.store.gaps import GapRow
from choir_indexer.store.writer import (
    Applied,
    Identity,
    Mark,
    RolledBack,
    StaleBatch,
    final_message,
    late_message,
)

__all__ = ["ProgramWriter", "forget", "lease_of"]


def lease_of(program: Pubkey) -> int:
    """The advisory lock that stands for writing this program's rows."""
    digest = sha256(b"choir-indexer program" + bytes(program)).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


class ProgramWriter:
    """One connection that holds the program's lease. Get one with :meth:`open`."""

    def __init__(self, connection: asyncpg.Connection[Any], config: ProgramConfig) -> None:
        self.connection = connection
        self._config = config
        self._program = bytes(config.program)

    @classmethod
    async def open(
        cls,
        url: str,
        config: ProgramConfig,
        *,
        lease: bool = True,
        waiting: Callable[[], Awaitable[None]] | None = None,
    ) -> Self:
        """As :meth:`choir_indexer.store.writer.Writer.open`."""
        connection = await connect(url)
        try:
            if lease:
                await take_lease(connection, lease_of(config.program), waiting)
            await check_revision(connection)
            await connection.execute(";".join(sql.STAGING))
        except BaseException:
            connection.terminate()
            raise
        return cls(connection, config)

    async def close(self) -> None:
        """Give the lease back. A connection that is gone already is no error."""
        try:
            await self.connection.close(timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self.connection.terminate()

    async def identity(self) -> Identity | None:
        """None while there is nothing of the program."""
        row = await self.connection.fetchrow(
            "SELECT genesis_hash, epoch FROM chain.program_watermarks WHERE program = $1",
            self._program,
        )
        return None if row is None else Identity(row[0], str(self._config.program), row[1])

    async def mark(self) -> Mark | None:
        """The program's watermark."""
        row = await self.connection.fetchrow(
            "SELECT slot, snapshot_slot, finalized_slot, history_slot"
            " FROM chain.program_watermarks WHERE program = $1",
            self._program,
        )
        return None if row is None else Mark(int(row[0]), *map(_whole, row[1:]))

    async def begin(self, identity: Identity, *, after: int, commitment: str) -> None:
        """Give a new program its identity and a watermark at `after`."""
        kept = self._config.kept
        await self.connection.execute(
            sql.BEGIN, self._program, identity.genesis_hash, identity.epoch, after, commitment,
            self._config.fingerprint, None if kept is None else list(kept),
        )  # fmt: skip

    async def unknown(self, signatures: Iterable[bytes]) -> list[bytes]:
        """Which of these transactions are not there."""
        rows = await self.connection.fetch(
            "SELECT s FROM unnest($2::bytea[]) AS s WHERE NOT EXISTS ("
            "SELECT FROM chain.program_transactions t WHERE t.program = $1 AND t.signature = s)",
            self._program, list(signatures),
        )  # fmt: skip
        return [row[0] for row in rows]

    async def anchor(self) -> SignatureRef | None:
        """The newest transaction that is there and final."""
        row = await self.connection.fetchrow(
            "SELECT signature, slot, position FROM chain.program_transactions"
            " WHERE program = $1 AND slot <= (SELECT finalized_slot FROM chain.program_watermarks"
            " WHERE program = $1) ORDER BY slot DESC, position DESC LIMIT 1",
            self._program,
        )
        return None if row is None else SignatureRef(row[0], int(row[1]), row[2])

    async def known(self, after: int, through: int) -> dict[bytes, int]:
        """Slots of the transactions that are there in the slots (`after`, `through`]."""
        rows = await self.connection.fetch(
            "SELECT signature, slot FROM chain.program_transactions"
            " WHERE program = $1 AND slot > $2 AND slot <= $3 ORDER BY slot, position",
            self._program, after, through,
        )  # fmt: skip
        return {row[0]: int(row[1]) for row in rows}

    async def account_slots(self, after: int, through: int) -> set[int]:
        """The slots in (`after`, `through`] that account rows are as of, and those to `through`
        that absences on record are."""
        rows = await self.connection.fetch(
            "SELECT slot FROM chain.program_accounts"
            " WHERE program = $1 AND slot > $2 AND slot <= $3"
            " UNION SELECT slot FROM chain.program_absences WHERE program = $1 AND slot <= $3",
            self._program, after, through,
        )  # fmt: skip
        return {int(row[0]) for row in rows}

    async def accounts_as_of(self, slots: Iterable[int]) -> list[bytes]:
        """The accounts whose rows, or absences, are as of one of these slots."""
        rows = await self.connection.fetch(sql.ACCOUNTS_AS_OF, self._program, list(slots))
        return [row[0] for row in rows]

    async def accounts_after(self, slot: int) -> list[bytes]:
        """The accounts whose rows, or absences, are as of a later slot."""
        rows = await self.connection.fetch(sql.ACCOUNTS_AFTER, self._program, slot)
        return [row[0] for row in rows]

    async def apply_live(self, delta: Delta) -> None:
        """Write announced accounts that are newer than the watermark. It does not move."""
        if not delta.accounts:
            return
        async with self.connection.transaction():
            await self._stage_accounts(delta)
            await self.connection.execute(sql.DROP_STALE_LIVE, self._program)
            await self.connection.execute(sql.MERGE_ACCOUNTS, self._program)

    async def apply_snapshot(self, delta: Delta) -> None:
        """Write a part of a snapshot (accounts that were asked for)."""
        async with self.connection.transaction():
            await self._merge_accounts(delta)

    async def end_snapshot(self, slot: int) -> None:
        """Every part of the snapshot at `slot` is written: bury what was not in it."""
        async with self.connection.transaction():
            await self.connection.execute(sql.BURY_UNLISTED, self._program, slot, FETCHED)
            await self.connection.execute(
                "UPDATE chain.program_watermarks SET updated_at = now(),"
                " snapshot_slot = greatest(snapshot_slot, $2) WHERE program = $1",
                self._program, slot,
            )  # fmt: skip

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

        As :meth:`choir_indexer.store.writer.Writer.apply_history`, with the same errors.
        """
        transactions = list(delta.transactions.values())
        async with self.connection.transaction():
            await self._hold_mark(after)
            await self._merge_accounts(delta)
            await self._keep_absences(delta, finalized)
            if transactions:
                await self._merge_transactions(delta)
            await self.connection.execute(sql.MOVE_MARK, self._program, through, finalized, begins)
        return Applied(len(transactions), sum(len(row.events) for row in transactions), ())

    async def roll_back(self, delta: Delta, *, after: int, to: int, reason: str) -> RolledBack:
        """Take back everything of the slots after `to`, all or nothing.

        As :meth:`choir_indexer.store.writer.Writer.roll_back`, with the same errors. When events
        go, the epoch rises: their places may be taken by others.
        """
        run = self.connection
        async with run.transaction():
            await self._hold_mark(after)
            mark = await self.mark()
            if mark is None or to >= after:
                raise StaleBatch(f"the watermark is not at slot {after}")
            if mark.finalized_slot is not None and to < mark.finalized_slot:
                raise Incomplete(final_message(mark.finalized_slot, reason))
            events = await self._drop_after("events", to)
            transactions = await self._drop_after("transactions", to)
            aged = [row[0] for row in await run.fetch(sql.AGE_ACCOUNTS, self._program, to)]
            absent = [row[0] for row in await run.fetch(sql.DROP_ABSENCES, self._program, to)]
            unasked = [pubkey for pubkey in (*aged, *absent) if pubkey not in delta.accounts]
            if unasked:
                raise StaleBatch(f"{len(unasked)} accounts were written meanwhile")
            await self._merge_accounts(delta)
            await self._keep_absences(delta, None)
            epoch = await run.fetchval(sql.TURN_BACK, self._program, to, events > 0)
        return RolledBack(epoch, transactions, events, len(aged), ())

    async def open_gap(self) -> GapRow | None:
        """What the source has not given yet, though it must have it."""
        text = await self.connection.fetchval(
            "SELECT gap FROM chain.program_watermarks WHERE program = $1", self._program
        )
        return None if text is None else GapRow(**json.loads(text))

    async def note_gap(self, from_slot: int, to_slot: int, reason: str) -> GapRow:
        """Open the gap, or say of the open one how far it reaches now and why."""
        now = await self.connection.fetchval("SELECT extract(epoch FROM now())::float8")
        there = await self.open_gap()
        gap = GapRow(
            from_slot,
            to_slot if there is None else max(to_slot, there.to_slot),
            reason,
            now if there is None else there.found_at,
        )
        await self.connection.execute(
            "UPDATE chain.program_watermarks SET gap = $2 WHERE program = $1",
            self._program, json.dumps(asdict(gap)),
        )  # fmt: skip
        return gap

    async def end_filled_gaps(self) -> list[GapRow]:
        """Close what the watermark has passed; returns it."""
        gap, mark = await self.open_gap(), await self.mark()
        if gap is None or mark is None or gap.to_slot > mark.slot:
            return []
        await self.connection.execute(
            "UPDATE chain.program_watermarks SET gap = NULL WHERE program = $1", self._program
        )
        return [gap]

    async def _hold_mark(self, after: int) -> None:
        there = await self.connection.fetchval(
            "SELECT slot = $2 FROM chain.program_watermarks WHERE program = $1 FOR UPDATE",
            self._program, after,
        )  # fmt: skip
        if not there:
            raise StaleBatch(f"the watermark is not at slot {after}")

    async def _drop_after(self, what: str, slot: int) -> int:
        done = await self.connection.execute(
            f"DELETE FROM chain.program_{what} WHERE program = $1 AND slot > $2",  # noqa: S608 - ours
            self._program, slot,
        )  # fmt: skip
        return int(done.split()[-1])

    async def _merge_transactions(self, delta: Delta) -> None:
        rows = delta.transactions.values()
        transactions = [
            (
                row.signature, row.slot, row.position,
                None if row.error is None else json.dumps(row.error), row.block_time,
            )
            for row in rows
        ]  # fmt: skip
        events = []
        for row in rows:
            events += [
                (
                    each.signature, each.ordinal, each.slot, each.position,
                    *((None, None) if each.kind == UNKNOWN else (each.kind, as_json(each.payload))),
                    each.data, None, each.at,
                )
                for each in row.events
            ]  # fmt: skip
            events += [
                (
                    letter.key, letter.ordinal, letter.slot, row.position, None, None,
                    letter.data or None, letter.reason, row.block_time,
                )
                for letter in row.dead
            ]  # fmt: skip
        await self._copy("stage_transactions", sql.TRANSACTION_COLUMNS, transactions)
        await self._copy("stage_events", sql.EVENT_COLUMNS, events)
        await self.connection.execute(sql.MERGE_TRANSACTIONS, self._program)
        late = await self.connection.fetchrow(sql.LATE, self._program)
        if late is not None:
            raise Incomplete(late_message([(late[0], int(late[1]))]))
        await self.connection.execute(sql.MERGE_EVENTS, self._program)

    async def _merge_accounts(self, delta: Delta) -> None:
        if delta.accounts:
            await self._stage_accounts(delta)
            await self.connection.execute(sql.MERGE_ACCOUNTS, self._program)

    async def _keep_absences(self, delta: Delta, finalized: int | None) -> None:
        if finalized is not None:
            await self.connection.execute(sql.FORGET_ABSENCES, self._program, finalized)
        if any(r.update.data is None and not r.update.certain for r in delta.accounts.values()):
            await self.connection.execute(sql.KEEP_ABSENCES, self._program, finalized or 0)

    async def _stage_accounts(self, delta: Delta) -> None:
        staged = []
        for row in delta.accounts.values():
            update = row.update
            staged.append(
                (
                    update.pubkey, update.slot, update.write_version, row.kind,
                    update.lamports if update.data is not None else 0, update.data,
                    *(row.columns or (None,)), None if row.dead is None else row.dead.reason,
                    update.certain,
                )
            )  # fmt: skip
        await self._copy("stage_accounts", sql.ACCOUNT_COLUMNS, staged)

    async def _copy(
        self, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]
    ) -> None:
        if rows:
            await self.connection.copy_records_to_table(table, records=rows, columns=columns)


async def forget(url: str, program: Pubkey) -> None:
    """Delete everything of a program: its mirror begins anew. The caller holds the lease."""
    connection = await connect(url)
    try:
        async with connection.transaction():
            for statement in sql.FORGET:
                await connection.execute(statement, bytes(program))
    finally:
        await connection.close()


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
