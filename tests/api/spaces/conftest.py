"""Processes on a fresh database, wallets, and a space of three phases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from tests.api.spaces.support import Process, TurnedClock, process, wallet
from tests.api.support import Wallet

from choir_api.settings import Settings


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        jwt_secret=SecretStr("a secret for tests, long enough to sign with"),
        realtime_url="ws://realtime.test",
        sign_ins_per_hour=1000,
    )


@pytest.fixture
async def api(settings: Settings, clock: TurnedClock) -> AsyncIterator[Process]:
    async with process(settings, clock) as made:
        yield made


@pytest.fixture
async def other(settings: Settings, clock: TurnedClock) -> AsyncIterator[Process]:
    """A second process on the same database."""
    async with process(settings, clock) as made:
        yield made


@pytest.fixture
async def alice(api: Process) -> Wallet:
    return await wallet(api.http)


@pytest.fixture
async def bob(api: Process) -> Wallet:
    return await wallet(api.http)


@pytest.fixture
async def space(api: Process, alice: Wallet) -> dict[str, Any]:
    """Alice's, with the phases 0, 1 and 2."""
    answer = await api.http.post(
        "/v1/spaces",
        json={
            "name": "team-room",
            "basis": {"primes": [2, 3, 5]},
            "phases": {"custom": [0.0, 1.0, 2.0]},
        },
        headers=alice.headers,
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture
async def writer(
    api: Process, clock: TurnedClock, alice: Wallet, bob: Wallet, space: dict[str, Any]
) -> Wallet:
    """Bob, who may write; he joined a second later."""
    clock.advance(1.0)
    answer = await api.http.put(
        f"/v1/spaces/{space['id']}/members/{bob.address}",
        json={"role": "writer"},
        headers=alice.headers,
    )
    assert answer.status_code == 200, answer.text
    return bob
