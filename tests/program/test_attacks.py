"""Attacks that take more than one wrong account: each ends as the program's page says."""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import pairwise

import pytest
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from tests.program.expect import refused
from tests.program.harness import DAY, Refused, pda
from tests.program.honest import Call, Stage, honest


def _together(*calls: Call) -> None:
    """Sends several calls in one transaction."""
    made = [call.world.instruction(call.name, call.accounts, call.arguments) for call in calls]
    signers = {one.key: one.keypair for call in calls for one in call.signers}
    calls[0].world.send(*made, signers=tuple(signers.values()))


def _closing(call: Call, closed: Pubkey) -> None:
    """Closes an account and sends lamports to it in the same transaction."""
    stage = call.stage
    close = call.world.instruction(call.name, call.accounts, call.arguments)
    params = TransferParams(from_pubkey=stage.zoe.key, to_pubkey=closed, lamports=5_000_000)
    signers = (stage.zoe.keypair, *(one.keypair for one in call.signers))
    call.world.send(close, transfer(params), signers=signers)


# ---- closing and reviving


@pytest.mark.parametrize(
    ("name", "slot"),
    [
        ("cleanup_spec", "spec"),
        ("cleanup_spec", "escrow"),
        ("cleanup_position", "position"),
        ("close_thread", "position"),
        ("close_thread", "vault"),
        ("cancel_treasury", "proposal"),
        ("cleanup_treasury", "proposal"),
    ],
)
def test_lamports_revive_nothing(name: str, slot: str) -> None:
    call = honest(name)
    key = call.accounts[slot]
    _closing(call, key)
    account = call.world.svm.get_account(key)
    assert account is not None
    assert (account.owner, bytes(account.data), account.lamports) == (
        SYSTEM_PROGRAM,
        b"",
        5_000_000,
    )
    with pytest.raises(Refused):
        call.send()


def test_a_spec_submitted_again_at_once_is_another_one() -> None:
    """Its address is the same; what was decided and signed about the first one is void."""
    call = honest("process_approval")
    stage = call.stage
    with refused("SpecHasDecisions"):
        _together(stage.withdraw(stage.carol), stage.cleanup_spec(stage.carol))
    stage.world.pass_time(7 * DAY)
    again = stage.submit(stage.carol)
    _together(stage.withdraw(stage.carol), stage.cleanup_spec(stage.carol), again)
    spec = stage.world.read("Spec", stage.spec(stage.carol))
    assert (spec["sequence"], spec["approvals"], spec["status"]) == (2, 0, "Pending")
    with refused("StaleSpec"):
        call.send()
    stage.decide(stage.alice, stage.carol, "Approve").send()
    assert stage.carol.key not in stage.state()["co_authors"]


def test_a_closed_threads_id_stays_taken_and_its_leftovers_can_go() -> None:
    call = honest("close_thread")
    stage = call.stage
    call.send()
    stage.world.svm.airdrop(stage.thread, 10**9)
    with refused("ThreadAlreadyExists"):
        stage.create_thread(stage.zoe, "ours").send()
    accounts = {
        "thread": stage.thread,
        "position": stage.position(stage.bob),
        "rent_payer": stage.bob.key,
    }
    stage.call("cleanup_position", accounts, {}).send()
    assert not stage.world.data(stage.position(stage.bob))


# ---- rent


def test_a_rise_of_rent_stops_an_approval_until_somebody_pays_the_difference() -> None:
    call = honest("process_approval")
    world, spec = call.world, call.accounts["spec"]
    rent = world.svm.get_rent()
    before = world.lamports(spec)
    world.svm.set_rent(type(rent)(rent.lamports_per_byte_year * 2, rent.exemption_threshold, 0))
    with refused("ReserveTooSmall"):
        call.send()
    assert world.lamports(spec) == before
    world.svm.airdrop(spec, before)
    # what already exists is as it was, and may be poorer than a new account would be
    for key in call.accounts.values():
        account = world.svm.get_account(key)
        if account is not None and account.data:
            world.svm.airdrop(key, account.lamports)
    call.send()
    assert call.stage.carol.key in call.stage.state()["co_authors"]


