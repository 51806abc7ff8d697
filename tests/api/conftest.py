"""The real application on a real database, reached without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from solders.keypair import Keypair
from tests.api.support import ManualClock, Wallet
from tests.api.world import Live, World, opened_live, opened_world

from choir.sending import Sender
from choir.testing import FakeRpc
from choir_api.app import create_app
from choir_api.db import Database
from choir_api.deps import Deps
from choir_api.rate import Limiter
from choir_api.settings import Settings


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        jwt_secret=SecretStr("a secret for tests, long enough to sign with"),
        sign_ins_per_hour=1000,
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url)
    yield database
    await database.close()


@pytest.fixture
async def deps(settings: Settings, database: Database, clock: ManualClock) -> Deps:
    return Deps(
        settings=settings,
        database=database,
        clock=clock,
        limiter=Limiter.from_settings(settings),
        sender=Sender(FakeRpc()),
    )


@pytest.fixture
def app(deps: Deps) -> FastAPI:
    return create_app(deps)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


@pytest.fixture
async def alice(http: httpx.AsyncClient) -> Wallet:
    """A wallet that has signed in."""
    return await Wallet(Keypair()).sign_in(http)


@pytest.fixture
async def bob(http: httpx.AsyncClient) -> Wallet:
    """Another one."""
    return await Wallet(Keypair()).sign_in(http)


@pytest.fixture
async def world(settings: Settings, database: Database, clock: ManualClock) -> AsyncIterator[World]:
    """The application over the real program on a localnet, and a mirror that reads it."""
    async with opened_world(settings, database, clock) as world:
        yield world


@pytest.fixture
async def live(world: World) -> AsyncIterator[Live]:
    """The same, with the thread socket listening."""
    async with opened_live(world) as live:
        yield live
