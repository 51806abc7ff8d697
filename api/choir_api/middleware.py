"""What stands around every request: its id, the version in its path, the limit of its body."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from choir_api.errors import ApiError, NotFound, TooLarge, render
from choir_api.settings import API_VERSION

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_VERSIONED = re.compile(r"/(v\d+|latest)(/.*)?$")


class Versions:
    """Serves ``/latest`` as the newest version, and says how to leave one that is not there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path, or answer 404."""
        match = _VERSIONED.match(scope["path"]) if scope["type"] == "http" else None
        if match is not None and match[1] != API_VERSION:
            rest = match[2] or ""
            if match[1] != "latest":
                refusal = NotFound(
                    f"this server has no {match[1]}; use /{API_VERSION}{rest} "
                    f"(or /latest{rest}), described in /openapi.json",
                    code="unsupported_version",
                    details={"supported": [API_VERSION], "instead": f"/{API_VERSION}{rest}"},
                )
                await render(Request(scope), refusal)(scope, receive, send)
                return
            scope = {**scope, "path": f"/{API_VERSION}{rest}"}
            scope["raw_path"] = scope["path"].encode()
        await self._app(scope, receive, send)


def add_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Send these with whatever the request is answered with, refusals included."""
    kept = request.scope["state"].setdefault("headers", [])
    kept.extend((name.lower().encode(), value.encode()) for name, value in headers.items())


class RequestIds:
    """Takes the caller's ``X-Request-Id`` when it is well-formed, else makes one; sends it back.

    Adds what :func:`add_headers` collected, too.
    """

    def __init__(self, app: ASGIApp, *, make: Callable[[], str] = lambda: uuid.uuid4().hex) -> None:
        self._app = app
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        name = given.decode() if _REQUEST_ID.fullmatch(given) else self._make()
        scope.setdefault("state", {})["request_id"] = name

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(b"x-request-id", name.encode()), *scope["state"].get("headers", ())]
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        await self._app(scope, receive, named)


class NoStore:
    """Keeps answers that depend on who asks out of every cache.

    A route that knows better says so in its own ``Cache-Control``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add ``Cache-Control`` and ``Vary`` to answers that have no ``Cache-Control``."""
        if scope["type"] != "http" or not _VERSIONED.match(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    message["headers"] = [*headers, *_PRIVATE]
            await send(message)

        await self._app(scope, receive, marked)


_PRIVATE = (
    (b"cache-control", b"private, no-store"),
    (b"vary", b"Authorization, X-Api-Key"),
)


class BodyLimit:
    """Refuses a body over `limit` bytes, announced or not, before it is parsed."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes as they come."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limit:
            await render(Request(scope), self._refusal())(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._limit:
                    # the one exception that FastAPI lets through while it reads a body
                    raise HTTPException(413, self._refusal().message)
            return message

        await self._app(scope, counted, send)

    def _refusal(self) -> ApiError:
        return TooLarge(
            f"the body has more than {self._limit} bytes", details={"limit_bytes": self._limit}
        )


class Metrics:
    """Counts requests and their time by route template and status."""

    def __init__(self, app: ASGIApp, *, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "choir_api_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "choir_api_request_seconds",
            "Time to the end of the answer.",
            ["route"],
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self._requests.labels(route, scope["method"], str(status)).inc()
            self._seconds.labels(route).observe(time.perf_counter() - started)
