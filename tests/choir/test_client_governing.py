"""The verbs that end a part in a thread, and those on the settings and the treasury."""

from dataclasses import replace

import pytest
from tests.choir.chain import DAY, PARAMS

from choir import ids
from choir import program_errors as refused
from choir.accounts import (
    PauseFamily,
    PrivacyLevel,
    SpecStatus,
    ThreadStatus,
    TreasuryActionSetSigners,
    TreasuryActionSpend,
    approvals_of,
    paused_families,
)
from choir.events import TreasuryProposed
from choir.ids import content_hash

HASH = content_hash("hello")


async def test_a_spec_is_withdrawn_cleaned_up_and_submitted_anew(world):
    alice, bob = await world.person(), await world.person()
    await alice.create_thread("t", deposit=10_000)
    await bob.submit_spec("t", HASH, stake=2_000)
    with pytest.raises(refused.SpecPending):
        await alice.cleanup_spec("t", bob.wallet, HASH)
    await bob.withdraw_spec("t", HASH)
    assert (await bob.spec("t", bob.wallet, HASH)).status is SpecStatus.WITHDRAWN
    assert await bob.token_balance(bob.wallet) == 1_000_000
    await alice.cleanup_spec("t", bob.wallet, HASH)
    assert await bob.find_spec("t", bob.wallet, HASH) is None
    await bob.submit_spec("t", HASH, stake=2_000)
    spec = await bob.spec("t", bob.wallet, HASH)
    assert spec.sequence == 1
    with pytest.raises(refused.StaleSpec, match="submission 1"):
        await alice.approve("t", bob.wallet, HASH, sequence=0)
    await alice.approve("t", bob.wallet, HASH, sequence=1)
    assert (await bob.thread("t")).co_authors == (alice.wallet, bob.wallet)


async def test_the_level_is_the_one_its_author_expects(world):
    alice, bob = await world.person(), await world.person()
    await alice.create_thread("t", deposit=10_000)
    with pytest.raises(refused.PrivacyMismatch, match="public, not encrypted"):
        await alice.post_message("t", HASH, privacy=PrivacyLevel.ENCRYPTED)
    with pytest.raises(refused.PrivacyMismatch):
        await bob.submit_spec("t", HASH, stake=1_000, privacy=PrivacyLevel.PREMIUM)
    await bob.submit_spec("t", HASH, stake=1_000, privacy=PrivacyLevel.PUBLIC)


async def test_limits_on_the_price_bind(world):
    alice = await world.person()
    await alice.create_thread("t", deposit=10_000)
    with pytest.raises(refused.SlippageExceeded):
        await alice.deposit("t", 1_000, min_shares=1_001)
    await alice.deposit("t", 1_000, min_shares=1_000)
    await world.pass_time(DAY)
    with pytest.raises(refused.SlippageExceeded):
        await alice.divest("t", 500, max_shares=499)
    await alice.divest("t", 500, tolerance=0)
    assert (await alice.thread("t")).balance == 10_500


async def test_a_thread_is_left_retired_from_wound_down_and_closed(world):
    alice, bob, carol = [await world.person() for _ in range(3)]
    await alice.create_thread("t", deposit=10_000)
    for who in (bob, carol):
        digest = content_hash(str(who.wallet))
        await who.submit_spec("t", digest, stake=1_000)
        for author in (await alice.thread("t")).co_authors:
            by = {a.wallet: a for a in (alice, bob, carol)}[author]
            await by.approve("t", who.wallet, digest)
    await carol.deposit("t", 4_000)
    await bob.leave_thread("t")
    with pytest.raises(refused.AuthorActive):
        await alice.retire_author("t", carol.wallet)
    with pytest.raises(refused.NotSoleCoAuthor):
        await alice.close_thread("t")
    await world.pass_time(30 * DAY)
    await alice.retire_author("t", carol.wallet)
    with pytest.raises(refused.OthersHaveStake):
        await alice.close_thread("t")
    await alice.wind_down_thread("t")
    assert (await alice.thread("t")).status is ThreadStatus.CLOSING
    with pytest.raises(refused.ThreadClosing):
        await alice.deposit("t", 1_000)
    await carol.divest("t", 4_000)
    await bob.claim("t")
    await alice.cleanup_position("t", bob.wallet)
    assert await bob.find_position("t", bob.wallet) is None
    await alice.close_thread("t")
    closed = await alice.thread("t")
    assert (closed.status, closed.balance, closed.total_shares) == (ThreadStatus.CLOSED, 0, 0)
    people = [await who.token_balance(who.wallet) for who in (alice, bob, carol)]
    assert sum(people) == 3_000_000


