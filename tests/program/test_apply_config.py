from __future__ import annotations

import pytest
from solders.pubkey import Pubkey
from tests.program.expect import refused
from tests.program.governance import FORTNIGHT, Settings, change
from tests.program.harness import DAY, World

OTHER = Pubkey.from_bytes(bytes([3] * 32))


@pytest.fixture
def settings(world: World) -> Settings:
    made = Settings(world)
    made.propose(min_stake=5, guardian=OTHER, parameter_timelock=3 * DAY)
    return made


def test_it_applies_after_the_timelock(world: World, settings: Settings) -> None:
    world.pass_time(DAY - 1)
    with refused("TimelockNotOver"):
        settings.apply()
    world.pass_time(1)
    event = settings.apply().event("ConfigApplied")
    assert event["change"] == change(min_stake=5, guardian=OTHER, parameter_timelock=3 * DAY)
    state = settings.state
    assert (state["params"]["min_stake"], state["guardian"]) == (5, OTHER)
    assert (state["parameter_timelock"], state["pending_at"]) == (3 * DAY, 0)
    with refused("NoConfigChange"):
        settings.apply()


def test_the_new_settings_bind(world: World, settings: Settings) -> None:
    thread, bob = world.open(), world.wallet()
    with refused("StakeBelowMinimum"):
        thread.submit(bob, stake=5)
    world.pass_time(DAY)
    settings.apply()
    thread.submit(bob, stake=5)


def test_a_change_waits_for_the_timelock_it_was_proposed_under(
    world: World, settings: Settings
) -> None:
    world.pass_time(DAY)
    settings.apply()
    settings.propose(parameter_timelock=DAY)
    world.pass_time(3 * DAY - 1)
    with refused("TimelockNotOver"):
        settings.apply()
    world.pass_time(1)
    settings.apply()


def test_one_left_lying_must_be_proposed_anew(world: World, settings: Settings) -> None:
    world.pass_time(DAY + FORTNIGHT)
    with refused("ConfigChangeExpired"):
        settings.apply()
    settings.cancel()
    settings.propose(min_stake=7)
    world.pass_time(DAY + FORTNIGHT - 1)
    settings.apply()
    assert settings.state["params"]["min_stake"] == 7


def test_only_the_authority_may(world: World, settings: Settings) -> None:
    world.pass_time(DAY)
    with refused("NotAuthority"):
        settings.apply(world.wallet().keypair)


def test_there_must_be_one(world: World) -> None:
    with refused("NoConfigChange"):
        Settings(world).apply()