def test_lamports_at_the_newcomers_addresses_come_back_to_who_paid() -> None:
    """They make the approval cheaper, and what is saved goes back with the cleanup."""
    call = honest("process_approval")
    stage, world = call.stage, call.world
    for slot in ("message", "author_position"):
        world.svm.airdrop(call.accounts[slot], 10**7)
    reserve = world.lamports(call.accounts["spec"])
    call.send()
    assert world.lamports(call.accounts["spec"]) == reserve
    before = world.lamports(stage.carol.key)
    escrow = world.lamports(call.accounts["escrow"])
    stage.cleanup_spec(stage.carol).send()
    assert world.lamports(stage.carol.key) == before + reserve + escrow


# ---- money


def test_an_attacker_cannot_make_shares_dear_for_the_next_one() -> None:
    """First depositor: a tiny thread, tokens to the vault, a stake of one's own denied."""
    stage = Stage()
    thread = stage.open("trap", stage.alice, 10_000)
    stage.join(stage.bob, thread)
    stage.world.donate(pda(b"vault", thread), 10**8)
    stage.deny(stage.zoe, 10**8, thread)
    dear = (10_000 + 10**8) // 10_000
    for amount in (1, dear - 1):
        with refused("DepositBuysNoShare"):
            stage.deposit(stage.bob, amount, thread).send()
    with refused("DepositTooCoarse"):
        stage.deposit(stage.bob, 2 * dear - 1, thread).send()
    stage.deposit(stage.bob, 1_000 * dear, thread).send()
    state = stage.state(thread)
    held = stage.world.read("Position", stage.position(stage.bob, thread))
    worth = held["shares"] * state["balance"] // state["total_shares"]
    assert 0 <= 1_000 * dear - worth <= dear
    stage.world.pass_time(DAY)
    stage.divest(stage.bob, worth, thread).send()


def test_a_deposit_just_before_a_denial_is_held_by_the_cooldown() -> None:
    """It takes part in the stake, in proportion; and it stays for the cooldown."""
    stage = Stage()
    stage.submit(stage.carol, 100_000).send()
    stage.decide(stage.alice, stage.carol, "Deny").send()
    stage.deposit(stage.bob, 100_000).send()
    stage.decide(stage.bob, stage.carol, "Deny").send()
    with refused("DivestCooldown"):
        stage.divest(stage.bob, 150_000).send()
    stage.world.pass_time(DAY)
    with refused("InsufficientShares"):
        stage.divest(stage.bob, 150_001).send()
    stage.divest(stage.bob, 150_000).send()
    assert stage.state()["balance"] == 150_000


def test_somebody_who_rejoins_earns_from_then_on() -> None:
    stage = Stage()
    stage.as_author("leave_thread", stage.bob).send()
    stage.join(stage.carol)  # 6,000 to Alice alone
    stage.join(stage.bob)  # 3,000 to Alice and Carol each
    with refused("NothingToClaim"):
        stage.money("claim", stage.bob, {}).send()
    stage.join(stage.zoe)  # 2,000 to each of three
    event = stage.money("claim", stage.bob, {}).send().event("RewardClaimed")
    assert event["amount"] == 2_000


def test_a_denial_cannot_take_the_stake_of_who_found_the_thread_full() -> None:
    stage = Stage()
    stage.submit(stage.carol).send()
    seats = [Pubkey.from_bytes(struct.pack("<Q", seat) + bytes(24)) for seat in range(1, 15)]
    state = stage.state()
    full = {**state, "co_authors": [*state["co_authors"], *seats]}
    stage.world.rewrite("Thread", stage.thread, full)
    with refused("ThreadFull"):
        stage.decide(stage.alice, stage.carol, "Deny").send()
    stage.withdraw(stage.carol).send()
    assert stage.world.amount(stage.carol.token) == 10**9


