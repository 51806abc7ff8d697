from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.governance import (
    FAMILIES,
    FORTNIGHT,
    TREASURY,
    Treasury,
    set_signers,
    spend,
    treasury_world,
)
from tests.program.harness import TOKEN_PROGRAM, Wallet


@pytest.fixture
def treasury() -> Treasury:
    """Three signers of whom two decide, with a proposal to spend 700."""
    made = treasury_world(TOKEN_PROGRAM)
    made.propose(spend(700, made.world.wallet(0).token))
    return made


def test_each_signer_counts_once(treasury: Treasury) -> None:
    first, _, third = treasury.signers
    event = treasury.approve(0, third).event("TreasuryApproved")
    assert (event["index"], event["signer"]) == (0, third.key)
    assert (event["approvals"], event["signer_epoch"]) == (0b100, 0)
    with refused("AlreadyApproved"):
        treasury.approve(0, third)
    assert treasury.approve(0, first).event("TreasuryApproved")["approvals"] == 0b101
    assert treasury.proposal(0)["approvals"] == 0b101


def test_only_signers_may(treasury: Treasury) -> None:
    with refused("NotTreasurySigner"):
        treasury.approve(0, treasury.world.wallet())


def test_a_pause_stops_it(treasury: Treasury) -> None:
    treasury.world.pause(FAMILIES["treasury"], treasury.world.now + 10)
    with refused("Paused"):
        treasury.approve(0, treasury.signers[0])


def test_an_expired_one_is_refused(treasury: Treasury) -> None:
    treasury.world.pass_time(FORTNIGHT - 1)
    treasury.approve(0, treasury.signers[0])
    treasury.world.pass_time(1)
    with refused("ProposalExpired"):
        treasury.approve(0, treasury.signers[1])


def test_an_executed_one_is_refused(treasury: Treasury) -> None:
    treasury.approve(0, *treasury.signers[:2])
    treasury.execute(0)
    with refused("ProposalExecuted"):
        treasury.approve(0, treasury.signers[2])


def test_a_cancelled_one_is_gone(treasury: Treasury) -> None:
    treasury.cancel(0)
    with refused("AccountNotInitialized"):
        treasury.approve(0, treasury.signers[0])


def test_other_accounts_are_no_proposals(treasury: Treasury) -> None:
    with refused("AccountDiscriminatorMismatch"):
        signer = treasury.signers[0]
        accounts = {"signer": signer.key, "treasury": TREASURY, "proposal": TREASURY}
        instruction = treasury.world.instruction("approve_treasury", accounts)
        treasury.world.send(instruction, signers=(signer.keypair,))


class TestAfterAChangeOfTheSigners:
    """The second proposal has put the signers in another order, with a new one among them."""

    @pytest.fixture
    def joined(self, treasury: Treasury) -> Wallet:
        first, second, third = treasury.signers
        new = treasury.world.wallet()
        treasury.approve(0, first)
        treasury.propose(set_signers([third, new, first], 2))
        treasury.approve(1, second, third)
        treasury.execute(1)
        return new

    def test_earlier_approvals_are_void(self, treasury: Treasury, joined: Wallet) -> None:
        first, _, third = treasury.signers
        event = treasury.approve(0, third).event("TreasuryApproved")
        assert (event["approvals"], event["signer_epoch"]) == (0b001, 1)
        with refused("ThresholdNotReached"):
            treasury.execute(0)
        # who has approved under the old set may, and must, approve again
        assert treasury.approve(0, first).event("TreasuryApproved")["approvals"] == 0b101
        treasury.execute(0)

    def test_former_signers_may_no_more(self, treasury: Treasury, joined: Wallet) -> None:
        with refused("NotTreasurySigner"):
            treasury.approve(0, treasury.signers[1])
        treasury.approve(0, joined)
