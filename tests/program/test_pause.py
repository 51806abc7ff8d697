from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.governance import FAMILIES, WEEK, Settings
from tests.program.harness import DAY, Wallet, World
from tests.program.harness import world as make_world


@pytest.fixture
def settings(world: World) -> Settings:
    return Settings(world)


def test_it_ends_by_itself(world: World, settings: Settings) -> None:
    before = settings.state["paused_until"]
    event = settings.pause(FAMILIES["threads"] | FAMILIES["exits"], 60).event("Paused")
    assert (event["by"], event["families"]) == (world.authority.pubkey(), 17)
    assert event["until"] == world.now + 60
    until = settings.state["paused_until"]
    assert [place for place in range(7) if until[place] != before[place]] == [0, 4]
    assert until[0] == until[4] == world.now + 60
    world.pass_time(59)
    with refused("Paused"):
        world.open()
    world.pass_time(1)
    world.open()


def test_the_guardian_may_too() -> None:
    guardian = World().wallet()
    world = make_world(guardian=guardian.key)
    settings = Settings(world)
    assert settings.pause(1, 60, guardian.keypair).event("Paused")["by"] == guardian.key


def test_nobody_else_may(settings: Settings, alice: Wallet) -> None:
    with refused("NotGuardian"):
        settings.pause(1, 60, alice.keypair)


@pytest.mark.parametrize("families", [0, 128, 255])
def test_only_known_families(settings: Settings, families: int) -> None:
    with refused("PauseFamiliesInvalid"):
        settings.pause(families, 60)


@pytest.mark.parametrize("seconds", [-1, 0, WEEK + 1, 2**63 - 1])
def test_a_week_at_most(settings: Settings, seconds: int) -> None:
    with refused("PauseTooLong"):
        settings.pause(1, seconds)


def test_a_running_pause_is_not_prolonged(world: World, settings: Settings) -> None:
    settings.pause(127, WEEK)
    world.pass_time(WEEK - 1)
    for family in FAMILIES.values():
        with refused("PauseInForce"):
            settings.pause(family, WEEK)


def test_a_day_lies_between_two_pauses(world: World, settings: Settings) -> None:
    settings.pause(1, WEEK)
    world.pass_time(WEEK)
    with refused("PauseCoolOff"):
        settings.pause(1, 60)
    settings.pause(2, 60)
    world.pass_time(DAY - 1)
    with refused("PauseCoolOff"):
        settings.pause(1, 60)
    world.pass_time(1)
    settings.pause(1, 60)


def test_one_family_that_cannot_be_paused_stops_all(world: World, settings: Settings) -> None:
    settings.pause(FAMILIES["treasury"], 60)
    with refused("PauseInForce"):
        settings.pause(127, 60)
    world.open()