def test_one_transaction_denies_and_winds_down() -> None:
    """Whoever sends specs to keep a thread from closing loses the stakes to its co-author."""
    stage = Stage()
    stage.as_author("leave_thread", stage.bob).send()
    stage.submit(stage.carol).send()
    stage.submit(stage.zoe).send()
    wind_down = stage.call(
        "wind_down_thread", {"author": stage.alice.key, "thread": stage.thread}, {}, stage.alice
    )
    with refused("SpecsPending"):
        wind_down.send()
    denials = [stage.decide(stage.alice, who, "Deny") for who in (stage.carol, stage.zoe)]
    _together(*denials, wind_down)
    state = stage.state()
    assert (state["status"], state["balance"]) == ("Closing", 112_000)


def test_what_a_lost_co_author_leaves_blocks_nobody_else() -> None:
    stage = Stage()
    stage.deposit(stage.bob, 50_000).send()
    stage.world.pass_time(30 * DAY)
    retire = stage.as_author("retire_author", stage.alice)
    retire.accounts["retiree_position"] = stage.position(stage.bob)
    retire.send()
    before = stage.world.amount(stage.alice.token)
    accounts = {"author": stage.alice.key, "thread": stage.thread}
    stage.call("wind_down_thread", accounts, {}, stage.alice).send()
    stage.divest(stage.alice, 100_000).send()
    stage.money("claim", stage.alice, {}).send()
    assert stage.world.amount(stage.alice.token) == before + 106_000
    # and should the key turn up, what is theirs is there
    stage.divest(stage.bob, 50_000).send()
    state = stage.state()
    assert (state["balance"], state["total_shares"], state["total_claimable"]) == (0, 0, 0)


# ---- treasury


def test_approvals_end_with_the_set_they_were_given_in() -> None:
    """A thief with one key, thrown out by the others, has nothing left of what was approved."""
    stage = Stage()
    stage.world.donate(stage.world.treasury_vault, 1_000)
    stolen = stage.propose_treasury(stage.spend(), stage.zoe.token)
    stolen.send()
    stage.approve_treasury(stage.signers[0]).send()
    others = [signer.key for signer in stage.signers[1:]]
    replace = stage.propose_treasury({"SetSigners": {"signers": others, "threshold": 1}})
    replace.send()
    for signer in stage.signers[1:]:
        approve = stage.approve_treasury(signer)
        approve.accounts["proposal"] = stage.proposal(1)
        approve.send()
    execute = stage.execute_treasury()
    execute.accounts["proposal"] = stage.proposal(1)
    execute.send()
    with refused("ThresholdNotReached"):
        stage.execute_treasury(stage.zoe.token).send()
    with refused("NotTreasurySigner"):
        stage.approve_treasury(stage.signers[0]).send()


def test_a_destination_that_changes_hands_is_still_the_one_named() -> None:
    """The account is what was approved; who owns it when it is paid gets the money."""
    stage = Stage()
    stage.world.donate(stage.world.treasury_vault, 1_000)
    execute = stage.approved(stage.spend(), stage.zoe.token)
    execute.accounts["destination"] = stage.alice.token
    with refused("WrongDestination"):
        execute.send()
    execute.accounts["destination"] = stage.zoe.token
    execute.send()
    assert stage.world.amount(stage.zoe.token) == 10**9 + 500


# ---- pauses


def test_a_guardian_cannot_keep_an_exit_shut() -> None:
    """Pausing everything whenever it is allowed leaves a day in every eight."""
    stage = Stage()
    stage.world.pass_time(DAY)
    accounts, everything = {"guardian": stage.guardian.key}, {"families": 127, "seconds": 7 * DAY}
    out = [0]
    for hour in range(0, 24 * 24, 3):
        with suppress(Refused):
            stage.call("pause", accounts, everything, stage.guardian).send()
        with suppress(Refused):
            stage.divest(stage.alice, 1).send()
            out.append(hour)
        stage.world.pass_time(3 * 3_600)
    assert len(out) > 3
    assert max(later - earlier for earlier, later in pairwise(out)) <= 8 * 24
