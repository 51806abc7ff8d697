from __future__ import annotations

from typing import Any

import pytest
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
from tests.program.harness import (
    PROGRAM_ID,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    Wallet,
)

SOMEBODY = Pubkey.from_bytes(bytes([5] * 32))


@pytest.fixture(params=[TOKEN_PROGRAM, TOKEN_2022_PROGRAM], ids=["token", "token-2022"])
def treasury(request: pytest.FixtureRequest) -> Treasury:
    return treasury_world(request.param)


@pytest.fixture
def payee(treasury: Treasury) -> Wallet:
    return treasury.world.wallet(0)


def test_it_opens_a_proposal_nobody_has_approved(treasury: Treasury, payee: Wallet) -> None:
    world, proposer = treasury.world, treasury.signers[1]
    action = spend(700, payee.token)
    lamports = world.lamports(proposer.key)
    event = treasury.propose(action, proposer).event("TreasuryProposed")
    assert (event["index"], event["proposer"], event["action"]) == (0, proposer.key, action)
    assert (event["signer_epoch"], event["expires_at"]) == (0, world.now + FORTNIGHT)
    made = treasury.proposal(0)
    assert (made["index"], made["proposer"], made["action"]) == (0, proposer.key, action)
    assert (made["approvals"], made["signer_epoch"], made["executed_at"]) == (0, 0, 0)
    assert (made["created_at"], made["expires_at"]) == (world.now, world.now + FORTNIGHT)
    assert treasury.state["proposal_count"] == 1
    assert treasury.held == 50_000
    # the proposer has paid the rent of an account just as large as it needs to be
    rent = world.svm.minimum_balance_for_rent_exemption(len(world.data(treasury.address(0))))
    assert world.lamports(treasury.address(0)) == rent == lamports - world.lamports(proposer.key)


def test_numbers_are_not_given_twice(treasury: Treasury, payee: Wallet) -> None:
    treasury.propose(spend(1, payee.token))
    treasury.cancel(0)
    event = treasury.propose(spend(2, payee.token)).event("TreasuryProposed")
    assert event["index"] == 1
    assert not treasury.world.data(treasury.address(0))


def test_lamports_sent_ahead_do_not_stop_it(treasury: Treasury, payee: Wallet) -> None:
    treasury.world.svm.airdrop(treasury.address(0), 5_000_000)
    treasury.propose(spend(1, payee.token))


def test_only_signers_may(treasury: Treasury, payee: Wallet) -> None:
    with refused("NotTreasurySigner"):
        treasury.propose(spend(1, payee.token), payee)


def test_a_pause_stops_it(treasury: Treasury, payee: Wallet) -> None:
    treasury.world.pause(FAMILIES["treasury"], treasury.world.now + 10)
    with refused("Paused"):
        treasury.propose(spend(1, payee.token))


def test_it_must_be_at_the_address_of_the_next_proposal(treasury: Treasury, payee: Wallet) -> None:
    with refused("WrongProposal"):
        treasury.propose(spend(1, payee.token), proposal=treasury.address(1))
    treasury.propose(spend(1, payee.token))
    with refused("WrongProposal"):
        treasury.propose(spend(1, payee.token), proposal=treasury.address(0))


def test_the_mint_must_be_the_configured_one(treasury: Treasury, payee: Wallet) -> None:
    other = treasury.world.create_mint()
    with refused("WrongMint"):
        treasury.propose(spend(1, payee.token), stake_mint=other)


@pytest.mark.parametrize("kind", [spend, mint])
def test_nothing_is_not_an_amount(treasury: Treasury, payee: Wallet, kind: Any) -> None:
    with refused("AmountZero"):
        treasury.propose(kind(0, payee.token))


