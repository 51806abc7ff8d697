"""What the tests of spaces share: time that waits to be moved, one API process, its sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
import uvicorn
from fastapi import FastAPI
from solders.keypair import Keypair
from tests.api.support import Wallet
from websockets.asyncio.client import ClientConnection, connect

from choir.sending import Sender
from choir.wire import JSON, Codec
from choir_api.app import create_app
from choir_api.db import Database
from choir_api.deps import Deps
from choir_api.rate import Limiter
from choir_api.realtime import Limits, RealtimeServer
from choir_api.settings import Settings
from choir_api.spaces.hub import SpaceHub
from choir_api.spaces.listener import Listener
from choir_api.spaces.runtime import running
from choir_api.spaces.socket import SpaceEndpoint

SOON = 10.0
"""Seconds until a test that waits for something gives up."""


class TurnedClock:
    """Time that stands until it is moved; who sleeps wakes when it has moved enough."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, woken))
        await woken

    @property
    def sleeping(self) -> int:
        return sum(not woken.done() for _, woken in self._sleepers)

    def advance(self, seconds: float) -> None:
        self._now += seconds
        due = [each for each in self._sleepers if each[0] <= self._now]
        self._sleepers = [each for each in self._sleepers if each[0] > self._now]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)


@dataclass
class Process:
    """One API process: REST, hub, listener and sockets."""

    deps: Deps
    app: FastAPI
    hub: SpaceHub
    listener: Listener
    http: httpx.AsyncClient
    realtime: RealtimeServer

    async def session(self, wallet: Wallet, space_id: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(
            f"/v1/spaces/{space_id}/sessions", json=body, headers=wallet.headers
        )
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    @asynccontextmanager
    async def socket(
        self, token: str, space_id: str, codec: Codec = JSON, *, subprotocol: bool = False
    ) -> AsyncIterator[Peer]:
        url = f"{self.realtime.url}/spaces/{space_id}"
        names = [f"choir.spaces.v1.{codec.name}"] if subprotocol else None
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(
            url, subprotocols=cast(Any, names), additional_headers=headers, compression=None
        ) as raw:
            yield Peer(raw, codec)

    @asynccontextmanager
    async def joined(
        self, wallet: Wallet, space_id: str, *kinds: str, codec: Codec = JSON, **body: Any
    ) -> AsyncIterator[Peer]:
        """A socket that has said hello and subscribed."""
        made = await self.session(wallet, space_id, **body)
        async with self.socket(made["token"], space_id, codec) as peer:
            await peer.send(type="hello", version=1, sessionId=made["sessionId"])
            peer.welcome = await peer.receive("welcome")
            if kinds:
                await peer.send(type="subscribe", kinds=list(kinds))
            yield peer


@dataclass
class Peer:
    """A client of the socket that speaks frames."""

    raw: ClientConnection
    codec: Codec
    welcome: dict[str, Any] | None = None

    async def send(self, **frame: Any) -> None:
        data = self.codec.encode(frame)
        await self.raw.send(data if self.codec.binary else data.decode())

    async def propose(self, *ops: dict[str, Any], at: int, **more: Any) -> None:
        await self.send(type="propose_delta", delta={"fromVersion": at, "ops": list(ops), **more})

    async def receive(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, which must be of this kind."""
        async with asyncio.timeout(SOON):
            data = await self.raw.recv()
        assert isinstance(data, bytes) == self.codec.binary
        frame = self.codec.decode(data if isinstance(data, bytes) else data.encode())
        if kind is not None:
            assert frame["type"] == kind, frame
        return frame

    async def closed(self) -> int:
        """The code the socket is closed with, after whatever still comes."""
        async with asyncio.timeout(SOON):
            await self.raw.wait_closed()
        assert self.raw.close_code is not None
        return self.raw.close_code


@asynccontextmanager
async def process(
    settings: Settings, clock: Any, *, limits: Limits | None = None
) -> AsyncIterator[Process]:
    """A process of its own pool, as another one would have."""
    database = Database(settings.database_url, pool_size=5)
    hub = SpaceHub(database, clock)
    listener = Listener(settings.database_url, hub, clock)
    deps = Deps(
        settings=settings,
        database=database,
        limiter=Limiter.from_settings(settings),
        sender=cast(Sender, None),  # spaces send no transactions
        clock=clock,
        spaces=hub,
    )
    endpoint = SpaceEndpoint(hub, database, secret=settings.signing_secret(), now=deps.now)
    realtime = RealtimeServer({"/spaces/{id}": endpoint}, limits=limits)
    app = create_app(deps)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    try:
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://api.test") as http,
            running(hub, listener),
            realtime.listening("127.0.0.1", 0),
        ):
            await asyncio.wait_for(listener.listening.wait(), SOON)
            yield Process(deps, app, hub, listener, http, realtime)
    finally:
        await database.close()


@asynccontextmanager
async def listening(api: Process) -> AsyncIterator[str]:
    """The API on a real port, for answers that do not end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            api.app, log_level="warning", timeout_graceful_shutdown=2, lifespan="off"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await api.hub.close()  # ends the streams, so that the server can stop
            server.should_exit = True
            await asyncio.wait_for(serving, SOON)


async def wallet(http: httpx.AsyncClient) -> Wallet:
    """A wallet that has signed in."""
    return await Wallet(Keypair()).sign_in(http)


async def until(true: Callable[[], bool]) -> None:
    """Lets the loop run until `true()`, which nothing announces."""
    async with asyncio.timeout(SOON):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


def shift(index: int, value: float) -> dict[str, Any]:
    return {"op": "shift_phase", "path": f"/state/phases/{index}", "value": value}


def put(index: int, value: float) -> dict[str, Any]:
    return {"op": "set_phase", "path": f"/state/phases/{index}", "value": value}
