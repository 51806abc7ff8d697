from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


def test_it_burns_shares_rounded_up(any_world: World) -> None:
    alice, bob, carol = (any_world.wallet() for _ in range(3))
    thread = any_world.open(alice)
    thread.join(bob)
    thread.deposit(bob, 50_000)
    thread.submit(carol, stake=75_000).decide_all("Deny")  # a share is worth 1.5 now
    any_world.pass_time(DAY)
    before = any_world.amount(alice.token)
    done = thread.divest(alice, 10_000)
    event = done.event("Divested")
    assert [name for name, _ in done.events] == ["Divested"]
    assert (event["balance_before"], event["balance_after"]) == (225_000, 215_000)
    assert (event["shares_burned"], event["shares_after"]) == (6_667, 143_333)
    assert any_world.amount(alice.token) == before + 10_000
    position = thread.held(alice)
    assert (position["shares"], position["last_stake_at"]) == (93_333, START + DAY)


def test_the_only_holder_divests_to_the_unit(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.submit(bob, stake=50_001).decide_all("Deny")
    world.pass_time(DAY)
    done = thread.divest(alice, 10_000, max_shares=10_000)
    rebased, event = done.event("SharesRebased"), done.event("Divested")
    assert (rebased["shares_before"], rebased["shares_after"]) == (100_000, 150_001)
    assert (event["shares_burned"], event["shares_after"]) == (10_000, 140_001)
    assert thread.held(alice)["shares"] == 140_001


def test_more_shares_than_expected_are_refused(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.deposit(bob, 100_000)
    world.pass_time(DAY)
    with refused("SlippageExceeded"):
        thread.divest(alice, 10_000, max_shares=9_999)
    thread.divest(alice, 10_000, max_shares=10_000)


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


def test_some_share_must_stand_for_the_balance(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.deposit(bob, 1)
    thread.submit(world.wallet(10**10), stake=100_001 * 19_999).decide_all("Deny")
    world.pass_time(DAY)
    # a share is worth 20,000: leaving half of one would burn them all
    with refused("SharesBelowMinimum"):
        thread.divest(alice, 100_001 * 20_000 - 10_000)
    with refused("InsufficientShares"):
        thread.divest(bob, 20_001)
    thread.divest(alice, 100_000 * 20_000)
    assert thread.state["total_shares"] == 1


def test_the_terms_of_the_opening_stay(world: World, alice: Wallet) -> None:
    thread = world.open(alice)
    assert (thread.state["min_balance"], thread.state["divest_cooldown"]) == (10_000, DAY)
    config = world.read("Config", world.config)
    harder = {"min_thread_balance": 50_000, "divest_cooldown": 2 * DAY}
    world.rewrite("Config", world.config, config | {"params": config["params"] | harder})
    world.pass_time(DAY)
    thread.divest(alice, 90_000)
    # and easier ones of today hold for old threads too
    easier = {"min_thread_balance": 2_000, "divest_cooldown": 60}
    world.rewrite("Config", world.config, config | {"params": config["params"] | easier})
    with refused("DivestCooldown"):
        thread.divest(alice, 8_000)
    world.pass_time(60)
    with refused("BalanceBelowMinimum"):
        thread.divest(alice, 8_001)
    thread.divest(alice, 8_000)


def test_a_former_co_author_divests(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.deposit(bob, 50_000)
    world.pass_time(30 * DAY)
    thread.retire(alice, bob)
    before = world.amount(bob.token)
    thread.divest(bob, 50_000)
    assert world.amount(bob.token) == before + 50_000


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
