"""The indexer's process: the mirror, its HTTP server and the vector pump on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from starlette.routing import BaseRoute

from choir.clock import Clock, SystemClock
from choir.rpc import HttpRpc
from choir_indexer.http import make_app
from choir_indexer.mirror import Mirror
from choir_indexer.monitors.running import monitored
from choir_indexer.programs import load_programs
from choir_indexer.programs.run import ProgramMirror, beside
from choir_indexer.reconciling import reconciled
from choir_indexer.retiring import retention
from choir_indexer.settings import Settings
from choir_indexer.sources import Source
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.store import migrate, rebuild
from choir_indexer.store.writer import Writer, is_current
from choir_indexer.telemetry import Metrics

if TYPE_CHECKING:
    from choir.vectors import VectorStore
    from choir_indexer.vectors.pump import PumpMetrics

__all__ = ["PortTaken", "collect_seldom", "kept_up", "opened_mirror", "opened_source", "serve"]

BACKLOG = 256
STOP_WITHIN_S = 1
PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class PortTaken(RuntimeError):
    """The address cannot be listened on; the message names it and the setting to change."""


@asynccontextmanager
async def opened_source(
    settings: Settings, metrics: Metrics | None = None
) -> AsyncIterator[RpcSource]:
    """The node that the settings name; closed at the end of the block."""
    metrics = metrics or Metrics()
    source = RpcSource(
        HttpRpc(settings.rpc_url),
        settings.ws_url,
        program=settings.program,
        commitment=settings.commitment,
        batch=settings.indexer_batch,
        concurrency=settings.indexer_concurrency,
        together=settings.indexer_together,
        retried=metrics.retries.inc,
    )
    try:
        yield source
    finally:
        await source.close()


def _streamed(settings: Settings, node: RpcSource, metrics: Metrics) -> Source:
    """The stream that the settings name, with the node for what it does not carry."""
    from choir_indexer.sources.yellowstone import Endpoint, StreamMetrics, YellowstoneSource

    assert settings.source_url is not None
    token, authorities = settings.yellowstone_token, settings.yellowstone_ca
    return YellowstoneSource(
        Endpoint(
            settings.source_url.removeprefix("yellowstone+"),
            token.get_secret_value() if token else None,
            authorities=authorities.read_bytes() if authorities else None,
        ),
        node,
        program=settings.program,
        commitment=settings.commitment,
        batch=settings.indexer_batch,
        metrics=StreamMetrics(metrics.registry),
    )


@asynccontextmanager
async def opened_mirror(
    settings: Settings, metrics: Metrics | None = None
) -> AsyncIterator[Mirror]:
    """The mirror that the settings describe; its source is closed at the end of the block."""
    log = structlog.get_logger("choir_indexer")

    async def waiting() -> None:
        log.warning("another indexer works on this database; waiting until it ends")

    async def open_writer() -> Writer:
        return await Writer.open(settings.database_url, waiting=waiting)

    async def anew() -> None:
        await asyncio.to_thread(rebuild, settings.database_url)

    metrics = metrics or Metrics()
    async with opened_source(settings, metrics) as node:
        yield Mirror(
            node if settings.source_url is None else _streamed(settings, node, metrics),
            open_writer,
            program=settings.program,
            commitment=settings.commitment,
            rebuild=anew if settings.rebuild_on_new_genesis else None,
            overlap=settings.indexer_overlap_slots,
            patience_s=settings.indexer_patience_s,
            metrics=metrics,
        )


def collect_seldom() -> None:
    """For a process that mirrors: rows come and go in their thousands and are never in cycles,
    and to look for cycles among them takes a fifth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def serve(
    settings: Settings,
    *,
    on_ready: Callable[[str], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Migrate, listen, follow the chain; call `on_ready(url)` once the mirror is attached.

    Attached means: the schema is there, the lease is held, the chain is the right one and the
    announcements are open. Runs until `stop` is set or a signal comes.

    Raises:
        PortTaken: the address is in use.
        ProgramsError: the file of other programs cannot be used.
        MirrorError: what stops a mirror for good; the message says what to do.
    """
    stop = stop or asyncio.Event()
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    metrics = Metrics()
    try:
        programs = _program_mirrors(settings)
        if not await is_current(settings.database_url):
            await asyncio.to_thread(migrate, settings.database_url)
        async with (
            opened_mirror(settings, metrics) as mirror,
            _vectors(settings, metrics, mirror.attached) as (routes, pump),
            monitored(settings, metrics, mirror.attached) as watching,
            opened_source(settings, metrics) as node,
            reconciled(settings, node, metrics, mirror.attached) as comparing,
            retention(settings, metrics, mirror.attached) as retiring,
        ):
            app = make_app(
                mirror.state,
                metrics,
                max_lag_s=settings.indexer_max_lag_s,
                more=routes,
                beside=programs,
            )
            server = _Server(
                uvicorn.Config(
                    app,
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    lifespan="off",
                    ws="none",
                    timeout_graceful_shutdown=STOP_WITHIN_S,
                )
            )

            async def announce() -> None:
                await mirror.attached.wait()
                on_ready(url)

            with _signals(stop):
                await _until_stopped(
                    stop,
                    server.serve(sockets=[listening]),
                    mirror.run(),
                    *pump,
                    *watching,
                    *comparing,
                    *retiring,
                    *_fanout(settings, metrics),
                    *([beside(programs, after=mirror.attached.wait)] if programs else ()),
                    once=announce(),
                )
    finally:
        listening.close()


def _program_mirrors(settings: Settings) -> list[ProgramMirror]:
    """Of the other programs, each with the source that the settings name."""
    if settings.indexer_programs is None:
        return []
    return [
        ProgramMirror(
            config,
            settings,
            partial(opened_source, settings.model_copy(update={"program_id": str(config.program)})),
        )
        for config in load_programs(settings.indexer_programs, choir=settings.program)
    ]


async def _until_stopped(
    stop: asyncio.Event, *parts: Awaitable[None], once: Awaitable[None]
) -> None:
    """Run the parts until `stop`; the first that fails ends the others and is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    aside: list[asyncio.Future[Any]] = [asyncio.ensure_future(once), stopping]
    try:
        await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for each in (*tasks, *aside):
            each.cancel()
        await asyncio.gather(*tasks, *aside, return_exceptions=True)


def _fanout(settings: Settings, metrics: Metrics) -> Sequence[Awaitable[None]]:
    """The bridge to Redis, where its URL is set."""
    if settings.redis_url is None:
        return ()
    from choir_indexer.fanout import Fanout, FanoutMetrics

    told = FanoutMetrics(metrics.registry)
    return (Fanout(settings.database_url, settings.redis_url, metrics=told).run(),)


@asynccontextmanager
async def _vectors(
    settings: Settings, metrics: Metrics, attached: asyncio.Event
) -> AsyncIterator[tuple[Sequence[BaseRoute], Sequence[Awaitable[None]]]]:
    """The routes of the hosted engine, and the pump. Without a model or a URL the mirror works
    on, and says what is off."""
    log = structlog.get_logger("choir_indexer.vectors")
    if settings.vectors_url is None:
        log.warning("no vectors: CHOIR_VECTORS_URL is not set")
        yield (), ()
        return
    from choir.vectors import open_store
    from choir_indexer.vectors.pump import PumpMetrics
    from choir_indexer.vectors.routes import vector_routes

    token = settings.vectors_token.get_secret_value() if settings.vectors_token else None
    store = open_store(settings.vectors_url, token)
    hosted = settings.vectors_url.startswith("edge:")
    routes = vector_routes(store, token) if hosted and token else []
    if hosted and not token:
        log.warning("the vector engine is not shared: CHOIR_VECTORS_TOKEN is not set")
    try:
        pump_metrics = PumpMetrics(metrics.registry)

        async def pump() -> None:
            await attached.wait()  # the mirror comes first
            await _pump(settings, store, pump_metrics)

        def failed(error: Exception) -> None:
            pump_metrics.failures.labels(type(error).__name__).inc()

        yield routes, (kept_up(pump, failed=failed),)
    finally:
        await store.aclose()


async def kept_up(
    work: Callable[[], Awaitable[None]],
    *,
    failed: Callable[[Exception], None],
    clock: Clock | None = None,
) -> None:
    """Run `work` again and again, with growing pauses, until cancelled. Nothing it raises gets
    out: the mirror does not stop for its vectors.

    Args:
        work: what should never end.
        failed: told of each error, which is logged here.
        clock: for the pauses.
    """
    clock = clock or SystemClock()
    log = structlog.get_logger("choir_indexer.vectors")
    pause = PAUSE_S
    while True:
        started = clock.monotonic()
        try:
            await work()
        except Exception as error:
            failed(error)
            log.exception("the vector pump failed; starting it again", retry_in_s=pause)
        if clock.monotonic() - started > LONGEST_PAUSE_S:
            pause = PAUSE_S
        await clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def _pump(settings: Settings, store: VectorStore, metrics: PumpMetrics) -> None:
    """Load the model, which takes a while, and pump; without a model only say so."""
    from choir.embed import EmbedError, OffLoop, load_minilm
    from choir_indexer.vectors.pump import Pump

    try:
        embedder = OffLoop(await asyncio.to_thread(load_minilm, settings.model_dir))
    except EmbedError as error:
        structlog.get_logger("choir_indexer.vectors").warning(
            "new messages will not be found by meaning", reason=str(error)
        )
        await asyncio.Event().wait()
        return
    try:
        await Pump(settings.database_url, store, embedder, metrics=metrics).run()
    finally:
        embedder.close()


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the process has one place for them."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.indexer_host, settings.indexer_port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise PortTaken(
            f"cannot listen on {host}:{port} ({error.strerror or error});"
            " stop what uses it, or set CHOIR_INDEXER_HOST and CHOIR_INDEXER_PORT"
        ) from None
    listening.setblocking(False)
    return listening


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; where there are no signal handlers, nothing does."""
    loop = asyncio.get_running_loop()
    handled = []
    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
            handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
