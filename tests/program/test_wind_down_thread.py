from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


@pytest.fixture
def stuck(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> Thread:
    """Alice is the sole co-author; Bob, retired, has 20,000 shares and no rewards."""
    thread.join(bob)
    thread.deposit(bob, 20_000)
    world.pass_time(30 * DAY)
    thread.retire(alice, bob)
    thread.claim(alice)
    return thread


def test_then_all_can_be_taken_out(any_world: World) -> None:
    world = any_world
    alice, bob = world.wallet(), world.wallet()
    thread = world.open(alice)
    thread.join(bob)
    thread.deposit(bob, 20_000)
    world.pass_time(30 * DAY)
    thread.retire(alice, bob)
    with refused("OthersHaveStake"):
        thread.close(alice)
    event = thread.wind_down(alice).event("ThreadClosing")
    assert (event["thread"], event["by"]) == (thread.key, alice.key)
    assert (event["balance"], event["total_claimable"]) == (120_000, 6_000)
    assert thread.state["status"] == "Closing"
    with refused("OthersHaveStake"):
        thread.close(alice)
    # neither the minimum nor the cooldown holds anybody
    thread.divest(alice, 60_000)
    thread.divest(alice, 40_000)
    assert thread.claim(alice).event("RewardClaimed")["amount"] == 6_000
    thread.divest(bob, 19_999)
    thread.divest(bob, 1)
    assert (thread.state["balance"], thread.state["total_shares"]) == (0, 0)
    assert (world.amount(alice.token), world.amount(bob.token)) == (10**9 + 6_000, 10**9 - 6_000)
    thread.close(alice)
    thread.cleanup_position(bob)


def test_to_the_last_unit_at_any_price(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    thread.deposit(bob, 20_000)
    thread.submit(carol, stake=77_777).decide_all("Deny")
    world.pass_time(30 * DAY)
    thread.retire(alice, bob)
    thread.wind_down(alice)
    balance = thread.state["balance"]
    bobs = balance * 20_000 // 120_000
    thread.divest(bob, bobs)
    thread.divest(alice, thread.state["balance"])
    assert (thread.state["balance"], thread.state["total_shares"]) == (0, 0)
    with refused("BalanceBelowMinimum"):
        thread.divest(alice, 1)


def test_nothing_else_happens_any_more(
    world: World, stuck: Thread, alice: Wallet, bob: Wallet
) -> None:
    stuck.wind_down(alice)
    for call in (
        lambda: stuck.deposit(alice, 1_000),
        lambda: stuck.post(alice),
        lambda: stuck.submit(bob),
        lambda: stuck.set_privacy(alice, "Premium"),
        lambda: stuck.leave(alice),
        lambda: stuck.retire(alice, bob),
        lambda: stuck.wind_down(alice),
    ):
        with refused("ThreadClosing"):
            call()


def test_only_the_sole_co_author(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    with refused("NotSoleCoAuthor"):
        thread.wind_down(alice)
    with refused("NotCoAuthor"):
        thread.wind_down(world.wallet())
    thread.leave(bob)
    with refused("NotCoAuthor"):
        thread.wind_down(bob)
    thread.wind_down(alice)


def test_not_with_specs_pending(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    with refused("SpecsPending"):
        thread.wind_down(alice)
    spec.withdraw()
    thread.wind_down(alice)


def test_a_pause_stops_it(world: World, thread: Thread, alice: Wallet) -> None:
    world.pause(16, START + 100)
    with refused("Paused"):
        thread.wind_down(alice)
