from __future__ import annotations

from solders.pubkey import Pubkey
from tests.program.expect import refused
from tests.program.governance import Settings
from tests.program.harness import DAY, Wallet, World


def test_it_hands_the_authority_over(world: World, alice: Wallet) -> None:
    settings = Settings(world)
    settings.offer(alice.key)
    event = settings.accept(alice.keypair).event("AuthorityAccepted")
    assert (event["authority"], event["previous"]) == (alice.key, world.authority.pubkey())
    assert settings.state["authority"] == alice.key
    assert settings.state["pending_authority"] == Pubkey.default()
    with refused("NotAuthority"):
        settings.propose()
    settings.propose(alice.keypair)
    with refused("NotPendingAuthority"):
        settings.accept(alice.keypair)


def test_what_the_previous_authority_proposed_is_void(world: World, alice: Wallet) -> None:
    settings = Settings(world)
    settings.propose(min_stake=5)
    settings.offer(alice.key)
    settings.accept(alice.keypair)
    assert settings.state["pending_at"] == 0
    world.pass_time(DAY)
    with refused("NoConfigChange"):
        settings.apply(alice.keypair)


def test_only_the_one_it_was_offered_to_may(world: World, alice: Wallet, bob: Wallet) -> None:
    settings = Settings(world)
    with refused("NotPendingAuthority"):
        settings.accept(alice.keypair)
    settings.offer(alice.key)
    with refused("NotPendingAuthority"):
        settings.accept(bob.keypair)
    with refused("NotPendingAuthority"):
        settings.accept(world.authority)
