"""Decoding dead letters again, when the program that reads them has learnt more.

An account's bytes are looked at as they stand in the mirror; a letter about older bytes is
dropped. A transaction's events take their place in the sequences, for which the lease is needed:
without it those letters wait. Messages that no vector could be made of go back to the pump. What
is understood is written in the transaction that removes its letters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from solders.pubkey import Pubkey

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_transaction, decode_update
from choir_indexer.delta import AccountRow, Delta, EventRow, TransactionRow
from choir_indexer.model import AccountUpdate, RawTransaction
from choir_indexer.sources import BadTransaction
from choir_indexer.store import letters as sql
from choir_indexer.store.merge import EVENT_COLUMNS
from choir_indexer.store.writer import OUTBOX_CHANNEL, THREAD_CHANNEL, Writer
from choir_indexer.transactions import from_bytes

__all__ = ["Replayed", "replay_letters"]

PAGE = 500


@dataclass(slots=True)
class Replayed:
    """What became of the letters: `accounts`, `transactions` (with `events`) and `messages` are
    taken back; `superseded` were of what is no longer there; `left` are not understood now
    either; `held_back` are transactions whose events only the holder of the lease may number.
    `renumbered` are the threads whose events have new numbers, under a new epoch."""

    accounts: int = 0
    transactions: int = 0
    events: int = 0
    messages: int = 0
    superseded: int = 0
    left: int = 0
    held_back: int = 0
    renumbered: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether no letter is left."""
        return not (self.left or self.held_back)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"ok": self.clean, **asdict(self)}


async def replay_letters(
    writer: Writer,
    *,
    program: Pubkey = PROGRAM_ID,
    progress: Callable[[int, int], None] = lambda done, total: None,
    understand: Callable[[AccountUpdate], AccountRow] = decode_update,
    read: Callable[..., TransactionRow] = decode_transaction,
) -> Replayed:
    """Go through every letter once.

    Works beside a running indexer, which then keeps the letters of transactions.

    Args:
        writer: opened without the lease, which is taken here if it is free.
        program: whose events to look for.
        progress: told how many accounts, transactions and messages with letters, of how many,
            are done.
        understand, read: the decoders.

    Raises:
        DatabaseUnreachable: and what asyncpg says of a lost connection; each page stands or not.
    """
    replay = _Replay(writer, program, progress, understand, read)
    counts = await writer.connection.fetch(sql.COUNT)
    replay.total = sum(row[1] for row in counts)
    await replay.accounts()
    if await writer.try_lease():
        await replay.transactions()
    else:
        replay.found.held_back = sum(row[1] for row in counts if row[0] == "transaction")
    await replay.messages()
    return replay.found


