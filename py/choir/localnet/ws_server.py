"""WebSocket pub/sub on `websockets`' own asyncio server."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import Any

from choir.localnet.pubsub import PubSub
from choir.localnet.socket_faults import Disturber

MAX_MESSAGE_BYTES = 128 * 1024
# A client that does not answer the closing frame must not hold up the end.
CLOSE_TIMEOUT_S = 1.0
MAX_UNSENT_BYTES = 64 * 1024 * 1024
_log = logging.getLogger(__name__)


class WsClient:
    """A connected client. Messages are written at once; one that does not read is cut off."""

    def __init__(self, connection: Any, broadcast: Any) -> None:
        self.connection = connection
        self._broadcast = broadcast

    def send(self, message: str) -> None:
        """Write a message without waiting."""
        transport = self.connection.transport
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            _log.warning("closing a WebSocket client that is %d bytes behind", MAX_UNSENT_BYTES)
            transport.abort()
            return
        self._broadcast([self.connection], message)

    def cut(self) -> None:
        """End the connection without a close frame."""
        self.connection.transport.abort()


class WsServer:
    """The listening side of pub/sub."""

    def __init__(self, pubsub: PubSub, disturber: Disturber) -> None:
        self._pubsub = pubsub
        self._disturber = disturber
        self._clients: set[WsClient] = set()
        self._server: Any = None

    async def start(self, sock: socket.socket) -> None:
        """Serve on a bound socket."""
        # websockets takes a tenth of a second to import: the HTTP side is up before it.
        from websockets.asyncio.server import broadcast, serve
        from websockets.exceptions import ConnectionClosedError

        async def handle(connection: Any) -> None:
            client = WsClient(connection, broadcast)
            self._clients.add(client)
            try:
                # Clients often just go away; that is an end like any other.
                with suppress(ConnectionClosedError):
                    async for message in connection:
                        self._pubsub.request(client, message)
            finally:
                self._clients.discard(client)
                self._pubsub.leave(client)
                self._disturber.forget(client)

        self._server = await serve(
            handle,
            sock=sock,
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=CLOSE_TIMEOUT_S,
            logger=logging.getLogger("choir.localnet.websocket"),
        )

    def drop(self) -> int:
        """Cut every connection without a close handshake; answers how many there were."""
        count = len(self._clients)
        for client in list(self._clients):
            client.cut()
        return count

    async def stop(self) -> None:
        """Close the connections and the server."""
        self._disturber.close()
        if self._server is not None:
            self._server.close(close_connections=True)
            await self._server.wait_closed()
