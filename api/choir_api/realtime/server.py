"""The listener: routing, upgrades, heartbeat, and the life of each socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from choir.wire import Codec
from choir_api.realtime.endpoint import Endpoint, Refused, Upgrade
from choir_api.realtime.metrics import Metrics, NoMetrics
from choir_api.realtime.socket import Close, Closing, Connection, Limits, Socket

__all__ = ["RealtimeServer"]

log = logging.getLogger(__name__)


class _Route:
    def __init__(self, pattern: str, endpoint: Endpoint[Any]) -> None:
        if not pattern.startswith("/"):
            raise ValueError(f"a route starts with a slash: {pattern!r}")
        self.pattern = pattern
        self.endpoint = endpoint
        expression = "".join(
            f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", pattern)
        )
        self._expression = re.compile(expression)

    def match(self, path: str) -> dict[str, str] | None:
        found = self._expression.fullmatch(path)
        return {k: unquote(v) for k, v in found.groupdict().items()} if found else None


class _Expected(logging.Filter):
    """Keeps the library's stack traces about peers that send nonsense at debug level."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg != "opening handshake failed":
            return True
        log.debug("upgrade failed", exc_info=record.exc_info)
        return False


_protocol_log = logging.getLogger(f"{__name__}.protocol")
_protocol_log.addFilter(_Expected())


def _joined(headers: Headers) -> dict[str, str]:
    """Headers by lower-case name, repeated ones as one list."""
    found: dict[str, str] = {}
    for name, value in headers.raw_items():
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def parse_offer(header: str) -> set[str]:
    """The subprotocols that a client offers."""
    return {name.strip() for name in header.split(",") if name.strip()}


