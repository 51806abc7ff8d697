"""The whole stack on one machine: PostgreSQL, localnet, indexer and API, as one unit.

Every part is real and runs as a process of its own; a part that is given by URL (a cluster,
a database, a Qdrant server) is used instead of an embedded one. State lives in one directory
and survives ``kill -9`` of everything.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from solders.pubkey import Pubkey

from choir._urls import place_of
from choir.stack.first_run import ensure_initialized, read_config
from choir.stack.host import free_port, kept_secret, port_is_free
from choir.stack.postgres import EmbeddedPostgres
from choir.stack.processes import Service, StackError

Progress = Callable[[str, float], None]
"""Called with the name of a part and the seconds it took, when the part is ready."""


@dataclass(frozen=True)
class StackOptions:
    """What to run and where. A port of 0 is a free one, chosen at start."""

    state_dir: Path
    rpc_port: int = 8899
    pubsub_port: int = 8900
    api_port: int = 8000
    realtime_port: int = 8001
    indexer_port: int = 0
    rpc_url: str | None = None
    """A cluster's JSON-RPC; None runs the embedded localnet."""
    ws_url: str | None = None
    """The cluster's pub/sub; needed with ``rpc_url``."""
    database_url: str | None = None
    """``postgresql://``; None runs the embedded PostgreSQL."""
    vectors_url: str | None = None
    """A Qdrant server; None runs Qdrant's engine inside the indexer."""
    slot_ms: int = 400
    """Milliseconds between the localnet's slots."""


@dataclass(frozen=True)
class StackUrls:
    """Where the running parts answer."""

    rpc: str
    ws: str
    api: str
    realtime: str
    indexer: str
    database: str = field(repr=False)
    """With its password: for this process and its children, not for printing."""


