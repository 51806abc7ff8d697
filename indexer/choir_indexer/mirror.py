"""The loop: follow a source, and keep schema ``chain`` at the newest slot proven complete.

A session subscribes first, then takes a snapshot if there was none, then walks history from the
watermark to the frontier, and goes on walking whenever something is announced. Whatever goes
wrong ends the session; the next one starts from what is committed, so a lost connection, a
restart and a kill are the same case. Each walk looks again at everything that is not final, and
takes back what went with a fork. `docs/indexer.md` has the argument for why the watermark is
honest.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from contextlib import aclosing
from dataclasses import replace

import asyncpg
import structlog
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.clock import Clock, SystemClock
from choir.ids import PROGRAM_ID
from choir_indexer.ahead import Ahead
from choir_indexer.cancelling import heed_cancellation
from choir_indexer.decoding import ChoirDecoding, Decoding
from choir_indexer.delta import AccountRow, DeadLetter, Delta, merge
from choir_indexer.forks import disputes
from choir_indexer.gaps import Gaps
from choir_indexer.model import AccountUpdate, Frontier, HistoryBatch, Lost
from choir_indexer.sources import (
    Feed,
    Forked,
    Gap,
    NotListed,
    Pruned,
    Source,
    SourceError,
)
from choir_indexer.store.errors import DatabaseUnreachable, Incomplete, WrongChain
from choir_indexer.store.ledger import Ledger
from choir_indexer.store.writer import (
    Identity,
    Mark,
    StaleBatch,
    final_message,
    late_message,
)
from choir_indexer.telemetry import Metrics, State

__all__ = ["Mirror"]

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 15.0
STRETCH = 16  # transactions or accounts decoded before what is being committed has its turn
# Accounts in slot 0 are the genesis ones; no transaction runs in it.
GENESIS_SLOT = 0

# What ends a session but not the mirror: the database or the connection to it went away, or it
# is out of something, or another session was in the way.
DATABASE_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection cut at the wrong moment
    DatabaseUnreachable,
    OSError,
)


class Mirror:
    """One mirror of one program.

    Args:
        source: the chain.
        open_writer: connects to the database and takes the lease.
        program: the program's address.
        decoding: its types; Choir's when not given.
        commitment: what the source follows, for the record.
        rebuild: empties the mirror when it is of another chain; None to stop instead.
        overlap: slots behind the watermark that each walk checks again; all that are not final
            are.
        patience_s: how long a source may fail to give what it must before the mirror stops.
        clock, jitter: time and chance, for the waits between sessions.
    """

    def __init__(
        self,
        source: Source,
        open_writer: Callable[[], Awaitable[Ledger]],
        *,
        program: Pubkey = PROGRAM_ID,
        decoding: Decoding | None = None,
        commitment: str = "confirmed",
        rebuild: Callable[[], Awaitable[None]] | None = None,
        overlap: int = 64,
        patience_s: float = 300.0,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
        metrics: Metrics | None = None,
    ) -> None:
        self._source = source
        self._open_writer = open_writer
        self._program = program
        self._decoding = decoding or ChoirDecoding(program)
        self._commitment = commitment
        self._rebuild = rebuild
        self._overlap = overlap
        self._patience_s = patience_s
        self._clock = clock or SystemClock()
        self._jitter = jitter
        self._log = structlog.get_logger("choir_indexer.mirror")
        self.metrics = metrics or Metrics()
        self.state = State(self._clock)
        self.metrics.lag_seconds.set_function(self.state.lag_s)
        self._gaps = Gaps(self.state, self.metrics)
        self.attached = asyncio.Event()  # identity checked, announcements open
        self._moved = asyncio.Event()
        self._mark = Mark(GENESIS_SLOT, None, None)

    async def run(self) -> None:
        """Follow until cancelled.

        Raises:
            WrongChain: the mirror is of another chain or program, or the program is not there.
            NotMigrated: schema ``chain`` is not there.
            Incomplete: history that must be there is missing, and stayed so.
        """
        failures = 0
        gap_since: float | None = None
        while True:
            stood_at = self.state.slot
            gap = False
            try:
                await self._session()
            except StaleBatch as error:
                self._interrupted("stale", error)
            except SourceError as error:
                gap = isinstance(error, Gap)
                self._interrupted("gap" if gap else "source", error)
            except DATABASE_LOST as error:
                heed_cancellation()
                self._interrupted("database", error)
            if self.state.slot != stood_at:
                failures, gap_since = 0, None
            if not gap:
                gap_since = None
            elif gap_since is None:
                gap_since = self._clock.monotonic()
            elif self._clock.monotonic() - gap_since > self._patience_s:
                raise Incomplete(
                    f"stopped at slot {self.state.slot}: the node has not given what comes next"
                    f" for {self._patience_s:.0f} s ({self.state.trouble}). Nothing was skipped;"
                    " point CHOIR_RPC_URL at a node with that history and start again"
                )
            delay = min(FIRST_DELAY_S * 2**failures, LONGEST_DELAY_S)
            failures = min(failures + 1, 16)
            await self._clock.sleep(delay * (0.5 + self._jitter() / 2))

    async def catch_up(self) -> int:
        """Walk to the frontier as it is now, once; returns the watermark.

        Raises:
            SourceError, DatabaseUnreachable: as it comes; what was written stays.
            WrongChain, NotMigrated, Incomplete: as for :meth:`run`.
        """
        writer = await self._open_writer()
        try:
            async with self._source.feed(after=await self._resumes(writer)):
                writer = await self._attach(writer)
                await self._advance(writer)
        finally:
            await writer.close()
        return self._mark.slot

    async def reached(self, slot: int) -> None:
        """Return once everything up to `slot` is committed. Waits in :meth:`run`'s own loop."""
        while self.state.slot is None or self.state.slot < slot:
            await self._moved.wait()

    async def _session(self) -> None:
        self.state.phase = "connecting"
        writer = await self._open_writer()
        try:
            async with self._source.feed(after=await self._resumes(writer)) as feed:
                writer = await self._attach(writer)
                await self._advance(writer)
                self.state.phase = "following"
                while True:
                    await self._follow(writer, feed)
        finally:
            self.attached.clear()
            await writer.close()

    async def _resumes(self, writer: Ledger) -> int | None:
        """The slot that a source may go on from."""
        mark = await writer.mark()
        return None if mark is None else mark.slot

    async def _attach(self, writer: Ledger) -> Ledger:
        """Make sure that this mirror is of this chain, and that it has a snapshot."""
        missing = await self._source.program_missing()
        if missing is not None:
            raise WrongChain(f"{missing}; deploy it, or correct CHOIR_RPC_URL")
        genesis = await self._source.genesis_hash()
        there = await writer.identity()
        epoch = int(self._clock.now())
        if there is not None and there.program_id != str(self._program):
            raise WrongChain(
                f"this mirror is of program {there.program_id}, not {self._program};"
                " use another database"
            )
        if there is not None and there.genesis_hash != genesis:
            if self._rebuild is None:
                raise WrongChain(
                    f"this mirror is of the chain with genesis hash {there.genesis_hash}, the"
                    f" node's is {genesis}. Correct CHOIR_RPC_URL or use another database; to"
                    " drop the mirror and make it anew: choir-indexer migrate --rebuild"
                )
            self._log.warning("another chain; making the mirror anew", genesis=genesis)
            await self._rebuild()
            await writer.close()
            writer = await self._open_writer()
            epoch = max(epoch, there.epoch + 1)
        await writer.begin(
            Identity(genesis, str(self._program), epoch),
            after=GENESIS_SLOT,
            commitment=self._commitment,
        )
        await self._read_mark(writer)
        await self._gaps.load(writer)
        self.attached.set()
        if self._mark.snapshot_slot is None:
            await self._snapshot(writer)
        return writer

    async def _snapshot(self, writer: Ledger) -> None:
        self.state.phase = "snapshot"
        frontier = await self._source.frontier()
        accounts = 0
        async with (
            self._source.snapshot(at_least=frontier.finalized, final=True) as snapshot,
            aclosing(self._unpacked(snapshot.parts)) as unpacked,
            aclosing(Ahead(unpacked)) as parts,
        ):
            async for part in parts:
                await writer.apply_snapshot(part)
                accounts += len(part.accounts)
        await writer.end_snapshot(snapshot.slot)
        await self._read_mark(writer)
        self._log.info("snapshot", slot=snapshot.slot, accounts=accounts)

    async def _follow(self, writer: Ledger, feed: Feed) -> None:
        """Wait for announcements, write announced accounts at once, then walk history."""
        try:
            hints = await feed.take()
        except Forked as fork:
            await self._roll_back(writer, fork)
            hints = ()
        updates = [hint for hint in hints if isinstance(hint, AccountUpdate)]
        lost = sum(hint.count for hint in hints if isinstance(hint, Lost))
        if lost:
            self.metrics.lost_hints.inc(lost)
        await self._advance(writer, self._decoded(updates, "live"))

    async def _advance(self, writer: Ledger, live: Delta | None = None) -> None:
        """Walk to the frontier; a gap on the way is on record until the watermark passed it."""
        try:
            await self._over_forks(writer, live or Delta())
        except Gap as error:
            frontier = self.state.frontier or self._mark.slot
            await self._gaps.note(writer, self._mark.slot + 1, frontier, str(error))
            raise
        await self._gaps.end_filled(writer)

    async def _over_forks(self, writer: Ledger, live: Delta) -> None:
        """Walk to the frontier; where the chain has left a fork, from there on."""
        try:
            await self._walk(writer, live)
        except Forked as fork:
            await self._roll_back(writer, fork)
            await self._walk(writer, Delta())  # another one at once is for the next session

    async def _walk(self, writer: Ledger, live: Delta) -> None:
        """Write what was announced of accounts, while the node says how far history goes, and
        walk history from the watermark to there."""
        asked = asyncio.ensure_future(self._source.frontier())
        try:
            await writer.apply_live(live)
            anchor = await writer.anchor()
            frontier = await asked
        finally:
            asked.cancel()
        self._seen(frontier)
        if frontier.slot > self._mark.slot:
            history = self._source.history(
                self._mark.slot,
                frontier.slot,
                overlap=max(self._overlap, self._mark.slot - self._final),
                anchor=anchor,
            )
            async with (
                aclosing(history),
                aclosing(self._prepared(history)) as prepared,
                aclosing(Ahead(prepared)) as batches,
            ):
                astray = await self._astray(writer, frontier)
                async for batch, delta in batches:
                    await self._write(writer, batch, merge(delta, astray), frontier)
                    astray = Delta()
        if frontier.slot == self._mark.slot:
            self.state.caught_up_at = self._clock.monotonic()
            self.state.trouble = None

    @property
    def _final(self) -> int:
        """What the mirror has up to here cannot be undone."""
        return self._mark.finalized_slot or 0

    async def _astray(self, writer: Ledger, frontier: Frontier) -> Delta:
        """Accounts whose rows, or absences, are as of a slot that the chain has not, as they are
        now.

        Rows run ahead of history, and no transaction says that one was of a fork. Those of the
        snapshot are final.
        """
        settled = max(self._final, self._mark.snapshot_slot or 0)
        slots = await writer.account_slots(settled, frontier.slot)
        if not slots:
            return Delta()
        try:
            gone = slots - await self._source.blocks(slots)
        except Pruned:
            gone = slots  # nobody can say; asking for them is never wrong
        if not gone:
            return Delta()
        pubkeys = await writer.accounts_as_of(gone)
        self._log.info("rows of slots that are not in the chain", accounts=len(pubkeys))
        updates = await self._source.accounts(pubkeys, at_least=frontier.slot)
        return self._decoded(updates, "fork")

    async def _roll_back(self, writer: Ledger, fork: Forked) -> None:
        """Take back what was written of the slots after the newest one that stands."""
        before, to = self._mark.slot, fork.back_to
        if to >= before:
            return  # rows that ran ahead are looked at by each walk
        if to < self._final:
            raise Incomplete(final_message(self._final, str(fork)))
        frontier = await self._source.frontier()
        pubkeys = await writer.accounts_after(to)
        updates = await self._source.accounts(pubkeys, at_least=max(frontier.slot, to))
        delta = self._decoded(updates, "fork")
        undone = await writer.roll_back(delta, after=before, to=to, reason=str(fork))
        await self._read_mark(writer)
        self._seen(frontier)
        self.metrics.rollbacks.inc()
        self._log.warning(
            "a fork; rolled back",
            from_slot=before, to_slot=to, epoch=undone.epoch, transactions=undone.transactions,
            events=undone.events, accounts=undone.accounts, reason=str(fork),
        )  # fmt: skip

    async def _unpacked(
        self, parts: AsyncIterator[Sequence[AccountUpdate]]
    ) -> AsyncGenerator[Delta, None]:
        """Each part of a snapshot, decoded."""
        async for part in parts:
            rows: list[AccountRow] = []
            for start in range(0, len(part), STRETCH):
                rows += self._rows(part[start : start + STRETCH], "snapshot")
                await asyncio.sleep(0)
            yield Delta.of(accounts=rows)

    async def _prepared(
        self, history: AsyncIterator[HistoryBatch]
    ) -> AsyncGenerator[tuple[HistoryBatch, Delta], None]:
        """Each batch with what it says, decoded, and the accounts that it touched as they are at
        its end or later. Needs no database, so that it can run ahead of what is being committed."""
        async for batch in history:
            rows = []
            for start in range(0, len(batch.transactions), STRETCH):
                stretch = batch.transactions[start : start + STRETCH]
                rows += [self._decoding.transaction(raw) for raw in stretch]
                await asyncio.sleep(0)
            delta = Delta.of(transactions=rows)
            # accounts last touched at or before the snapshot are in it
            touched = delta.touched_after(self._mark.snapshot_slot or 0)
            if touched:
                updates = await self._source.accounts(touched, at_least=batch.through)
                delta = merge(delta, self._decoded(updates, "history"))
            yield batch, delta

    async def _write(
        self, writer: Ledger, batch: HistoryBatch, delta: Delta, frontier: Frontier
    ) -> None:
        """Commit a batch and its accounts with the watermark."""
        await self._recheck(writer, batch)
        with self.metrics.commit_seconds.time():
            applied = await writer.apply_history(
                delta,
                after=batch.after,
                through=batch.through,
                finalized=frontier.finalized,
                begins=batch.begins,
            )
        final = max(self._final, min(frontier.finalized, batch.through))
        self._mark = replace(self._mark, slot=batch.through, finalized_slot=final)
        if batch.begins is not None:
            self._mark = replace(self._mark, history_slot=batch.begins)
            self._log.warning(
                "the node has forgotten the beginning; older transactions are not in the mirror",
                history_slot=batch.begins,
            )
        self._seen(frontier)
        self._moved.set()
        self._moved.clear()  # who waits is woken; who comes later waits for the next
        self.metrics.transactions.inc(applied.transactions)
        self.metrics.events.inc(applied.events)
        self._say_dead([letter for row in delta.transactions.values() for letter in row.dead])
        if batch.transactions:
            self._log.info(
                "history",
                slot=batch.through,
                transactions=applied.transactions,
                events=applied.events,
                signature=str(Signature(batch.transactions[-1].ref.signature)),
            )

    async def _recheck(self, writer: Ledger, batch: HistoryBatch) -> None:
        """Hold what the source lists behind the watermark against what the mirror has there.

        Raises:
            Incomplete: it lists what the mirror passed without, in a slot that is final.
            Forked: slots that are not final are other ones now.
            Gap: it does not list what the mirror has, or begins after the snapshot.
        """
        begins, final = self._mark.history_slot or 0, self._final
        listed = {ref.signature: ref.slot for ref in batch.recheck if ref.slot >= begins}
        there: dict[bytes, int] = {}
        if batch.rechecked_after is not None:
            oldest_listed = min(listed.values(), default=batch.after)
            there = await writer.known(min(batch.rechecked_after, oldest_listed - 1), batch.after)
        elsewhere = [signature for signature in listed if signature not in there]
        unknown = await writer.unknown(elsewhere) if elsewhere else []
        if unknown:  # asked for afterwards, so that what was retired meanwhile is not late
            mark = await writer.mark()
            retired = -1 if mark is None or mark.retired_slot is None else mark.retired_slot
            unknown = [signature for signature in unknown if listed[signature] > retired]
        late = [(signature, listed[signature]) for signature in unknown]
        if any(slot <= final for _, slot in late):
            raise Incomplete(late_message([each for each in late if each[1] <= final]))
        known: dict[bytes, int] = {}
        same = False
        if batch.rechecked_after is not None:
            # one that is where it was, in a slot that was not final: so is all before it
            same = any(slot > final and listed.get(s) == slot for s, slot in there.items())
            known = {s: slot for s, slot in there.items() if slot > batch.rechecked_after}
            gone = [s for s, slot in known.items() if slot <= final and listed.get(s) != slot]
            if gone:
                raise NotListed(
                    f"transaction {Signature(gone[0])} of slot {known[gone[0]]} is in the mirror,"
                    " but the node's history does not list it"
                )
        later = {raw.ref.signature: raw.ref.slot for raw in batch.transactions}
        found = disputes(known, listed, unknown=unknown, final=final, later=later)
        if found:
            oldest = found[0]
            if not oldest.proven and await self._source.blocks({oldest.slot}):
                raise NotListed(f"{oldest.reason}, although the node has that slot's block")
            raise Forked(oldest.slot - 1, oldest.reason)
        unseen = max(final, begins - 1)
        if batch.rechecked_after is not None and batch.rechecked_after > unseen and not same:
            raise Pruned(
                f"the node's history begins at slot {batch.rechecked_after + 1}; what the mirror"
                f" has from slot {unseen + 1} on was not final, and cannot be compared"
            )
        if batch.begins is not None and batch.begins > (self._mark.snapshot_slot or 0) + 1:
            raise Pruned(
                f"the node's history begins at slot {batch.begins}, after the snapshot at slot"
                f" {self._mark.snapshot_slot}; begin anew with: choir-indexer migrate --rebuild"
            )

    def _decoded(self, updates: Iterable[AccountUpdate], origin: str) -> Delta:
        return Delta.of(accounts=self._rows(updates, origin))

    def _rows(self, updates: Iterable[AccountUpdate], origin: str) -> list[AccountRow]:
        rows = [self._decoding.account(update) for update in updates]
        self.metrics.accounts.labels(origin).inc(len(rows))
        self._say_dead([row.dead for row in rows if row.dead is not None])
        return rows

    def _say_dead(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self.metrics.dead_letters.inc()
            name = (
                str(Pubkey(letter.key)) if letter.kind == "account" else str(Signature(letter.key))
            )
            self._log.error(
                "not understood; kept as a dead letter",
                kind=letter.kind, key=name, slot=letter.slot, reason=letter.reason,
            )  # fmt: skip

    def _interrupted(self, cause: str, error: BaseException) -> None:
        said = str(error) or type(error).__name__
        self.state.trouble = said
        self.metrics.interruptions.labels(cause).inc()
        self._log.warning("interrupted; will try again", cause=cause, reason=said)

    async def _read_mark(self, writer: Ledger) -> None:
        mark = await writer.mark()
        assert mark is not None
        self._mark = mark

    def _seen(self, frontier: Frontier) -> None:
        self.state.slot, self.state.frontier = self._mark.slot, frontier.slot
        self.state.history_slot = self._mark.history_slot
        self.metrics.watermark.set(self._mark.slot)
        self.metrics.frontier.set(frontier.slot)
        self.metrics.lag_slots.set(max(frontier.slot - self._mark.slot, 0))
