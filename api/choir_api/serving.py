"""The API process: REST and the realtime sockets on one event loop, from settings to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from choir.clock import SystemClock
from choir.rpc import HttpRpc
from choir.sending import Sender, SendPolicy
from choir_api.app import create_app
from choir_api.content.collecting import collecting
from choir_api.db import Database, migrate
from choir_api.deps import Deps
from choir_api.rate import Limiter
from choir_api.realtime import Limits, PrometheusMetrics, RealtimeServer
from choir_api.search import SearchEngine
from choir_api.settings import Settings
from choir_api.spaces.hub import SpaceHub
from choir_api.spaces.listener import Listener
from choir_api.spaces.runtime import running
from choir_api.spaces.socket import SpaceEndpoint
from choir_api.stream import Hub, ThreadStream

BACKLOG = 1024
STOP_WITHIN_S = 1
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class PortTaken(RuntimeError):
    """An address cannot be listened on; the message names it and the setting to change."""


@dataclass(frozen=True)
class Serving:
    """Where a running API is reached."""

    api_url: str
    realtime_url: str
    deps: Deps


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Deps]:
    """The real ports that the settings describe; closed at the end of the block."""
    database = Database(settings.database_url, pool_size=settings.database_pool_size)
    rpc = HttpRpc(settings.rpc_url)
    sender = Sender(rpc, policy=SendPolicy(commitment=settings.commitment))
    search = await asyncio.to_thread(SearchEngine.from_settings, settings)
    clock = SystemClock()
    deps = Deps(
        settings=settings,
        database=database,
        sender=sender,
        limiter=Limiter.from_settings(settings),
        search=search,
        spaces=SpaceHub(database, clock),
        clock=clock,
    )
    try:
        yield deps
    finally:
        if search is not None:
            await search.aclose()
        await rpc.aclose()
        await database.close()


@asynccontextmanager
async def realtime(deps: Deps) -> AsyncIterator[RealtimeServer]:
    """The realtime server with every room's sockets, listening.

    Raises:
        PortTaken: its address is in use.
    """
    settings = deps.settings
    assert deps.spaces is not None
    hub = Hub(deps)
    spaces = SpaceEndpoint(
        deps.spaces, deps.database, secret=settings.signing_secret(), now=deps.now
    )
    limits = Limits(
        heartbeat_seconds=settings.heartbeat_s,
        heartbeat_timeout_seconds=settings.heartbeat_timeout_s,
    )
    server = RealtimeServer(
        {"/v1/ws": ThreadStream(deps, hub), "/spaces/{id}": spaces},
        limits=limits,
        metrics=PrometheusMetrics(deps.registry),
        origins=settings.cors_origins or None,
    )
    listener = Listener(settings.database_url, deps.spaces, deps.clock)
    async with hub.running(), running(deps.spaces, listener):
        try:
            await server.start(settings.realtime_host, settings.realtime_port)
        except OSError as error:
            host, port = settings.realtime_host, settings.realtime_port
            raise _taken(host, port, "REALTIME", error) from None
        try:
            yield server
        finally:
            await server.stop()


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[Serving], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Migrate, listen, say so, and run until `stop` is set or a signal comes.

    Raises:
        PortTaken: an address is in use.
        DatabaseUnreachable: no PostgreSQL at the URL.
    """
    listening = _listen(settings)
    settings = _with_realtime_port(settings)
    stop = stop or asyncio.Event()
    try:
        await asyncio.to_thread(migrate, settings.database_url)
        async with opened(settings) as deps, collecting(deps), realtime(deps) as sockets:
            host, port = listening.getsockname()[:2]
            serving = Serving(
                api_url=_url("http", host, port),
                realtime_url=settings.realtime_url or sockets.url,
                deps=deps,
            )
            config = uvicorn.Config(
                create_app(deps),
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=STOP_WITHIN_S,
                ws="none",
            )
            server = _Server(config, lambda: on_ready(serving))
            with _signals(stop):
                answering = asyncio.create_task(server.serve(sockets=[listening]))
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait({answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                server.should_exit = True
                assert deps.spaces is not None
                await deps.spaces.close()  # ends the streams that uvicorn would wait for
                await asyncio.gather(answering, sockets.stop())
    finally:
        listening.close()


def print_ready(serving: Serving) -> None:
    """One line of JSON on stdout, for whoever started the process."""
    line = {"ready": True, "api_url": serving.api_url, "realtime_url": serving.realtime_url}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handling (it ends the process before we have cleaned up)."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Generator[None, None, None]:
    loop = asyncio.get_running_loop()
    caught = []
    for each in SIGNALS:
        # not the main thread, or no signals on this platform: whoever runs us sets `stop`
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(each, stop.set)
            caught.append(each)
    try:
        yield
    finally:
        for each in caught:
            loop.remove_signal_handler(each)


def _with_realtime_port(settings: Settings) -> Settings:
    """With port 0 replaced by a free one: sessions of spaces name the sockets' address."""
    if settings.realtime_port:
        return settings
    with socket.socket() as probe:
        probe.bind((settings.realtime_host, 0))
        return settings.model_copy(update={"realtime_port": probe.getsockname()[1]})


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.api_host, settings.api_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _taken(host, port, "API", error) from None
    return listening


def _taken(host: str, port: int, name: str, error: OSError) -> PortTaken:
    reason = os.strerror(error.errno) if error.errno else error
    return PortTaken(
        f"cannot listen on {host}:{port} ({reason}); stop what uses the port, "
        f"or choose another with CHOIR_{name}_PORT"
    )


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
