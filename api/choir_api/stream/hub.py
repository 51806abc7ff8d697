"""Who watches which thread, and the delivery of every event to each of them exactly once.

A subscription is a position in its thread's sequence. Whatever wakes a thread (a hint, a new
subscriber, a reconnection) makes its pump read the events after the lowest position, in one
snapshot with the thread's state, and hand each subscriber those after their own. So a hint
may be lost, late or repeated, and a subscriber may join at any moment: nothing is missed and
nothing comes twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from solders.pubkey import Pubkey
from sqlalchemy.exc import SQLAlchemyError

from choir.accounts import PrivacyLevel
from choir.privacy import ANONYMOUS, Access, Role
from choir_api.auth.liveness import as_of_now, credential_of
from choir_api.auth.principal import Principal
from choir_api.auth.service import PREMIUM_CHANNEL, REVOKED_CHANNEL
from choir_api.content.budget import fitting
from choir_api.content.rendering import access_to, render, viewer_of
from choir_api.content.store import Body, bodies
from choir_api.content.summaries import SUMMARIES
from choir_api.deps import Deps
from choir_api.mirror import fresh, keys, thread_at
from choir_api.realtime import Close, Outgoing, Socket
from choir_api.stream.events import channel_of, public, realtime_of
from choir_api.stream.frames import Channel, frame
from choir_api.stream.listener import Listener
from choir_api.stream.redis_listener import RedisListener
from choir_indexer.store import read

log = logging.getLogger(__name__)

THREAD_CHANNEL = "choir_thread"
BATCH = 200
RETRY_S = 1.0


@dataclass(eq=False)
class Client:
    """A socket and who is behind it.

    Attributes:
        principal: the wallet that proved itself, None for an anonymous viewer.
        welcomed: the handshake is over.
        challenge: the message that was given to sign.
        subscriptions: by thread id.
    """

    socket: Socket[Any] | None = None
    principal: Principal | None = None
    welcomed: bool = False
    challenge: str | None = None
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    def push(self, outgoing: Outgoing | dict[str, Any]) -> None:
        """Send a frame, if the socket still lives."""
        assert self.socket is not None
        self.socket.push(outgoing)


@dataclass(eq=False)
class Subscription:
    """One client's watch on one thread.

    Attributes:
        epoch: of the sequence it is in.
        position: every event up to this one has been delivered or was not asked for.
        sent: the last one that was delivered; a delta names it, so that gaps show.
        acknowledged: the last one that the client says it has applied.
    """

    client: Client
    thread: bytes
    thread_id: str
    channels: frozenset[Channel]
    epoch: int
    position: int
    sent: int
    acknowledged: int = 0


@dataclass(eq=False)
class _Room:
    thread: bytes
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    subscriptions: set[Subscription] = field(default_factory=set)
    pump: asyncio.Task[None] | None = None


def may_watch(principal: Principal | None, access: Access, *, anonymous: bool) -> bool:
    """Whether this viewer may follow the thread at all: nobody in particular only public ones."""
    if principal is not None:
        return True
    return anonymous and access.view.name == "FULL"


class Hub:
    """All subscriptions of this process.

    Args:
        deps: the API's ports.

    Attributes:
        resynchronise: sends a subscription a fresh snapshot and moves it there; set by the
            endpoint.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._rooms: dict[bytes, _Room] = {}
        self._clients: set[Client] = set()
        self.resynchronise: Callable[[Subscription], Awaitable[None]] | None = None
        threads = {THREAD_CHANNEL: self._on_thread}
        rights = {REVOKED_CHANNEL: self._on_revoked, PREMIUM_CHANNEL: self._on_premium}
        redis = deps.settings.redis_url
        self._listener = Listener(
            deps.settings.database_url,
            rights if redis else threads | rights,
            on_gap=self._on_gap,
        )
        self._redis = RedisListener(redis, threads, on_gap=self._look) if redis else None
        self._tasks: list[asyncio.Task[None]] = []
        self._doubtful: set[Client] = set()
        self._doubt = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen; returns once the hints come in."""
        listening = asyncio.create_task(self._listener.run())
        self._tasks = [listening, asyncio.create_task(self._keep_rechecking())]
        if self._redis is not None:  # while it is away, each of its attempts looks at the tables
            self._tasks.append(asyncio.create_task(self._redis.run()))
        connected = asyncio.create_task(self._listener.connected.wait())
        await asyncio.wait({listening, connected}, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """End every pump and the listening."""
        tasks = [room.pump for room in self._rooms.values() if room.pump] + self._tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._rooms.clear()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """`start` on entry, `stop` on exit."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    def join(self, client: Client) -> None:
        """Remember a client, so that the end of its session reaches it."""
        self._clients.add(client)

    def leave(self, client: Client) -> None:
        """Forget a client and its subscriptions."""
        self._clients.discard(client)
        for subscription in list(client.subscriptions.values()):
            self.remove(subscription)

    def add(self, subscription: Subscription) -> None:
        """Deliver from the subscription's position on."""
        client = subscription.client
        if (before := client.subscriptions.get(subscription.thread_id)) is not None:
            self.remove(before)
        client.subscriptions[subscription.thread_id] = subscription
        room = self._rooms.setdefault(subscription.thread, _Room(subscription.thread))
        room.subscriptions.add(subscription)
        if room.pump is None or room.pump.done():
            room.pump = asyncio.create_task(self._pump(room))
        room.wake.set()  # events since its snapshot was read

    def remove(self, subscription: Subscription) -> None:
        """Deliver no more."""
        subscription.client.subscriptions.pop(subscription.thread_id, None)
        room = self._rooms.get(subscription.thread)
        if room is None:
            return
        room.subscriptions.discard(subscription)
        if not room.subscriptions:
            del self._rooms[subscription.thread]
            if room.pump is not None and room.pump is not asyncio.current_task():
                room.pump.cancel()

    def _on_thread(self, payload: str) -> None:
        try:
            thread = bytes(Pubkey.from_string(json.loads(payload)["thread"]))
        except (ValueError, KeyError, TypeError):
            log.warning("a hint that cannot be read: %.100s", payload)
            return
        if (room := self._rooms.get(thread)) is not None:
            room.wake.set()

    def _on_revoked(self, payload: str) -> None:
        try:
            ended = UUID(payload)
        except ValueError:
            return
        for client in list(self._clients):
            if client.principal is not None and credential_of(client.principal) == ended:
                self._end(client)

    def _on_premium(self, payload: str) -> None:
        for client in self._clients:
            if client.principal is not None and str(client.principal.wallet) == payload:
                self._doubtful.add(client)
        self._doubt.set()

    def _on_gap(self) -> None:
        """Hints may have been missed, and time has passed: look at everything anew."""
        self._look()
        self._doubtful |= self._clients
        self._doubt.set()

    def _look(self) -> None:
        """Hints of threads may have been missed."""
        for room in self._rooms.values():
            room.wake.set()

    def _end(self, client: Client) -> None:
        assert client.socket is not None
        client.socket.close(Close.UNAUTHENTICATED, "the session has ended")

    async def recheck(self, clients: Collection[Client]) -> None:
        """Close those whose session or key has ended, and note who has premium now."""
        known = {each: each.principal for each in clients if each.principal is not None}
        if not known:
            return
        async with self._deps.database.read() as session:
            now = await as_of_now(session, known.values(), self._deps.now())
        for client, before in known.items():
            if client.principal is not before:
                continue  # said hello anew meanwhile, and was looked at then
            client.principal = now[before] or before
            if now[before] is None:
                self._end(client)

    async def _keep_rechecking(self) -> None:
        while True:
            await self._doubt.wait()
            self._doubt.clear()
            doubtful, self._doubtful = self._doubtful, set()
            try:
                await self.recheck(doubtful & self._clients)
            except Exception:  # whatever it is: rights must not go stale
                log.exception("looking at rights anew failed, trying again")
                self._doubtful |= doubtful
                self._doubt.set()
                await self._deps.clock.sleep(RETRY_S)

    async def _pump(self, room: _Room) -> None:
        while room.subscriptions:
            await room.wake.wait()
            room.wake.clear()
            try:
                if await self._deliver(room):
                    room.wake.set()
            except Exception as error:  # whatever it is: a dead pump would be silence
                expected = isinstance(error, SQLAlchemyError | OSError)
                log.warning("reading events failed, trying again: %r", error, exc_info=not expected)
                room.wake.set()
                await asyncio.sleep(RETRY_S)

    async def _deliver(self, room: _Room) -> bool:
        """Hand out one batch; True when there may be more."""
        subscribers = list(room.subscriptions)
        async with self._deps.database.read() as session:
            head = await read.head(session, room.thread)
            current = [each for each in subscribers if each.epoch == head.epoch]
            since = min((each.position for each in current), default=head.seq)
            events = await read.events_since(session, room.thread, head.epoch, since, limit=BATCH)
            more = len(events) == BATCH
            if events:
                told = [_told(event) for event in events]
                budget = self._deps.settings.page_content_bytes
                kept = await fitting(session, room.thread, told, budget)
                events, more = events[:kept], more or kept < len(events)
            thread = await thread_at(session, room.thread)
            certain = await fresh(session, self._deps.settings)
            contents = await bodies(session, Pubkey.from_bytes(room.thread), [*_hashes(events)])
        summaries: dict[int, dict[bytes, str]] = {}
        if thread is not None:
            # at one level all who get a summary get the same
            address = Pubkey.from_bytes(room.thread)
            for level in {_level(thread, event) for event in events}:
                least = access_to(ANONYMOUS, address, level, certain=certain)
                summaries[level] = await SUMMARIES.of(contents, least.detail)
        # the mirror is being rebuilt, or the thread went with a fork; its first event wakes us
        if thread is None:
            return False
        for subscription in subscribers:
            if subscription.epoch != head.epoch and self.resynchronise is not None:
                await self.resynchronise(subscription)
        if events and events[0].seq != since + 1:
            # older ones are no longer kept: a fresh start instead of a gap
            behind = [each for each in current if each.position < events[0].seq - 1]
            for subscription in behind:
                if self.resynchronise is not None:
                    await self.resynchronise(subscription)
            current = [each for each in current if each not in behind]
        self._hand_out(thread, events, contents, summaries, current, certain=certain)
        return more

    def _hand_out(
        self,
        thread: read.ThreadRow,
        events: Sequence[read.EventRow],
        contents: dict[bytes, Body],
        summaries: dict[int, dict[bytes, str]],
        subscribers: Sequence[Subscription],
        *,
        certain: bool,
    ) -> None:
        address = Pubkey.from_bytes(thread.pubkey)
        authors = keys(thread.co_authors)
        made: dict[tuple[Role, int, int], Outgoing] = {}
        for subscription in subscribers:
            if subscription not in subscription.client.subscriptions.values():
                continue
            principal = subscription.client.principal
            viewer = viewer_of(principal, address, authors)
            access = access_to(viewer, address, thread.privacy, certain=certain)
            anonymous = self._deps.settings.anonymous_sockets
            if not may_watch(principal, access, anonymous=anonymous):
                self._dismiss(subscription)
                continue
            for event in events:
                if event.seq <= subscription.position:
                    continue
                subscription.position = event.seq
                if channel_of(event.kind) not in subscription.channels:
                    continue
                key = (access.role, event.seq, subscription.sent)
                outgoing = made.get(key)
                if outgoing is None:
                    level = _level(thread, event)
                    if level != thread.privacy:
                        own = access_to(viewer, address, level, certain=certain)
                    else:
                        own = access
                    delta = self._delta(
                        thread, event, subscription.sent, own, contents, summaries[level]
                    )
                    outgoing = made[key] = Outgoing(delta)
                subscription.sent = event.seq
                subscription.client.push(outgoing)

    def _delta(
        self,
        thread: read.ThreadRow,
        event: read.EventRow,
        after: int,
        access: Access,
        contents: dict[bytes, Body],
        summaries: dict[bytes, str],
    ) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "event": realtime_of(event.kind, co_author=access.role is Role.CO_AUTHOR),
            "kind": event.kind,
            "epoch": event.epoch,
            "after": after,
            "slot": event.slot,
            "at": event.at,
            "data": public(dict(event.payload)),
        }
        digest = _hash_of(event)
        if digest is not None and event.kind in _WITH_CONTENT:
            view = render(digest, contents.get(digest), access, summaries)
            payload["content"] = view.model_dump(mode="json", exclude_none=True)
        return frame("delta", payload, self._deps.now(), thread_id=thread.thread_id, seq=event.seq)

    def _dismiss(self, subscription: Subscription) -> None:
        self.remove(subscription)
        subscription.client.push(
            frame(
                "unsubscribed",
                {"code": "forbidden", "message": "the thread is no longer public; sign in"},
                self._deps.now(),
                thread_id=subscription.thread_id,
            )
        )


_WITH_CONTENT = frozenset({"MessagePosted", "SpecSubmitted"})


def _level(thread: read.ThreadRow, event: read.EventRow) -> int:
    """The level of the content that goes with an event: its own, or the thread's if stricter."""
    own = event.payload.get("privacy") if event.kind in _WITH_CONTENT else None
    return max(thread.privacy, PrivacyLevel[own] if isinstance(own, str) else thread.privacy)


def _hash_of(event: read.EventRow) -> bytes | None:
    text = event.payload.get("content_hash")
    return bytes.fromhex(text) if isinstance(text, str) else None


def _told(event: read.EventRow) -> bytes | None:
    """The hash of the content that goes with the event."""
    return _hash_of(event) if event.kind in _WITH_CONTENT else None


def _hashes(events: Sequence[read.EventRow]) -> list[bytes]:
    return [digest for event in events if (digest := _told(event)) is not None]
