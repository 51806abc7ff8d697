from __future__ import annotations

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from tests.program.expect import refused
from tests.program.governance import (
    FAMILIES,
    FORTNIGHT,
    TREASURY,
    Treasury,
    give_mint_to,
    mint,
    set_signers,
    set_token_state,
    spend,
    treasury_world,
)
from tests.program.harness import PROGRAM_ID, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, Wallet


@pytest.fixture(params=[TOKEN_PROGRAM, TOKEN_2022_PROGRAM], ids=["token", "token-2022"])
def treasury(request: pytest.FixtureRequest) -> Treasury:
    """Three signers of whom two decide, and 50,000 base units."""
    return treasury_world(request.param)


@pytest.fixture
def payee(treasury: Treasury) -> Wallet:
    return treasury.world.wallet(0)


@pytest.fixture
def approved(treasury: Treasury, payee: Wallet) -> Treasury:
    """The same, with an approved proposal to pay 700 to the payee."""
    treasury.propose(spend(700, payee.token))
    treasury.approve(0, *treasury.signers[:2])
    return treasury


def _supply(treasury: Treasury) -> int:
    return int.from_bytes(treasury.world.data(treasury.world.mint)[36:44], "little")


class TestSpending:
    def test_it_pays_exactly_that(self, approved: Treasury, payee: Wallet) -> None:
        by = approved.signers[2]  # who has not approved
        event = approved.execute(0, by).event("TreasuryExecuted")
        assert (event["index"], event["action"]) == (0, spend(700, payee.token))
        assert (event["vault_before"], event["vault_after"]) == (50_000, 49_300)
        assert event["signer_epoch"] == 0
        assert (approved.held, approved.world.amount(payee.token)) == (49_300, 700)
        assert approved.proposal(0)["executed_at"] == approved.world.now

    def test_it_happens_once(self, approved: Treasury) -> None:
        approved.execute(0)
        with refused("ProposalExecuted"):
            approved.execute(0)
        assert approved.held == 49_300

    def test_all_of_it_can_be_spent(self, treasury: Treasury, payee: Wallet) -> None:
        treasury.propose(spend(50_000, payee.token))
        treasury.approve(0, *treasury.signers[1:])
        treasury.execute(0)
        assert (treasury.held, treasury.world.amount(payee.token)) == (0, 50_000)

    def test_more_than_there_is_is_refused(self, treasury: Treasury, payee: Wallet) -> None:
        treasury.propose(spend(50_001, payee.token))
        treasury.approve(0, *treasury.signers[:2])
        with refused("InsufficientFunds"):
            treasury.execute(0)
        treasury.fund(1)
        treasury.execute(0)
        assert treasury.held == 0

    def test_two_proposals_for_the_same_money(self, approved: Treasury, payee: Wallet) -> None:
        approved.propose(spend(49_999, payee.token))
        approved.approve(1, *approved.signers[:2])
        approved.execute(1)
        with refused("InsufficientFunds"):
            approved.execute(0)


class TestWhoAndWhen:
    def test_only_signers_may(self, approved: Treasury, payee: Wallet) -> None:
        with refused("NotTreasurySigner"):
            approved.execute(0, payee)

    def test_a_pause_stops_it(self, approved: Treasury) -> None:
        approved.world.pause(FAMILIES["treasury"], approved.world.now + 10)
        with refused("Paused"):
            approved.execute(0)
        approved.world.pass_time(10)
        approved.execute(0)

    def test_an_expired_one_is_refused(self, approved: Treasury) -> None:
        approved.world.pass_time(FORTNIGHT)
        with refused("ProposalExpired"):
            approved.execute(0)
        approved.world.pass_time(-1)
        approved.execute(0)

    def test_the_threshold_must_be_reached(self, treasury: Treasury, payee: Wallet) -> None:
        treasury.propose(spend(1, payee.token))
        with refused("ThresholdNotReached"):
            treasury.execute(0)
        treasury.approve(0, treasury.signers[0])
        with refused("ThresholdNotReached"):
            treasury.execute(0)

    def test_another_proposals_approvals_do_not_count(
        self, approved: Treasury, payee: Wallet
    ) -> None:
        approved.propose(spend(1, payee.token))
        with refused("ThresholdNotReached"):
            approved.execute(1)

    def test_a_signer_change_voids_approvals(self, approved: Treasury) -> None:
        approved.propose(set_signers(approved.signers, 2))
        approved.approve(1, *approved.signers[:2])
        approved.execute(1)
        with refused("ThresholdNotReached"):
            approved.execute(0)
        approved.approve(0, *approved.signers[:2])
        approved.execute(0)


