"""Sequences of steps worth keeping: what random steps seldom reach, and what once failed."""

from __future__ import annotations

import pytest
from solders.pubkey import Pubkey
from tests.program.harness import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, sha256
from tests.program.model_state import BYTES, U64
from tests.program.steps import DUST, Steps


@pytest.fixture(params=[TOKEN_PROGRAM, TOKEN_2022_PROGRAM], ids=["token", "token-2022"])
def both(request: pytest.FixtureRequest) -> Steps:
    """Twenty wallets, the first with all the tokens there can be."""
    token_program: Pubkey = request.param
    made = Steps(token_program, [U64, *[10**9] * 19])
    assert made.initialize(made.state.upgrade_authority, params=DUST) == "done"
    return made


def admit(both: Steps, thread_id: str, wallet: bytes, stake: int = 1_003) -> None:
    """Makes a wallet a co-author, by everybody's approval."""
    spec_id = (thread_id, wallet, sha256(b"let me in" + wallet))
    assert both.submit_spec(*_spec(spec_id), stake) == "done"
    for author in both.state.threads[thread_id].co_authors:
        assert both.process_approval(author, spec_id, "Approve") == "done"


def _spec(spec_id: tuple[str, bytes, bytes]) -> tuple[bytes, str, bytes]:
    thread_id, author, content = spec_id
    return author, thread_id, content


def test_a_thread_fills_up_and_then_admits_nobody(both: Steps) -> None:
    first, *others = both.wallets[1:18]
    assert both.create_thread(first, "full", 10_000, "Public") == "done"
    late = ("full", others[15], sha256("late"))
    for wallet in others[:14]:
        admit(both, "full", wallet)
    assert both.submit_spec(*_spec(late), 17) == "done"
    admit(both, "full", others[14])
    authors = both.state.threads["full"].co_authors
    assert len(authors) == 16
    assert both.submit_spec(both.wallets[18], "full", sha256("later"), 5) == "ThreadFull"
    for author in authors[:-1]:
        assert both.process_approval(author, late, "Approve") == "done"
    assert both.process_approval(authors[-1], late, "Approve") == "ThreadFull"
    assert both.process_approval(authors[-1], late, "Deny") == "done"
    assert both.state.specs[late].status == "Split"
    for author in authors:
        both.claim(author, "full")
    assert both.state.threads["full"].total_claimable == 0


def test_an_author_admitted_by_one_spec_decides_on_their_other_one(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    other = ("t", bob, sha256("other"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    assert both.submit_spec(*_spec(other), 999) == "done"
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
    assert both.submit_spec(*_spec(spec_id), 10) == "done"
    end = both.state.specs[spec_id].expires_at
    both.set_time(end - 1)
    assert both.expire_spec(spec_id) == "SpecWindowOpen"
    both.set_time(end)
    assert both.process_approval(alice, spec_id, "Deny") == "SpecWindowEnded"
    assert both.expire_spec(spec_id) == "done"
    assert both.expire_spec(spec_id) == "SpecNotPending"
    assert both.submit_spec(*_spec(spec_id), 10) == "SpecAlreadyExists"


def test_a_thread_keeps_a_thousand_shares(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    spec_id = ("t", bob, sha256("x"))
    assert both.create_thread(alice, "t", 1_000, "Public") == "done"
    assert both.submit_spec(*_spec(spec_id), 9_000) == "done"
    assert both.process_approval(alice, spec_id, "Deny") == "done"
    assert both.deposit(alice, "t", 9) == "DepositBuysNoShare"
    assert both.divest(alice, "t", 9_001) == "BalanceBelowMinimum"
    assert both.divest(alice, "t", 1) == "SharesBelowMinimum"
    assert both.deposit(alice, "t", 19) == "done"
    assert both.state.threads["t"].total_shares == 1_001
    assert both.divest(alice, "t", 10) == "done"
    assert both.divest(alice, "t", 10) == "SharesBelowMinimum"


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
    needed = both.state.rent(BYTES["Spec"]) + both.state.rent(BYTES["Message"])
    both.leave_lamports(bob, needed + both.state.rent(BYTES["Position"]))
    assert both.submit_spec(bob, "t", sha256("x"), 10) == "done"
    assert both.process_approval(alice, ("t", bob, sha256("x")), "Approve") == "done"
    assert both.state.lamports["spec", "t", bob, sha256("x")] == needed - (
        both.state.rent(BYTES["Message"]) - 1_000_000
    )
