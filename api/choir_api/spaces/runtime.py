"""Spaces running in a process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from choir_api.spaces.hub import SpaceHub
from choir_api.spaces.listener import Listener


@asynccontextmanager
async def running(hub: SpaceHub, listener: Listener) -> AsyncIterator[SpaceHub]:
    """Hears other processes for the length of the block, then closes the hub.

    The process makes the hub first, since `Deps.spaces` and `socket.SpaceEndpoint` take it::

        hub = SpaceHub(database, clock)
        deps = Deps(..., spaces=hub)
        endpoint = SpaceEndpoint(hub, database, secret=settings.signing_secret(), now=deps.now)
        async with running(hub, Listener(settings.database_url, hub, clock)):
            async with RealtimeServer({"/spaces/{id}": endpoint, ...}).listening(host, port):
                ...

    To stop while telemetry streams are open, await `SpaceHub.close` before the HTTP server waits
    for its connections: it ends them. Closing twice does no harm.
    """
    hearing = asyncio.get_running_loop().create_task(listener.run())
    try:
        yield hub
    finally:
        hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing
        await hub.close()
