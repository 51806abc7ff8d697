from __future__ import annotations

from solders.pubkey import Pubkey
from tests.program.expect import refused
from tests.program.governance import Settings
from tests.program.harness import Wallet, World


def test_it_offers_and_hands_nothing_over(world: World, alice: Wallet) -> None:
    settings = Settings(world)
    event = settings.offer(alice.key).event("AuthorityOffered")
    assert (event["authority"], event["pending"]) == (world.authority.pubkey(), alice.key)
    assert settings.state["authority"] == world.authority.pubkey()
    assert settings.state["pending_authority"] == alice.key
    with refused("NotAuthority"):
        settings.propose(alice.keypair)


def test_a_later_offer_replaces_an_earlier_one(world: World, alice: Wallet, bob: Wallet) -> None:
    settings = Settings(world)
    settings.offer(alice.key)
    settings.offer(bob.key)
    with refused("NotPendingAuthority"):
        settings.accept(alice.keypair)


def test_naming_the_present_authority_takes_the_offer_back(world: World, alice: Wallet) -> None:
    settings = Settings(world)
    settings.offer(alice.key)
    event = settings.offer(world.authority.pubkey()).event("AuthorityOffered")
    assert event["pending"] == settings.state["pending_authority"] == Pubkey.default()
    with refused("NotPendingAuthority"):
        settings.accept(alice.keypair)


def test_only_the_authority_may(world: World, alice: Wallet) -> None:
    with refused("NotAuthority"):
        Settings(world).offer(alice.key, alice.keypair)


def test_nobody_cannot_be_offered_it(world: World) -> None:
    with refused("AuthorityInvalid"):
        Settings(world).offer(Pubkey.default())
