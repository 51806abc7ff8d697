"""The realtime server: every socket of the API, on one port, on `websockets`' own asyncio server.

To serve a path, subclass `Endpoint` and register an instance::

    class Threads(Endpoint):
        subprotocols = {"choir.v1.json": JSON, "choir.v1.msgpack": MSGPACK}

        async def admit(self, upgrade: Upgrade) -> Viewer:
            # before the handshake; whatever is returned becomes `socket.context`
            if token := upgrade.bearer():
                return await self.viewer(token)
            raise Refused(401, "unauthenticated", "Send a bearer token.")

        async def serve(self, socket: Socket[Viewer]) -> None:
            async for frame in socket:  # plain maps, whatever the encoding
                if frame["type"] == "ping":
                    socket.push({"type": "pong", "ts": frame.get("ts")})
                else:
                    socket.error("unknown_type", "Types here: ping.")

    server = RealtimeServer({"/v1/ws": Threads(), "/spaces/{id}": spaces_endpoint})
    async with server.listening("127.0.0.1", 8001):
        server.url  # ws://127.0.0.1:8001
        ...

The server sees to what every socket needs: the upgrade (route, origin, capacity, problem
documents), the encoding (by subprotocol, else by the first frame), heartbeat, error frames for
what cannot be read, one error allowance per socket, a byte bound on what waits to be sent, and
the close codes of `Close`. `serve` may raise `Closing` to end a socket with a code of its choice.

Sending never waits. `Socket.push` writes or, when more than `Limits.backlog_bytes` already wait,
closes the socket with `Close.FELL_BEHIND`: what the peer got is a prefix without a gap, so it may
resume. `Socket.coalesce` is for updates of which only the latest matters. `broadcast` sends one
frame to many and encodes it once per encoding.
"""

from __future__ import annotations

from choir_api.realtime.endpoint import Endpoint, Refused, Upgrade
from choir_api.realtime.metrics import Metrics, NoMetrics, PrometheusMetrics
from choir_api.realtime.server import RealtimeServer
from choir_api.realtime.socket import Close, Closing, Limits, Outgoing, Socket, broadcast

__all__ = [
    "Close",
    "Closing",
    "Endpoint",
    "Limits",
    "Metrics",
    "NoMetrics",
    "Outgoing",
    "PrometheusMetrics",
    "RealtimeServer",
    "Refused",
    "Socket",
    "Upgrade",
    "broadcast",
]
