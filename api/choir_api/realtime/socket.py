"""One open socket: reading frames, sending without waiting, closing with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from choir.wire import JSON, Codec, WireError, guess
from choir_api.realtime.endpoint import Context, Endpoint, FrameError, Upgrade
from choir_api.realtime.metrics import Metrics

__all__ = ["Close", "Closing", "Connection", "Limits", "Outgoing", "Socket", "broadcast"]


class Close(enum.IntEnum):
    """Close codes. 4400 and up mirror the HTTP status of the same meaning."""

    NORMAL = 1000
    GOING_AWAY = 1001
    """The server is stopping; connect again, elsewhere or in a moment."""
    TOO_BIG = 1009
    INTERNAL = 1011
    UNREADABLE = 4400
    """Too many frames in a row that could not be read or were refused."""
    UNAUTHENTICATED = 4401
    """The session ended; get a new token."""
    FORBIDDEN = 4403
    """The right to be here was taken away."""
    FELL_BEHIND = 4408
    """The peer reads slower than it is written to; resume from the last position."""
    GONE = 4410
    FLOODING = 4429
    """More frames than `Limits.frames_per_second` allows, time and again."""


class Closing(Exception):
    """Raised inside `Endpoint.serve` to close the socket with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """Bounds of each socket."""

    message_bytes: int = 256 * 1024
    """Largest message accepted; past it the socket closes with 1009."""
    backlog_bytes: int = 1024 * 1024
    """How much may wait to be sent before the socket closes with 4408."""
    errors: int = 16
    """Refused frames in a row before the socket closes with 4400."""
    frames_per_second: float = 200.0
    frames_burst: int = 400
    heartbeat_seconds: float = 30.0
    """Between pings of an idle socket."""
    heartbeat_timeout_seconds: float = 5.0
    """For the answer to a ping, before the socket counts as lost."""
    open_seconds: float = 10.0
    """For the upgrade."""
    close_seconds: float = 1.0
    """For the closing handshake, before the connection is cut."""
    sockets: int = 10_000
    """Per process; past it upgrades are answered with 503."""


class Outgoing:
    """A frame to be sent to many sockets: each encoding's bytes are made once."""

    __slots__ = ("_wire", "frame")

    def __init__(self, frame: Mapping[str, Any]) -> None:
        self.frame = frame
        self._wire: dict[str, tuple[bytes, bytes]] = {}

    def encoded(self, codec: Codec) -> tuple[bytes, bytes]:
        """(the message's payload, the same as one unmasked WebSocket frame)."""
        found = self._wire.get(codec.name)
        if found is None:
            payload = codec.encode(self.frame)
            found = (payload, _websocket_frame(payload, binary=codec.binary))
            self._wire[codec.name] = found
        return found


def _websocket_frame(payload: bytes, *, binary: bool) -> bytes:
    """One final, unmasked data frame (RFC 6455, 5.2), as every server sends it."""
    head = 0x82 if binary else 0x81
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", head, size) + payload
    if size < 65536:
        return struct.pack("!BBH", head, 126, size) + payload
    return struct.pack("!BBQ", head, 127, size) + payload


class Connection(ServerConnection):
    """`websockets`' connection, which tells its socket when writing may go on."""

    admitted: tuple[Endpoint[Any], Upgrade, Any] | None = None
    on_writable: Callable[[], None] | None = None

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()


