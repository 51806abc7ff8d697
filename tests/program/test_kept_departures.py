"""Kept sequences of steps about those who go: leaving, being retired, winding down, closing."""

from __future__ import annotations

from tests.program.harness import sha256
from tests.program.kept import admit, settle, split
from tests.program.model import DAY, owed
from tests.program.model_state import Position, Thread
from tests.program.steps import Steps


def thread_of(both: Steps) -> Thread:
    return both.state.threads["t"]


def position_of(both: Steps, owner: bytes) -> Position:
    return both.state.positions["t", owner]


def test_who_leaves_keeps_what_was_earned_and_earns_no_more(both: Steps) -> None:
    alice, bob, carol, dave = both.wallets[1:5]
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    assert both.leave_thread(alice, "t") == "SharesRemain"
    admit(both, "t", bob)
    admit(both, "t", carol, 600)
    assert both.leave_thread(dave, "t") == "AccountNotInitialized"
    assert both.leave_thread(bob, "t") == "done"
    assert thread_of(both).co_authors == (alice, carol)
    assert position_of(both, bob).claimable == 300
    assert both.cleanup_position("t", bob) == "PositionNotEmpty"
    admit(both, "t", dave, 500)
    assert owed(both.state, position_of(both, bob)) == 300
    assert both.claim(bob, "t") == "done"
    assert both.cleanup_position("t", alice) == "OwnerIsCoAuthor"
    assert both.cleanup_position("t", bob) == "done"
    # Back again: the old message is there, the spec is cleared away, the rewards begin anew.
    assert both.cleanup_spec(("t", bob, sha256(b"let me in" + bob))) == "done"
    admit(both, "t", bob)
    assert owed(both.state, position_of(both, bob)) == 0
    admit(both, "t", both.wallets[5], 400)
    assert owed(both.state, position_of(both, bob)) == 100


def test_who_leaves_and_comes_back_before_the_clearing_away_earns_from_then_on(
    both: Steps,
) -> None:
    alice, bob, carol = both.wallets[1:4]
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    admit(both, "t", bob)
    assert both.leave_thread(bob, "t") == "done"
    admit(both, "t", carol, 600)
    settle(both, ("t", bob, sha256("again")), 50, "Approve")
    assert owed(both.state, position_of(both, bob)) == 0
    assert both.claim(bob, "t") == "NothingToClaim"


def test_decisions_from_before_a_departure_are_void(both: Steps) -> None:
    alice, bob, carol, dave = both.wallets[1:5]
    spec_id = ("t", dave, sha256("x"))
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    admit(both, "t", bob)
    admit(both, "t", carol)
    assert both.submit_spec(*split(spec_id), 900) == "done"
    assert both.process_approval(carol, spec_id, "Deny") == "done"
    assert both.withdraw_spec(dave, spec_id) == "SpecHasDecisions"
    assert both.leave_thread(bob, "t") == "done"
    assert both.process_approval(alice, spec_id, "Approve", epochs_off=-1) == "StaleAuthorEpoch"
    assert both.process_approval(alice, spec_id, "Approve") == "done"
    assert both.state.specs[spec_id].status == "Pending"
    assert both.process_approval(carol, spec_id, "Approve") == "done"
    assert both.state.specs[spec_id].status == "Approved"
    assert thread_of(both).author_epoch == 4


def test_a_lost_key_is_retired_after_the_inactivity_window_and_not_before(both: Steps) -> None:
    alice, bob, carol = both.wallets[1:4]
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    admit(both, "t", bob)
    assert both.deposit(bob, "t", 2_000) == "done"
    assert both.submit_spec(carol, "t", sha256("x"), 1_000) == "done"
    end = position_of(both, bob).last_action_at + 8 * DAY
    assert both.retire_author(alice, "t", alice) == "CannotRetireSelf"
    assert both.retire_author(alice, "t", carol) == "AccountNotInitialized"
    both.set_time(end - 1)
    assert both.retire_author(alice, "t", bob) == "AuthorActive"
    both.set_time(end)
    assert both.retire_author(bob, "t", alice) == "done"
    # Whoever retires has acted; whoever is retired has not.
    assert position_of(both, bob).last_action_at == end
    assert position_of(both, alice).last_action_at == end - 8 * DAY
    assert thread_of(both).co_authors == (bob,)
    assert both.retire_author(bob, "t", alice) == "RetireeNotCoAuthor"
    assert both.retire_author(alice, "t", bob) == "NotCoAuthor"
    # What is theirs stays theirs.
    assert both.claim(alice, "t") == "done"
    assert both.divest(alice, "t", 2_000) == "done"
    assert both.deposit(alice, "t", 2_000) == "NotCoAuthor"


def test_the_retired_have_their_rewards_until_then(both: Steps) -> None:
    alice, bob, carol, dave = both.wallets[1:5]
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    admit(both, "t", bob)
    admit(both, "t", carol, 200)
    both.set_time(both.state.now + 8 * DAY)
    assert both.claim(alice, "t") == "done"
    assert both.retire_author(alice, "t", bob) == "done"
    admit(both, "t", dave, 400)
    assert position_of(both, bob).claimable == 100
    assert owed(both.state, position_of(both, bob)) == 100
    assert both.claim(bob, "t") == "done"


