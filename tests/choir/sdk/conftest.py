"""The library against the real application: the API's own fixtures, and a wallet's view of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from solders.keypair import Keypair
from tests.api.conftest import clock, database, live, settings, world
from tests.api.world import LAMPORTS, PURSE, World

from choir.sdk import ChoirApi
from choir.testing import ManualClock
from choir.wallet import KeypairSigner

__all__ = ["clock", "database", "live", "settings", "world"]


@pytest.fixture
async def open_api(world: World) -> AsyncIterator[Callable[[], ChoirApi]]:
    """Makes a client of a new wallet with tokens and lamports; not signed in."""
    async with AsyncExitStack() as stack:
        clients: list[ChoirApi] = []

        async def make() -> ChoirApi:
            keypair = Keypair()
            await world.rpc.request_airdrop(keypair.pubkey(), LAMPORTS)
            await world.rpc.request("localnet_mintTo", [str(keypair.pubkey()), PURSE])
            api = ChoirApi(
                "http://api.test",
                wallet=KeypairSigner(keypair),
                clock=ManualClock(world.deps.clock.now()),
                transport=world.http._transport,
            )
            stack.push_async_callback(api.aclose)
            clients.append(api)
            return api

        yield make  # type: ignore[misc]