async def test_settings_change_after_the_timelock_and_authority_moves(world):
    authority, alice = world.client(world.authority), await world.person()
    wanted = replace(PARAMS, min_stake=5)
    with pytest.raises(refused.NotAuthority):
        await alice.propose_config(params=wanted)
    await authority.propose_config(params=wanted, parameter_timelock=2 * DAY)
    with pytest.raises(refused.TimelockNotOver):
        await authority.apply_config()
    await world.pass_time(DAY)
    await authority.apply_config()
    config = await alice.config()
    assert (config.params, config.parameter_timelock) == (wanted, 2 * DAY)
    await authority.propose_config(guardian=alice.wallet)
    await authority.cancel_config()
    with pytest.raises(refused.NoConfigChange):
        await authority.cancel_config()
    await authority.transfer_authority(alice.wallet)
    with pytest.raises(refused.NotPendingAuthority):
        await authority.accept_authority()
    await alice.accept_authority()
    assert (await alice.config()).authority == alice.wallet


async def test_families_are_paused_for_a_time(world):
    authority, alice = world.client(world.authority), await world.person()
    both = PauseFamily.THREADS | PauseFamily.TREASURY
    await authority.pause(both, seconds=60)
    assert paused_families(await alice.config(), await alice.chain_time()) == both
    with pytest.raises(refused.Paused, match="threads are paused until"):
        await alice.create_thread("t", deposit=10_000)
    with pytest.raises(refused.PauseInForce):
        await authority.pause(both, seconds=60)
    await authority.unpause(PauseFamily.THREADS)
    await alice.create_thread("t", deposit=10_000)
    with pytest.raises(refused.PauseCoolOff):
        await authority.pause(PauseFamily.THREADS, seconds=60)


async def test_the_treasury_spends_what_its_signers_agree_on(world):
    authority, alice = world.client(world.authority), await world.person()
    stake = await alice.stake()
    payee = stake.account_of(alice.wallet)
    receipt = await authority.propose_treasury(TreasuryActionSpend(700, payee))
    (proposed,) = await authority.events(receipt.signature)
    assert isinstance(proposed, TreasuryProposed)
    assert proposed.index == 0
    with pytest.raises(refused.NotTreasurySigner):
        await alice.approve_treasury(0)
    with pytest.raises(refused.ThresholdNotReached, match="0 of the present signers"):
        await authority.execute_treasury(0)
    await authority.approve_treasury(0)
    proposal, treasury = await alice.proposal(0), await alice.treasury()
    assert approvals_of(treasury, proposal) == (authority.wallet,)
    with pytest.raises(refused.InsufficientFunds, match="holds 0"):
        await authority.execute_treasury(0)
    with pytest.raises(refused.ProposalOpen):
        await alice.cleanup_treasury(0)
    await authority.cancel_treasury(0)

    keys = (authority.wallet, alice.wallet)
    await authority.propose_treasury(TreasuryActionSetSigners(keys, 2))
    await authority.approve_treasury(1)
    await authority.execute_treasury(1)
    assert (await alice.treasury()).signers == keys
    assert [p.index for p in await alice.proposals()] == [1]
    await alice.cleanup_treasury(1)
    assert await alice.proposals() == []
    unsigned = await alice.unsigned(authority.wallet).propose_treasury(
        TreasuryActionSpend(1, payee)
    )
    assert ids.proposal_pda(2) in unsigned.message.account_keys
