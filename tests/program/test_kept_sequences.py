"""Sequences of steps worth keeping: what random steps seldom reach, and what once failed."""

from __future__ import annotations

from tests.program.harness import sha256
from tests.program.kept import admit, settle, split
from tests.program.mirror import UNTRIED
from tests.program.model_state import BYTES, TREASURY_VAULT, U64
from tests.program.steps import Steps


def test_a_thread_fills_up_and_then_admits_nobody(both: Steps) -> None:
    first, *others = both.wallets[1:18]
    assert both.create_thread(first, "full", 10_000, "Public") == "done"
    late = ("full", others[15], sha256("late"))
    for wallet in others[:14]:
        admit(both, "full", wallet)
    assert both.submit_spec(*split(late), 17) == "done"
    admit(both, "full", others[14])
    authors = both.state.threads["full"].co_authors
    assert len(authors) == 16
    assert both.submit_spec(both.wallets[18], "full", sha256("later"), 5) == "ThreadFull"
    # What cannot be approved cannot be denied either: the stake is out of everybody's reach.
    for decision in ("Approve", "Deny"):
        assert both.process_approval(authors[-1], late, decision) == "ThreadFull"
    assert both.leave_thread(authors[3], "full") == "done"
    for author in both.state.threads["full"].co_authors:
        assert both.process_approval(author, late, "Approve") == "done"
    authors = both.state.threads["full"].co_authors
    assert authors == (first, *others[:2], *others[3:16])
    for author in both.wallets[1:18]:
        both.claim(author, "full")
    assert both.state.threads["full"].total_claimable == 0


