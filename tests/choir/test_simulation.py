"""Simulations as objects, and logs as trees, against the real program and against nonsense."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from choir import ids, program_errors
from choir.accounts import PrivacyLevel, Thread
from choir.ids import PROGRAM_ID, content_hash
from choir.instructions import create_thread, post_message
from choir.simulation import Invocation, parse_logs

A, B = str(Pubkey.new_unique()), str(Pubkey.new_unique())


def test_a_log_becomes_a_tree_of_calls():
    data = base64.b64encode(b"event").decode()
    (root, second) = parse_logs(
        [
            f"Program {A} invoke [1]",
            "Program log: Instruction: Go",
            f"Program {B} invoke [2]",
            f"Program data: {data}",
            f"Program {B} consumed 10 of 90 compute units",
            f"Program return: {B} AQI=",
            f"Program {B} success",
            f"Program log: Program {B} success",
            f"Program {A} consumed 30 of 100 compute units",
            f"Program {A} success",
            f"Program {B} invoke [1]",
            f"Program {B} failed: custom program error: 0x1770",
        ]
    )
    assert root == Invocation(
        A,
        1,
        units=30,
        limit=100,
        logs=["Instruction: Go", f"Program {B} success"],
        calls=[Invocation(B, 2, units=10, limit=90, data=[b"event"], returned=b"\1\2", ended=True)],
        ended=True,
    )
    assert (second.failed, second.ended) == ("custom program error: 0x1770", True)
    assert [call.program for call in root.walk()] == [A, B]


LINES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            f"Program {A} invoke [1]",
            f"Program {B} invoke [2]",
            f"Program {A} invoke [7]",
            f"Program {A} success",
            f"Program {B} success",
            f"Program {B} failed: no",
            f"Program {A} consumed 1 of 2 compute units",
            f"Program return: {A} ???",
            "Program data: !!! AAAA",
            "Log truncated",
        ]
    ),
)


@given(st.lists(LINES, max_size=40))
def test_no_log_breaks_it_and_every_call_is_where_it_was_made(lines):
    for root in parse_logs(lines):
        assert root.depth == 1
        for call in root.walk():
            assert all(inner.depth == call.depth + 1 for inner in call.calls)


async def test_a_simulation_tells_everything_and_does_nothing(world):
    alice = await world.person()
    stake = await alice.stake()
    thread = ids.thread_pda("t")
    (instruction,) = await alice.collect().create_thread("t", deposit=10_000)
    result = await alice.simulate(instruction, accounts=[thread, Pubkey.new_unique()])
    result.raise_for_error()
    assert result.succeeded
    assert not result.truncated
    after, nobody = result.accounts.values()
    assert Thread.decode(after.data).balance == 10_000
    assert nobody is None
    *_, ours = result.invocations
    assert ours.program == str(PROGRAM_ID)
    assert ours.logs == []  # the program says nothing while all is well
    # the vault is made by the token program, the event told by the program to itself
    assert {str(stake.token_program), str(PROGRAM_ID)} <= {c.program for c in ours.walk()[1:]}
    assert ours.units <= result.units
    assert sum(c.units or 0 for c in ours.calls) < ours.units
    assert await alice.find_thread("t") is None


async def test_a_refusal_is_in_the_result_with_its_type_and_logs(world):
    alice = await world.person()
    stake = await alice.stake()
    refused = create_thread(
        creator=alice.wallet, thread_id="t", deposit=1, privacy=0, stake_mint=stake.mint
    )
    result = await alice.simulate(refused, accounts=[ids.thread_pda("t")])
    assert isinstance(result.error, program_errors.DepositBelowMinimum)
    assert result.error.logs == result.logs
    assert result.error.simulated
    assert result.invocations[-1].failed
    with pytest.raises(program_errors.DepositBelowMinimum):
        result.raise_for_error()


async def test_a_wallet_without_lamports_is_refused_in_the_result_too(world):
    alice = await world.person(lamports=0, tokens=0)
    result = await alice.simulate(
        transfer(TransferParams(from_pubkey=alice.wallet, to_pubkey=alice.wallet, lamports=1))
    )
    assert result.error is not None
    assert result.invocations == ()


async def test_instructions_that_depend_on_each_other_are_simulated_together(world):
    alice = await world.person()
    (create,) = await alice.collect().create_thread("t", deposit=10_000)
    post = post_message(
        author=alice.wallet,
        thread=ids.thread_pda("t"),
        content_hash=content_hash("a"),
        privacy=PrivacyLevel.PUBLIC,
        message_index=0,
    )
    assert (await alice.simulate(create, post)).succeeded
    assert not (await alice.simulate(post)).succeeded
