from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


def test_it_burns_shares_rounded_up(any_world: World) -> None:
    alice, bob = any_world.wallet(), any_world.wallet()
    thread = any_world.open(alice)
    thread.submit(bob, stake=50_000).decide_all("Deny")  # a share is worth 1.5 now
    any_world.pass_time(DAY)
    before = any_world.amount(alice.token)
    event = thread.divest(alice, 10_000).event("Divested")
    assert (event["balance_before"], event["balance_after"]) == (150_000, 140_000)
    assert (event["shares_burned"], event["shares_after"]) == (6_667, 93_333)
    assert any_world.amount(alice.token) == before + 10_000
    position = thread.held(alice)
    assert (position["shares"], position["last_stake_at"]) == (93_333, START + DAY)


def test_the_cooldown_counts_from_the_last_deposit_or_divestment(
    world: World, thread: Thread, alice: Wallet
) -> None:
    with refused("DivestCooldown"):
        thread.divest(alice, 1_000)
    world.pass_time(DAY - 1)
    with refused("DivestCooldown"):
        thread.divest(alice, 1_000)
    thread.deposit(alice, 1_000)
    world.pass_time(1)
    with refused("DivestCooldown"):
        thread.divest(alice, 1_000)
    world.pass_time(DAY - 1)
    thread.divest(alice, 1_000)
    with refused("DivestCooldown"):
        thread.divest(alice, 1_000)


def test_never_below_the_minimum(world: World, thread: Thread, alice: Wallet) -> None:
    world.pass_time(DAY)
    for amount in (90_001, 100_001, 2**64 - 1):
        with refused("BalanceBelowMinimum"):
            thread.divest(alice, amount)
    thread.divest(alice, 90_000)
    assert thread.state["balance"] == 10_000


def test_never_more_than_ones_shares(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.deposit(bob, 50_000)
    world.pass_time(DAY)
    with refused("InsufficientShares"):
        thread.divest(bob, 50_001)
    thread.divest(bob, 50_000)


def test_shares_cannot_be_made_scarce(world: World, alice: Wallet, bob: Wallet) -> None:
    thread = world.open(alice, deposit=10_000)
    thread.submit(bob, stake=500_000).decide_all("Deny")  # a share is worth 51 now
    world.pass_time(DAY)
    with refused("SharesBelowMinimum"):
        thread.divest(alice, 500_000 - 1)
    thread.divest(alice, 459_000)
    assert thread.state["total_shares"] == 1_000


def test_rewards_and_donations_are_out_of_reach(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    world.donate(thread.vault, 10**6)
    world.pass_time(DAY)
    with refused("BalanceBelowMinimum"):
        thread.divest(alice, 90_001)
    thread.divest(alice, 90_000)
    assert thread.claim(alice).event("RewardClaimed")["amount"] == 6_000


def test_amounts_and_accounts_are_checked(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    other = world.open(alice, "another")
    world.pass_time(DAY)
    with refused("AmountZero"):
        thread.divest(alice, 0)
    with refused("WrongPosition"):
        thread.divest(bob, 1_000, position=thread.position(alice))
    with refused("WrongVault"):
        thread.divest(alice, 1_000, vault=other.vault)
    with refused("WrongTokenOwner"):
        thread.divest(alice, 1_000, owner_token=bob.token)
    with refused("WrongMint"):
        thread.divest(alice, 1_000, owner_token=world.create_token(alice.key, world.create_mint()))
    with refused("AccountNotInitialized"):
        thread.divest(world.wallet(), 1_000)
    with refused("InsufficientShares"):
        thread.divest(bob, 1_000)


def test_a_pause_ends(world: World, thread: Thread, alice: Wallet) -> None:
    world.pass_time(DAY)
    world.pause(16, world.now + 10)
    with refused("Paused"):
        thread.divest(alice, 1_000)
    world.pass_time(10)
    thread.divest(alice, 1_000)
