"""`ThreadSocket`: live threads, without a gap and without a repeat, over lost connections.

It keeps a position for every thread it watches. After a lost connection it says hello again
and resumes from there; the server sends everything missed, or a snapshot where it cannot. A
delta names the one before it, so a gap is seen here too and answered by a fresh snapshot.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeAlias
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from choir.clock import Clock, SystemClock
from choir.errors import InvalidInput
from choir.sdk.errors import ApiUnreachable, SocketClosed, SocketRefused
from choir.sdk.models import Content, Json, MessageInfo, SpecInfo, ThreadInfo
from choir.wallet import Signer
from choir.wire import JSON, MSGPACK, Codec

__all__ = ["Delta", "Dismissed", "Snapshot", "ThreadSocket", "Update"]

FIRST_DELAY_S: Final = 0.25
LONGEST_DELAY_S: Final = 30.0
ANSWER_S: Final = 20.0
HEARTBEAT_S: Final = 30.0
HEARTBEAT_TIMEOUT_S: Final = 5.0
_CODECS: Final[Mapping[str, Codec]] = {"choir.v1.json": JSON, "choir.v1.msgpack": MSGPACK}
# close codes that another connection would not change
_FOR_GOOD: Final = frozenset({4400, 4401, 4403, 4429})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A thread as of position (`epoch`, `seq`): its state, newest messages (oldest first) and
    pending specs. `resync` when it stands in for deltas that could not be had."""

    thread_id: str
    epoch: int
    seq: int
    thread: ThreadInfo
    messages: tuple[MessageInfo, ...]
    specs: tuple[SpecInfo, ...]
    resync: bool


