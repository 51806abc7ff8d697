"""HTTP/1.1 for the JSON-RPC: httptools parses, asyncio carries, the dispatcher answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, cast

import httptools

from choir.localnet.faults import TRANSPORT, Fault, Faults
from choir.localnet.rpc import Dispatcher, methods_of

if TYPE_CHECKING:
    from choir.clock import Clock

_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_CORS = (
    b"access-control-allow-origin: *\r\n"
    b"access-control-allow-methods: POST, GET, OPTIONS\r\n"
    b"access-control-allow-headers: *\r\n"
    b"access-control-max-age: 86400\r\n"
)
_JSON = b"application/json; charset=utf-8"
_TEXT = b"text/plain; charset=utf-8"
_JSON_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: "
    + _JSON
    + b"\r\n"
    + (b"access-control-allow-origin: *\r\ncontent-length: ")
)
_NOT_JSON = b"Supplied content type is not allowed. Content-Type: application/json is required\n"
_MAX_PIPELINED = 64
# Verb, URL, whether the body says it is JSON, the body, whether to keep the connection.
_Request = tuple[bytes, bytes, bool, bytes, bool]


class HttpServer:
    """The listening side; `open` holds the connections to close at the end."""

    def __init__(self, dispatcher: Dispatcher, faults: Faults, clock: Clock, max_body: int) -> None:
        self.dispatcher = dispatcher
        self.faults = faults
        self.clock = clock
        self.max_body = max_body
        self.open: set[Connection] = set()

    def connection(self) -> Connection:
        """A protocol for a new connection."""
        return Connection(self)

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self.open):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client connection. Requests are answered in order, one at a time."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._url = b""
        self._expects = False
        self._json = False
        self._queue: deque[_Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._readable = True

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self)
        self._closing = True
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, b"this port speaks HTTP; WebSocket subscriptions have their own port")
        except httptools.HttpParserError as error:
            self._refuse(400, f"not an HTTP request: {error}".encode())

    def eof_received(self) -> bool:
        # A client may end its side and still wait for answers under way.
        return bool(self._queue or self._task)

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._body, self._size, self._url = [], 0, b""
        self._expects = self._json = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"content-length" and value.isdigit() and int(value) > self._server.max_body:
            self._too_large()
        elif lowered == b"content-type":
            self._json = value.lower().partition(b";")[0].strip() == b"application/json"
        elif lowered == b"expect" and value.lower() == b"100-continue":
            self._expects = True

    def on_headers_complete(self) -> None:
        if self._expects and not self._closing and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._server.max_body:
            self._too_large()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._closing:
            return
        parser = self._parser
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = (parser.get_method(), self._url, self._json, body, parser.should_keep_alive())
        if self._task is not None or self._queue:
            self._queue.append(request)
            if len(self._queue) >= _MAX_PIPELINED and self._readable and self._transport:
                self._readable = False
                self._transport.pause_reading()
            return
        self._begin(*request)

    # Answering

    def _begin(self, verb: bytes, url: bytes, is_json: bool, body: bytes, keep: bool) -> None:
        if verb != b"POST":
            self._plain(verb, url, keep)
            return
        if not is_json:
            self._write(415, _NOT_JSON, _TEXT, keep)
            return
        if self._server.faults:
            fault = self._server.faults.take(TRANSPORT, methods_of(body))
            if fault is not None:
                self._later(self._faulty(fault, body, keep))
                return
        answer = self._server.dispatcher.answer(body)
        if isinstance(answer, bytes):
            self._respond(answer, keep)
        else:
            self._later(self._finish(answer, keep))

    def _plain(self, verb: bytes, url: bytes, keep: bool) -> None:
        path = url.split(b"?")[0]
        if verb == b"OPTIONS":
            self._write(200, b"", _TEXT, keep, _CORS)
        elif verb in (b"GET", b"HEAD") and path == b"/health":
            self._write(200, b"" if verb == b"HEAD" else b"ok", _TEXT, keep)
        elif verb in (b"GET", b"HEAD"):
            self._write(405, b"Used HTTP Method is not allowed. POST is required", _TEXT, keep)
        else:
            self._write(405, b"Used HTTP Method is not allowed. POST is required", _TEXT, keep)

    def _later(self, work: Any) -> None:
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            self.abort()
        while self._queue and self._task is None and not self._closing:
            self._begin(*self._queue.popleft())
        if not self._readable and len(self._queue) < _MAX_PIPELINED and self._transport:
            self._readable = True
            self._transport.resume_reading()

    async def _finish(self, answer: Awaitable[bytes], keep: bool) -> None:
        self._respond(await answer, keep)

    async def _faulty(self, fault: Fault, body: bytes, keep: bool) -> None:
        if fault.kind == "status":
            extra = b""
            if fault.retry_after is not None:
                extra = f"retry-after: {fault.retry_after:g}\r\n".encode()
            reason = _REASONS[fault.status].encode()
            self._write(fault.status, reason, _TEXT, keep, extra)
            return
        if fault.kind == "drop" and fault.before:
            self.abort()
            return
        if fault.kind == "delay":
            await self._server.clock.sleep(self._server.faults.wait(fault))
        answer = self._server.dispatcher.answer(body)
        if not isinstance(answer, bytes):
            answer = await answer
        if fault.kind == "drop":
            self.abort()
        elif fault.kind == "stall":
            await asyncio.Event().wait()
        else:
            self._respond(answer, keep)

    def _respond(self, body: bytes, keep: bool) -> None:
        transport = self._transport
        if transport is None or self._closing:
            return
        tail = b"\r\n\r\n" if keep else b"\r\nconnection: close\r\n\r\n"
        transport.write(b"".join((_JSON_HEAD, str(len(body)).encode(), tail, body)))
        if not keep:
            self._closing = True
            transport.close()

    def _write(
        self, status: int, body: bytes, content: bytes, keep: bool, extra: bytes = b""
    ) -> None:
        transport = self._transport
        if transport is None or self._closing:
            return
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
            f"content-type: {content.decode()}\r\n"
            f"content-length: {len(body)}\r\n"
        ).encode()
        if b"access-control-allow-origin" not in extra:
            head += b"access-control-allow-origin: *\r\n"
        close = b"" if keep else b"connection: close\r\n"
        transport.write(b"".join((head, extra, close, b"\r\n", body)))
        if not keep:
            self._closing = True
            transport.close()

    def _too_large(self) -> None:
        most = self._server.max_body
        self._refuse(413, f"the request is larger than {most} bytes".encode())

    def _refuse(self, status: int, text: bytes) -> None:
        self._write(status, text, _TEXT, keep=False)
        self._closing = True
