"""Spaces as they live in this process: cached state, committing deltas, telling subscribers.

A delta is acknowledged after its transaction committed. Deltas that arrive while one is being
committed wait and go together in the next transaction (group commit). Within a process,
subscribers hear of a version right after its commit; other processes hear a hint and read the
rows behind the version they know, so a lost hint costs time (at most a sweep), never a version.

For each space one lock orders loading, committing and telling, and telling never waits: what a
subscriber gets is a snapshot and then every later version, none twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Iterator,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from choir.clock import Clock
from choir.spaces.engine.merge import Changed
from choir.spaces.engine.state import State, apply
from choir.spaces.models import Delta
from choir_api.auth.liveness import living
from choir_api.db import Database, WriteSession
from choir_api.errors import ApiError, Unavailable
from choir_api.realtime import Close, Socket, broadcast
from choir_api.spaces import rights, store
from choir_api.spaces.commit import (
    Accepted,
    Author,
    Draft,
    Pending,
    digest_of,
    merge_all,
    no_such_space,
)
from choir_api.spaces.frames import delta_frame, event_frame, snapshot_frame
from choir_api.spaces.store import Entry, Loaded
from choir_api.spaces.telemetry import Ticker
from choir_api.spaces.visitor import Visitor

log = logging.getLogger(__name__)

IDLE_SPACES: Final = 512
"""Spaces kept in memory though nobody watches them."""
BATCH: Final = 256
"""Deltas in one transaction at most."""

T = TypeVar("T")


@dataclass(eq=False)
class LiveSpace:
    """One space in this process."""

    id: str
    created_at: datetime
    primes: tuple[int, ...]
    state: State
    changed: Changed
    ticker: Ticker
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    present: set[Socket[Any]] = field(default_factory=set)
    """Every socket of this space; their context is a `Visitor`."""
    watches: set[Visitor] = field(default_factory=set)
    """Who follows the telemetry as a stream."""
    subscribers: set[Socket[Any]] = field(default_factory=set)
    """Those that get deltas."""
    pending: list[Pending] = field(default_factory=list)
    worker: asyncio.Task[None] | None = None
    refresher: asyncio.Task[None] | None = None
    stale: bool = False

    @property
    def visitors(self) -> list[Visitor]:
        """Everybody with something open here."""
        return [*(socket.context for socket in self.present), *self.watches]

    @property
    def idle(self) -> bool:
        """Nobody is here and nothing is under way."""
        return not (self.present or self.pending or self.ticker.watched or self.lock.locked()) and (
            self.worker is None or self.worker.done()
        )


class SpaceHub:
    """The spaces of this process.

    Args:
        database: where spaces are kept.
        clock: for times and ticks.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lives: dict[str, LiveSpace] = {}
        self._loading: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    # what is live

    async def open(self, space_id: str) -> LiveSpace:
        """The space, brought up to date with the database.

        Raises:
            NotFound: there is none.
        """
        live = self._lives.get(space_id)
        if live is None:
            async with self._loading.setdefault(space_id, asyncio.Lock()):
                live = self._lives.get(space_id) or await self._load(space_id)
            self._loading.pop(space_id, None)
            return live
        async with live.lock:
            await self._catch_up(live)
        return live

    async def _load(self, space_id: str) -> LiveSpace:
        async with self._database.read() as session:
            row = await store.get(session, space_id)
            loaded = await store.load(session, space_id) if row else None
        if row is None or loaded is None:
            raise no_such_space(space_id)
        live = LiveSpace(
            id=space_id,
            created_at=row.created_at,
            primes=loaded.primes,
            state=loaded.state,
            changed=loaded.changed,
            ticker=Ticker(self._clock, row.created_at),
        )
        live.ticker.source = lambda: (live.state, live.primes)
        self._evict()
        self._lives[space_id] = live
        return live

    def _evict(self) -> None:
        if len(self._lives) < IDLE_SPACES:
            return
        for space_id in [i for i, live in self._lives.items() if live.idle][: IDLE_SPACES // 4]:
            del self._lives[space_id]

    @asynccontextmanager
    async def session(self, socket: Socket[Any], space_id: str) -> AsyncIterator[LiveSpace]:
        """Keeps a socket among those of its space for the length of the block."""
        live = await self.open(space_id)
        live.present.add(socket)
        try:
            yield live
        finally:
            live.present.discard(socket)
            live.subscribers.discard(socket)
            live.ticker.drop(socket)

    @contextmanager
    def watching(self, live: LiveSpace, watch: Visitor) -> Iterator[None]:
        """Keeps a stream among those of its space for the length of the block."""
        live.watches.add(watch)
        try:
            yield
        finally:
            live.watches.discard(watch)

    # subscribing

    async def subscribe(
        self, live: LiveSpace, socket: Socket[Any], after: tuple[int, int] | None = None
    ) -> None:
        """Sends what the socket needs to follow the space, then every later version.

        Args:
            after: (epoch, version) that the peer has. If the versions since are at hand they are
                sent, else a snapshot.
        """
        async with live.lock:
            await self._catch_up(live)
            missed = await self._missed(live, after) if after else None
            # from here to the end nothing waits, so no version can come in between
            if missed is None:
                socket.push(snapshot_frame(live.id, live.state))
            else:
                for entry in missed:
                    socket.push(delta_frame(entry))
            if socket.open:
                live.subscribers.add(socket)

    async def _missed(self, live: LiveSpace, after: tuple[int, int]) -> list[Entry] | None:
        epoch, version = after
        behind = live.state.version - version
        if epoch != live.state.epoch or not 0 <= behind <= store.SNAPSHOT_EVERY:
            return None
        if behind == 0:
            return []
        async with self._database.read() as session:
            return await store.entries(session, live.id, after=version, until=live.state.version)

    # hearing from other processes

    def hint(self, space_id: str, version: int | None = None) -> None:
        """Something may be new; looks soon if the space is live here."""
        live = self._lives.get(space_id)
        if live is None or (version is not None and live.state.version >= version):
            return
        live.stale = True
        if live.refresher is None or live.refresher.done():
            live.refresher = self._spawn(self._refresh(live))

    async def _refresh(self, live: LiveSpace) -> None:
        while live.stale:
            live.stale = False
            try:
                async with live.lock:
                    await self._catch_up(live)
            except (SQLAlchemyError, OSError) as error:
                log.warning("could not read space %s: %s", live.id, type(error).__name__)
                return  # the next hint or sweep tries again

    async def sweep(self) -> None:
        """Compares every live space with the database: what a lost hint would have said."""
        if not self._lives:
            return
        async with self._database.read() as session:
            found = await store.versions(session, self._lives)
        for space_id, version in found.items():
            self.hint(space_id, version)

    async def check_rights(self, space_id: str) -> None:
        """Reads the rights of everybody present anew, and closes whom nothing is left."""
        if (live := self._lives.get(space_id)) is not None:
            await self.recheck(live.visitors)

    async def recheck(self, visitors: Collection[Visitor] | None = None) -> None:
        """Looks anew at the sessions, keys and roles behind what is open, in one batch.

        Args:
            visitors: only these; None means all.
        """
        if visitors is None:
            visitors = [each for live in self._lives.values() for each in live.visitors]
        if not visitors:
            return
        now = self._now()
        async with self._database.read() as session:
            roles = await store.standing(session, {(who.space_id, who.wallet) for who in visitors})
            alive = await living(session, {who.credential for who in visitors}, now)
        for who in visitors:
            role = roles[who.space_id, who.wallet]
            if who.credential not in alive or who.expires_at <= now:
                who.end(Close.UNAUTHENTICATED, "the session has ended")
            elif role is None:
                who.end(Close.FORBIDDEN, "your membership ended")
            else:
                who.role = rights.lesser(who.granted, role)

    def end_credential(self, credential: UUID) -> None:
        """Closes what was opened on this sign-in session or API key."""
        for live in self._lives.values():
            for who in live.visitors:
                if who.credential == credential:
                    who.end(Close.UNAUTHENTICATED, "the session was ended")

    async def _catch_up(self, live: LiveSpace) -> None:
        """Reads and tells the versions that this process does not know. Holds `live.lock`."""
        async with self._database.read() as session:
            await self._advance(session, live)

    async def _advance(self, session: AsyncSession, live: LiveSpace) -> None:
        for entry in await store.entries(session, live.id, after=live.state.version):
            if entry.kind == "basis":
                loaded = await store.load(session, live.id, version=entry.version)
                assert loaded is not None, "a change of basis has its snapshot"
                live.primes, live.state, live.changed = (
                    loaded.primes,
                    loaded.state,
                    loaded.changed,
                )
            else:
                live.state = apply(live.state, entry.changes, version=entry.version)
                live.changed.record(entry.changes, entry.version)
            self._tell(live, entry, live.state)

    def _tell(self, live: LiveSpace, entry: Entry, state: State) -> None:
        if entry.kind == "basis":
            broadcast(
                live.present,
                event_frame("basis.changed", entry.at, epoch=entry.epoch, version=entry.version),
            )
            broadcast(live.subscribers, snapshot_frame(live.id, state))
        else:
            broadcast(live.subscribers, delta_frame(entry))

    # committing

    async def propose(
        self, space_id: str, author: Author, delta: Delta, *, stream: str = ""
    ) -> Accepted:
        """Commits a delta and tells everybody, or says why not.

        Args:
            stream: whose counters the delta's belongs to, among its author's.

        Raises:
            Conflict: it cannot be merged.
            CounterGap: earlier deltas of the stream are missing.
            InvalidOp: an operation that this space does not have.
            Forbidden: not with this role.
            NotFound: no such space, or not for this author.
        """
        live = self._lives.get(space_id) or await self.open(space_id)
        if self._closed:
            raise Unavailable("the server is stopping; send it again")
        done: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        live.pending.append(Pending(author, stream, delta, digest_of(delta), done))
        if live.worker is None or live.worker.done():
            live.worker = self._spawn(self._commit_pending(live))
        return await done

    async def _commit_pending(self, live: LiveSpace) -> None:
        while live.pending:
            async with live.lock:
                batch, live.pending = live.pending[:BATCH], live.pending[BATCH:]
                results = await self._commit(live, batch)
                for pending, result in zip(batch, results, strict=True):
                    if pending.done.done():
                        continue  # whoever asked has gone
                    if isinstance(result, Exception):
                        pending.done.set_exception(result)
                    else:
                        pending.done.set_result(result)

    async def _commit(
        self, live: LiveSpace, batch: Sequence[Pending]
    ) -> Sequence[Accepted | Exception]:
        async def work(session: WriteSession, draft: Draft) -> list[Accepted | Exception]:
            return await merge_all(session, draft, batch, self._now())

        try:
            return await self._transact(live, work)
        except ApiError as error:
            return [error] * len(batch)
        except Exception:
            log.exception("could not commit to space %s", live.id)
            maybe = "the delta may not have been stored; send it again with the same counter"
            return [Unavailable(maybe) for _ in batch]

    async def change(
        self,
        space_id: str,
        work: Callable[[WriteSession, Draft], Awaitable[T]],
    ) -> T:
        """Runs `work` on the space's row, locked; commits and tells the versions it adds."""
        live = self._lives.get(space_id) or await self.open(space_id)

        async def locked() -> T:
            async with live.lock:
                return await self._transact(live, work)

        # a caller that goes away must not leave a commit untold
        return await asyncio.shield(self._spawn(locked()))

    async def _transact(
        self, live: LiveSpace, work: Callable[[WriteSession, Draft], Awaitable[T]]
    ) -> T:
        async with self._database.write() as session:
            row = await store.lock(session, live.id)
            if row is None:
                raise no_such_space(live.id)
            if row.version > live.state.version:
                await self._advance(session, live)
            before = live.state
            draft = Draft(
                row,
                live.primes,
                before,
                replace(live.changed, at=dict(live.changed.at)),
                row.config,
            )
            result = await work(session, draft)
            await self._write(session, draft, before)
        live.primes, live.state, live.changed = draft.primes, draft.state, draft.changed
        for entry, state in draft.made:
            self._tell(live, entry, state)
        return result

    async def _write(self, session: WriteSession, draft: Draft, before: State) -> None:
        if not draft.made:
            return
        row, state = draft.row, draft.state
        config = draft.config.model_copy(
            update={
                "operators": state.operators,
                "entropy": state.entropy,
                "policy": state.policy,
            }
        )
        values: dict[str, Any] = {
            "version": state.version,
            "epoch": state.epoch,
            "epoch_version": draft.changed.epoch_version,
        }
        if config != row.config:
            values["config"] = config
        await store.append(session, row.id, [entry for entry, _ in draft.made])
        await store.update(session, row.id, **values)
        rebased = any(entry.kind == "basis" for entry, _ in draft.made)
        if (
            rebased
            or state.version // store.SNAPSHOT_EVERY > before.version // store.SNAPSHOT_EVERY
        ):
            loaded = Loaded(draft.primes, state, draft.changed)
            await store.put_snapshot(session, row.id, loaded, draft.made[-1][0].at)
        await store.hint(session, row.id, "version", state.version)

    # ending

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Takes no more deltas, ends what is under way, and stops telemetry."""
        self._closed = True
        for live in self._lives.values():
            live.ticker.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