@pytest.mark.parametrize("kind", [spend, mint])
class TestDestinations:
    def _refused(self, treasury: Treasury, kind: Any, token: Pubkey, error: str) -> None:
        with refused(error):
            treasury.propose(kind(1, token))
        assert treasury.state["proposal_count"] == 0

    @pytest.fixture
    def treasury(self, treasury: Treasury) -> Treasury:
        give_mint_to(treasury.world, TREASURY)
        return treasury

    def test_another_mint(self, treasury: Treasury, kind: Any) -> None:
        other = treasury.world.create_mint()
        token = treasury.world.create_token(SOMEBODY, other)
        self._refused(treasury, kind, token, "WrongMint")

    def test_a_wallet(self, treasury: Treasury, payee: Wallet, kind: Any) -> None:
        self._refused(treasury, kind, payee.key, "DestinationNotTokenAccount")

    def test_nothing_there(self, treasury: Treasury, kind: Any) -> None:
        self._refused(treasury, kind, SOMEBODY, "DestinationNotTokenAccount")

    def test_the_mint_itself(self, treasury: Treasury, kind: Any) -> None:
        self._refused(treasury, kind, treasury.world.mint, "DestinationNotTokenAccount")

    def test_a_thing_of_the_right_shape_of_nobody(
        self, treasury: Treasury, payee: Wallet, kind: Any
    ) -> None:
        world = treasury.world
        world.put(SOMEBODY, world.data(payee.token), PROGRAM_ID)
        self._refused(treasury, kind, SOMEBODY, "DestinationNotTokenAccount")

    def test_one_that_is_not_initialized(
        self, treasury: Treasury, payee: Wallet, kind: Any
    ) -> None:
        set_token_state(treasury.world, payee.token, 0)
        self._refused(treasury, kind, payee.token, "DestinationNotTokenAccount")

    def test_a_multisig(self, treasury: Treasury, payee: Wallet, kind: Any) -> None:
        world = treasury.world
        data = world.data(payee.token).ljust(355, b"\2")
        world.put(SOMEBODY, data, world.token_program)
        self._refused(treasury, kind, SOMEBODY, "DestinationNotTokenAccount")

    def test_a_frozen_one(self, treasury: Treasury, payee: Wallet, kind: Any) -> None:
        set_token_state(treasury.world, payee.token, 2)
        self._refused(treasury, kind, payee.token, "DestinationFrozen")

    def test_the_vault_itself(self, treasury: Treasury, kind: Any) -> None:
        self._refused(treasury, kind, treasury.world.treasury_vault, "WrongDestination")

    def test_another_than_the_action_names(
        self, treasury: Treasury, payee: Wallet, kind: Any
    ) -> None:
        other = treasury.world.wallet(0)
        for account in (other.token, PROGRAM_ID):  # the program's own stands for none
            with refused("WrongDestination"):
                treasury.propose(kind(1, payee.token), destination=account)


def test_a_token_account_with_extensions_is_one() -> None:
    treasury = treasury_world(TOKEN_2022_PROGRAM)
    world = treasury.world
    plain = world.data(world.wallet(0).token)
    immutable_owner = b"\7\0\0\0"
    world.put(SOMEBODY, plain + b"\2" + immutable_owner, TOKEN_2022_PROGRAM)
    treasury.propose(spend(1, SOMEBODY))
    world.put(SOMEBODY, plain + b"\1" + immutable_owner, TOKEN_2022_PROGRAM)
    with refused("DestinationNotTokenAccount"):
        treasury.propose(spend(1, SOMEBODY))


def test_only_an_authority_of_the_mint_proposes_minting(treasury: Treasury, payee: Wallet) -> None:
    with refused("NotMintAuthority"):
        treasury.propose(mint(1, payee.token))
    give_mint_to(treasury.world, None)
    with refused("NotMintAuthority"):
        treasury.propose(mint(1, payee.token))
    give_mint_to(treasury.world, TREASURY)
    treasury.propose(mint(1, payee.token))


def test_the_supply_has_an_end(treasury: Treasury, payee: Wallet) -> None:
    give_mint_to(treasury.world, TREASURY)
    most = 2**64 - 1 - treasury.world.minted
    with refused("ArithmeticOverflow"):
        treasury.propose(mint(most + 1, payee.token))
    treasury.propose(mint(most, payee.token))


@pytest.mark.parametrize(
    ("error", "count", "threshold"),
    [
        ("TreasurySignerCount", 0, 0),
        ("TreasurySignerCount", 12, 1),
        ("TreasuryThresholdInvalid", 3, 0),
        ("TreasuryThresholdInvalid", 3, 4),
    ],
)
def test_a_set_that_could_not_decide_is_refused(
    treasury: Treasury, error: str, count: int, threshold: int
) -> None:
    signers = [treasury.world.wallet(0) for _ in range(count)]
    with refused(error):
        treasury.propose(set_signers(signers, threshold))


def test_a_signer_named_twice_is_refused(treasury: Treasury) -> None:
    with refused("TreasurySignerInvalid"):
        treasury.propose(set_signers([*treasury.signers, treasury.signers[0]], 1))


def test_the_largest_set_fits(treasury: Treasury) -> None:
    signers = [treasury.world.wallet(0) for _ in range(11)]
    treasury.propose(set_signers(signers, 11))
    action = treasury.proposal(0)["action"]
    assert action == set_signers(signers, 11)
