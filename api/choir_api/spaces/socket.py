"""The socket of a space: ``/spaces/{id}`` on the realtime server.

A peer says ``hello`` and is welcomed; ``subscribe`` names what it wants to hear, ``deltas``
beginning with a snapshot (or, with ``fromVersion`` and ``epoch`` of a replica, with the versions
it missed); ``propose_delta`` is answered by its ``delta`` frame, a ``conflict`` or an error;
``ping`` by ``pong``. Proposals may be sent without waiting for answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from choir.errors import InvalidInput
from choir.spaces.engine.merge import Conflict, CounterGap
from choir.spaces.engine.state import InvalidOp
from choir.spaces.models import Delta
from choir.wire import CBOR, JSON, MSGPACK, Codec
from choir_api.db import Database
from choir_api.errors import ApiError
from choir_api.realtime import Close, Closing, Endpoint, Refused, Socket, Upgrade
from choir_api.spaces import rights, store
from choir_api.spaces.commit import Author
from choir_api.spaces.frames import SESSION_STREAM
from choir_api.spaces.hub import LiveSpace, SpaceHub
from choir_api.spaces.tokens import SpaceTokenRefused, read
from choir_api.spaces.visitor import Visitor

IN_FLIGHT: Final = 128
"""Proposals of one socket that may wait for their answers; past it, reading pauses."""
PROTOCOL_VERSION: Final = 1


class _Frame(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Hello(_Frame):
    """The first frame."""

    version: int = PROTOCOL_VERSION
    session_id: str | None = None


class Subscribe(_Frame):
    """What to hear from now on; kinds that are not named are heard no longer."""

    kinds: list[Literal["telemetry", "deltas"]]
    from_version: Annotated[int, Field(ge=0)] | None = None
    epoch: Annotated[int, Field(ge=0)] | None = None


class Propose(_Frame):
    """A delta to commit."""

    delta: Delta


@dataclass(eq=False, kw_only=True)
class Member(Visitor):
    """Who is on a socket, by which space session."""

    session_id: UUID


class SpaceEndpoint(Endpoint[Member]):
    """Serves the sockets of all spaces of this process.

    Args:
        secret: signs the tokens.
        now: the time, in UTC.
    """

    subprotocols: ClassVar[dict[str, Codec]] = {
        "choir.spaces.v1.msgpack": MSGPACK,
        "choir.spaces.v1.cbor": CBOR,
        "choir.spaces.v1.json": JSON,
    }

    def __init__(
        self, hub: SpaceHub, database: Database, *, secret: str, now: Callable[[], datetime]
    ) -> None:
        self._hub = hub
        self._database = database
        self._secret = secret
        self._now = now

    async def admit(self, upgrade: Upgrade) -> Member:
        """The member that the token names, if it still is one."""
        token = upgrade.bearer()
        if token is None:
            raise Refused(
                401,
                "unauthenticated",
                "Send the token of POST /v1/spaces/{id}/sessions as `Authorization: Bearer …` "
                "or `?token=…`.",
            )
        space_id = upgrade.params["id"]
        try:
            claims = read(self._secret, token, space_id, self._now())
        except SpaceTokenRefused as error:
            raise Refused(401, "token_refused", f"{error}.") from None
        async with self._database.read() as session:
            row = await store.living_session(session, claims.session_id, claims.wallet, self._now())
            space = await store.get(session, space_id)
            roles = await store.roles(session, space_id, [claims.wallet])
        if row is None:
            raise Refused(401, "session_ended", "The session was ended; sign in again.")
        role = rights.visible_as(
            roles.get(claims.wallet),
            allow_guest=space is not None and space.config.policy.allow_guest,
        )
        if space is None or role is None:
            raise Refused(404, "unknown_space", f"There is no space {space_id!r} for you.")
        return Member(
            wallet=claims.wallet,
            space_id=space_id,
            session_id=claims.session_id,
            granted=row.role,
            role=rights.lesser(row.role, role),
            credential=row.auth_session_id or row.api_key_id,
            expires_at=claims.expires_at,
        )

    async def serve(self, socket: Socket[Member]) -> None:
        """Greets, then answers frames until the peer goes."""
        socket.context.end = socket.close
        left = (socket.context.expires_at - self._now()).total_seconds()
        expiry = asyncio.get_running_loop().call_later(
            max(0.0, left), socket.close, Close.UNAUTHENTICATED, "the session expired"
        )
        try:
            async with self._hub.session(socket, socket.context.space_id) as live:
                # it may have ended before we could hear of it
                await self._hub.recheck([socket.context])
                await _Conversation(self._hub, self._database, live, socket).run()
        finally:
            expiry.cancel()


class _Conversation:
    """One socket's frames, one after the other."""

    def __init__(
        self, hub: SpaceHub, database: Database, live: LiveSpace, socket: Socket[Member]
    ) -> None:
        self._hub = hub
        self._database = database
        self._live = live
        self._socket = socket
        self._greeted = False
        self._proposals: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            async for frame in self._socket:
                await self._on(frame)
        finally:
            # what was proposed is committed or not, whether or not anybody waits to hear it
            for task in self._proposals:
                task.cancel()

    async def _on(self, frame: dict[str, Any]) -> None:
        socket = self._socket
        kind = frame["type"]
        try:
            if kind == "ping":
                socket.push({"type": "pong", "ts": frame.get("ts")})
            elif kind == "hello":
                await self._hello(Hello.model_validate(frame), frame)
            elif not self._greeted:
                socket.error("hello_first", "Send a hello frame first.", reply_to=frame)
                return
            elif kind == "subscribe":
                await self._subscribe(Subscribe.model_validate(frame))
            elif kind == "propose_delta":
                await self._propose(Propose.model_validate(frame).delta, frame)
            else:
                socket.error(
                    "unknown_type",
                    f"There is no frame {kind[:40]!r} here; there are hello, subscribe, "
                    "propose_delta and ping.",
                    reply_to=frame,
                )
                return
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            socket.error("invalid_frame", f"{where}: {first['msg']}.", reply_to=frame, at=where)
            return
        if kind != "propose_delta":
            socket.accepted()

    async def _hello(self, hello: Hello, frame: dict[str, Any]) -> None:
        socket, member = self._socket, self._socket.context
        if hello.version != PROTOCOL_VERSION:
            socket.error(
                "unsupported_version",
                f"This server speaks version {PROTOCOL_VERSION}.",
                reply_to=frame,
            )
            return
        if hello.session_id is not None and hello.session_id != str(member.session_id):
            socket.error("wrong_session", "The token is of another session.", reply_to=frame)
            return
        stream = (member.wallet, SESSION_STREAM + str(member.session_id))
        async with self._database.read() as session:
            last = (await store.counters(session, self._live.id, [stream]))[stream]
        self._greeted = True
        socket.push(
            {
                "type": "welcome",
                "spaceId": self._live.id,
                "epoch": self._live.state.epoch,
                "version": self._live.state.version,
                "sessionId": str(member.session_id),
                "role": member.role,
                "counter": last,
            }
        )

    async def _subscribe(self, wanted: Subscribe) -> None:
        socket, live = self._socket, self._live
        live.subscribers.discard(socket)
        if "deltas" in wanted.kinds:
            after = None
            if wanted.from_version is not None and wanted.epoch is not None:
                after = (wanted.epoch, wanted.from_version)
            await self._hub.subscribe(live, socket, after)
        if "telemetry" in wanted.kinds:
            live.ticker.add(socket)
        else:
            live.ticker.drop(socket)

    async def _propose(self, delta: Delta, frame: dict[str, Any]) -> None:
        if len(self._proposals) >= IN_FLIGHT:
            await asyncio.wait(self._proposals, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.get_running_loop().create_task(self._commit(delta, frame))
        self._proposals.add(task)
        task.add_done_callback(self._proposals.discard)

    async def _commit(self, delta: Delta, frame: dict[str, Any]) -> None:
        socket, member = self._socket, self._socket.context
        try:
            accepted = await self._hub.propose(
                self._live.id,
                Author(member.wallet, member.granted),
                delta,
                stream=SESSION_STREAM + str(member.session_id),
            )
        except Conflict as conflict:
            socket.accepted()
            socket.push(_conflict_frame(conflict, delta, frame, self._live.state.epoch))
        except (CounterGap, InvalidInput, ApiError) as error:
            try:
                _refuse(socket, error, delta, frame)
            except Closing as closing:
                socket.close(closing.code, closing.reason)
        else:
            socket.accepted()
            # subscribers have it already, in its place among the others
            if accepted.repeated or socket not in self._live.subscribers:
                socket.push(accepted.frame())


def _conflict_frame(
    conflict: Conflict, delta: Delta, frame: dict[str, Any], epoch: int
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "conflict",
        "expectedFrom": conflict.expected,
        "actual": conflict.actual,
        "code": conflict.code,
        "message": str(conflict),
        "epoch": epoch,
        "paths": list(conflict.at),
        "counter": delta.counter,
    }
    if "id" in frame:
        made["re"] = frame["id"]
    return made


def _refuse(
    socket: Socket[Member],
    error: CounterGap | InvalidInput | ApiError,
    delta: Delta,
    frame: dict[str, Any],
) -> None:
    if isinstance(error, CounterGap):
        socket.error(
            "counter_gap",
            str(error),
            reply_to=frame,
            expected=error.expected,
            actual=error.got,
            counter=delta.counter,
        )
    elif isinstance(error, InvalidInput):
        at = error.path if isinstance(error, InvalidOp) else None
        socket.error("invalid_op", str(error), reply_to=frame, at=at, counter=delta.counter)
    elif isinstance(error, ApiError):
        socket.error(error.code, error.message, reply_to=frame, counter=delta.counter)
