"""Fee and compute-unit policies: what is bid, asked for, and charged in the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.system_program import TransferParams, transfer
from tests.choir.chain import QUICK

from choir.client import ChoirClient
from choir.errors import InvalidInput
from choir.fees import (
    MAX_COMPUTE_UNITS,
    FeeQuestion,
    FixedFee,
    FixedUnits,
    PriorityFee,
    SimulatedUnits,
    bid,
    priority_fee_lamports,
)
from choir.sending import Sender, SendPolicy
from choir.testing import FakeRpc, ManualClock
from choir.wallet import KeypairSigner

QUESTION = FeeQuestion((), (), (5, 1, 3))


async def half(question):
    return sum(question.recent) // 2


@pytest.mark.parametrize(
    ("policy", "price"),
    [
        (FixedFee(7), 7),
        (FixedFee(0), 0),
        (PriorityFee(percentile=0), 1),
        (PriorityFee(percentile=50), 3),
        (PriorityFee(percentile=100), 5),
        (lambda question: max(question.recent) * 2, 10),
        (half, 4),
    ],
)
async def test_every_kind_of_policy_gives_its_price(policy, price):
    assert await bid(policy, QUESTION) == price


@pytest.mark.parametrize("answer", [-1, 1.5, None, 2**64, True])
async def test_a_function_that_gives_no_price_is_refused(answer):
    with pytest.raises(InvalidInput, match="micro-lamports"):
        await bid(lambda _: answer, QUESTION)


@pytest.mark.parametrize(
    "make",
    [
        lambda: PriorityFee(percentile=101),
        lambda: PriorityFee(floor=5, ceiling=4),
        lambda: FixedFee(-1),
        lambda: FixedUnits(0),
        lambda: FixedUnits(MAX_COMPUTE_UNITS + 1),
        lambda: SimulatedUnits(-1),
    ],
)
def test_policies_that_cannot_be_are_refused_when_made(make):
    with pytest.raises(InvalidInput):
        make()


@given(st.integers(0, 2_000_000), st.integers(0, 400))
def test_units_have_their_margin_and_stay_within_the_chains_limit(used, margin):
    asked = SimulatedUnits(margin).of(used)
    assert 1 <= asked <= MAX_COMPUTE_UNITS
    assert asked >= min(used, MAX_COMPUTE_UNITS)
    assert asked <= max(1, used + used * margin // 100)


async def test_fixed_units_and_a_fixed_fee_ask_the_node_nothing_but_a_blockhash():
    rpc = FakeRpc()
    policy = SendPolicy(units=FixedUnits(50_000), priority_fee=FixedFee(3))
    signer = KeypairSigner.generate()
    instruction = transfer(
        TransferParams(from_pubkey=signer.pubkey, to_pubkey=signer.pubkey, lamports=1)
    )
    sender = Sender(rpc, policy=policy, clock=ManualClock(on_sleep=lambda s: rpc.advance()))
    prepared = await sender.prepare([instruction], payer=signer.pubkey)
    assert (prepared.units, prepared.unit_price) == (50_000, 3)
    assert dict(rpc.calls) == {"getLatestBlockhash": 1}
    simulating = SendPolicy(units=FixedUnits(50_000, simulate=True), priority_fee=FixedFee(3))
    await Sender(rpc, policy=simulating).prepare([instruction], payer=signer.pubkey)
    assert rpc.calls["simulateTransaction"] == 1


async def test_the_chain_charges_what_the_policy_bid(world):
    alice = await world.person()
    policy = SendPolicy(
        units=FixedUnits(10_001), priority_fee=FixedFee(1_500), poll_first=QUICK.poll_first
    )
    client = ChoirClient(world.rpc, alice.signer, policy=policy)
    before = (await world.rpc.get_balance(alice.wallet)).value
    to = KeypairSigner.generate().pubkey
    receipt = await client.send(
        transfer(TransferParams(from_pubkey=alice.wallet, to_pubkey=to, lamports=10**6))
    )
    after = (await world.rpc.get_balance(alice.wallet)).value
    fee = 5_000 + priority_fee_lamports(10_001, 1_500)
    assert fee == 5_016  # 15.0015 lamports, rounded up
    assert before - after == 10**6 + fee
    found = await world.rpc.get_transaction(receipt.signature)
    assert found["meta"]["fee"] == fee