class TestAccounts:
    def test_another_destination_is_refused(self, approved: Treasury) -> None:
        other = approved.world.wallet(0)
        for account in (other.token, approved.world.treasury_vault, PROGRAM_ID):
            with refused("WrongDestination"):
                approved.execute(0, destination=account)
        assert approved.held == 50_000

    def test_another_vault_is_refused(self, approved: Treasury) -> None:
        world = approved.world
        rich = world.create_token(TREASURY, amount=9_000)
        with refused("WrongTreasuryVault"):
            approved.execute(0, treasury_vault=rich)
        with refused("WrongTreasuryVault"):
            approved.execute(0, treasury_vault=world.open().vault)

    def test_another_mint_or_token_program_is_refused(self, approved: Treasury) -> None:
        with refused("WrongMint"):
            approved.execute(0, stake_mint=approved.world.create_mint())
        theirs = approved.world.token_program
        other = TOKEN_PROGRAM if theirs == TOKEN_2022_PROGRAM else TOKEN_2022_PROGRAM
        with refused("WrongTokenProgram"):
            approved.execute(0, token_program=other)

    def test_a_destination_frozen_meanwhile(self, approved: Treasury, payee: Wallet) -> None:
        set_token_state(approved.world, payee.token, 2)
        with refused("DestinationFrozen"):
            approved.execute(0)
        set_token_state(approved.world, payee.token, 1)
        approved.execute(0)

    def test_a_destination_closed_meanwhile(self, approved: Treasury, payee: Wallet) -> None:
        world = approved.world
        close = AccountMeta(payee.token, False, True), AccountMeta(payee.key, False, True)
        signer = AccountMeta(payee.key, True, False)
        world.send(
            Instruction(world.token_program, bytes([9]), [*close, signer]),
            signers=(payee.keypair,),
        )
        assert not world.data(payee.token)
        with refused("DestinationNotTokenAccount"):
            approved.execute(0)

    def test_a_destination_that_became_another_mints(
        self, approved: Treasury, payee: Wallet
    ) -> None:
        world = approved.world
        other = world.create_token(payee.key, world.create_mint())
        world.put(payee.token, world.data(other), world.token_program)
        with refused("WrongMint"):
            approved.execute(0)

    def test_a_proposal_of_another_number_pays_its_own_destination(
        self, approved: Treasury
    ) -> None:
        other = approved.world.wallet(0)
        approved.propose(spend(9, other.token))
        with refused("ThresholdNotReached"):
            approved.execute(0, proposal=approved.address(1))
        approved.approve(1, *approved.signers[:2])
        with refused("WrongDestination"):
            approved.execute(0, proposal=approved.address(1))


class TestMinting:
    @pytest.fixture
    def minting(self, treasury: Treasury, payee: Wallet) -> Treasury:
        give_mint_to(treasury.world, TREASURY)
        treasury.propose(mint(700, payee.token))
        treasury.approve(0, *treasury.signers[:2])
        return treasury

    def test_it_mints_exactly_that(self, minting: Treasury, payee: Wallet) -> None:
        supply = _supply(minting)
        event = minting.execute(0).event("TreasuryExecuted")
        assert event["action"] == mint(700, payee.token)
        assert event["vault_before"] == event["vault_after"] == minting.held == 50_000
        assert minting.world.amount(payee.token) == 700
        assert _supply(minting) == supply + 700
        with refused("ProposalExecuted"):
            minting.execute(0)

    def test_the_mint_may_have_been_handed_on(self, minting: Treasury) -> None:
        give_mint_to(minting.world, minting.signers[0].key)
        with refused("NotMintAuthority"):
            minting.execute(0)
        give_mint_to(minting.world, None)
        with refused("NotMintAuthority"):
            minting.execute(0)

    def test_the_supply_may_have_grown(self, minting: Treasury) -> None:
        world = minting.world
        data = bytearray(world.data(world.mint))
        data[36:44] = (2**64 - 700).to_bytes(8, "little")
        world.put(world.mint, bytes(data), world.token_program)
        with refused("ArithmeticOverflow"):
            minting.execute(0)

    def test_another_destination_is_refused(self, minting: Treasury, payee: Wallet) -> None:
        for account in (minting.world.wallet(0).token, PROGRAM_ID):
            with refused("WrongDestination"):
                minting.execute(0, destination=account)
        set_token_state(minting.world, payee.token, 2)
        with refused("DestinationFrozen"):
            minting.execute(0)


class TestSettingSigners:
    def test_it_replaces_them(self, treasury: Treasury) -> None:
        new = [treasury.world.wallet() for _ in range(11)]
        action = set_signers(new, 11)
        treasury.propose(action)
        treasury.approve(0, *treasury.signers[:2])
        event = treasury.execute(0).event("TreasuryExecuted")
        assert (event["action"], event["signer_epoch"]) == (action, 1)
        state = treasury.state
        assert state["signers"] == [signer.key for signer in new]
        assert (state["threshold"], state["signer_epoch"]) == (11, 1)
        with refused("NotTreasurySigner"):
            treasury.propose(action)

    def test_it_cannot_be_done_twice(self, treasury: Treasury) -> None:
        treasury.propose(set_signers(treasury.signers, 1))
        treasury.approve(0, *treasury.signers[:2])
        treasury.execute(0)
        with refused("ProposalExecuted"):
            treasury.execute(0)
        assert treasury.state["signer_epoch"] == 1

    def test_the_new_threshold_binds(self, treasury: Treasury, payee: Wallet) -> None:
        treasury.propose(set_signers(treasury.signers, 3))
        treasury.approve(0, *treasury.signers[:2])
        treasury.execute(0)
        treasury.propose(spend(1, payee.token))
        treasury.approve(1, *treasury.signers[:2])
        with refused("ThresholdNotReached"):
            treasury.execute(1)
        treasury.approve(1, treasury.signers[2])
        treasury.execute(1)


def test_money_of_split_specs_can_be_spent(treasury: Treasury, payee: Wallet) -> None:
    """What the program itself has put into the vault comes out of it."""
    world = treasury.world
    alice, bob, carol = (world.wallet() for _ in range(3))
    thread = world.open(alice)
    thread.submit(bob).decide_all("Approve")
    thread.submit(carol, stake=6_000).decide_all("Approve", "Deny")
    assert treasury.held == 53_000
    treasury.propose(spend(53_000, payee.token))
    treasury.approve(0, *treasury.signers[:2])
    treasury.execute(0)
    assert world.amount(payee.token) == 53_000


def test_another_programs_look_alike_is_no_proposal(approved: Treasury) -> None:
    world = approved.world
    fake = Pubkey.from_bytes(bytes([6] * 32))
    world.put(fake, world.data(approved.address(0)), TOKEN_PROGRAM)
    with refused("AccountOwnedByWrongProgram"):
        approved.execute(0, proposal=fake)
