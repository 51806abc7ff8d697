from __future__ import annotations

from typing import Any

import pytest
from solders.pubkey import Pubkey
from tests.program.expect import refused
from tests.program.governance import Settings, change
from tests.program.harness import DAY, PARAMS, World

OTHER = Pubkey.from_bytes(bytes([3] * 32))


@pytest.fixture
def settings(world: World) -> Settings:
    return Settings(world)


def test_it_announces_the_change_and_changes_nothing(world: World, settings: Settings) -> None:
    wanted = change(min_stake=5, guardian=OTHER, parameter_timelock=3 * DAY)
    event = settings.propose(min_stake=5, guardian=OTHER, parameter_timelock=3 * DAY).event(
        "ConfigProposed"
    )
    assert event["change"] == wanted
    assert event["applies_at"] == world.now + DAY
    assert event["timestamp"] == world.now
    state = settings.state
    assert (state["pending"], state["pending_at"]) == (wanted, world.now + DAY)
    assert (state["params"], state["parameter_timelock"]) == (PARAMS, DAY)
    assert state["guardian"] != OTHER


def test_only_the_authority_may(world: World, settings: Settings) -> None:
    with refused("NotAuthority"):
        settings.propose(world.wallet().keypair)


def test_one_at_a_time(settings: Settings) -> None:
    settings.propose(min_stake=5)
    with refused("ConfigChangePending"):
        settings.propose(min_stake=6)
    assert settings.state["pending"]["params"]["min_stake"] == 5
    settings.cancel()
    settings.propose(min_stake=6)
    assert settings.state["pending"]["params"]["min_stake"] == 6


@pytest.mark.parametrize(
    ("error", "bad"),
    [
        ("MinStakeTooLow", {"min_stake": 0}),
        ("MinThreadBalanceTooLow", {"min_thread_balance": 999}),
        ("ApprovalWindowOutOfRange", {"approval_window": 3_599}),
        ("ApprovalWindowOutOfRange", {"approval_window": 365 * DAY + 1}),
        ("DivestCooldownOutOfRange", {"divest_cooldown": -1}),
        ("DivestCooldownOutOfRange", {"divest_cooldown": 90 * DAY + 1}),
        ("InactivityWindowOutOfRange", {"inactivity_window": 8 * DAY - 1}),
        ("InactivityWindowOutOfRange", {"inactivity_window": 365 * DAY + 1}),
        ("MessageRateTooLow", {"messages_per_hour": 0}),
        ("TimelockOutOfRange", {"parameter_timelock": DAY - 1}),
        ("TimelockOutOfRange", {"parameter_timelock": 90 * DAY + 1}),
        ("GuardianMissing", {"guardian": Pubkey.default()}),
    ],
)
def test_bad_settings_are_refused_by_name(
    settings: Settings, error: str, bad: dict[str, Any]
) -> None:
    with refused(error):
        settings.propose(**bad)
    assert settings.state["pending_at"] == 0


def test_the_limits_themselves_are_allowed(settings: Settings) -> None:
    settings.propose(
        min_stake=1,
        min_thread_balance=1_000,
        approval_window=3_600,
        divest_cooldown=90 * DAY,
        inactivity_window=8 * DAY,
        messages_per_hour=1,
        parameter_timelock=90 * DAY,
    )
