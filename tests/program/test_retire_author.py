from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


def test_who_is_gone_for_long_is_retired(any_world: World) -> None:
    world = any_world
    alice, bob, carol = (world.wallet() for _ in range(3))
    thread = world.open(alice)
    thread.join(bob, carol)
    thread.deposit(bob, 20_000)
    epoch = thread.state["author_epoch"]
    world.pass_time(30 * DAY)
    before = thread.held(bob)
    event = thread.retire(carol, bob).event("AuthorRetired")
    assert (event["thread"], event["author"], event["by"]) == (thread.key, bob.key, carol.key)
    assert (event["author_epoch"], event["last_action_at"]) == (epoch + 1, START)
    assert thread.state["co_authors"] == [alice.key, carol.key]
    held = thread.held(bob)
    assert (held["shares"], held["claimable"]) == (20_000, 3_000)
    assert held["last_action_at"] == before["last_action_at"] == START
    assert held["last_stake_at"] == before["last_stake_at"]
    assert thread.held(carol)["last_action_at"] == START + 30 * DAY
    # what comes later is not theirs, what they have they take out
    thread.submit(world.wallet(), "later", 4_000).decide_all("Approve")
    tokens = world.amount(bob.token)
    thread.claim(bob)
    thread.divest(bob, 20_000)
    assert world.amount(bob.token) == tokens + 3_000 + 20_000


def test_not_before_the_inactivity_window(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    world.pass_time(30 * DAY - 1)
    with refused("AuthorActive"):
        thread.retire(alice, bob)
    thread.post(bob)
    world.pass_time(1)
    with refused("AuthorActive"):
        thread.retire(alice, bob)
    world.pass_time(30 * DAY - 1)
    thread.retire(alice, bob)


def test_not_oneself(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    world.pass_time(30 * DAY)
    with refused("CannotRetireSelf"):
        thread.retire(alice, alice)
    with refused("CannotRetireSelf"):
        thread.retire(alice, bob, retiree_position=thread.position(alice))


def test_only_co_authors_by_co_authors(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob, carol)
    other = world.open(bob, "another")
    world.pass_time(30 * DAY)
    with refused("WrongPosition"):
        thread.retire(alice, bob, retiree_position=other.position(bob))
    with refused("WrongPosition"):
        thread.retire(alice, bob, position=thread.position(bob))
    thread.leave(carol)
    with refused("RetireeNotCoAuthor"):
        thread.retire(alice, carol)
    with refused("NotCoAuthor"):
        thread.retire(carol, bob)
    thread.retire(alice, bob)
    with refused("RetireeNotCoAuthor"):
        thread.retire(alice, bob)


def test_two_who_were_both_away(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    world.pass_time(31 * DAY)
    thread.retire(bob, alice)
    with refused("NotCoAuthor"):
        thread.retire(alice, bob)
    assert thread.state["co_authors"] == [bob.key]


def test_it_voids_decisions(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    world.pass_time(29 * DAY)
    spec = thread.submit(carol)
    spec.decide(alice, "Deny")
    world.pass_time(DAY)
    thread.retire(alice, bob)
    done = spec.decide(alice, "Approve")
    assert done.event("SpecSettled")["outcome"] == "Approved"


def test_a_pause_stops_it(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    world.pass_time(30 * DAY)
    world.pause(32, world.now + 100)
    with refused("Paused"):
        thread.retire(alice, bob)
