"""From the outboxes to the vector store, losing nothing.

A row of ``chain.outbox`` or ``app.content_outbox`` says that something about a message or a
thread changed. It says nothing of *what*: for each message named, the tables are read as
they are now, and the store is made to agree. Working on a row twice, or on rows in another
order, therefore ends in the same state, and a row is deleted in the transaction that ends
after the store has taken it. Killed anywhere in between, the row is still there.

What hides goes first: rows about privacy and removals are worked on before any other, and
looked for again before each embedding, which takes long. What was embedded is read again
before it is written, so that a point never has a level older than that reading; a level that
changes in the moment between the two is put right by the change's own row, which comes later.
Until then the API's recheck stands between the index and a reader.

One pump works at a time. Its lease is a session lock of the connection over which that second
reading is made: a pump that lost the lease fails there and writes nothing. What remains is the
time from that answer until the store has taken the write. An engine in this process has one
writer, so that nobody comes between. With a Qdrant server, a write that is on its way while
PostgreSQL cuts the connection may arrive after the next pump has hidden the same point; the
recheck covers that, and the comparison when a pump starts puts it right.

A text that the embedder refuses :data:`TRIES` times, while it takes others, becomes a row of
``chain.dead_letters`` and is left out, until ``choir-indexer replay-dead-letters`` gives it back.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from solders.pubkey import Pubkey

from choir.clock import Clock, SystemClock
from choir.privacy import Level
from choir.vectors import Point, VectorsError, VectorStore
from choir_indexer.cancelling import heed_cancellation
from choir_indexer.store.errors import DatabaseUnreachable, MirrorError, unreachable
from choir_indexer.vectors import tables
from choir_indexer.vectors.tables import Message

if TYPE_CHECKING:
    import uuid

    import numpy as np
    from numpy.typing import NDArray

OUTBOX_CHANNEL: Final = "choir_outbox"
# any constant will do, as long as nobody else in the database uses it
PUMP_LOCK: Final = 0x63686F69725F7670
FIRST_DELAY_S: Final = 0.2
LONGEST_DELAY_S: Final = 30.0
_REMEMBERED: Final = 100_000
TRIES: Final = 3
# what every embedder must be able to do, to tell a bad text from a bad embedder
PROBE: Final = "choir"

# what asyncpg may say of a connection that is gone
DATABASE_LOST: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
EXPECTED_FAILURES: Final = (VectorsError, DatabaseUnreachable, OSError, *DATABASE_LOST)

log = structlog.get_logger("choir_indexer.vectors")


class PumpBusy(MirrorError):
    """Another pump works on this database."""


class TextRefused(Exception):
    """The embedder does not take a text that it may take next time."""


class TextEmbedder(Protocol):
    """What the pump needs of :class:`choir.embed.OffLoop`."""

    @property
    def name(self) -> str:
        """The model with its revision."""
        ...

    @property
    def dimension(self) -> int:
        """Length of each vector."""
        ...

    async def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape ``(len(texts), dimension)``."""
        ...


class PumpMetrics:
    """What the pump counts, in the indexer's registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        where = registry if registry is not None else CollectorRegistry()
        self.indexed = Counter(
            "choir_indexer_vectors_indexed", "Messages written to the vector store", registry=where
        )
        self.removed = Counter(
            "choir_indexer_vectors_removed", "Messages taken out of it", registry=where
        )
        self.failures = Counter(
            "choir_indexer_vectors_failures", "Rounds that ended early", ["cause"], registry=where
        )
        self.refused = Counter(
            "choir_indexer_vectors_refused",
            "Messages given up: the embedder does not take their text",
            registry=where,
        )
        self.pending = Gauge(
            "choir_indexer_vectors_pending", "Outbox rows not yet worked on", registry=where
        )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What :meth:`Pump.reconcile` did: points written, points taken out."""

    written: int
    removed: int


