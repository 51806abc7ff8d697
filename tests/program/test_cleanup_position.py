from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, Thread, Wallet, World


def test_the_rent_goes_back(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    thread.leave(bob)
    before, rent = world.lamports(bob.key), world.lamports(thread.position(bob))
    world.svm.airdrop(thread.position(bob), 5_000)
    event = thread.cleanup_position(bob).event("PositionCleaned")
    assert (event["thread"], event["owner"]) == (thread.key, bob.key)
    assert world.lamports(bob.key) == before + rent + 5_000
    assert (world.data(thread.position(bob)), world.lamports(thread.position(bob))) == (b"", 0)
    with refused("AccountNotInitialized"):
        thread.cleanup_position(bob)


def test_not_a_co_authors(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    for author in (alice, bob):
        with refused("OwnerIsCoAuthor"):
            thread.cleanup_position(author)


def test_not_with_anything_in_it(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob, carol)
    thread.deposit(bob, 1_000)
    world.pass_time(30 * DAY)
    thread.post(alice)
    thread.retire(alice, bob)
    with refused("PositionNotEmpty"):
        thread.cleanup_position(bob)
    thread.divest(bob, 1_000)
    with refused("PositionNotEmpty"):
        thread.cleanup_position(bob)
    thread.claim(bob)
    thread.cleanup_position(bob)


def test_accounts_are_checked(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    other = world.open(alice, "another")
    thread.join(bob)
    thread.leave(bob)
    with refused("WrongRentPayer"):
        thread.cleanup_position(bob, rent_payer=alice.key)
    with refused("WrongRentPayer"):
        thread.cleanup_position(bob, rent_payer=thread.position(bob))
    with refused("WrongPosition"):
        thread.cleanup_position(bob, thread=other.key)


def test_nothing_stops_it(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    thread.join(bob)
    thread.leave(bob)
    world.pause(127, world.now + 100)
    thread.cleanup_position(bob)
