from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


def test_the_stake_goes_back(any_world: World) -> None:
    alice, bob = any_world.wallet(), any_world.wallet()
    thread = any_world.open(alice)
    spec = thread.submit(bob, stake=6_000)
    any_world.pass_time(7 * DAY)
    done = spec.expire()
    settled = done.event("SpecSettled")
    assert (settled["outcome"], settled["to_author"], settled["stake"]) == ("Expired", 6_000, 6_000)
    assert settled["balance_before"] == settled["balance_after"] == 100_000
    assert (any_world.amount(bob.token), any_world.amount(spec.escrow)) == (10**9, 0)
    assert (spec.state["status"], spec.state["resolved_at"]) == ("Expired", START + 7 * DAY)
    assert thread.state["pending_specs"] == 0


def test_not_before_the_window_ends(world: World, thread: Thread, bob: Wallet) -> None:
    spec = thread.submit(bob)
    world.pass_time(7 * DAY - 1)
    with refused("SpecWindowOpen"):
        spec.expire()


def test_only_once(world: World, thread: Thread, bob: Wallet, alice: Wallet) -> None:
    spec, settled = thread.submit(bob, "one"), thread.submit(bob, "two")
    settled.decide(alice, "Deny")
    world.pass_time(7 * DAY)
    spec.expire()
    for done in (spec, settled):
        with refused("SpecNotPending"):
            done.expire()


def test_only_to_the_author(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    world.pass_time(7 * DAY)
    with refused("WrongTokenOwner"):
        spec.expire(author_token=alice.token)
    with refused("WrongMint"):
        spec.expire(author_token=world.create_token(bob.key, world.create_mint()))
    other = world.create_token(bob.key)
    spec.expire(author_token=other)
    assert world.amount(other) == 6_000


def test_accounts_are_checked(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    other = world.open(alice, "another")
    spec, decoy = thread.submit(bob), other.submit(bob)
    world.pass_time(7 * DAY)
    with refused("WrongEscrow"):
        spec.expire(escrow=decoy.escrow)
    with refused("WrongSpec"):
        spec.expire(thread=other.key)
    with refused("WrongMint"):
        spec.expire(stake_mint=world.create_mint())


def test_decisions_of_a_set_that_is_gone_do_not_matter(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    late, first = thread.submit(world.wallet(), "late"), thread.submit(carol, "first")
    late.decide(bob, "Approve")
    first.decide_all("Approve")
    world.pass_time(7 * DAY)
    late.expire()
    assert late.state["approvals"] == 0b10


def test_a_pause_ends(world: World, thread: Thread, bob: Wallet) -> None:
    spec = thread.submit(bob)
    world.pass_time(7 * DAY)
    world.pause(16, world.now + 10)
    with refused("Paused"):
        spec.expire()
    world.pass_time(10)
    spec.expire()
