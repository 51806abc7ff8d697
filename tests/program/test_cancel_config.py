from __future__ import annotations

from tests.program.expect import refused
from tests.program.governance import Settings, change
from tests.program.harness import DAY, PARAMS, World


def test_it_takes_the_change_back(world: World) -> None:
    settings = Settings(world)
    settings.propose(min_stake=5)
    event = settings.cancel().event("ConfigCancelled")
    assert event["change"] == change(min_stake=5)
    state = settings.state
    assert (state["pending_at"], state["params"]) == (0, PARAMS)
    assert state["pending"]["params"]["min_stake"] == 0
    world.pass_time(DAY)
    with refused("NoConfigChange"):
        settings.apply()
    with refused("NoConfigChange"):
        settings.cancel()


def test_only_the_authority_may(world: World) -> None:
    settings = Settings(world)
    settings.propose(min_stake=5)
    with refused("NotAuthority"):
        settings.cancel(world.wallet().keypair)
    assert settings.state["pending_at"] == world.now + DAY
