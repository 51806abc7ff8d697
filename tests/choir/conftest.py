"""The real program on a localnet in this process, where slots close on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.choir.chain import World

from choir.localnet import Localnet, Settings


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """An initialized program and wallets with SOL and stake tokens."""
    settings = Settings(http_port=0, ws_port=0, production="transaction", finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as ready:
        await ready.initialize()
        yield ready


@pytest.fixture
async def bare_world() -> AsyncIterator[World]:
    """The program deployed and not yet initialized."""
    settings = Settings(http_port=0, ws_port=0, production="transaction", finality_slots=3)
    async with Localnet(settings) as localnet, World(localnet) as ready:
        yield ready