def test_shares_of_the_retired_do_not_hold_a_thread_hostage(both: Steps) -> None:
    alice, bob = both.wallets[1:3]
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    admit(both, "t", bob, 1_000)
    assert both.deposit(bob, "t", 1_500) == "done"
    assert both.wind_down_thread(alice, "t") == "NotSoleCoAuthor"
    assert both.close_thread(alice, "t") == "NotSoleCoAuthor"
    both.set_time(both.state.now + 8 * DAY)
    assert both.retire_author(bob, "t", alice) == "done"
    assert both.submit_spec(alice, "t", sha256("x"), 10) == "done"
    assert both.wind_down_thread(alice, "t") == "NotCoAuthor"
    assert both.wind_down_thread(bob, "t") == "SpecsPending"
    assert both.close_thread(bob, "t") == "SpecsPending"
    assert both.withdraw_spec(alice, ("t", alice, sha256("x"))) == "done"
    assert both.close_thread(bob, "t") == "OthersHaveStake"
    assert both.divest(bob, "t", 1_500) == "done"
    assert both.divest(alice, "t", 4_001) == "BalanceBelowMinimum"
    assert both.wind_down_thread(bob, "t") == "done"
    for refused in (
        both.wind_down_thread(bob, "t"),
        both.deposit(bob, "t", 1_000),
        both.post_message(bob, "t", sha256("y")),
        both.submit_spec(alice, "t", sha256("y"), 10),
        both.set_privacy(bob, "t", "Encrypted"),
        both.leave_thread(bob, "t"),
        both.retire_author(bob, "t", alice),
    ):
        assert refused == "ThreadClosing"
    # Nothing is kept back any more, and nobody waits.
    assert both.claim(alice, "t") == "done"
    assert both.close_thread(bob, "t") == "OthersHaveStake"
    assert both.divest(alice, "t", 5_000) == "done"
    both.donate(("vault", "t"), 77)
    held = both.state.tokens["token", bob]
    assert both.close_thread(bob, "t") == "done"
    assert both.state.tokens["token", bob] == held + 77
    assert both.cleanup_position("t", alice) == "done"
    assert both.close_thread(bob, "t") == "AccountNotInitialized"
    assert both.submit_spec(alice, "t", sha256("y"), 10) == "ThreadClosed"
    assert both.create_thread(bob, "t", 5_000, "Public") == "ThreadAlreadyExists"


def test_nobody_waits_to_leave_a_thread_that_is_wound_down(both: Steps) -> None:
    alice = both.wallets[1]
    both.change_settings(divest_cooldown=3 * DAY)
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    assert both.divest(alice, "t", 10) == "DivestCooldown"
    assert both.wind_down_thread(alice, "t") == "done"
    assert both.divest(alice, "t", 4_990) == "done"
    assert both.divest(alice, "t", 10) == "done"
    assert both.divest(alice, "t", 1) == "BalanceBelowMinimum"
    assert both.close_thread(alice, "t") == "done"


def test_a_thread_is_closed_with_all_that_is_in_it(both: Steps) -> None:
    """By one who did not open it: the vault's rent goes to the opener, the rest to the closer."""
    alice, bob, carol = both.wallets[1:4]
    assert both.create_thread(alice, "t", 5_000, "Public") == "done"
    admit(both, "t", bob, 1_000)
    assert both.deposit(bob, "t", 2_000) == "done"
    assert both.divest(alice, "t", 5_000) == "done"
    assert both.leave_thread(alice, "t") == "done"
    settle(both, ("t", carol, sha256("x")), 900, "Deny")
    assert both.close_thread(bob, "t") == "OthersHaveStake"
    assert both.claim(alice, "t") == "done"
    lamports = both.state.lamports["wallet", alice]
    held = both.state.tokens["token", bob]
    assert both.close_thread(bob, "t") == "done"
    assert both.state.lamports["wallet", alice] == lamports + both.state.rent(165)
    assert both.state.tokens["token", bob] == held + 2_900
    assert thread_of(both).status == "Closed"


def test_an_exit_is_never_harder_than_when_the_thread_was_opened(both: Steps) -> None:
    alice = both.wallets[1]
    assert both.create_thread(alice, "t", 50_000, "Public") == "done"
    both.change_settings(min_thread_balance=40_000, divest_cooldown=90 * DAY)
    assert both.divest(alice, "t", 10_001) == "done"
    assert both.divest(alice, "t", 38_999) == "done"
    assert both.divest(alice, "t", 1) == "BalanceBelowMinimum"
    assert both.create_thread(alice, "later", 50_000, "Public") == "done"
    assert both.divest(alice, "later", 1) == "DivestCooldown"
    # And easier at once when the settings become so.
    both.change_settings(min_thread_balance=30_000, divest_cooldown=3 * DAY)
    opened = both.state.threads["later"].created_at
    both.set_time(max(both.state.now, opened + 3 * DAY))
    assert both.divest(alice, "later", 20_001) == "BalanceBelowMinimum"
    assert both.divest(alice, "later", 20_000) == "done"
    both.set_time(both.state.now + 3 * DAY - 1)
    assert both.divest(alice, "later", 1) == "DivestCooldown"
    both.change_settings()
    assert both.divest(alice, "later", 29_000) == "done"
