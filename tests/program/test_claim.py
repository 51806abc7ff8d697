from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import Thread, Wallet, World


def test_it_pays_what_was_earned(any_world: World) -> None:
    alice, bob, carol = (any_world.wallet() for _ in range(3))
    thread = any_world.open(alice)
    thread.submit(bob, "bob", 5_000).decide_all("Approve")
    thread.submit(carol, "carol", 6_001).decide_all("Approve")
    before = any_world.amount(alice.token)
    event = thread.claim(alice).event("RewardClaimed")
    assert (event["amount"], event["owner"]) == (8_000, alice.key)
    assert (event["total_claimable_before"], event["total_claimable_after"]) == (11_000, 3_000)
    assert any_world.amount(alice.token) == before + 8_000
    assert thread.claim(bob).event("RewardClaimed")["amount"] == 3_000
    assert thread.state["total_claimable"] == 0
    assert thread.state["balance"] == 100_001


def test_nothing_twice(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    with refused("NothingToClaim"):
        thread.claim(alice)
    thread.join(bob)
    thread.claim(alice)
    for wallet in (alice, bob):
        with refused("NothingToClaim"):
            thread.claim(wallet)


def test_rewards_survive_other_actions(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.submit(bob, stake=5_000).decide_all("Approve")
    thread.deposit(alice, 1_000)
    assert (thread.held(alice)["claimable"], thread.held(alice)["reward_checkpoint"]) == (
        5_000,
        5_000,
    )
    thread.submit(world.wallet(), "more", 4_000).decide_all("Approve")
    assert thread.claim(alice).event("RewardClaimed")["amount"] == 7_000


def test_accounts_are_checked(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    other = world.open(alice, "another")
    with refused("WrongPosition"):
        thread.claim(bob, position=thread.position(alice))
    with refused("WrongPosition"):
        thread.claim(alice, position=other.position(alice))
    with refused("WrongVault"):
        thread.claim(alice, vault=other.vault)
    with refused("WrongTokenOwner"):
        thread.claim(alice, owner_token=bob.token)
    with refused("AccountNotInitialized"):
        thread.claim(world.wallet())


def test_a_pause_ends(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    world.pause(16, world.now + 10)
    with refused("Paused"):
        thread.claim(alice)
    world.pass_time(10)
    thread.claim(alice)
