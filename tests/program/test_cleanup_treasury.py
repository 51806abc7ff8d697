from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.governance import FAMILIES, FORTNIGHT, Treasury, spend, treasury_world
from tests.program.harness import TOKEN_PROGRAM


@pytest.fixture
def treasury() -> Treasury:
    """Three signers of whom two decide, with a proposal of the first to spend 700."""
    made = treasury_world(TOKEN_PROGRAM)
    made.propose(spend(700, made.world.wallet(0).token))
    return made


def _cleaned(treasury: Treasury) -> None:
    world, proposer = treasury.world, treasury.signers[0]
    rent, had = world.lamports(treasury.address(0)), world.lamports(proposer.key)
    assert treasury.cleanup(0).event("TreasuryCleaned")["index"] == 0
    assert world.lamports(proposer.key) == had + rent
    assert world.lamports(treasury.address(0)) == 0
    assert not world.data(treasury.address(0))


def test_an_executed_one(treasury: Treasury) -> None:
    treasury.approve(0, *treasury.signers[:2])
    treasury.execute(0)
    _cleaned(treasury)


def test_an_expired_one_also_in_a_pause(treasury: Treasury) -> None:
    treasury.world.pass_time(FORTNIGHT)
    treasury.world.pause(FAMILIES["treasury"], treasury.world.now + 10)
    _cleaned(treasury)


def test_not_an_open_one(treasury: Treasury) -> None:
    treasury.approve(0, *treasury.signers)
    treasury.world.pass_time(FORTNIGHT - 1)
    with refused("ProposalOpen"):
        treasury.cleanup(0)


def test_the_rent_goes_to_nobody_else(treasury: Treasury) -> None:
    treasury.world.pass_time(FORTNIGHT)
    for other in (treasury.signers[1].key, treasury.world.authority.pubkey(), treasury.address(0)):
        with refused("WrongRentPayer"):
            treasury.cleanup(0, proposer=other)


def test_it_happens_once(treasury: Treasury) -> None:
    treasury.world.pass_time(FORTNIGHT)
    treasury.cleanup(0)
    with refused("AccountNotInitialized"):
        treasury.cleanup(0)
