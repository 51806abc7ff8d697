from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.governance import WEEK, Settings
from tests.program.harness import DAY, Wallet, World


@pytest.fixture
def settings(world: World) -> Settings:
    return Settings(world)


def test_it_ends_a_pause_early(world: World, settings: Settings) -> None:
    settings.pause(1 | 2, WEEK)
    world.pass_time(10)
    event = settings.unpause(1).event("Unpaused")
    assert (event["by"], event["families"]) == (world.authority.pubkey(), 1)
    assert settings.state["paused_until"][:2] == [world.now, world.now - 10 + WEEK]
    world.open()


def test_the_day_between_two_pauses_counts_from_it(world: World, settings: Settings) -> None:
    settings.pause(1, WEEK)
    world.pass_time(10)
    settings.unpause(1)
    world.pass_time(DAY - 1)
    with refused("PauseCoolOff"):
        settings.pause(1, 60)
    world.pass_time(1)
    settings.pause(1, 60)


def test_there_must_be_one(world: World, settings: Settings) -> None:
    with refused("NotPaused"):
        settings.unpause(1)
    settings.pause(1, 60)
    with refused("NotPaused"):
        settings.unpause(1 | 2)
    world.pass_time(60)
    with refused("NotPaused"):
        settings.unpause(1)


def test_only_guardian_and_authority_may(settings: Settings, alice: Wallet) -> None:
    settings.pause(1, 60)
    with refused("NotGuardian"):
        settings.unpause(1, alice.keypair)


@pytest.mark.parametrize("families", [0, 128])
def test_only_known_families(settings: Settings, families: int) -> None:
    with refused("PauseFamiliesInvalid"):
        settings.unpause(families)