class Stack:
    """Starts the parts in order of need, stops them in reverse, and notices a lost one.

    Use it as an async context manager; :meth:`watch` waits until a part is lost.

    Raises:
        StackError: a port is in use, a part does not start, or the options do not fit.
    """

    def __init__(self, options: StackOptions, progress: Progress = lambda _name, _s: None) -> None:
        if (options.rpc_url is None) != (options.ws_url is None):
            raise StackError("give both the RPC and the WebSocket URL of a cluster, or neither")
        self.options = options
        self._progress = progress
        self._postgres: EmbeddedPostgres | None = None
        self._services: list[Service] = []

    async def start(self) -> StackUrls:
        """Bring everything up; on any failure, whatever had started is stopped again."""
        options = self.options
        self._check_ports()
        options.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (options.state_dir / "logs").mkdir(mode=0o700, exist_ok=True)
        try:
            (rpc_url, ws_url), database_url = await _together(
                self._start_chain(), self._start_database()
            )
            return await self._start_readers(database_url, rpc_url, ws_url)
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        """Wait until a part ends by itself.

        Raises:
            StackError: always, naming the part and the end of its log.
        """
        waits = {asyncio.create_task(service.ended()): service for service in self._services}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            first = done.pop()
            raise waits[first].failure(first.result())
        finally:
            for task in waits:
                task.cancel()

    async def stop(self) -> None:
        """Stop every part that this stack started: its processes at once, then the database.

        Readers that lose the chain a moment before they end themselves only log it.
        """
        services, self._services = self._services, []
        await asyncio.gather(*(service.stop() for service in services))
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.stop)
            self._postgres = None

    async def __aenter__(self) -> StackUrls:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _check_ports(self) -> None:
        options = self.options
        wanted = {"API": options.api_port, "realtime sockets": options.realtime_port}
        if options.rpc_url is None:
            wanted |= {"localnet RPC": options.rpc_port, "localnet pub/sub": options.pubsub_port}
        for use, port in wanted.items():
            if port and not port_is_free(port):
                raise StackError(
                    f"port {port} ({use}) is in use by another process; stop that one, "
                    "or choose other ports (--help lists the options)"
                )

    async def _start_database(self) -> str:
        if self.options.database_url is not None:
            return self.options.database_url
        started = time.monotonic()
        postgres = EmbeddedPostgres(self.options.state_dir / "postgres")
        # In this thread: Linux ends the server when the thread that started it ends.
        self._postgres = postgres
        url = postgres.start()
        self._progress("PostgreSQL", time.monotonic() - started)
        return url

    async def _start_chain(self) -> tuple[str, str]:
        options = self.options
        if options.rpc_url is not None and options.ws_url is not None:
            if await read_config(options.rpc_url) is None:
                raise StackError(
                    f"the program is not set up on {place_of(options.rpc_url)}: its configuration "
                    "account does not exist; deploy it and run `choir config init` first"
                )
            return options.rpc_url, options.ws_url
        state = options.state_dir / "localnet"
        ready = await self._start_service(
            "localnet",
            "choir.localnet",
            *("--rpc-port", str(options.rpc_port), "--ws-port", str(options.pubsub_port)),
            *("--state-dir", str(state)),
            *("--slot-ms", str(options.slot_ms)),
        )
        rpc_url, ws_url = str(ready["rpc_url"]), str(ready["ws_url"])
        started = time.monotonic()
        authority = state / "keys" / "upgrade-authority.json"
        mint = Pubkey.from_string(str(ready["stake_mint"]))
        if await ensure_initialized(rpc_url, authority, mint):
            self._progress("program set-up", time.monotonic() - started)
        return rpc_url, ws_url

    async def _start_readers(self, database_url: str, rpc_url: str, ws_url: str) -> StackUrls:
        options = self.options
        common = {
            "CHOIR_STATE_DIR": str(options.state_dir),
            "CHOIR_DATABASE_URL": database_url,
            "CHOIR_RPC_URL": rpc_url,
            "CHOIR_WS_URL": ws_url,
            "CHOIR_VECTORS_TOKEN": self._secret("vectors"),
        }
        embedded_vectors = options.vectors_url is None
        indexer_port = options.indexer_port or free_port()
        indexer_url = f"http://127.0.0.1:{indexer_port}"
        indexer = {
            "CHOIR_INDEXER_PORT": str(indexer_port),
            "CHOIR_VECTORS_URL": options.vectors_url or f"edge:{options.state_dir / 'vectors'}",
            "CHOIR_REBUILD_ON_NEW_GENESIS": str(options.rpc_url is None).lower(),
        }
        api = {
            "CHOIR_API_PORT": str(options.api_port),
            "CHOIR_REALTIME_PORT": str(options.realtime_port),
            "CHOIR_VECTORS_URL": (
                f"edge+{indexer_url}" if embedded_vectors else str(options.vectors_url)
            ),
            "CHOIR_JWT_SECRET": self._secret("jwt"),
        }
        # The API's start needs the schema, not the indexer's readiness: start both at once.
        _, answered = await _together(
            self._start_service("indexer", "choir_indexer", "run", environment=common | indexer),
            self._start_service("api", "choir_api", environment=common | api),
        )
        return StackUrls(
            rpc=rpc_url,
            ws=ws_url,
            api=str(answered["api_url"]),
            realtime=str(answered["realtime_url"]),
            indexer=indexer_url,
            database=database_url,
        )

    async def _start_service(
        self, name: str, module: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> dict[str, Any]:
        started = time.monotonic()
        service = Service(
            name,
            (sys.executable, "-m", module, *arguments),
            {**os.environ, **(environment or {})},
            self.options.state_dir / "logs" / f"{name}.log",
        )
        self._services.append(service)
        ready = await service.start()
        self._progress(name, time.monotonic() - started)
        return ready

    def _secret(self, name: str) -> str:
        folder = self.options.state_dir / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        return kept_secret(folder / name)


async def _together(*parts: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run all; when one fails, cancel the others and raise its error, not a group of them."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