class _Replay:
    def __init__(
        self,
        writer: Writer,
        program: Pubkey,
        progress: Callable[[int, int], None],
        understand: Callable[[AccountUpdate], AccountRow],
        read: Callable[..., TransactionRow],
    ) -> None:
        self._writer = writer
        self._connection = writer.connection
        self._program = program
        self._progress = progress
        self._understand = understand
        self._read = read
        self.found = Replayed()
        self.total = 0

    def _tell(self) -> None:
        found = self.found
        done = found.accounts + found.transactions + found.messages + found.superseded + found.left
        self._progress(done, self.total)

    async def accounts(self) -> None:
        last = b""
        while keys := [
            row[0] for row in await self._connection.fetch(sql.ACCOUNT_KEYS, last, PAGE)
        ]:
            async with self._connection.transaction():
                await self._accounts(keys)
            self._tell()
            last = keys[-1]

    async def _accounts(self, keys: list[bytes]) -> None:
        standing = {row["pubkey"]: row for row in await self._connection.fetch(sql.STANDING, keys)}
        understood: dict[bytes, AccountRow] = {}
        still: dict[bytes, bytes] = {}
        for key, row in standing.items():
            if row["data"] is None or row["kind"] is not None:
                continue  # closed, or something newer that was understood
            update = AccountUpdate(
                key, int(row["slot"]), int(row["write_version"]), row["data"],
                int(row["lamports"]), row["owner"],
            )  # fmt: skip
            decoded = self._understand(update)
            if decoded.kind is None:
                still[key] = row["data"]
            else:
                understood[key] = decoded
        if understood:
            kinds = [row.kind for row in understood.values()]
            await self._connection.execute(sql.SET_KINDS, list(understood), kinds)
            await self._writer.apply_accounts(Delta.of(accounts=understood.values()))
        await self._connection.execute(
            sql.DROP_LETTERS, "account", keys, [still.get(key) for key in keys]
        )
        self.found.accounts += len(understood)
        self.found.left += len(still)
        self.found.superseded += len(keys) - len(understood) - len(still)

    async def transactions(self) -> None:
        last = -1
        while letters := await self._connection.fetch(sql.TRANSACTIONS, last, PAGE):
            async with self._connection.transaction():
                await self._connection.fetchval(sql.HOLD_WATERMARK)
                await self._transactions(letters)
            self._tell()
            last = letters[-1]["id"]

    async def _transactions(self, letters: list[Any]) -> None:
        events: list[EventRow] = []
        done: list[int] = []
        for letter in letters:
            if letter["position"] is None or letter["numbered"]:
                self.found.superseded += 1
                done.append(letter["id"])
                continue
            row = self._decoded(letter["data"], letter["position"])
            if row is None or row.dead:
                self.found.left += 1
                continue
            self.found.transactions += 1
            done.append(letter["id"])
            events += row.events
        if events:
            await self._number(events)
        await self._connection.execute(
            "DELETE FROM chain.dead_letters WHERE id = ANY($1::bigint[])", done
        )

    def _decoded(self, data: bytes, position: int) -> TransactionRow | None:
        try:
            raw: RawTransaction = from_bytes(data)
        except BadTransaction:
            return None
        placed = raw._replace(ref=replace(raw.ref, position=position))
        return self._read(placed, program=self._program)

    async def _number(self, events: list[EventRow]) -> None:
        await self._connection.execute(sql.STAGE_EVENTS)
        await self._connection.copy_records_to_table(
            "stage_events",
            columns=EVENT_COLUMNS,
            records=[
                (e.thread, e.slot, e.position, e.signature, e.ordinal, e.kind,
                 json.dumps(e.payload), e.at)
                for e in events
            ],
        )  # fmt: skip
        retired = await self._connection.execute(sql.DROP_BEFORE_KEPT)
        late = [row[0] for row in await self._connection.fetch(sql.LATE_THREADS)]
        epoch = await self._connection.fetchval(sql.NEW_EPOCH) if late else 0
        await self._connection.execute(sql.NUMBER)
        await self._connection.execute(sql.MOVE_EVENTS, epoch, late)
        await self._connection.execute(sql.INSERT_EVENTS, epoch, late)
        for thread, its_epoch, seq in await self._connection.fetch(sql.SET_HEADS, epoch, late):
            note = {"thread": str(Pubkey.from_bytes(thread)), "epoch": its_epoch, "seq": seq}
            await self._connection.execute(
                "SELECT pg_notify($1, $2)", THREAD_CHANNEL, json.dumps(note)
            )
        self.found.events += len(events) - int(retired.split()[-1])
        renumbered = {*self.found.renumbered, *(str(Pubkey.from_bytes(t)) for t in late)}
        self.found.renumbered = tuple(sorted(renumbered))

    async def messages(self) -> None:
        async with self._connection.transaction():
            row = await self._connection.fetchrow(sql.GIVE_BACK_MESSAGES)
            await self._connection.execute("SELECT pg_notify($1, '')", OUTBOX_CHANNEL)
        assert row is not None
        self.found.messages += row["given"]
        self.found.superseded += row["letters"] - row["given"]
        self._tell()
