"""Closes slots: on the clock, after each transaction, or when told; journals before confirming."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from solders.transaction import VersionedTransaction

from choir.localnet.bank import Landed
from choir.localnet.chain import Chain, Closed
from choir.localnet.faults import Reland
from choir.localnet.model import AccountUpdate

T = TypeVar("T")
# How long a slot with a transaction in it stays open for others sent at the same time.
_GATHER_S = 0.025
# How many slots the clock can be ahead of its pace, so that a few transactions that wait for one
# another need not wait a slot each. Idle slots make up for it.
BURST_SLOTS = 4


class Journal(Protocol):
    """Where confirmed slots are kept. Called off the event loop, one call at a time."""

    def append(self, closed: Closed, chain_state: dict[str, object]) -> None:
        """Keep a closed slot. Raises when it could not be kept."""

    def rollback(self, slot: int, accounts: list[AccountUpdate]) -> None:
        """Forget every slot after `slot`; `accounts` are those that change by it."""

    def save(self, path: Path) -> None:
        """Copy everything kept into a new file. Raises FileExistsError."""


class Producer:
    """Drives a chain's slots. One slot is journaled at a time, in order."""

    def __init__(self, chain: Chain, journal: Journal | None) -> None:
        self.chain = chain
        self.journal = journal
        self._lock = asyncio.Lock()
        self._landed = asyncio.Event()
        self._working: set[asyncio.Task[Any]] = set()
        self._task: asyncio.Task[None] | None = None
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        self._late: list[tuple[int, VersionedTransaction, bytes]] = []
        self._failed: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin to close slots on the clock, if that is the setting."""
        self._failed = asyncio.get_running_loop().create_future()
        if self.chain.settings.production == "clock":
            self._task = asyncio.create_task(self._run(), name="localnet slots")

    async def stop(self) -> None:
        """Stop closing slots; one being journaled is finished, and what has landed is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._broken() is None and self.journal is not None and self.chain.bank.records:
            await self.advance()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def failure(self) -> None:
        """Wait until a slot cannot be closed or journaled, and raise why."""
        assert self._failed is not None, "the producer has been started"
        await asyncio.shield(self._failed)

    async def advance(self, slots: int = 1, skip: int = 0) -> int:
        """Close `slots` slots, the last one followed by `skip` left-out ones.

        Answers the newest confirmed slot.
        """
        for number in range(slots):
            await self._whole(self._close(skip if number == slots - 1 else 0))
        while self._each_transaction and self.chain.bank.records:
            await self._whole(self._close(0))
        return self.chain.heads.confirmed

    async def landed(self) -> None:
        """A transaction landed: close its slot if that is the setting, or soon."""
        if self._each_transaction:
            await self.advance()
        else:
            self._landed.set()

    async def settled(self, slot: int) -> None:
        """A transaction of the localnet's own landed in `slot`: return once that is confirmed.

        Not so with manual production, where that may be never.
        """
        await self.landed()
        if self.chain.settings.production != "manual" and self.chain.heads.confirmed < slot:
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.append((slot, reached))
            await reached

    async def rollback(self, slots: int, reland: Reland = False) -> int:
        """Drop the newest `slots` closed slots, as a fork would; answers the slot gone back to.

        Of the transactions lost, those that `reland` says are run again on the new branch.
        Raises ValueError.
        """
        return await self._whole(self._rollback(slots, reland))

    def later(self, slots: int, transaction: VersionedTransaction, wire: bytes) -> None:
        """Run a transaction once `slots` more slots have been closed."""
        due = self.chain.bank.height + slots
        self._late.append((due, transaction, wire))

    async def save(self, path: Path) -> None:
        """Copy the journal as of the newest confirmed slot. Raises FileExistsError."""
        await self._whole(self._save(path))

    @property
    def _each_transaction(self) -> bool:
        return self.chain.settings.production == "transaction"

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        # Whoever asked may be cancelled (a client that hangs up); a slot half closed may not.
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return await asyncio.shield(task)

    async def _close(self, skip: int) -> None:
        async with self._lock:
            if (broken := self._broken()) is not None:
                raise RuntimeError("an earlier slot could not be kept") from broken
            closed = self.chain.close_slot(skip)
            if self.journal is not None:
                try:
                    await asyncio.to_thread(self.journal.append, closed, self.chain.state())
                except Exception as error:
                    # A slot that is closed but not kept must not be followed by more.
                    if self._failed is not None and not self._failed.done():
                        self._failed.set_exception(error)
                    self._settle(error)
                    raise
            self.chain.confirm(closed)
            self._settle()
            self._deliver()

    def _settle(self, error: Exception | None = None) -> None:
        confirmed = self.chain.heads.confirmed
        for slot, reached in self._awaited:
            if reached.done():
                continue
            if error is not None:
                reached.set_exception(error)
            elif slot <= confirmed:
                reached.set_result(None)
        self._awaited = [each for each in self._awaited if not each[1].done()]

    def _deliver(self) -> None:
        height = self.chain.bank.height
        due = [each for each in self._late if each[0] <= height]
        self._late = [each for each in self._late if each[0] > height]
        for _, transaction, wire in due:
            outcome = self.chain.execute(transaction, wire)
            if isinstance(outcome, Landed):
                self._landed.set()

    async def _rollback(self, slots: int, reland: Reland) -> int:
        async with self._lock:
            back = self.chain.rollback(slots)
            if self.journal is not None:
                await asyncio.to_thread(self.journal.rollback, back.slot, back.accounts)
            for record in back.lost:
                if reland is True or (reland and record.signature in reland):
                    again = VersionedTransaction.from_bytes(record.wire)
                    self.chain.execute(again, record.wire, verified=True)
            return back.slot

    async def _save(self, path: Path) -> None:
        async with self._lock:
            if self.journal is not None:
                await asyncio.to_thread(self.journal.save, path)

    def _broken(self) -> BaseException | None:
        failed = self._failed
        return failed.exception() if failed is not None and failed.done() else None

    async def _run(self) -> None:
        clock = self.chain.clock
        pace = self.chain.settings.slot_ms / 1000
        due = clock.monotonic() + pace
        while True:
            # One slot a beat over time. One with transactions in it closes at once, so that nobody
            # waits for it to fill, unless too many have done so already.
            if await self._landed_before(due):
                earliest = due - BURST_SLOTS * pace - clock.monotonic()
                gather = min(_GATHER_S, pace / 4, due - clock.monotonic())
                await clock.sleep(max(earliest, gather))
            self._landed.clear()
            await self.advance()
            # After a long stop of the machine, go on from now rather than catch up.
            due = max(due + pace, clock.monotonic())

    async def _landed_before(self, due: float) -> bool:
        clock = self.chain.clock
        late = asyncio.ensure_future(clock.sleep(due - clock.monotonic()))
        landed = asyncio.ensure_future(self._landed.wait())
        try:
            await asyncio.wait([late, landed], return_when=asyncio.FIRST_COMPLETED)
            return landed.done()
        finally:
            late.cancel()
            landed.cancel()
            await asyncio.gather(late, landed, return_exceptions=True)