class RealtimeServer:
    """Serves endpoints by path; see the package's documentation.

    Args:
        handlers: endpoint by path pattern; ``{name}`` matches one segment.
        limits: bounds of each socket.
        metrics: where to report.
        origins: values of ``Origin`` that browsers may come from, or None for all. Requests
            without an ``Origin`` do not come from a browser and pass.
        deflate: negotiate permessage-deflate with clients that offer it. It costs CPU and about
            300 KiB a socket, and frames can no longer be shared between sockets.
        now: monotonic seconds.
    """

    def __init__(
        self,
        handlers: Mapping[str, Endpoint[Any]],
        *,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        origins: Sequence[str] | None = None,
        deflate: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._routes = [_Route(pattern, endpoint) for pattern, endpoint in handlers.items()]
        self.limits = limits or Limits()
        self._metrics = metrics or NoMetrics()
        self._origins = frozenset(origins) if origins is not None else None
        self._deflate = deflate
        self._now = now
        self._server: Server | None = None
        self.sockets: set[Socket[Any]] = set()
        """The open sockets."""

    @property
    def url(self) -> str:
        """Where the server listens, such as ``ws://127.0.0.1:8001``."""
        assert self._server is not None, "the server is not listening"
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"

    async def start(self, host: str, port: int) -> None:
        """Binds and listens; port 0 takes a free one.

        Raises:
            OSError: the address cannot be bound.
        """
        limits = self.limits
        self._server = await serve(
            self._serve,
            host,
            port,
            create_connection=Connection,
            process_request=self._process_request,
            select_subprotocol=self._select_subprotocol,
            compression="deflate" if self._deflate else None,
            server_header=None,
            open_timeout=limits.open_seconds,
            ping_interval=limits.heartbeat_seconds,
            ping_timeout=limits.heartbeat_timeout_seconds,
            close_timeout=limits.close_seconds,
            max_size=limits.message_bytes,
            logger=_protocol_log,
        )

    async def stop(self) -> None:
        """Closes every socket with 1001 and the listener; returns when all are gone."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[RealtimeServer]:
        """`start` on entry, `stop` on exit."""
        await self.start(host, port)
        try:
            yield self
        finally:
            await self.stop()

    # the upgrade

    async def _process_request(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        assert isinstance(connection, Connection)
        parts = urlsplit(request.path)
        route, params = self._find(parts.path)
        if route is None:
            patterns = ", ".join(r.pattern for r in self._routes)
            return self._refuse(
                "", Refused(404, "not_found", f"No socket at this path. Sockets: {patterns}.")
            )
        upgrade = Upgrade(
            route=route.pattern,
            path=parts.path,
            params=params,
            query=dict(parse_qsl(parts.query)),
            headers=_joined(request.headers),
            remote=str((connection.remote_address or ("",))[0]),
        )
        try:
            self._check_upgrade(upgrade, route.endpoint.subprotocols)
            context = await route.endpoint.admit(upgrade)
        except Refused as refused:
            return self._refuse(route.pattern, refused)
        connection.admitted = (route.endpoint, upgrade, context)
        return None

    def _find(self, path: str) -> tuple[_Route | None, dict[str, str]]:
        for route in self._routes:
            params = route.match(path)
            if params is not None:
                return route, params
        return None, {}

    def _check_upgrade(self, upgrade: Upgrade, spoken: Mapping[str, Codec]) -> None:
        if upgrade.headers.get("upgrade", "").lower() != "websocket":
            raise Refused(
                426,
                "upgrade_required",
                "This path speaks WebSocket; connect with a WebSocket client.",
                headers={"Upgrade": "websocket"},
            )
        origin = upgrade.headers.get("origin")
        if self._origins is not None and origin is not None and origin not in self._origins:
            raise Refused(403, "origin_refused", "Pages of this origin may not connect.")
        offered = parse_offer(upgrade.headers.get("sec-websocket-protocol", ""))
        if offered and not spoken.keys() & offered:
            raise Refused(
                400,
                "subprotocol_refused",
                f"This path speaks {', '.join(spoken) or 'no subprotocol'}; offer one of these "
                "or none.",
            )
        if len(self.sockets) >= self.limits.sockets:
            raise Refused(
                503, "full", "All sockets are taken; try again.", headers={"Retry-After": "5"}
            )

    def _refuse(self, route: str, refused: Refused) -> Response:
        self._metrics.refused(route, refused.status)
        status = HTTPStatus(refused.status)
        body = json.dumps(
            {
                "type": "about:blank",
                "title": status.phrase,
                "status": refused.status,
                "detail": refused.detail,
                "code": refused.code,
            }
        ).encode()
        headers = Headers(
            {
                "Content-Type": "application/problem+json",
                "Content-Length": str(len(body)),
                "Connection": "close",
                **refused.headers,
            }
        )
        if refused.status == HTTPStatus.UNAUTHORIZED:
            headers.setdefault("WWW-Authenticate", "Bearer")
        return Response(refused.status, status.phrase, headers, body)

    def _select_subprotocol(
        self, connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        assert isinstance(connection, Connection)
        if not offered or connection.admitted is None:
            return None
        spoken = connection.admitted[0].subprotocols
        return next((name for name in offered if name in spoken), None)

    # the socket's life

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)
        assert connection.admitted is not None
        endpoint, upgrade, context = connection.admitted
        socket = Socket(
            connection,
            endpoint,
            upgrade,
            context,
            limits=self.limits,
            metrics=self._metrics,
            now=self._now,
        )
        self.sockets.add(socket)
        try:
            await endpoint.serve(socket)
        except Closing as closing:
            socket.close(closing.code, closing.reason)
        except ConnectionClosed:
            pass
        except Exception:
            log.exception("socket on %s failed", upgrade.route)
            with contextlib.suppress(Closing):
                socket.error("internal", "The server failed; the socket closes.")
            socket.close(Close.INTERNAL, "internal error")
        else:
            socket.close(Close.NORMAL)
        finally:
            self.sockets.discard(socket)
            await asyncio.shield(socket.closed())
            socket._finish()
