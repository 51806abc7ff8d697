from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


def test_who_leaves_keeps_the_rewards(any_world: World) -> None:
    world = any_world
    alice, bob, carol = (world.wallet() for _ in range(3))
    thread = world.open(alice)
    thread.join(bob, carol)  # Bob has a reward of 3,000 from Carol's
    epoch = thread.state["author_epoch"]
    world.pass_time(60)
    event = thread.leave(bob).event("AuthorLeft")
    assert (event["thread"], event["author"], event["author_epoch"]) == (
        thread.key,
        bob.key,
        epoch + 1,
    )
    state, held = thread.state, thread.held(bob)
    assert state["co_authors"] == [alice.key, carol.key]
    assert (state["author_epoch"], state["updated_at"]) == (epoch + 1, START + 60)
    assert (held["claimable"], held["last_action_at"]) == (3_000, START + 60)
    # later rewards are the others'
    thread.submit(world.wallet(), "later", 4_000).decide_all("Approve")
    before = world.amount(bob.token)
    assert thread.claim(bob).event("RewardClaimed")["amount"] == 3_000
    assert world.amount(bob.token) == before + 3_000
    with refused("NothingToClaim"):
        thread.claim(bob)


def test_not_with_shares(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    thread.deposit(bob, 5_000)
    with refused("SharesRemain"):
        thread.leave(bob)
    world.pass_time(DAY)
    thread.divest(bob, 5_000)
    thread.leave(bob)


def test_not_the_last(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    thread.deposit(bob, 50_000)
    world.pass_time(DAY)
    thread.divest(alice, 100_000)
    thread.leave(alice)
    with refused("SharesRemain"):
        thread.leave(bob)


def test_the_last_without_shares_cannot_either(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    world.pass_time(30 * DAY)
    thread.post(bob)
    thread.retire(bob, alice)  # whose shares stay in the thread
    with refused("LastCoAuthor"):
        thread.leave(bob)


def test_only_co_authors_with_their_own_position(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    with refused("WrongPosition"):
        thread.leave(bob, position=thread.position(alice))
    other = world.open(bob, "another")
    with refused("WrongPosition"):
        thread.leave(bob, position=other.position(bob))
    thread.leave(bob)
    with refused("NotCoAuthor"):
        thread.leave(bob)


def test_a_pause_stops_it(world: World, thread: Thread, bob: Wallet) -> None:
    thread.join(bob)
    world.pause(16, START + 100)
    with refused("Paused"):
        thread.leave(bob)
