"""The thread socket's handler: handshake, subscriptions, heartbeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from solders.pubkey import Pubkey

from choir.accounts import SpecStatus
from choir.wire import JSON, MSGPACK, Codec
from choir_api.auth import service
from choir_api.auth.principal import Principal, Scope
from choir_api.content.budget import fitting
from choir_api.content.rendering import access_to, viewer_of
from choir_api.db import ReadSession
from choir_api.deps import Deps
from choir_api.errors import ApiError, Conflict, Forbidden, Unauthenticated, ValidationFailed
from choir_api.messages.views import message_views, spec_views
from choir_api.mirror import fresh, keys, require_thread, thread_at
from choir_api.realtime import Endpoint, Refused, Socket, Upgrade
from choir_api.realtime.endpoint import FrameError
from choir_api.stream.frames import Answer, Hello, Incoming, Nothing, Place, Subscribe, frame, parse
from choir_api.stream.hub import Client, Hub, Subscription, may_watch
from choir_api.threads.views import thread_view
from choir_indexer.store import read

SNAPSHOT_MESSAGES = 50
SNAPSHOT_SPECS = 100
MAX_REPLAY = 1000
MAX_SUBSCRIPTIONS = 100


class ThreadStream(Endpoint[Client]):
    """Serves ``/v1/ws``. One instance serves every socket.

    Args:
        deps: the API's ports.
        hub: where subscriptions live; started and stopped by whoever runs the server.
    """

    subprotocols: ClassVar[Mapping[str, Codec]] = {
        "choir.v1.json": JSON,
        "choir.v1.msgpack": MSGPACK,
    }
    encodings: ClassVar[frozenset[str]] = frozenset({"json", "msgpack"})

    def __init__(self, deps: Deps, hub: Hub) -> None:
        self._deps = deps
        self._hub = hub
        hub.resynchronise = self._resynchronise

    async def admit(self, upgrade: Upgrade) -> Client:
        """A bearer token in the upgrade already says who comes; without one, hello does."""
        token = upgrade.bearer()
        if token is None:
            return Client()
        try:
            return Client(principal=await service.by_access_token(self._deps, token))
        except ApiError as error:
            raise Refused(error.status, error.code, error.message) from None

    async def serve(self, socket: Socket[Client]) -> None:
        """Answer frames until the peer leaves."""
        client = socket.context
        client.socket = socket
        self._hub.join(client)
        try:
            await self._hub.recheck([client])  # it may have ended before we could hear of it
            async for raw in socket:
                try:
                    await self._handle(client, parse(Incoming, raw, "frame"))
                except ApiError as error:
                    socket.error(error.code, error.message, reply_to=raw, **error.details)
                else:
                    socket.accepted()
        finally:
            self._hub.leave(client)

    def error_frame(self, error: FrameError) -> dict[str, Any]:
        """An error as a frame like the others; ``payload.re`` names what it answers."""
        payload = {"code": error.code, "message": error.message, **error.details}
        if error.reply_to is not None and "id" in error.reply_to:
            payload["re"] = error.reply_to["id"]
        return frame("error", payload, self._deps.now())

    async def _handle(self, client: Client, incoming: Incoming) -> None:
        match incoming.type:
            case "hello":
                await self._hello(client, incoming)
            case "answer":
                await self._answer(client, incoming)
            case "heartbeat":
                parse(Nothing, incoming.payload, "payload")
                self._reply(client, "heartbeat", {}, incoming.id)
            case "subscribe" | "unsubscribe" | "ack" if not client.welcomed:
                raise Unauthenticated("say hello first", code="not_welcomed")
            case "subscribe":
                await self._subscribe(client, incoming)
            case "unsubscribe":
                self._unsubscribe(client, incoming)
            case "ack":
                self._acknowledge(client, incoming)
            case other:
                raise ValidationFailed(
                    f"there is no frame type {other!r} here; send hello, answer, subscribe, "
                    "unsubscribe, ack or heartbeat",
                    code="unknown_type",
                )

    # who comes

    async def _hello(self, client: Client, incoming: Incoming) -> None:
        if client.welcomed:
            raise Conflict("you have been welcomed already", code="already_welcomed")
        hello: Hello = parse(Hello, incoming.payload, "payload")
        if hello.token is not None:
            client.principal = await service.by_access_token(self._deps, hello.token)
            await self._hub.recheck([client])
        elif hello.api_key is not None:
            client.principal = await service.by_api_key(self._deps, hello.api_key)
            await self._hub.recheck([client])
        elif hello.address is not None and client.principal is None:
            issued = await service.issue_nonce(self._deps, hello.address, "socket")
            client.challenge = issued.text()
            payload = {"message": client.challenge, "nonce": issued.nonce}
            self._reply(client, "challenge", payload, incoming.id)
            return
        elif client.principal is None and not self._deps.settings.anonymous_sockets:
            raise Unauthenticated("say hello with a token, an api_key or an address")
        self._welcome(client, incoming.id)

    async def _answer(self, client: Client, incoming: Incoming) -> None:
        if client.challenge is None:
            raise Conflict("no challenge is open; say hello with an address", code="no_challenge")
        answer: Answer = parse(Answer, incoming.payload, "payload")
        async with self._deps.database.write() as session:
            wallet = await service.redeem(
                session,
                self._deps,
                message=client.challenge,
                signature=answer.signature,
                purpose="socket",
                envelope=service.parse_envelope(answer.signed_message),
            )
            tokens = await service.open_session(session, self._deps, wallet, "thread socket")
        client.challenge = None
        client.principal = await service.by_access_token(self._deps, tokens.access_token)
        await self._hub.recheck([client])
        self._welcome(client, incoming.id)

    def _welcome(self, client: Client, reply_to: UUID) -> None:
        principal = client.principal
        if principal is not None and Scope.READ not in principal.scopes:
            raise Forbidden("this API key has no scope 'read'", code="missing_scope")
        client.welcomed = True
        settings = self._deps.settings
        session = principal.session_id if principal else None
        payload = {
            "session": str(session) if session else None,
            "wallet": str(principal.wallet) if principal else None,
            "premium": principal.premium if principal else False,
            "heartbeat_s": settings.heartbeat_s,
            "heartbeat_timeout_s": settings.heartbeat_timeout_s,
            "max_subscriptions": MAX_SUBSCRIPTIONS,
            "max_replay": MAX_REPLAY,
        }
        self._reply(client, "welcome", payload, reply_to)

    # what they watch

    async def _subscribe(self, client: Client, incoming: Incoming) -> None:
        thread_id = _thread_of(incoming)
        wanted: Subscribe = parse(Subscribe, incoming.payload, "payload")
        if thread_id not in client.subscriptions and len(client.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Conflict(
                f"a socket watches at most {MAX_SUBSCRIPTIONS} threads", code="too_many_threads"
            )
        async with self._deps.database.read() as session:
            thread = await require_thread(session, thread_id)
            certain = await fresh(session, self._deps.settings)
            self._check_right(client.principal, thread, certain)
            head = await read.head(session, thread.pubkey)
            place = wanted.resume
            resumed = place is not None and await _replayable(session, thread, head, place)
            if resumed:
                assert place is not None
                kind, seq = "resumed", place.seq
                payload: dict[str, Any] = {"epoch": head.epoch, "from": seq, "to": head.seq}
            else:
                kind, seq = ("snapshot" if place is None else "resync"), head.seq
                payload = await self._snapshot(session, thread, head, client.principal, certain)
        # nothing is awaited from here on: the reply goes before the first delta
        subscription = Subscription(
            client=client,
            thread=thread.pubkey,
            thread_id=thread_id,
            channels=wanted.channels,
            epoch=head.epoch,
            position=seq,
            sent=seq,
            acknowledged=seq,
        )
        client.push(
            frame(
                kind,
                payload,
                self._deps.now(),
                thread_id=thread_id,
                seq=seq,
                reply_to=incoming.id,
            )
        )
        self._hub.add(subscription)

    def _check_right(
        self, principal: Principal | None, thread: read.ThreadRow, certain: bool
    ) -> None:
        address = Pubkey.from_bytes(thread.pubkey)
        viewer = viewer_of(principal, address, keys(thread.co_authors))
        access = access_to(viewer, address, thread.privacy, certain=certain)
        if not may_watch(principal, access, anonymous=self._deps.settings.anonymous_sockets):
            raise Forbidden(
                f"{thread.thread_id!r} is not public; sign in to watch it", code="forbidden"
            )

    def _unsubscribe(self, client: Client, incoming: Incoming) -> None:
        parse(Nothing, incoming.payload, "payload")
        subscription = _subscription_of(client, incoming)
        self._hub.remove(subscription)
        self._reply(client, "unsubscribed", {}, incoming.id, subscription.thread_id)

    def _acknowledge(self, client: Client, incoming: Incoming) -> None:
        parse(Nothing, incoming.payload, "payload")
        subscription = _subscription_of(client, incoming)
        seq = incoming.seq
        if seq is None or not subscription.acknowledged <= seq <= subscription.sent:
            raise ValidationFailed(
                f"seq must be between {subscription.acknowledged} (acknowledged before) and "
                f"{subscription.sent} (sent last)",
                code="bad_sequence",
            )
        subscription.acknowledged = seq

    async def _resynchronise(self, subscription: Subscription) -> None:
        client = subscription.client
        async with self._deps.database.read() as session:
            thread = await thread_at(session, subscription.thread)
            if thread is None:
                return
            head = await read.head(session, subscription.thread)
            certain = await fresh(session, self._deps.settings)
            payload = await self._snapshot(session, thread, head, client.principal, certain)
        subscription.epoch = head.epoch
        subscription.position = subscription.sent = subscription.acknowledged = head.seq
        client.push(
            frame(
                "resync",
                payload,
                self._deps.now(),
                thread_id=subscription.thread_id,
                seq=head.seq,
            )
        )

    async def _snapshot(
        self,
        session: ReadSession,
        thread: read.ThreadRow,
        head: read.Head,
        principal: Principal | None,
        certain: bool,
    ) -> dict[str, Any]:
        """The thread, its newest messages (oldest first) and its pending specs, as of `head`."""
        rows = await read.messages(session, thread.pubkey, limit=SNAPSHOT_MESSAGES, before=1 << 64)
        specs = await read.specs(
            session, thread.pubkey, limit=SNAPSHOT_SPECS, status=SpecStatus.PENDING
        )
        budget = self._deps.settings.page_content_bytes
        told = await fitting(session, thread.pubkey, [row.content_hash for row in rows], budget)
        asked = await fitting(session, thread.pubkey, [row.content_hash for row in specs], budget)
        truncated = [
            name
            for name, cut in (("messages", told < len(rows)), ("specs", asked < len(specs)))
            if cut
        ]
        rows, specs = rows[:told], specs[:asked]
        messages = await message_views(session, thread, rows[::-1], principal, certain=certain)
        pending = await spec_views(session, thread, specs, principal, certain=certain)
        return {
            "epoch": head.epoch,
            "stale": not certain,
            "truncated": truncated,
            "thread": thread_view(thread).model_dump(mode="json"),
            "messages": [each.model_dump(mode="json") for each in messages],
            "specs": [each.model_dump(mode="json") for each in pending],
        }

    def _reply(
        self,
        client: Client,
        kind: str,
        payload: dict[str, Any],
        reply_to: UUID,
        thread_id: str | None = None,
    ) -> None:
        now = self._deps.now()
        client.push(frame(kind, payload, now, reply_to=reply_to, thread_id=thread_id))


async def _replayable(
    session: ReadSession, thread: read.ThreadRow, head: read.Head, place: Place
) -> bool:
    """Whether everything after `place` can be had: the same epoch, not too much, still kept."""
    if place.epoch != head.epoch or not head.seq - MAX_REPLAY <= place.seq <= head.seq:
        return False
    if place.seq == head.seq:
        return True
    oldest = await read.oldest_event(session, thread.pubkey, head.epoch)
    return oldest is not None and oldest <= place.seq + 1


def _thread_of(incoming: Incoming) -> str:
    if incoming.thread_id is None:
        raise ValidationFailed("the frame needs a thread_id", code="bad_frame", field="thread_id")
    return incoming.thread_id


def _subscription_of(client: Client, incoming: Incoming) -> Subscription:
    thread_id = _thread_of(incoming)
    subscription = client.subscriptions.get(thread_id)
    if subscription is None:
        raise Conflict(f"you do not watch {thread_id!r}", code="not_subscribed")
    return subscription
