"""Kept sequences of steps about the settings, pauses and the treasury."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from solders.pubkey import Pubkey
from tests.program.harness import TOKEN_PROGRAM, sha256
from tests.program.kept import admit, twenty_wallets
from tests.program.model import DAY
from tests.program.model_state import (
    NOBODY,
    TREASURY_VAULT,
    U64,
    ConfigChange,
    Mint,
    SetSigners,
    Spend,
)
from tests.program.steps import DUST, PARAMS, Steps

EXITS, TREASURY = 16, 64


def test_a_change_of_settings_waits_and_does_not_keep(both: Steps) -> None:
    authority, anybody = both.state.upgrade_authority, both.wallets[5]
    change = ConfigChange(PARAMS, both.wallets[3], 2 * DAY)
    for params, error in {
        replace(DUST, min_stake=0): "MinStakeTooLow",
        replace(DUST, min_thread_balance=999): "MinThreadBalanceTooLow",
        replace(DUST, approval_window=3_599): "ApprovalWindowOutOfRange",
        replace(DUST, approval_window=365 * DAY + 1): "ApprovalWindowOutOfRange",
        replace(DUST, divest_cooldown=90 * DAY + 1): "DivestCooldownOutOfRange",
        replace(DUST, inactivity_window=8 * DAY - 1): "InactivityWindowOutOfRange",
        replace(DUST, messages_per_hour=0): "MessageRateTooLow",
    }.items():
        assert both.propose_config(authority, replace(change, params=params)) == error
    assert both.propose_config(authority, replace(change, guardian=NOBODY)) == "GuardianMissing"
    for timelock in (DAY - 1, 90 * DAY + 1):
        longer = replace(change, parameter_timelock=timelock)
        assert both.propose_config(authority, longer) == "TimelockOutOfRange"
    assert both.apply_config(authority) == "NoConfigChange"
    assert both.cancel_config(authority) == "NoConfigChange"
    assert both.propose_config(anybody, change) == "NotAuthority"
    assert both.propose_config(authority, change) == "done"
    assert both.propose_config(authority, change) == "ConfigChangePending"
    start = both.state.now
    both.set_time(start + DAY - 1)
    assert both.apply_config(authority) == "TimelockNotOver"
    both.set_time(start + DAY)
    assert both.apply_config(anybody) == "NotAuthority"
    assert both.apply_config(authority) == "done"
    # From here on the new timelock, and the new guardian.
    assert both.propose_config(authority, ConfigChange(DUST, both.wallets[4], DAY)) == "done"
    both.set_time(both.state.now + 2 * DAY - 1)
    assert both.apply_config(authority) == "TimelockNotOver"
    both.set_time(both.state.now + 1 + 14 * DAY)
    assert both.apply_config(authority) == "ConfigChangeExpired"
    assert both.cancel_config(anybody) == "NotAuthority"
    assert both.cancel_config(authority) == "done"
    assert both.propose_config(authority, ConfigChange(DUST, both.wallets[4], DAY)) == "done"
    both.set_time(both.state.now + 16 * DAY - 1)
    assert both.apply_config(authority) == "done"
    assert both.pause(both.wallets[3], EXITS, 1) == "NotGuardian"
    assert both.pause(both.wallets[4], EXITS, 1) == "done"


def test_the_authority_is_handed_over_in_two_steps(both: Steps) -> None:
    first, second, third = both.state.upgrade_authority, *both.wallets[6:8]
    change = ConfigChange(PARAMS, both.wallets[3], DAY)
    assert both.transfer_authority(second, second) == "NotAuthority"
    assert both.transfer_authority(first, NOBODY) == "AuthorityInvalid"
    assert both.accept_authority(second) == "NotPendingAuthority"
    assert both.transfer_authority(first, third) == "done"
    assert both.transfer_authority(first, second) == "done"
    assert both.accept_authority(third) == "NotPendingAuthority"
    assert both.transfer_authority(first, first) == "done"
    assert both.accept_authority(second) == "NotPendingAuthority"
    assert both.transfer_authority(first, second) == "done"
    assert both.propose_config(first, change) == "done"
    both.set_time(both.state.now + DAY)
    assert both.accept_authority(second) == "done"
    # What the one before had proposed is void.
    assert both.apply_config(second) == "NoConfigChange"
    assert both.propose_config(first, change) == "NotAuthority"
    assert both.accept_authority(second) == "NotPendingAuthority"
    assert both.propose_config(second, change) == "done"


def test_a_pause_ends_by_itself_and_does_not_begin_again_at_once(both: Steps) -> None:
    authority, guardian, alice = both.state.upgrade_authority, *both.wallets[:2]
    assert both.create_thread(alice, "t", 50_000, "Public") == "done"
    assert both.pause(alice, EXITS, 1) == "NotGuardian"
    for families in (0, 128, 255):
        assert both.pause(guardian, families, 1) == "PauseFamiliesInvalid"
        assert both.unpause(guardian, families) == "PauseFamiliesInvalid"
    for seconds in (-1, 0, 7 * DAY + 1):
        assert both.pause(guardian, EXITS, seconds) == "PauseTooLong"
    assert both.pause(guardian, EXITS, 7 * DAY) == "done"
    end = both.state.now + 7 * DAY
    assert both.divest(alice, "t", 1_000) == "Paused"
    assert both.deposit(alice, "t", 1_000) == "done"
    assert both.pause(authority, EXITS | TREASURY, 1) == "PauseInForce"
    both.set_time(end - 1)
    assert both.divest(alice, "t", 1_000) == "Paused"
    both.set_time(end)
    assert both.divest(alice, "t", 1_000) == "done"
    assert both.unpause(guardian, EXITS) == "NotPaused"
    assert both.pause(guardian, EXITS, 1) == "PauseCoolOff"
    both.set_time(end + DAY - 1)
    assert both.pause(guardian, EXITS, 1) == "PauseCoolOff"
    both.set_time(end + DAY)
    assert both.pause(authority, EXITS | TREASURY, 3 * DAY) == "done"
    # Ended early, all of those named or none; the cool-off counts from then.
    both.set_time(both.state.now + DAY)
    assert both.unpause(alice, EXITS) == "NotGuardian"
    assert both.unpause(guardian, EXITS | 1) == "NotPaused"
    assert both.unpause(guardian, EXITS) == "done"
    stopped = both.state.now
    assert both.divest(alice, "t", 1_000) == "done"
    both.set_time(stopped + DAY - 1)
    assert both.pause(guardian, EXITS, 1) == "PauseCoolOff"
    both.set_time(stopped + DAY)
    assert both.pause(guardian, EXITS, 1) == "done"


def test_each_family_stops_what_is_in_it(both: Steps) -> None:
    guardian, alice, bob, carol = both.wallets[:4]
    assert both.create_thread(alice, "t", 50_000, "Public") == "done"
    admit(both, "t", bob)
    spec_id = ("t", carol, sha256("x"))
    assert both.submit_spec(carol, "t", spec_id[2], 10) == "done"
    stopped: dict[int, list[Callable[[], str]]] = {
        1: [
            lambda: both.create_thread(bob, "u", 50_000, "Public"),
            lambda: both.deposit(alice, "t", 1_000),
        ],
        2: [lambda: both.post_message(alice, "t", sha256("y"))],
        4: [lambda: both.submit_spec(carol, "t", sha256("y"), 10)],
        8: [lambda: both.process_approval(alice, spec_id, "Deny")],
        16: [
            lambda: both.divest(alice, "t", 1_000),
            lambda: both.claim(alice, "t"),
            lambda: both.expire_spec(spec_id),
            lambda: both.withdraw_spec(carol, spec_id),
            lambda: both.leave_thread(bob, "t"),
            lambda: both.wind_down_thread(alice, "t"),
            lambda: both.close_thread(alice, "t"),
        ],
        32: [
            lambda: both.set_privacy(alice, "t", "Premium"),
            lambda: both.retire_author(alice, "t", bob),
        ],
        64: [lambda: both.propose_treasury(alice, SetSigners((alice,), 1))],
    }
    for family, instructions in stopped.items():
        assert both.pause(guardian, family, DAY) == "done"
        assert {instruction() for instruction in instructions} == {"Paused"}
        assert both.unpause(guardian, family) == "done"
        assert "Paused" not in [instruction() for instruction in instructions]


def test_the_treasury_pays_what_enough_signers_have_approved(both: Steps) -> None:
    alice, bob, carol, dave = *both.wallets[:3], both.wallets[3]
    payee = ("token", dave)
    both.donate(TREASURY_VAULT, 100)
    assert both.propose_treasury(dave, Spend(60, payee)) == "NotTreasurySigner"
    assert both.propose_treasury(alice, Spend(0, payee)) == "AmountZero"
    assert both.propose_treasury(alice, Spend(1, TREASURY_VAULT)) == "WrongDestination"
    assert both.propose_treasury(alice, Spend(1, payee), None) == "WrongDestination"
    nowhere = ("token", NOBODY)
    assert both.propose_treasury(alice, Spend(1, nowhere)) == "DestinationNotTokenAccount"
    assert both.propose_treasury(alice, Mint(1, payee)) == "NotMintAuthority"
    for _ in range(2):
        assert both.propose_treasury(alice, Spend(60, payee)) == "done"
    # A proposer approves as the others do.
    assert both.approve_treasury(bob, 0) == "done"
    assert both.approve_treasury(bob, 0) == "AlreadyApproved"
    assert both.approve_treasury(dave, 0) == "NotTreasurySigner"
    assert both.execute_treasury(alice, 0) == "ThresholdNotReached"
    assert both.approve_treasury(alice, 0) == "done"
    assert both.execute_treasury(dave, 0) == "NotTreasurySigner"
    assert both.execute_treasury(carol, 0, ("token", carol)) == "WrongDestination"
    assert both.execute_treasury(carol, 0, None) == "WrongDestination"
    assert both.cleanup_treasury(0) == "ProposalOpen"
    assert both.execute_treasury(carol, 0) == "done"
    for again in (both.execute_treasury(carol, 0), both.approve_treasury(carol, 0)):
        assert again == "ProposalExecuted"
    assert both.cancel_treasury(alice, 0) == "ProposalExecuted"
    assert both.approve_treasury(alice, 1) == "done"
    assert both.approve_treasury(carol, 1) == "done"
    assert both.execute_treasury(carol, 1) == "InsufficientFunds"
    assert both.cancel_treasury(bob, 1) == "NotProposer"
    lamports = both.state.lamports["wallet", alice]
    assert both.cancel_treasury(alice, 1) == "done"
    assert both.cleanup_treasury(0) == "done"
    assert both.state.lamports["wallet", alice] > lamports


def test_approvals_of_earlier_signers_are_void(both: Steps) -> None:
    alice, bob, carol, dave = both.wallets[:4]
    both.donate(TREASURY_VAULT, 100)
    assert both.propose_treasury(alice, Spend(10, ("token", dave))) == "done"
    assert both.propose_treasury(alice, SetSigners((carol, dave), 2)) == "done"
    for index in (0, 1):
        assert both.approve_treasury(alice, index) == "done"
        assert both.approve_treasury(bob, index) == "done"
    assert both.execute_treasury(alice, 1) == "done"
    assert both.execute_treasury(alice, 0) == "NotTreasurySigner"
    assert both.execute_treasury(carol, 0) == "ThresholdNotReached"
    assert both.approve_treasury(carol, 0) == "done"
    assert both.state.proposals[0].approvals == 1
    assert both.execute_treasury(carol, 0) == "ThresholdNotReached"
    assert both.approve_treasury(dave, 0) == "done"
    assert both.execute_treasury(carol, 0) == "done"


def test_a_proposal_does_not_keep(both: Steps) -> None:
    alice, bob = both.wallets[:2]
    both.donate(TREASURY_VAULT, 100)
    for _ in range(2):
        assert both.propose_treasury(alice, Spend(10, ("token", bob))) == "done"
    end = both.state.proposals[0].expires_at
    assert end == both.state.now + 14 * DAY
    both.set_time(end - 1)
    for index in (0, 1):
        assert both.approve_treasury(alice, index) == "done"
        assert both.approve_treasury(bob, index) == "done"
    assert both.execute_treasury(alice, 0) == "done"
    assert both.cleanup_treasury(1) == "ProposalOpen"
    both.set_time(end)
    assert both.execute_treasury(alice, 1) == "ProposalExpired"
    assert both.approve_treasury(both.wallets[2], 1) == "ProposalExpired"
    assert both.cleanup_treasury(1) == "done"


def test_what_signers_there_may_be(both: Steps) -> None:
    alice, wallets = both.wallets[0], tuple(both.wallets)
    for signers, threshold, error in [
        ((), 1, "TreasurySignerCount"),
        (wallets[:12], 1, "TreasurySignerCount"),
        (wallets[:2], 0, "TreasuryThresholdInvalid"),
        (wallets[:2], 3, "TreasuryThresholdInvalid"),
        ((alice, alice), 1, "TreasurySignerInvalid"),
        ((alice, NOBODY), 1, "TreasurySignerInvalid"),
        (wallets[:11], 11, "done"),
    ]:
        assert both.propose_treasury(alice, SetSigners(signers, threshold)) == error
    assert both.approve_treasury(alice, 0) == "done"
    assert both.approve_treasury(wallets[1], 0) == "done"
    assert both.execute_treasury(alice, 0) == "done"
    assert both.propose_treasury(wallets[10], SetSigners((alice,), 1)) == "done"
    for signer in wallets[:10]:
        assert both.approve_treasury(signer, 1) == "done"
    assert both.execute_treasury(alice, 1) == "ThresholdNotReached"
    assert both.approve_treasury(wallets[10], 1) == "done"
    assert both.execute_treasury(alice, 1) == "done"


def test_the_treasury_mints_where_it_may_and_not_more_than_there_can_be() -> None:
    token_program: Pubkey = TOKEN_PROGRAM
    both = twenty_wallets(token_program, treasury_mints=True)
    alice, bob = both.wallets[:2]
    payee = ("token", bob)
    amounts = (U64 - 10**9, 10**9, 1)
    for index, amount in enumerate(amounts):
        assert both.propose_treasury(alice, Mint(amount, payee)) == "done"
        assert both.approve_treasury(alice, index) == "done"
        assert both.approve_treasury(bob, index) == "done"
    assert both.execute_treasury(alice, 0) == "done"
    assert both.propose_treasury(alice, Mint(10**9 + 1, payee)) == "ArithmeticOverflow"
    assert both.execute_treasury(alice, 1) == "TokenOverflow"
    assert both.create_thread(bob, "t", 10**9, "Public") == "done"
    assert both.execute_treasury(alice, 1) == "done"
    assert both.execute_treasury(alice, 2) == "ArithmeticOverflow"
    assert both.state.supply == U64
