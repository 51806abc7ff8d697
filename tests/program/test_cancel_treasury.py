from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.governance import (
    FAMILIES,
    FORTNIGHT,
    Treasury,
    set_signers,
    spend,
    treasury_world,
)
from tests.program.harness import TOKEN_PROGRAM


@pytest.fixture
def treasury() -> Treasury:
    """Three signers of whom two decide, with a proposal of the first to spend 700."""
    made = treasury_world(TOKEN_PROGRAM)
    made.propose(spend(700, made.world.wallet(0).token))
    return made


def test_it_gives_the_rent_back(treasury: Treasury) -> None:
    world, proposer = treasury.world, treasury.signers[0]
    rent, had = world.lamports(treasury.address(0)), world.lamports(proposer.key)
    event = treasury.cancel(0).event("TreasuryCancelled")
    assert (event["index"], event["by"]) == (0, proposer.key)
    assert world.lamports(proposer.key) == had + rent
    assert world.lamports(treasury.address(0)) == 0
    assert not world.data(treasury.address(0))
    assert treasury.held == 50_000


def test_lamports_strangers_have_sent_go_along(treasury: Treasury) -> None:
    world, proposer = treasury.world, treasury.signers[0]
    world.svm.airdrop(treasury.address(0), 1_000_000)
    rent, had = world.lamports(treasury.address(0)), world.lamports(proposer.key)
    treasury.cancel(0)
    assert world.lamports(proposer.key) == had + rent


def test_only_its_proposer_may(treasury: Treasury) -> None:
    with refused("NotProposer"):
        treasury.cancel(0, treasury.signers[1])


def test_a_former_signer_still_may(treasury: Treasury) -> None:
    _, second, third = treasury.signers
    treasury.propose(set_signers([second, third], 2), second)
    treasury.approve(1, second, third)
    treasury.execute(1, second)
    treasury.cancel(0)


def test_also_with_approvals_when_expired_and_in_a_pause(treasury: Treasury) -> None:
    treasury.approve(0, *treasury.signers)
    treasury.world.pass_time(FORTNIGHT)
    treasury.world.pause(FAMILIES["treasury"], treasury.world.now + 10)
    treasury.cancel(0)


def test_not_once_it_is_executed(treasury: Treasury) -> None:
    treasury.approve(0, *treasury.signers[:2])
    treasury.execute(0)
    with refused("ProposalExecuted"):
        treasury.cancel(0)


def test_it_happens_once(treasury: Treasury) -> None:
    treasury.cancel(0)
    with refused("AccountNotInitialized"):
        treasury.cancel(0)