@dataclass(frozen=True, slots=True)
class Delta:
    """One event of a thread. `event` is NewMessage, NewApproval, ApprovalRequest, StateChange,
    PrivacyChanged or UserAction; `kind` the program's name for it; `data` its fields."""

    thread_id: str
    epoch: int
    seq: int
    event: str
    kind: str
    data: Json
    slot: int
    content: Content | None


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The server ended the watch on a thread, because this viewer may no longer follow it."""

    thread_id: str
    code: str
    message: str


Update: TypeAlias = Snapshot | Delta | Dismissed


@dataclass(slots=True)
class _Watch:
    channels: tuple[str, ...]
    epoch: int
    seq: int
    resume: bool = True
    stale: bool = False  # a snapshot is on its way; what comes before it is not applied


class ThreadSocket:
    """A socket that comes back. Iterate over it for updates.

    Args:
        url: ``ws://…/v1/ws``.
        token: gives an access token for each connection; None for a wallet or nobody.
        wallet: signs the server's challenge, where there is no token.
        encoding: ``choir.v1.json`` or ``choir.v1.msgpack``.
        clock, jitter: time and chance, for the waits between connections.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Callable[[], Awaitable[str]] | None = None,
        wallet: Signer | None = None,
        encoding: str = "choir.v1.json",
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if encoding not in _CODECS:
            raise InvalidInput(f"the encoding is one of {', '.join(_CODECS)}, not {encoding!r}")
        self._url = url
        self._token = token
        self._wallet = wallet
        self._encoding = encoding
        self._codec = _CODECS[encoding]
        self._clock = clock or SystemClock()
        self._jitter = jitter
        self._connection: ClientConnection | None = None
        self._connected = asyncio.Event()
        self._watches: dict[str, _Watch] = {}
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        # subscribe frames under way: whose they are, and what they ask for
        self._asked: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._updates: deque[Update] = deque()
        self._news = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self.welcome: Json = {}
        """The server's newest welcome: session, wallet, heartbeat, bounds."""
        self.connections = 0
        """How many times it has connected."""

    async def __aenter__(self) -> Self:
        """Connect and say hello. Raises SocketRefused, ApiUnreachable."""
        try:
            await self._connect()
        except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
            raise ApiUnreachable(f"no thread socket at {self._url}: {error}") from error
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the socket and stop."""
        if self._runner is not None:
            self._runner.cancel()
            with suppress(asyncio.CancelledError):
                await self._runner
        if self._connection is not None:
            await self._connection.close()

    async def subscribe(
        self, thread_id: str, *, channels: tuple[str, ...] = ("thread", "approvals", "specs")
    ) -> Snapshot:
        """Watch a thread. Answers its snapshot; deltas after it come by iterating.

        Raises SocketRefused when the thread is unknown or not for this viewer.
        """
        frame = _frame("subscribe", {"channels": list(channels)}, thread_id)
        self._asked[frame["id"]] = (thread_id, channels)
        return _snapshot(await self._request(frame))

    async def unsubscribe(self, thread_id: str) -> None:
        """Watch it no more."""
        self._watches.pop(thread_id, None)
        await self._request(_frame("unsubscribe", {}, thread_id))

    def position(self, thread_id: str) -> tuple[int, int] | None:
        """(epoch, seq) of the last update of a watched thread."""
        watch = self._watches.get(thread_id)
        return (watch.epoch, watch.seq) if watch else None

    async def drop(self) -> None:
        """Cut the connection, as a network would; for tests of what comes after."""
        if self._connection is not None:
            self._connection.transport.abort()

    async def __aiter__(self) -> AsyncIterator[Update]:
        """Updates as they come, in order for each thread.

        Raises SocketClosed when the server ends the session, SocketRefused when it does not
        let this client back in.
        """
        while True:
            while self._updates:
                update = self._updates.popleft()
                await self._acknowledge(update)
                yield update
            if self._failure is not None:
                raise self._failure
            self._news.clear()
            await self._news.wait()

    # the connection

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                if self._connection is None:
                    await self._connect()
                    await self._resume()
                failures = 0
                await self._read()
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                code = _close_code(error)
                if code in _FOR_GOOD:
                    self._end(SocketClosed(f"the server closed the socket: {error}", code=code))
                    return
            except SocketRefused as error:
                if error.code != "disconnected":
                    self._end(error)
                    return
            self._connected.clear()
            if self._connection is not None:
                self._connection.transport.abort()
            self._connection = None
            self._give_up_waiting()
            delay = min(FIRST_DELAY_S * 2**failures, LONGEST_DELAY_S)
            failures = min(failures + 1, 16)
            await self._clock.sleep(delay * (0.5 + self._jitter() / 2))

    async def _connect(self) -> None:
        connection = await connect(
            self._url,
            subprotocols=[Subprotocol(self._encoding)],
            ping_interval=HEARTBEAT_S,
            ping_timeout=HEARTBEAT_TIMEOUT_S,
            max_size=4 << 20,
            compression=None,
            proxy=None,
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                self.welcome = await self._hello(connection)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        self.connections += 1
        self._connected.set()

    async def _hello(self, connection: ClientConnection) -> Json:
        payload: dict[str, str] = {}
        if self._token is not None:
            payload["token"] = await self._token()
        elif self._wallet is not None:
            payload["address"] = str(self._wallet.pubkey)
        answer = await self._exchange(connection, "hello", payload)
        if answer["type"] == "challenge":
            assert self._wallet is not None
            signature = await self._wallet.sign(answer["payload"]["message"].encode())
            answer = await self._exchange(connection, "answer", {"signature": str(signature)})
        if answer["type"] != "welcome":
            raise SocketRefused(f"no welcome but {answer['type']!r}", code="protocol")
        welcome: Json = answer["payload"]
        return welcome

    async def _exchange(self, connection: ClientConnection, kind: str, payload: Json) -> Json:
        await connection.send(self._encoded(_frame(kind, payload)))
        answer = self._decoded(await connection.recv())
        if answer["type"] == "error":
            raise _refused(answer)
        return answer

    async def _resume(self) -> None:
        """Take up every watch again; answers come through :meth:`_read` like all others."""
        assert self._connection is not None
        for thread_id, watch in self._watches.items():
            await self._send_subscribe(thread_id, watch)

    async def _send_subscribe(self, thread_id: str, watch: _Watch) -> None:
        payload: dict[str, Any] = {"channels": list(watch.channels)}
        if watch.resume:
            payload["resume"] = {"epoch": watch.epoch, "seq": watch.seq}
        watch.resume = True
        frame = _frame("subscribe", payload, thread_id)
        self._asked[frame["id"]] = (thread_id, watch.channels)
        await self._send(frame)

    async def _read(self) -> None:
        assert self._connection is not None
        async for raw in self._connection:
            await self._take(self._decoded(raw))

    async def _take(self, frame: Json) -> None:
        kind, payload = frame["type"], frame["payload"]
        reply_to = payload.get("re", "")
        asked = self._asked.pop(reply_to, None)
        if asked is not None and kind in ("snapshot", "resync"):
            # here and not where it is awaited: a delta may be the very next frame
            thread_id, channels = asked
            self._watches[thread_id] = _Watch(channels, payload["epoch"], frame["seq"])
        waiting = self._waiting.pop(reply_to, None)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(frame)
            return
        thread_id = asked[0] if asked is not None else frame.get("thread_id", "")
        if thread_id not in self._watches:
            return
        if kind in ("snapshot", "resync"):
            snapshot = _snapshot(frame)
            watch = self._watches[thread_id]
            watch.epoch, watch.seq, watch.stale = snapshot.epoch, snapshot.seq, False
            self._publish(snapshot)
        elif kind == "delta":
            await self._take_delta(thread_id, self._watches[thread_id], frame)
        elif kind == "unsubscribed" or (kind == "error" and asked is not None):
            del self._watches[thread_id]
            message = payload.get("message", "")
            self._publish(Dismissed(thread_id, payload.get("code", ""), message))

    async def _take_delta(self, thread_id: str, watch: _Watch, frame: Json) -> None:
        payload, seq = frame["payload"], frame["seq"]
        if watch.stale or (payload["epoch"] == watch.epoch and seq <= watch.seq):
            return  # or sent before a resumption, arrived after it
        if payload["epoch"] != watch.epoch or payload["after"] != watch.seq:
            watch.resume, watch.stale = False, True
            await self._send_subscribe(thread_id, watch)
            return
        watch.seq = seq
        content = payload.get("content")
        self._publish(
            Delta(
                thread_id=thread_id,
                epoch=payload["epoch"],
                seq=seq,
                event=payload["event"],
                kind=payload["kind"],
                data=payload["data"],
                slot=payload["slot"],
                content=Content.of(content) if content else None,
            )
        )

    async def _request(self, frame: Json) -> Json:
        await self._connected.wait()
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[frame["id"]] = future
        await self._send(frame)
        async with asyncio.timeout(ANSWER_S):
            answer = await future
        if answer["type"] == "error":
            raise _refused(answer)
        return answer

    async def _acknowledge(self, update: Update) -> None:
        if isinstance(update, Delta) and self._connection is not None:
            with suppress(SocketRefused):
                await self._send(_frame("ack", {}, update.thread_id, update.seq))

    async def _send(self, frame: Json) -> None:
        if self._connection is None:
            raise _lost()
        try:
            await self._connection.send(self._encoded(frame))
        except ConnectionClosed:
            raise _lost() from None

    def _publish(self, update: Update) -> None:
        self._updates.append(update)
        self._news.set()

    def _end(self, failure: Exception) -> None:
        self._failure = failure
        self._give_up_waiting()
        self._news.set()

    def _give_up_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        self._asked.clear()
        for future in waiting.values():
            if not future.done():
                future.set_exception(_lost())

    def _encoded(self, frame: Json) -> bytes | str:
        raw = self._codec.encode(frame)
        return raw if self._codec.binary else raw.decode()

    def _decoded(self, raw: bytes | str) -> Json:
        return self._codec.decode(raw if isinstance(raw, bytes) else raw.encode())


def _frame(
    kind: str, payload: Json, thread_id: str | None = None, seq: int | None = None
) -> dict[str, Any]:
    frame: dict[str, Any] = {"id": str(uuid4()), "type": kind, "payload": dict(payload)}
    if thread_id is not None:
        frame["thread_id"] = thread_id
    if seq is not None:
        frame["seq"] = seq
    return frame


def _snapshot(frame: Json) -> Snapshot:
    payload = frame["payload"]
    return Snapshot(
        thread_id=frame["thread_id"],
        epoch=payload["epoch"],
        seq=frame["seq"],
        thread=ThreadInfo.of(payload["thread"]),
        messages=tuple(MessageInfo.of(each) for each in payload["messages"]),
        specs=tuple(SpecInfo.of(each) for each in payload["specs"]),
        resync=frame["type"] == "resync",
    )


def _lost() -> SocketRefused:
    return SocketRefused("the connection was lost; ask again", code="disconnected")


def _refused(frame: Json) -> SocketRefused:
    payload = frame["payload"]
    return SocketRefused(payload["message"], code=payload["code"])


def _close_code(error: BaseException) -> int:
    if isinstance(error, ConnectionClosed) and error.rcvd is not None:
        return error.rcvd.code
    return 1006