def test_an_author_admitted_by_one_spec_decides_on_their_other_one(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    other = ("t", bob, sha256("other"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    assert both.submit_spec(*split(other), 999) == "done"
    admit(both, "t", bob)
    assert both.process_approval(alice, other, "Approve", epochs_off=-1) == "StaleAuthorEpoch"
    assert both.process_approval(alice, other, "Approve") == "done"
    assert both.process_approval(alice, other, "Deny") == "AlreadyDecided"
    assert both.process_approval(bob, other, "Approve") == "done"
    assert both.state.threads["t"].author_epoch == 1
    assert both.claim(bob, "t") == "done"
    assert both.claim(bob, "t") == "NothingToClaim"


def test_all_the_tokens_there_are_fit_into_a_thread(both: Steps) -> None:
    whale, alice = both.wallets[:2]
    assert both.create_thread(whale, "t", U64 - 5, "Public") == "done"
    assert both.divest(whale, "t", U64 - 5 - 1_000) == "done"
    assert both.deposit(whale, "t", U64 - 1_005) == "done"
    assert both.submit_spec(alice, "t", sha256("x"), 6) == "done"
    spec_id = ("t", alice, sha256("x"))
    assert both.process_approval(whale, spec_id, "Deny") == "ArithmeticOverflow"
    assert both.process_approval(whale, spec_id, "Approve") == "TokenOverflow"
    assert both.divest(whale, "t", 1) == "done"
    assert both.process_approval(whale, spec_id, "Approve") == "done"
    assert both.state.positions["t", whale].claimable == 0
    assert both.claim(whale, "t") == "done"


def test_a_decision_at_the_end_of_the_window(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    spec_id = ("t", bob, sha256("x"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    assert both.submit_spec(*split(spec_id), 10) == "done"
    end = both.state.specs[spec_id].expires_at
    both.set_time(end - 1)
    assert both.expire_spec(spec_id) == "SpecWindowOpen"
    both.set_time(end)
    assert both.process_approval(alice, spec_id, "Deny") == "SpecWindowEnded"
    assert both.expire_spec(spec_id) == "done"
    assert both.expire_spec(spec_id) == "SpecNotPending"
    assert both.submit_spec(*split(spec_id), 10) == "SpecAlreadyExists"


def test_a_wallet_pays_the_rent_or_nothing_happens(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    rents = sum(both.state.rent(BYTES[kind]) for kind in ("Thread", "token", "Position"))
    for left, result in [
        (rents - 1, "InsufficientLamports"),
        (both.state.rent(BYTES["Thread"]), "InsufficientLamports"),
        (rents, "done"),
    ]:
        both.leave_lamports(alice, left)
        assert both.create_thread(alice, "t", 5_000, "Public") == result
    assert both.state.lamports["wallet", alice] == 0

    # Somebody has paid part of it already: only the rest is taken.
    both.send_lamports(("message", "t", 0), 1_000_000)
    both.send_lamports(("escrow", "t", bob, sha256("x")), 10_000_000)
    kinds = ("Spec", "Message", "Position")
    needed = sum(both.state.rent(BYTES[kind]) for kind in kinds)
    both.leave_lamports(bob, needed - 1)
    assert both.submit_spec(bob, "t", sha256("x"), 10) == "InsufficientLamports"
    both.leave_lamports(bob, needed)
    assert both.submit_spec(bob, "t", sha256("x"), 10) == "done"
    assert both.process_approval(alice, ("t", bob, sha256("x")), "Approve") == "done"
    spec_id = ("t", bob, sha256("x"))
    assert both.state.lamports["spec", *spec_id] == both.state.rent(BYTES["Spec"]) + 1_000_000
    assert both.cleanup_spec(spec_id) == "done"
    assert both.state.lamports["wallet", bob] == both.state.rent(BYTES["Spec"]) + 11_000_000


def test_the_only_holders_shares_are_counted_anew(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    assert both.create_thread(alice, "t", 1_000, "Public") == "done"
    settle(both, ("t", bob, sha256("x")), 9_000, "Deny")
    assert both.deposit(alice, "t", 9, 10) == "SlippageExceeded"
    assert both.deposit(alice, "t", 9, 9) == "done"
    assert both.state.threads["t"].total_shares == 10_009
    settle(both, ("t", bob, sha256("y")), 5_000, "Deny")
    assert both.divest(alice, "t", 7, 6) == "SlippageExceeded"
    assert both.divest(alice, "t", 7, 7) == "done"
    assert both.state.threads["t"].total_shares == 15_002


def test_a_deposit_loses_a_thousandth_to_rounding_at_most(both: Steps) -> None:
    alice, bob, carol = both.wallets[1:4]
    assert both.create_thread(alice, "t", 9_000, "Public") == "done"
    admit(both, "t", bob)
    assert both.deposit(bob, "t", 1_000) == "done"
    settle(both, ("t", carol, sha256("x")), 90_000, "Deny")
    thread = both.state.threads["t"]
    assert (thread.balance, thread.total_shares) == (100_000, 10_000)
    assert both.deposit(bob, "t", 9) == "DepositBuysNoShare"
    assert both.deposit(bob, "t", 991) == "DepositTooCoarse"
    assert both.deposit(bob, "t", 1_001) == "done"
    assert both.state.positions["t", bob].shares == 1_100
    # A whole share is paid for with more than it is worth, and not the other way round.
    assert both.divest(bob, "t", 11, 1) == "SlippageExceeded"
    assert both.divest(bob, "t", 11, 2) == "done"
    assert both.divest(bob, "t", 10_990) == "InsufficientShares"


def test_a_share_is_left_to_stand_for_the_balance(both: Steps) -> None:
    alice, bob, carol = both.wallets[1:4]
    assert both.create_thread(alice, "t", 1_000, "Public") == "done"
    admit(both, "t", bob)
    assert both.deposit(bob, "t", 1_000) == "done"
    settle(both, ("t", carol, sha256("x")), 10**7, "Deny")
    balance = both.state.threads["t"].balance
    assert both.divest(alice, "t", balance - 999) == "BalanceBelowMinimum"
    assert both.divest(alice, "t", balance - 1_000) == "SharesBelowMinimum"


def test_a_decision_counts_for_the_submission_it_was_made_on(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    spec_id = ("t", bob, sha256("x"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    assert both.submit_spec(*split(spec_id), 900) == "done"
    assert both.cleanup_spec(spec_id) == "SpecPending"
    assert both.withdraw_spec(alice, spec_id) == "NotSpecAuthor"
    swapped = both.together(
        lambda: both.withdraw_spec(bob, spec_id),
        lambda: both.cleanup_spec(spec_id),
        lambda: both.submit_spec(*split(spec_id), 1),
    )
    assert swapped == "done"
    assert both.process_approval(alice, spec_id, "Approve", sequences_off=-1) == "StaleSpec"
    assert both.process_approval(alice, spec_id, "Approve", sequences_off=1) == "StaleSpec"
    assert both.process_approval(alice, spec_id, "Approve") == "done"
    assert both.state.threads["t"].spec_count == 2


def test_a_stake_can_be_taken_back_while_no_decision_on_it_is_in_force(both: Steps) -> None:
    alice, bob, carol = both.wallets[1:4]
    spec_id = ("t", carol, sha256("x"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    assert both.submit_spec(*split(spec_id), 900) == "done"
    admit(both, "t", bob)
    assert both.process_approval(alice, spec_id, "Approve") == "done"
    assert both.withdraw_spec(carol, spec_id) == "SpecHasDecisions"
    both.set_time(both.state.specs[spec_id].expires_at - 1)
    assert both.withdraw_spec(carol, spec_id) == "SpecHasDecisions"
    both.set_time(both.state.now + 1)
    assert both.withdraw_spec(carol, spec_id) == "done"
    assert both.state.specs[spec_id].status == "Withdrawn"
    for again in (both.withdraw_spec(carol, spec_id), both.expire_spec(spec_id)):
        assert again == "SpecNotPending"


def test_a_message_is_as_private_as_its_author_and_the_thread_want(both: Steps) -> None:
    alice, bob, carol = both.wallets[1:4]
    assert both.create_thread(alice, "t", 5_000, "Premium") == "done"
    assert both.post_message(alice, "t", sha256("x"), "Public") == "PrivacyMismatch"
    assert both.submit_spec(bob, "t", sha256("x"), 10, "Encrypted") == "PrivacyMismatch"
    for author, later in ((bob, "Encrypted"), (carol, "Public")):
        spec_id = ("t", author, sha256("x"))
        assert both.submit_spec(*split(spec_id), 10) == "done"
        assert both.set_privacy(alice, "t", later) == "done"
        for decider in both.state.threads["t"].co_authors:
            assert both.process_approval(decider, spec_id, "Approve") == "done"
    levels = [message.privacy for message in both.state.messages.values()]
    assert levels == ["Encrypted", "Encrypted"]


def test_what_strangers_sent_to_an_escrow_goes_to_the_treasury(both: Steps) -> None:
    alice, bob, carol = both.wallets[1:4]
    spec_id = ("t", bob, sha256("x"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    admit(both, "t", carol)
    assert both.submit_spec(*split(spec_id), 900) == "done"
    both.donate(("escrow", *spec_id), 77)
    both.send_lamports(("escrow", *spec_id), 1_234)
    assert both.process_approval(alice, spec_id, "Approve") == "done"
    assert both.process_approval(carol, spec_id, "Deny") == "done"
    assert both.state.tokens[TREASURY_VAULT] == 450
    assert both.cleanup_spec(spec_id) == "done"
    assert both.state.tokens[TREASURY_VAULT] == 527
    assert both.cleanup_spec(spec_id) == "AccountNotInitialized"
    assert both.state.lamports["wallet", bob] == 10**11 + 1_234


def test_an_emptied_address_can_be_paid_at_once_and_used_again(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    spec_id = ("t", bob, sha256("x"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    settle(both, spec_id, 900, "Deny")
    revived = both.together(
        lambda: both.cleanup_spec(spec_id),
        lambda: both.pay_lamports(bob, ("spec", *spec_id), 2_000_000),
        lambda: both.pay_lamports(bob, ("escrow", *spec_id), 2_000_000),
    )
    assert revived == "done"
    assert both.process_approval(alice, spec_id, "Deny") == "AccountOwnedByWrongProgram"
    assert both.cleanup_spec(spec_id) == "AccountOwnedByWrongProgram"
    settle(both, spec_id, 900, "Approve")
    assert both.cleanup_spec(spec_id) == "done"


def test_what_stands_behind_a_refused_instruction_is_not_judged(both: Steps) -> None:
    alice = both.wallets[1]
    assert both.create_thread(alice, "t", 50_000, "Public") == "done"
    results: list[str] = []
    refused = both.together(
        lambda: results.append(both.divest(alice, "t", U64)),
        lambda: results.append(both.divest(alice, "t", 1_000)),
    )
    assert refused == "BalanceBelowMinimum"
    assert results == ["BalanceBelowMinimum", UNTRIED]
    assert both.state.threads["t"].balance == 50_000