class Socket(Generic[Context]):
    """An open socket as its endpoint sees it. Iterate over it to read frames."""

    def __init__(
        self,
        connection: Connection,
        endpoint: Endpoint[Context],
        upgrade: Upgrade,
        context: Context,
        *,
        limits: Limits,
        metrics: Metrics,
        now: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self.upgrade = upgrade
        self.context = context
        self._limits = limits
        self._metrics = metrics
        self._now = now
        self._opened = now()
        self._codec: Codec | None = None
        self._reported = False
        if connection.subprotocol is not None:
            self._settle(endpoint.subprotocols[connection.subprotocol])
        self._errors = 0
        self._allowance = float(limits.frames_burst)
        self._refilled = self._opened
        self._latest: dict[str, Outgoing] = {}
        self._closing: asyncio.Task[None] | None = None
        # with an extension such as permessage-deflate the library must make each frame
        self._plain = not connection.protocol.extensions
        connection.on_writable = self._flush_latest

    @property
    def id(self) -> str:
        """Unique within the process; for logs."""
        return str(self._connection.id)

    @property
    def params(self) -> Mapping[str, str]:
        """The path's variables."""
        return self.upgrade.params

    @property
    def codec(self) -> Codec | None:
        """The encoding, or None before the first frame when no subprotocol was agreed on."""
        return self._codec

    @property
    def open(self) -> bool:
        """Whether frames can still be sent."""
        return self._closing is None and self._connection.protocol.state is State.OPEN

    @property
    def backlog(self) -> int:
        """Bytes handed over that the network has not taken yet."""
        return self._connection.transport.get_write_buffer_size()

    # reading

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Frames as they come; ends when the peer closes.

        A message that cannot be read is answered with an error frame and skipped.

        Raises:
            Closing: too many errors in a row, or too many frames.
            ConnectionClosed: the connection was lost.
        """
        async for message in self._connection:
            self._metrics.received(self.upgrade.route, len(message))
            if not self._allow():
                self.error("rate_limited", "Too many frames; send fewer per second.")
                continue
            try:
                frame = self._decode(message)
            except WireError as error:
                self.error("unreadable", f"The frame cannot be read: {error}.")
                continue
            if not isinstance(frame.get("type"), str):
                self.error("no_type", 'The frame has no "type" of text.', reply_to=frame)
                continue
            yield frame

    def _decode(self, message: str | bytes) -> dict[str, Any]:
        codec = self._codec
        if codec is None:
            codec = guess(message)
            if codec.name not in self._endpoint.encodings:
                accepted = ", ".join(sorted(self._endpoint.encodings))
                raise WireError(f"{codec.name} is not spoken here, only {accepted}")
            self._settle(codec)
        if isinstance(message, str):
            if codec.binary:
                raise WireError(f"this socket speaks {codec.name}, which is binary")
            return codec.decode(message.encode())
        return codec.decode(message)

    def _settle(self, codec: Codec) -> None:
        self._codec = codec
        self._reported = True
        self._metrics.opened(self.upgrade.route, codec.name)

    def _allow(self) -> bool:
        now = self._now()
        limits = self._limits
        self._allowance = min(
            float(limits.frames_burst),
            self._allowance + (now - self._refilled) * limits.frames_per_second,
        )
        self._refilled = now
        if self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        return True

    def accepted(self) -> None:
        """Tells the socket that its last frame was good: the errors in a row start anew."""
        self._errors = 0

    def error(
        self,
        code: str,
        message: str,
        *,
        reply_to: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> None:
        """Sends an error frame in the endpoint's shape; the socket lives.

        Raises:
            Closing: this was one error too many in a row.
        """
        self._metrics.error(self.upgrade.route, code)
        self.push(self._endpoint.error_frame(FrameError(code, message, details, reply_to)))
        self._errors += 1
        if self._errors >= self._limits.errors:
            if code == "rate_limited":
                raise Closing(Close.FLOODING, "too many frames")
            raise Closing(Close.UNREADABLE, "too many errors in a row")

    # writing

    def push(self, frame: Mapping[str, Any] | Outgoing) -> bool:
        """Sends a frame without waiting; False when the socket is closed or closing.

        Frames arrive in the order of the calls. When more than `Limits.backlog_bytes` would
        wait, the socket is closed with `Close.FELL_BEHIND` instead.
        """
        if not self.open:
            return False
        outgoing = frame if isinstance(frame, Outgoing) else Outgoing(frame)
        codec = self._codec or JSON
        payload, raw = outgoing.encoded(codec)
        if self.backlog + len(raw) > self._limits.backlog_bytes and self.backlog > 0:
            self.close(Close.FELL_BEHIND, "fell behind; resume from the last position")
            return False
        self._write(payload, raw, codec)
        return True

    def coalesce(self, key: str, frame: Mapping[str, Any] | Outgoing) -> bool:
        """Sends a frame, or keeps it as the latest of its `key` until the network takes more."""
        if not self.open:
            return False
        outgoing = frame if isinstance(frame, Outgoing) else Outgoing(frame)
        if self._connection.paused:
            if key in self._latest:
                self._metrics.coalesced(self.upgrade.route)
            self._latest[key] = outgoing
            return True
        return self.push(outgoing)

    def _flush_latest(self) -> None:
        latest, self._latest = self._latest, {}
        for key, outgoing in latest.items():
            self.coalesce(key, outgoing)

    def _write(self, payload: bytes, raw: bytes, codec: Codec) -> None:
        connection = self._connection
        if self._plain:
            connection.transport.write(raw)
        else:
            if codec.binary:
                connection.protocol.send_binary(payload)
            else:
                connection.protocol.send_text(payload)
            connection.send_data()
        self._metrics.sent(self.upgrade.route, len(raw))

    # closing

    def close(self, code: int = Close.NORMAL, reason: str = "") -> None:
        """Closes without waiting: what was pushed goes first, nothing can be pushed after."""
        if self._closing is None:
            self._latest.clear()
            self._closing = asyncio.get_running_loop().create_task(self._close(code, reason))

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._connection.close(code, reason)

    async def closed(self) -> None:
        """Waits until the connection is gone."""
        await self._connection.wait_closed()

    def _finish(self) -> None:
        """Reports the end, once; called by the server."""
        self._connection.on_writable = None
        if self._reported:
            code = self._connection.close_code or 1006
            self._metrics.closed(self.upgrade.route, code, self._now() - self._opened)


def broadcast(
    sockets: Iterable[Socket[Any]],
    frame: Mapping[str, Any] | Outgoing,
    *,
    coalesce: str | None = None,
) -> int:
    """Sends one frame to many sockets, encoding it once per encoding.

    With `coalesce`, as that key's latest. Returns how many sockets took it.
    """
    outgoing = frame if isinstance(frame, Outgoing) else Outgoing(frame)
    if coalesce is None:
        return sum(socket.push(outgoing) for socket in sockets)
    return sum(socket.coalesce(coalesce, outgoing) for socket in sockets)
