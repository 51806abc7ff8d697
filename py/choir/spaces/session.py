"""A live session of a space: a socket that comes back, and a replica that stays in step."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
)
from websockets.typing import Subprotocol

from choir.clock import Clock
from choir.spaces.engine import turns
from choir.spaces.engine.state import State
from choir.spaces.errors import SpaceClosed, SpaceConflict, SpaceError
from choir.spaces.models import Op, SessionToken, Telemetry
from choir.spaces.replica import Gap, Replica
from choir.wire import CODECS, JSON, Codec, WireError

__all__ = ["Encoding", "Event", "Session"]

log = logging.getLogger(__name__)

Encoding = Literal["msgpack", "cbor", "json"]
Event = Literal["telemetry", "delta", "snapshot", "conflict", "event", "open", "lost", "error"]
Handler = Callable[[Any], Awaitable[None] | None]

BACKOFF_S: Final = 0.25
BACKOFF_MAX_S: Final = 10.0
MAX_FRAME: Final = 16 * 1024 * 1024
_SUBPROTOCOL: Final = "choir.spaces.v1."
_ENDED: Final = {4403: "the right to take part was taken away", 4410: "the space is gone"}
_SESSION_ENDED: Final = 4401
_BAD_REQUEST, _UNAUTHORIZED = 400, 401

T = TypeVar("T")


@dataclass
class _Proposal:
    """A delta that has not been answered."""

    delta: dict[str, Any]
    done: asyncio.Future[int]


class Session:
    """Take part in a space; `choir.spaces.client.Sessions.open` makes one.

    While the session is open the replica follows the space. When the connection is lost it is
    made again, with jittered growing waits, and the replica catches up from where it stood; a
    proposal whose answer was lost is sent again and takes effect once.

    Args:
        token: what the server gave.
        renew: another token, when this one has ended.
        settle: proposes a delta over REST, for one left open by a session that ended; answers
            with the version it made.
        kinds: what to hear: ``deltas`` and ``telemetry``.
        encoding: the preferred one; JSON is spoken where the server does not offer it.
        jitter: a number in [0, 1) for each wait.
    """

    def __init__(
        self,
        token: SessionToken,
        *,
        renew: Callable[[], Awaitable[SessionToken]],
        settle: Callable[[Mapping[str, Any]], Awaitable[int]],
        clock: Clock,
        kinds: Sequence[str] = ("deltas", "telemetry"),
        encoding: Encoding = "msgpack",
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._token = token
        self._renew = renew
        self._settle = settle
        self._clock = clock
        self._kinds = list(kinds)
        # JSON is offered last, for servers that do not speak the preferred one
        self._offered: tuple[str, ...] = tuple(dict.fromkeys((encoding, "json")))
        self._jitter = jitter
        self._replica = Replica()
        self._handlers: dict[str, list[Handler]] = {}
        self._socket: ClientConnection | None = None
        self._codec: Codec = JSON
        self._counter = 0
        self._pending: _Proposal | None = None
        self._one = asyncio.Lock()
        self._moved = asyncio.Event()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended: SpaceClosed | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.telemetry: Telemetry | None = None
        """The latest measure, if telemetry is heard and has come."""
        self._heard = 0  # the space's version as far as this session was told
        self._welcomed = False
        self._main = asyncio.get_running_loop().create_task(self._run())
        self._main.add_done_callback(self._on_main_done)

    # what a user sees

    @property
    def id(self) -> str:
        """The session's id; another after its token was renewed."""
        return self._token.session_id

    @property
    def space_id(self) -> str:
        """The space's id."""
        return self._token.space_id

    @property
    def role(self) -> str:
        """The role the session was opened with."""
        return self._token.role

    @property
    def version(self) -> int:
        """The version the replica has reached."""
        return self._replica.version

    @property
    def epoch(self) -> int:
        """The replica's epoch."""
        return self.state.epoch

    @property
    def state(self) -> State:
        """The replica's state, exact.

        Raises:
            SpaceError: there has been no snapshot: the session does not hear deltas.
        """
        state = self._replica.state
        if state is None:
            raise SpaceError("this session has no replica; open it with kinds=('deltas',)")
        return state

    @property
    def phases(self) -> list[float]:
        """The replica's phases in radians."""
        return [turns.to_radians(turn) for turn in self.state.phases]

    @property
    def digest(self) -> str:
        """Equal in all copies that agree to the bit."""
        return self._replica.digest()

    @property
    def connected(self) -> bool:
        """Whether the socket is up now."""
        return self._socket is not None

    @property
    def encoding(self) -> str:
        """What is spoken on the socket."""
        return self._codec.name

    def on(self, event: Event, handler: Handler) -> Callable[[], None]:
        """Calls `handler` for each ``telemetry`` (a `Telemetry`), ``delta``, ``snapshot``,
        ``conflict`` and ``event`` (frames), ``open`` (the welcome), ``lost`` (why the connection
        was lost) or ``error`` (a frame). The answer takes the handler away again.
        """
        handlers = self._handlers.setdefault(event, [])
        handlers.append(handler)
        return lambda: handlers.remove(handler)

    async def propose_delta(
        self,
        ops: Sequence[Op | Mapping[str, Any]],
        *,
        from_version: int | None = None,
        cv: Sequence[int] = (),
    ) -> int:
        """Proposes operations, all or none; the version they made.

        Proposals of one session go one after the other. When this returns, the replica has the
        delta, if the session hears deltas.

        Args:
            ops: such as ``{"op": "shift_phase", "path": "/state/phases/3", "value": 0.0123}``.
            from_version: what the proposal is based on; by default the replica's version.
            cv: versions it depends on.

        Raises:
            SpaceConflict: it cannot be merged. The replica is up to date: look and propose anew.
            SpaceError: it is wrong, or the role does not reach.
            SpaceClosed: the session ended; unless the error says so, it is not known whether
                the delta was stored.
        """
        changes = [_op(each) for each in ops]
        proposal = self._spawn(self._propose(changes, from_version, list(cv)))
        # a caller that stops waiting must not leave the counter in doubt
        return await asyncio.shield(proposal)

    async def _propose(
        self, changes: list[dict[str, Any]], from_version: int | None, cv: list[int]
    ) -> int:
        async with self._one:
            self._check_open()
            delta: dict[str, Any] = {
                "fromVersion": self._seen if from_version is None else from_version,
                "cv": cv,
                "ops": changes,
                "counter": self._counter + 1,
                "sessionId": self.id,
            }
            if from_version is None and self._replica.state is not None:
                delta["epoch"] = self.epoch
            self._pending = _Proposal(delta, asyncio.get_running_loop().create_future())
            try:
                await self._send_pending()
                made = await self._pending.done
            except SpaceConflict as conflict:
                await self._catch_up(conflict.actual)
                raise
            finally:
                self._pending = None
            if delta["sessionId"] == self.id:
                self._counter = delta["counter"]
        if "deltas" in self._kinds:
            await self.reached(made)
        return made

    @property
    def _seen(self) -> int:
        """What a proposal is based on: the replica, or without one what was told."""
        return self._heard if self._replica.state is None else self.version

    async def shift_phase(self, index: int, radians: float) -> int:
        """Turns one phase further; always merges. The version it made."""
        path = f"/state/phases/{index}"
        return await self.propose_delta([Op(op="shift_phase", path=path, value=radians)])

    async def set_phase(self, index: int, radians: float) -> int:
        """Sets one phase. The version it made.

        Raises:
            SpaceConflict: somebody changed it first.
        """
        path = f"/state/phases/{index}"
        return await self.propose_delta([Op(op="set_phase", path=path, value=radians)])

    async def reached(self, version: int) -> None:
        """Waits until the replica has come to `version`.

        Raises:
            SpaceClosed: the session ended before.
        """
        while self.version < version:
            self._check_open()
            self._moved.clear()
            await self._moved.wait()

    async def aclose(self) -> None:
        """Leaves the space; nothing comes back after this."""
        self._end(SpaceClosed("the session was closed"))
        if self._socket is not None:
            await self._socket.close()
        self._main.cancel()
        await asyncio.gather(self._main, *self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # the connection

    async def ready(self) -> None:
        """Waits for the first welcome and, if deltas are heard, the first snapshot.

        Raises:
            SpaceClosed: the server refuses this session.
        """
        await asyncio.shield(self._ready)

    async def _run(self) -> None:
        failures = 0
        while self._ended is None:
            self._welcomed = False
            before = self._token
            try:
                why = await self._connect()
            except (OSError, InvalidHandshake, TimeoutError, WireError, Gap, SpaceError) as error:
                why = str(error) or type(error).__name__
            self._socket = None
            if self._ended is not None:
                return
            self._emit("lost", why)
            failures = 0 if self._welcomed else failures + 1
            if self._token is not before and failures <= 1:
                continue  # a new token is tried at once, and a second one not
            wait = min(BACKOFF_MAX_S, BACKOFF_S * 2.0**failures)
            await self._clock.sleep(wait * (0.5 + self._jitter() / 2))

    async def _connect(self) -> str:
        """One connection, from the upgrade until it is lost; why it was."""
        token = self._token
        offer = [Subprotocol(_SUBPROTOCOL + name) for name in self._offered]
        try:
            socket = await connect(
                token.websocket_url,
                subprotocols=offer or None,
                additional_headers={"Authorization": f"Bearer {token.token}"},
                compression=None,
                max_size=MAX_FRAME,
            )
        except InvalidStatus as refused:
            return await self._refused(refused.response.status_code)
        async with socket:
            chosen = (socket.subprotocol or "").removeprefix(_SUBPROTOCOL)
            self._codec = CODECS.get(chosen, JSON)
            self._socket = socket
            try:
                await self._send({"type": "hello", "version": 1, "sessionId": token.session_id})
                async for message in socket:
                    data = message.encode() if isinstance(message, str) else message
                    await self._on_frame(self._codec.decode(data))
            except ConnectionClosed:
                pass
        code = socket.close_code or 1006
        if code in _ENDED:
            self._end(SpaceClosed(_ENDED[code], code="ended"))
        elif code == _SESSION_ENDED:
            await self._take_new_token()
        return f"closed with {code}"

    async def _refused(self, status: int) -> str:
        if status == _UNAUTHORIZED:
            await self._take_new_token()
        elif status in (403, 404):
            self._end(SpaceClosed("the server refuses this session", status=status))
        elif status == _BAD_REQUEST and self._offered:
            self._offered = ()  # a server without these subprotocols: JSON by the first frame
        return f"HTTP {status}"

    async def _take_new_token(self) -> None:
        """Begins a new session; a proposal of the old one is settled over REST first.

        Its counter makes that safe: if it was stored, the answer is what it made.
        """
        try:
            if self._pending is not None:
                await self._settle_pending(self._pending)
            self._token = await self._renew()
        except SpaceError as error:
            if error.status in (401, 403, 404):
                self._end(SpaceClosed(str(error), status=error.status, code=error.code))
            raise
        self._counter = 0

    async def _settle_pending(self, pending: _Proposal) -> None:
        try:
            made = await self._settle(pending.delta)
        except SpaceError as error:
            if error.status in (0, 401, 503):
                raise  # not known; the next attempt asks again
            _fail(pending.done, error)
        else:
            _finish(pending.done, made)

    # frames

    async def _send(self, frame: Mapping[str, Any]) -> None:
        if self._socket is None:
            return
        data = self._codec.encode(frame)
        await self._socket.send(data if self._codec.binary else data.decode())

    async def _send_pending(self) -> None:
        """Sends the open proposal, if there is one and somebody to send it to."""
        if self._pending is None or not self._welcomed:
            return
        delta = {key: value for key, value in self._pending.delta.items() if key != "sessionId"}
        # a connection that is lost now is made again, and the welcome sends it again
        with contextlib.suppress(ConnectionClosed):
            await self._send({"type": "propose_delta", "id": delta["counter"], "delta": delta})

    async def _subscribe(self, *, resume: bool) -> None:
        frame: dict[str, Any] = {"type": "subscribe", "kinds": self._kinds}
        if resume and self._replica.position is not None:
            frame["epoch"], frame["fromVersion"] = self._replica.position
        await self._send(frame)

    async def _on_frame(self, frame: dict[str, Any]) -> None:
        kind = frame.get("type")
        if kind == "welcome":
            await self._on_welcome(frame)
        elif kind == "snapshot":
            self._replica.reset(frame["snapshot"])
            self._set_ready()
            self._moved.set()
            self._emit("snapshot", frame["snapshot"])
        elif kind == "delta":
            self._on_delta(frame)
        elif kind == "telemetry":
            self.telemetry = Telemetry.model_validate(frame)
            self._emit("telemetry", self.telemetry)
        elif kind == "event":
            self._emit("event", frame)
        elif kind == "conflict":
            self._on_conflict(frame)
        elif kind == "error":
            await self._on_error(frame)

    async def _on_welcome(self, frame: dict[str, Any]) -> None:
        self._welcomed = True
        self._heard = max(self._heard, frame["version"])
        if self._pending is None:
            self._counter = frame.get("counter", self._counter)
        if self._kinds:
            await self._subscribe(resume=True)
        if "deltas" not in self._kinds or self._replica.state is not None:
            self._set_ready()
        self._emit("open", frame)
        await self._send_pending()

    def _on_delta(self, frame: dict[str, Any]) -> None:
        new = "deltas" in self._kinds and self._replica.advance(frame)
        pending = self._pending
        if (
            pending is not None
            and frame.get("sessionId") == pending.delta["sessionId"]
            and frame.get("counter") == pending.delta["counter"]
        ):
            self._heard = max(self._heard, frame["toVersion"])
            _finish(pending.done, frame["toVersion"])
        if new:
            self._moved.set()
            self._emit("delta", frame)

    def _on_conflict(self, frame: dict[str, Any]) -> None:
        self._emit("conflict", frame)
        self._heard = max(self._heard, frame["actual"])
        pending = self._pending
        if pending is not None and frame.get("counter") == pending.delta["counter"]:
            conflict = SpaceConflict(
                frame.get("message") or "the space moved on",
                expected=frame["expectedFrom"],
                actual=frame["actual"],
                code=frame.get("code", "conflict"),
                problem=frame,
            )
            _fail(pending.done, conflict)

    async def _on_error(self, frame: dict[str, Any]) -> None:
        self._emit("error", frame)
        pending, code = self._pending, frame.get("code", "error")
        if pending is None:
            return
        if code == "rate_limited":
            self._spawn(self._send_pending_later())
        elif frame.get("counter") != pending.delta["counter"]:
            return
        elif code == "counter_gap":
            # only what was accepted counts; this session sends one at a time, so take its number
            pending.delta["counter"] = frame["expected"]
            await self._send_pending()
        elif code == "unavailable":
            assert self._socket is not None
            await self._socket.close()  # the next welcome sends it again
        else:
            message = frame.get("message", code)
            _fail(pending.done, SpaceError(message, code=code, problem=frame))

    async def _send_pending_later(self) -> None:
        await self._clock.sleep(1.0)
        await self._send_pending()

    async def _catch_up(self, version: int) -> None:
        if "deltas" in self._kinds and self.version < version:
            with contextlib.suppress(ConnectionClosed):
                await self._subscribe(resume=False)
            await self.reached(version)

    # ending, and what is common

    def _set_ready(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _check_open(self) -> None:
        if self._ended is not None:
            raise self._ended

    def _end(self, why: SpaceClosed) -> None:
        if self._ended is not None:
            return
        self._ended = why
        if self._pending is not None:
            _fail(self._pending.done, why)
        if not self._ready.done():
            self._ready.set_exception(why)
            self._ready.exception()  # whoever waits for it sees it; nobody has to
        self._moved.set()

    def _emit(self, event: Event, what: Any) -> None:
        for handler in list(self._handlers.get(event, ())):
            try:
                answer = handler(what)
            except Exception:
                log.exception("a handler of %r failed", event)
            else:
                if inspect.isawaitable(answer):
                    self._spawn(_awaited(answer, event))

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _on_main_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the session of space %s failed", self.space_id, exc_info=error)
            self._end(SpaceClosed(f"the session failed: {type(error).__name__}"))


async def _awaited(answer: Awaitable[None], event: str) -> None:
    try:
        await answer
    except Exception:
        log.exception("a handler of %r failed", event)


def _finish(done: asyncio.Future[int], value: int) -> None:
    if not done.done():
        done.set_result(value)


def _fail(done: asyncio.Future[int], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)


def _op(given: Op | Mapping[str, Any]) -> dict[str, Any]:
    op = given if isinstance(given, Op) else Op.model_validate(dict(given))
    return op.model_dump(by_alias=True, exclude_none=True)
