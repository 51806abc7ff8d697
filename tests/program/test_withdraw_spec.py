from __future__ import annotations

from tests.program.expect import refused
from tests.program.harness import DAY, START, Thread, Wallet, World


def test_the_stake_goes_back(any_world: World) -> None:
    alice, bob = any_world.wallet(), any_world.wallet()
    thread = any_world.open(alice)
    spec = thread.submit(bob, stake=6_000)
    any_world.pass_time(60)
    settled = spec.withdraw().event("SpecSettled")
    assert (settled["outcome"], settled["to_author"], settled["stake"]) == (
        "Withdrawn",
        6_000,
        6_000,
    )
    assert settled["balance_before"] == settled["balance_after"] == 100_000
    assert [settled[part] for part in ("to_approvers", "to_thread", "to_treasury")] == [0, 0, 0]
    assert (any_world.amount(bob.token), any_world.amount(spec.escrow)) == (10**9, 0)
    assert (spec.state["status"], spec.state["resolved_at"]) == ("Withdrawn", START + 60)
    assert thread.state["pending_specs"] == 0


def test_not_once_somebody_has_decided(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    for number, decision in enumerate(("Approve", "Deny")):
        spec = thread.submit(carol, f"spec {number}")
        spec.decide(alice, decision)
        with refused("SpecHasDecisions"):
            spec.withdraw()


def test_decisions_of_a_set_that_is_gone_do_not_hold_it(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    spec = thread.submit(carol)
    spec.decide(alice, "Deny")
    thread.leave(bob)
    spec.withdraw()
    assert world.amount(carol.token) == 10**9


def test_after_the_window_whoever_has_decided(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    spec = thread.submit(carol)
    spec.decide(alice, "Deny")
    world.pass_time(7 * DAY - 1)
    with refused("SpecHasDecisions"):
        spec.withdraw()
    world.pass_time(1)
    spec.withdraw()
    assert world.amount(carol.token) == 10**9


def test_only_once(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    spec.withdraw()
    with refused("SpecNotPending"):
        spec.withdraw()
    with refused("SpecNotPending"):
        spec.decide(alice, "Approve")


def test_only_by_and_to_the_author(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec = thread.submit(bob)
    thief = thread.submit(other_author := world.wallet(), "another's")
    with refused("NotSpecAuthor"):
        thief.withdraw(spec=spec.key, escrow=spec.escrow)
    with refused("WrongTokenOwner"):
        spec.withdraw(author_token=other_author.token)
    with refused("WrongMint"):
        spec.withdraw(author_token=world.create_token(bob.key, world.create_mint()))
    with refused("WrongEscrow"):
        spec.withdraw(escrow=thief.escrow)
    with refused("WrongSpec"):
        spec.withdraw(thread=world.open(alice, "another").key)
    other = world.create_token(bob.key)
    spec.withdraw(author_token=other)
    assert world.amount(other) == 6_000


def test_a_pause_stops_it(world: World, thread: Thread, bob: Wallet) -> None:
    spec = thread.submit(bob)
    world.pause(16, START + 100)
    with refused("Paused"):
        spec.withdraw()
