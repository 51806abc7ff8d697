from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.harness import DAY, START, Spec, Thread, Wallet, World, sha256


def test_a_decision_that_is_not_the_last_is_noted(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    world.pass_time(5)
    spec = thread.submit(carol)
    event = spec.decide(bob, "Deny").event("SpecDecided")
    assert (event["approver"], event["decision"], event["author_epoch"]) == (bob.key, "Deny", 1)
    assert (
        (event["approvals"], event["denials"])
        == (0, 0b10)
        == (spec.state["approvals"], spec.state["denials"])
    )
    assert spec.state["status"] == "Pending"
    assert world.amount(spec.escrow) == 6_000
    assert thread.held(bob)["last_action_at"] == START + 5


def test_all_approve(any_world: World) -> None:
    world = any_world
    alice, bob, carol = (world.wallet() for _ in range(3))
    thread = world.open(alice)
    thread.join(bob)
    claimable = thread.state["total_claimable"]
    balance, before = thread.state["balance"], thread.state
    spec = thread.submit(carol, "the third", 6_001)
    lamports = world.lamports(spec.key)
    done = spec.decide_all("Approve")

    settled = done.event("SpecSettled")
    assert (settled["outcome"], settled["stake"]) == ("Approved", 6_001)
    parts = ("to_approvers", "to_thread", "to_treasury", "to_author")
    assert [settled[part] for part in parts] == [6_000, 1, 0, 0]
    assert (settled["balance_before"], settled["balance_after"]) == (balance, balance + 1)
    state = thread.state
    assert state["co_authors"] == [alice.key, bob.key, carol.key]
    assert (state["author_epoch"], state["pending_specs"]) == (2, 0)
    assert state["reward_per_author"] == before["reward_per_author"] + 3_000
    assert state["total_claimable"] == claimable + 6_000
    assert world.amount(spec.escrow) == 0

    posted, joined = done.event("MessagePosted"), done.event("AuthorJoined")
    assert (joined["author"], joined["author_epoch"]) == (carol.key, 2)
    assert (posted["author"], posted["content_hash"]) == (carol.key, sha256("the third"))
    message = world.read("Message", thread.message(1))
    assert (message["author"], message["rent_payer"]) == (carol.key, carol.key)
    assert posted["head"] == state["head"]
    # its rent came from what the spec's author had put in
    paid = lamports - world.lamports(spec.key)
    created = world.lamports(thread.message(1)) + world.lamports(thread.position(carol))
    assert paid == created > 0
    rent = world.svm.minimum_balance_for_rent_exemption
    assert world.lamports(spec.key) == rent(len(world.data(spec.key)))
    position = thread.held(carol)
    assert (position["owner"], position["rent_payer"]) == (carol.key, carol.key)
    assert (position["shares"], position["claimable"], position["last_stake_at"]) == (0, 0, 0)
    assert position["last_action_at"] == START
    # rewards count from the moment of joining
    assert thread.held(carol)["reward_checkpoint"] == state["reward_per_author"]
    with refused("NothingToClaim"):
        thread.claim(carol)
    assert (spec.state["status"], spec.state["resolved_at"]) == ("Approved", START)


def test_all_deny(world: World, thread: Thread, bob: Wallet, carol: Wallet) -> None:
    thread.join(bob)
    spec = thread.submit(carol, stake=5_555)
    done = spec.decide_all("Deny")
    settled = done.event("SpecSettled")
    assert (settled["outcome"], settled["to_thread"]) == ("Denied", 5_555)
    assert settled["balance_after"] == settled["balance_before"] + 5_555 == thread.state["balance"]
    assert thread.state["total_shares"] == 100_000
    assert thread.state["message_count"] == 1
    assert carol.key not in thread.state["co_authors"]
    assert spec.state["status"] == "Denied"
    assert [name for name, _ in done.events] == ["SpecDecided", "SpecSettled"]


@pytest.mark.parametrize(
    ("decisions", "to_treasury"),
    [
        (("Approve", "Deny", "Deny"), 333),
        (("Approve", "Approve", "Deny"), 666),
        (("Deny", "Deny", "Approve"), 333),
    ],
)
def test_a_split(
    world: World,
    thread: Thread,
    bob: Wallet,
    carol: Wallet,
    decisions: tuple[str, ...],
    to_treasury: int,
) -> None:
    thread.join(bob, carol)
    balance = thread.state["balance"]
    spec = thread.submit(world.wallet(), stake=1_000)
    settled = spec.decide_all(*decisions).event("SpecSettled")
    assert settled["outcome"] == "Split"
    assert (settled["to_treasury"], settled["to_thread"]) == (to_treasury, 1_000 - to_treasury)
    assert world.amount(world.treasury_vault) == to_treasury
    assert thread.state["balance"] == balance + 1_000 - to_treasury


def test_nobody_decides_twice(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    spec = thread.submit(carol)
    spec.decide(alice, "Approve")
    for decision in ("Approve", "Deny"):
        with refused("AlreadyDecided"):
            spec.decide(alice, decision)
    spec.decide(bob, "Approve")
    with refused("SpecNotPending"):
        spec.decide(bob, "Approve")


def test_only_co_authors_decide(thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet) -> None:
    thread.join(bob)
    thread.leave(bob)
    spec = thread.submit(bob)
    with refused("NotCoAuthor"):
        spec.decide(bob, "Approve")
    with refused("AccountNotInitialized"):
        spec.decide(carol, "Approve")
    with refused("WrongPosition"):
        spec.decide(bob, "Approve", approver_position=thread.position(alice))


def test_a_decision_is_bound_to_its_content(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    with refused("ContentHashMismatch"):
        spec.decide(alice, "Approve", content_hash=sha256("something else"))


def test_a_join_voids_the_decisions_of_the_old_set(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob)
    dave = world.wallet()
    first, second = thread.submit(carol, "carol's"), thread.submit(dave, "dave's")
    second.decide(alice, "Approve")
    first.decide_all("Approve")
    with refused("StaleAuthorEpoch"):
        second.decide(bob, "Approve", author_epoch=1)
    second.decide(bob, "Approve")
    # Alice's approval is gone; she may decide again, differently
    assert (second.state["approvals"], second.state["author_epoch"]) == (0b10, 2)
    second.decide(alice, "Deny")
    assert second.state["status"] == "Pending"
    second.decide(carol, "Approve")
    assert second.state["status"] == "Split"


def test_the_window(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    world.pass_time(7 * DAY - 1)
    assert spec.state["expires_at"] == world.now + 1
    world.pass_time(1)
    with refused("SpecWindowEnded"):
        spec.decide(alice, "Approve")


def test_the_last_second_of_the_window_counts(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec = thread.submit(bob)
    world.pass_time(7 * DAY - 1)
    spec.decide(alice, "Approve")


def test_no_seat_left_at_settlement(world: World, thread: Thread, alice: Wallet) -> None:
    thread.join(*(world.wallet() for _ in range(14)))
    last, late = world.wallet(), world.wallet()
    winner, loser = thread.submit(last, "fits"), thread.submit(late, "does not")
    winner.decide_all("Approve")
    authors = {wallet.key: wallet for wallet in thread.people}
    voters = [authors[key] for key in thread.state["co_authors"]]
    for voter in voters[:-1]:
        for decision in ("Approve", "Deny"):
            with refused("ThreadFull"):
                loser.decide(voter, decision)
    # a seat becomes free
    thread.leave(voters[-1])
    loser.decide(voters[0], "Deny")
    # it waits for its window, and the stake goes back
    world.pass_time(7 * DAY)
    loser.expire()
    assert world.amount(late.token) == 10**9


def test_a_co_authors_other_spec_pays_them_too(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    first, second = thread.submit(bob, "one"), thread.submit(bob, "two", 4_000)
    first.decide(alice, "Approve")
    second.decide(alice, "Approve")
    done = second.decide(bob, "Approve")
    assert [name for name, _ in done.events] == ["SpecDecided", "SpecSettled", "MessagePosted"]
    assert thread.state["co_authors"] == [alice.key, bob.key]
    assert thread.claim(bob).event("RewardClaimed")["amount"] == 2_000


def test_accounts_of_a_settlement_are_checked(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    other = world.open(alice, "another")
    spec, decoy = thread.submit(bob), other.submit(bob)
    mint = world.create_mint()
    wrong = {
        "WrongVault": {"vault": other.vault},
        "WrongEscrow": {"escrow": decoy.escrow},
        "WrongTreasuryVault": {"treasury_vault": other.vault},
        "WrongMint": {"stake_mint": mint},
        "WrongTokenProgram": {"token_program": mint},
        "WrongMessage": {"message": thread.message(1)},
        "WrongPosition": {"author_position": other.position(bob)},
    }
    for error, change in wrong.items():
        with refused(error):
            spec.decide(alice, "Approve", **change)
    for position in (thread.position(alice), thread.position(world.wallet())):
        with refused("WrongPosition"):
            spec.decide(alice, "Approve", author_position=position)
    spec.decide(alice, "Approve")


def test_the_spec_must_be_of_the_thread(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    other = world.open(alice, "another")
    spec = other.submit(bob)
    with refused("WrongSpec"):
        thread.submit(bob).decide(alice, "Approve", spec=spec.key)


def test_a_pause_stops_it(world: World, thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = thread.submit(bob)
    world.pause(8, START + 100)
    with refused("Paused"):
        spec.decide(alice, "Approve")


def test_donations_to_the_escrow_change_nothing(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec = thread.submit(bob, stake=6_000)
    world.donate(spec.escrow, 77)
    assert spec.decide(alice, "Approve").event("SpecSettled")["to_approvers"] == 6_000
    assert world.amount(spec.escrow) == 77


def test_a_stake_smaller_than_the_authors_goes_to_the_thread() -> None:
    tiny = World()
    tiny.initialize(min_stake=1)
    small = tiny.open()
    small.join(*(tiny.wallet() for _ in range(3)))
    spec = small.submit(tiny.wallet(), stake=3)
    settled = spec.decide_all("Approve").event("SpecSettled")
    assert (settled["to_approvers"], settled["to_thread"]) == (0, 3)


def test_new_addresses_with_lamports_do_not_stop_it(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    spec = thread.submit(bob)
    message, position = thread.message(0), thread.position(bob)
    world.svm.airdrop(message, 1_000_000)
    world.svm.airdrop(position, 10_000_000)  # more than its rent
    before = world.lamports(spec.key)
    spec.decide(alice, "Approve")
    assert before - world.lamports(spec.key) == world.lamports(message) - 1_000_000
    assert world.lamports(position) == 10_000_000


def test_a_spec_that_does_not_exist(thread: Thread, alice: Wallet, bob: Wallet) -> None:
    spec = Spec(thread, bob, sha256("never submitted"))
    with refused("AccountNotInitialized"):
        spec.decide(alice, "Approve")


def test_a_decision_is_bound_to_one_submission(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    first = thread.submit(bob, "again")
    first.withdraw()
    first.cleanup()
    second = thread.submit(bob, "again", 9_000)
    assert (second.key, second.state["sequence"]) == (first.key, 1)
    with refused("StaleSpec"):
        second.decide(alice, "Approve", sequence=0)
    assert second.decide(alice, "Approve").event("SpecSettled")["sequence"] == 1


@pytest.mark.parametrize(
    ("submitted", "approved", "recorded"),
    [
        ("Encrypted", "Public", "Encrypted"),
        ("Public", "ThreadOnly", "ThreadOnly"),
        ("Premium", "Premium", "Premium"),
    ],
)
def test_the_stricter_privacy_holds(
    world: World, alice: Wallet, bob: Wallet, submitted: str, approved: str, recorded: str
) -> None:
    thread = world.open(alice, privacy=submitted)
    spec = thread.submit(bob)
    if approved != submitted:
        thread.set_privacy(alice, approved)
    posted = spec.decide(alice, "Approve").event("MessagePosted")
    assert posted["privacy"] == recorded == world.read("Message", thread.message(0))["privacy"]


def test_a_former_co_author_keeps_their_position(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.submit(world.wallet(), "denied", 4_000).decide_all("Approve")
    thread.leave(bob)
    claimable = thread.held(bob)["claimable"]
    assert claimable == 2_000
    spec = thread.submit(bob, "back again")
    before = world.lamports(spec.key)
    spec.decide_all("Approve")
    assert before - world.lamports(spec.key) == world.lamports(thread.message(2))
    held = thread.held(bob)
    assert held["claimable"] == claimable
    assert held["reward_checkpoint"] == thread.state["reward_per_author"]
    # what the position would have cost goes back with the rest
    lamports = world.lamports(bob.key)
    expected = world.lamports(spec.key) + world.lamports(spec.escrow)
    spec.cleanup()
    assert world.lamports(bob.key) == lamports + expected


def test_a_position_cleaned_up_meanwhile_comes_from_the_spec(
    world: World, thread: Thread, alice: Wallet, bob: Wallet
) -> None:
    thread.join(bob)
    thread.leave(bob)
    spec = thread.submit(bob, "back again")
    thread.cleanup_position(bob)
    spec.decide(alice, "Approve")
    assert bob.key in thread.state["co_authors"]
    assert thread.held(bob)["reward_checkpoint"] == thread.state["reward_per_author"]


def test_who_leaves_voids_the_decisions(
    world: World, thread: Thread, alice: Wallet, bob: Wallet, carol: Wallet
) -> None:
    thread.join(bob, carol)
    spec = thread.submit(world.wallet())
    spec.decide(carol, "Deny")
    spec.decide(bob, "Deny")
    epoch = thread.state["author_epoch"]
    thread.leave(bob)
    with refused("StaleAuthorEpoch"):
        spec.decide(alice, "Approve", author_epoch=epoch)
    spec.decide(alice, "Approve")
    assert (spec.state["approvals"], spec.state["denials"]) == (0b1, 0)
    done = spec.decide(carol, "Approve")
    assert done.event("SpecSettled")["to_approvers"] == 6_000