class Pump:
    """Keeps one vector store in step with one database.

    Args:
        database_url: ``postgresql://`` URL; the pump holds one connection.
        store: where points go; opened by the pump, closed by its owner.
        embedder: makes the vectors.
        clock: for waiting.
        interval_s: the longest time between two looks; a notification shortens it.
        batch: rows and messages worked on at once.
        metrics: counters; by default in a registry of their own.
    """

    def __init__(
        self,
        database_url: str,
        store: VectorStore,
        embedder: TextEmbedder,
        *,
        clock: Clock | None = None,
        interval_s: float = 1.0,
        batch: int = 128,
        metrics: PumpMetrics | None = None,
    ) -> None:
        self._url = database_url
        self._store = store
        self._embedder = embedder
        self._clock: Clock = clock or SystemClock()
        self._interval_s = interval_s
        self._batch = batch
        self.metrics = metrics or PumpMetrics()
        self.trouble: str | None = None
        """Why the last round ended early; None while all is well."""
        # once in a process's life, whatever the last one left behind
        self._compared = False
        self._known: OrderedDict[str, tables.State] = OrderedDict()
        self._hidden: set[int] = set()  # outbox rows whose hiding is done
        self._tries: dict[tuple[str, str], int] = {}
        self._generation: int | None = None

    async def run(self) -> None:
        """Works until cancelled; every failure is logged, counted and tried again."""
        delay_s = FIRST_DELAY_S
        while True:
            started = self._clock.monotonic()
            try:
                await self._session()
            except Exception as error:
                heed_cancellation()
                self.trouble = str(error) or type(error).__name__
                self.metrics.failures.labels(type(error).__name__).inc()
                if self._clock.monotonic() - started > LONGEST_DELAY_S:
                    delay_s = FIRST_DELAY_S
                log.warning(
                    "vectors_paused",
                    reason=self.trouble,
                    retry_in_s=delay_s,
                    exc_info=not isinstance(error, EXPECTED_FAILURES),
                )
            await self._clock.sleep(delay_s)
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)

    async def run_once(self) -> int:
        """Opens everything, works off what is there, and returns how many rows that were.

        Raises:
            VectorsError: the store does not take it; the rows are still there.
            DatabaseUnreachable: no PostgreSQL at the URL.
        """
        connection = await self._connect()
        try:
            if not await self._lease(connection):
                return 0
            await self._store.ensure_collection(
                model=self._embedder.name, dimension=self._embedder.dimension
            )
            return await self._drain(connection)
        finally:
            await _close(connection)

    async def reconcile(self) -> Reconciled:
        """Compares the whole store with the tables and puts right what differs.

        This is also how an empty store is filled.
        """
        connection = await self._connect()
        try:
            await self._store.ensure_collection(
                model=self._embedder.name, dimension=self._embedder.dimension
            )
            return await self._reconcile(connection)
        finally:
            await _close(connection)

    async def rebuild(
        self, *, anew: bool = False, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> Reconciled:
        """Fills the store from the tables while no other pump works. Cut off at any point, the
        next call goes on with what is still missing.

        Args:
            anew: take out everything first.
            progress: told how many messages of how many that differ are done.

        Raises:
            PumpBusy: an indexer's pump works on this database.
            VectorsError: the store does not take it.
        """
        connection = await self._connect()
        try:
            if not await self._lease(connection):
                raise PumpBusy(
                    "an indexer keeps the vectors of this database in step, and puts right what"
                    " differs when it starts; stop it to rebuild them"
                )
            await self._store.ensure_collection(
                model=self._embedder.name, dimension=self._embedder.dimension
            )
            removed = await self._empty() if anew else 0
            while True:
                try:
                    done = await self._reconcile(connection, progress)
                except TextRefused as refused:  # after TRIES of them a dead letter is kept
                    log.warning("once more", reason=str(refused))
                    continue
                return Reconciled(done.written, removed + done.removed)
        finally:
            await _close(connection)

    async def _empty(self) -> int:
        """Takes everything out of the store; returns how many points."""
        removed = 0
        while names := [hit.message for hit in (await self._store.scroll(limit=1000)).items]:
            await self._take_out(names)
            removed += len(names)
        return removed

    async def _session(self) -> None:
        """One connection's life: lease, open, compare, then work and wait."""
        connection = await self._connect()
        wake = asyncio.Event()
        try:
            await connection.add_listener(OUTBOX_CHANNEL, lambda *_: wake.set())
            while not await self._lease(connection):
                await self._clock.sleep(self._interval_s)
            await self._store.ensure_collection(
                model=self._embedder.name, dimension=self._embedder.dimension
            )
            await self._drain(connection)
            if not self._compared or await self._store.count() != await self._expected(connection):
                await self._reconcile(connection)
                self._compared = True
            idle = False
            while True:
                wake.clear()
                if await self._drain(connection) or not idle:
                    idle = True
                    await self._store.maintain()
                self.trouble = None
                await self._wait(wake)
        finally:
            await _close(connection)

    async def _wait(self, wake: asyncio.Event) -> None:
        """Until notified, or the interval has passed."""
        tasks = [
            asyncio.ensure_future(wake.wait()),
            asyncio.ensure_future(self._clock.sleep(self._interval_s)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(self._url, timeout=10)
        except (OSError, ValueError, *DATABASE_LOST) as error:
            raise DatabaseUnreachable(unreachable(self._url, str(error))) from error

    async def _lease(self, connection: asyncpg.Connection) -> bool:
        taken: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", PUMP_LOCK)
        return taken

    async def _drain(self, connection: asyncpg.Connection) -> int:
        """Works off both outboxes; returns the number of rows."""
        total = 0
        while True:
            try:
                done = await self._round(connection)
            except BaseException:
                # what the store has taken of this round is not known
                self._known.clear()
                self._hidden.clear()
                raise
            total += done
            if done < self._batch:
                self.metrics.pending.set(0)
                return total

    async def _round(self, connection: asyncpg.Connection) -> int:
        """One batch of each outbox, in one transaction with the deletion of its rows."""
        await self._same_mirror(connection)
        contents = await tables.has_contents(connection)
        async with connection.transaction():
            await self._hide(connection)
            chain = await connection.fetch(tables.TAKE_CHAIN, self._batch)
            app = await connection.fetch(tables.TAKE_APP, self._batch) if contents else []
            if not chain and not app:
                return 0
            self.metrics.pending.set(len(chain) + len(app))
            for thread in dict.fromkeys(r["thread"] for r in chain if r["kind"] == "privacy"):
                await self._refresh(connection, thread, contents)
            for thread in dict.fromkeys(r["thread"] for r in chain if r["kind"] == "thread"):
                await self._refresh(connection, thread, contents)
            named = {r["message"] for r in chain if r["message"] is not None}
            named |= {
                row["pubkey"]
                for row in await connection.fetch(
                    tables.MESSAGES_WITH_CONTENT,
                    [row["thread"] for row in app],
                    [row["content_hash"] for row in app],
                )
            }
            keys = sorted(named)
            for start in range(0, len(keys), self._batch):
                await self._bring(connection, keys[start : start + self._batch], contents)
            await connection.execute(tables.DROP_CHAIN, [row["id"] for row in chain])
            if app:
                await connection.execute(tables.DROP_APP, [row["id"] for row in app])
        self._hidden -= {row["id"] for row in chain}
        return max(len(chain), len(app))

    async def _same_mirror(self, connection: asyncpg.Connection) -> None:
        """Compare everything when the mirror was made anew: no row tells of what was dropped."""
        generation: int | None = await connection.fetchval(tables.GENERATION)
        if self._generation not in (None, generation):
            self._known.clear()
            self._hidden.clear()
            await self._reconcile(connection)
        self._generation = generation

    async def _hide(self, connection: asyncpg.Connection) -> None:
        """Do at once what rows about privacy and removals ask to be hidden; the rows stay."""
        rows = await connection.fetch(tables.URGENT, list(self._hidden))
        levels = {row["thread"]: row["privacy"] for row in rows if row["kind"] == "privacy"}
        for thread, level in levels.items():
            now = Level.ENCRYPTED if level is None else Level(level)
            await self._store.relevel(str(Pubkey.from_bytes(thread)), now)
            for row in await connection.fetch(tables.KEYS_OF_THREAD, thread):
                self._known.pop(str(Pubkey.from_bytes(row["pubkey"])), None)
        gone = sorted(
            str(Pubkey.from_bytes(row["message"]))
            for row in rows
            if row["kind"] == "removed" and row["message"] is not None and not row["there"]
        )
        if gone:
            await self._take_out(gone)
        self._hidden |= {row["id"] for row in rows}

    async def _take_out(self, names: Sequence[str]) -> None:
        await self._store.delete(names)
        for name in names:
            self._known.pop(name, None)

    async def _refresh(self, connection: asyncpg.Connection, thread: bytes, contents: bool) -> None:
        """All messages of a thread."""
        after = -1
        while True:
            rows = await connection.fetch(tables.MESSAGES_OF_THREAD, thread, after, self._batch)
            if not rows:
                return
            after = int(rows[-1]["index"])
            await self._bring(connection, [row["pubkey"] for row in rows], contents)

    async def _bring(
        self, connection: asyncpg.Connection, keys: Sequence[bytes], contents: bool
    ) -> int:
        """Makes the store agree with the tables about these messages; returns the writes.

        Those which this pump has itself brought into step are passed over.
        """
        found = {
            message.key: message
            for message in await tables.read_messages(connection, keys, contents)
        }
        names = [str(Pubkey.from_bytes(key)) for key in keys]
        stay = [found[name] for name in names if name in found and found[name].searchable]
        gone = sorted(set(names) - {message.key for message in stay})
        stay = [message for message in stay if self._known.get(message.key) != message.state]
        if gone:
            await self._take_out(gone)
            self.metrics.removed.inc(len(gone))
        if not stay:
            return 0
        await self._hide(connection)
        vectors, refused = await self._embed(connection, stay)
        # over the connection that holds the lease; see the module's text
        again = [bytes(Pubkey.from_string(message.key)) for message in stay]
        now = {m.key: m for m in await tables.read_messages(connection, again, contents)}
        late = [m.key for m in stay if m.key not in now or not now[m.key].searchable]
        if late:
            await self._take_out(late)
        written = [
            now[message.key]
            for message in stay
            if message.key in vectors
            and message.key not in late
            and now[message.key].content_hash == message.content_hash
        ]
        if written:
            await self._store.upsert([_point(m, vectors[m.key]) for m in written])
            self._remember(written)
            self.metrics.indexed.inc(len(written))
        if refused is not None:
            raise refused
        return len(written)

    async def _embed(
        self, connection: asyncpg.Connection, messages: Sequence[Message]
    ) -> tuple[dict[str, NDArray[np.float32]], TextRefused | None]:
        """Vectors by message, and what to raise once those are written: a text was refused and
        will be tried again. One that was refused too often becomes a dead letter."""
        try:
            made = await self._embedder.embed_texts([m.text or "" for m in messages])
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            await self._embedder.embed_texts([PROBE])  # else the embedder itself is at fault
            log.warning("embedding one by one", messages=len(messages), reason=str(error))
        else:
            return {m.key: vector for m, vector in zip(messages, made, strict=True)}, None
        vectors: dict[str, NDArray[np.float32]] = {}
        refused: TextRefused | None = None
        for message in messages:
            try:
                vectors[message.key] = (await self._embedder.embed_texts([message.text or ""]))[0]
            except Exception as error:
                which = (message.key, message.content_hash)
                said = str(error) or type(error).__name__
                self._tries[which] = tries = self._tries.get(which, 0) + 1
                if tries < TRIES:
                    refused = TextRefused(f"no vector of message {message.key}: {said}")
                    refused.__cause__ = error
                    continue
                key = bytes(Pubkey.from_string(message.key))
                await connection.execute(tables.KEEP_LETTER, key, f"no vector: {said}")
                self.metrics.refused.inc()
                log.exception("message given up", message=message.key, reason=said)
        return vectors, refused

    def _remember(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._known[message.key] = message.state
            self._known.move_to_end(message.key)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _expected(self, connection: asyncpg.Connection) -> int:
        """How many messages should have a point."""
        if not await tables.has_contents(connection):
            return 0
        expected: int = await connection.fetchval(tables.EXPECTED, int(Level.ENCRYPTED))
        return expected

    async def _reconcile(
        self,
        connection: asyncpg.Connection,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Reconciled:
        contents = await tables.has_contents(connection)
        there: dict[str, tables.State] = {}
        after: uuid.UUID | None = None
        while True:
            page = await self._store.scroll(limit=1000, after=after)
            there |= {
                hit.message: (int(hit.level), hit.content_hash, hit.author, hit.created_at)
                for hit in page.items
            }
            after = page.next
            if after is None:
                break
        differ: list[str] = []
        # points of another level, text or author: each goes before its successor
        wrong: list[str] = []
        last = b""
        while True:
            rows = await connection.fetch(tables.ALL_MESSAGES, last, self._batch)
            if not rows:
                break
            last = rows[-1]["pubkey"]
            for message in await tables.read_messages(
                connection, [row["pubkey"] for row in rows], contents
            ):
                if not message.searchable:
                    continue
                state = there.pop(message.key, None)
                if state == message.state:
                    self._remember([message])
                    continue
                self._known.pop(message.key, None)
                differ.append(message.key)
                if state is not None:
                    wrong.append(message.key)
        stale = sorted(there)
        for names in (stale, wrong):
            for start in range(0, len(names), self._batch):
                await self._take_out(names[start : start + self._batch])
        written = 0
        for start in range(0, len(differ), self._batch):
            keys = [bytes(Pubkey.from_string(k)) for k in differ[start : start + self._batch]]
            written += await self._bring(connection, keys, contents)
            progress(start + len(keys), len(differ))
        self.metrics.removed.inc(len(stale))
        log.info("vectors_reconciled", written=written, removed=len(stale))
        return Reconciled(written, len(stale))


async def _close(connection: asyncpg.Connection) -> None:
    # the server may have gone first; the lease goes with the connection in any case
    with suppress(OSError, *DATABASE_LOST):
        await connection.close(timeout=2)


def _point(message: Message, vector: NDArray[np.float32]) -> Point:
    return Point(
        message=message.key,
        thread=message.thread,
        author=message.author,
        level=message.level,
        created_at=message.created_at,
        content_hash=message.content_hash,
        vector=vector,
        text=message.text if message.level is Level.PUBLIC else None,
    )
