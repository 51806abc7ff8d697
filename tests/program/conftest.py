"""Worlds to test in."""

from __future__ import annotations

import pytest
from tests.program.harness import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, Thread, Wallet, World
from tests.program.harness import world as make_world
from tests.program.kept import twenty_wallets
from tests.program.steps import Steps


@pytest.fixture
def world() -> World:
    """The program initialized for a mint of SPL Token."""
    return make_world()


@pytest.fixture(params=["token", "token-2022"])
def any_world(request: pytest.FixtureRequest) -> World:
    """The same, for a mint of each token program."""
    return make_world(TOKEN_PROGRAM if request.param == "token" else TOKEN_2022_PROGRAM)


@pytest.fixture(params=["token", "token-2022"])
def both(request: pytest.FixtureRequest) -> Steps:
    """The program and its model, for a mint of each token program."""
    return twenty_wallets(TOKEN_PROGRAM if request.param == "token" else TOKEN_2022_PROGRAM)


@pytest.fixture
def alice(world: World) -> Wallet:
    return world.wallet()


@pytest.fixture
def bob(world: World) -> Wallet:
    return world.wallet()


@pytest.fixture
def carol(world: World) -> Wallet:
    return world.wallet()


@pytest.fixture
def thread(world: World, alice: Wallet) -> Thread:
    """Alice's thread of 100,000 base units."""
    return world.open(alice)
