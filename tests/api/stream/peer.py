"""A client of the thread socket that hides nothing: frames out, frames in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from tests.api.support import Wallet
from tests.api.world import Live
from websockets.asyncio.client import ClientConnection, connect

SOON = 20.0


class Peer:
    """One socket."""

    def __init__(self, raw: ClientConnection) -> None:
        self.raw = raw

    async def send(
        self,
        kind: str,
        payload: dict[str, Any] | None = None,
        *,
        thread_id: str | None = None,
        seq: int | None = None,
    ) -> str:
        """Send a frame; answers its id."""
        frame: dict[str, Any] = {"id": str(uuid4()), "type": kind, "payload": payload or {}}
        if thread_id is not None:
            frame["thread_id"] = thread_id
        if seq is not None:
            frame["seq"] = seq
        await self.raw.send(json.dumps(frame))
        identity: str = frame["id"]
        return identity

    async def take(self, kind: str | None = None) -> dict[str, Any]:
        """The next frame, of this type where one is named."""
        async with asyncio.timeout(SOON):
            frame: dict[str, Any] = json.loads(await self.raw.recv())
        assert kind is None or frame["type"] == kind, frame
        return frame

    async def ask(self, kind: str, payload: dict[str, Any] | None = None, **more: Any) -> Any:
        """Send a frame and take its answer."""
        identity = await self.send(kind, payload, **more)
        answer = await self.take()
        assert answer["payload"]["re"] == identity
        return answer

    async def refused(self, kind: str, payload: dict[str, Any] | None = None, **more: Any) -> str:
        """The code of the error that a frame is answered with."""
        answer = await self.ask(kind, payload, **more)
        assert answer["type"] == "error", answer
        code: str = answer["payload"]["code"]
        return code

    async def watch(self, thread_id: str, **payload: Any) -> Any:
        """Subscribe; answers the first frame."""
        return await self.ask("subscribe", payload, thread_id=thread_id)

    async def closed(self) -> int | None:
        """The close code, once it is closed."""
        async with asyncio.timeout(SOON):
            await self.raw.wait_closed()
        return self.raw.close_code


@asynccontextmanager
async def peer(live: Live, wallet: Wallet | None = None) -> AsyncIterator[Peer]:
    """A socket that has been welcomed, as a wallet's session or as nobody."""
    async with raw_peer(live) as made:
        token = {"token": wallet.tokens["access_token"]} if wallet else {}
        welcome = await made.ask("hello", token)
        assert welcome["type"] == "welcome", welcome
        yield made


@asynccontextmanager
async def raw_peer(live: Live) -> AsyncIterator[Peer]:
    """A socket that has said nothing yet."""
    async with connect(live.url, subprotocols=["choir.v1.json"], proxy=None) as raw:
        yield Peer(raw)
