"""Batches within the chain's limits, lookup tables, and what is atomic."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import request_heap_frame
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.choir.chain import QUICK

from choir import batching, program_errors
from choir.accounts import PrivacyLevel
from choir.batching import plan, send_batch
from choir.errors import BatchFailed, InvalidInput, TransactionFailed
from choir.ids import content_hash, thread_pda
from choir.instructions import post_message
from choir.sending import Sender
from choir.transactions import MAX_ACCOUNTS, MAX_TRANSACTION_BYTES, compute_budget, measure
from choir.wallet import KeypairSigner

PAYER = Pubkey.new_unique()
PROGRAM = Pubkey.new_unique()
KEYS = [Pubkey.new_unique() for _ in range(120)]
SIGNERS = [Pubkey.new_unique() for _ in range(10)]


def an_instruction(chance, most_accounts, most_data):
    accounts = [
        AccountMeta(key, False, chance.random() < 0.5)
        for key in chance.sample(KEYS, chance.randrange(most_accounts + 1))
    ]
    if chance.random() < 0.1:
        accounts.append(AccountMeta(chance.choice(SIGNERS), True, False))
    return Instruction(PROGRAM, bytes(chance.randrange(most_data + 1)), accounts)


def _too_large(group, tables):
    instructions = [*compute_budget(1_000, 1), *group]
    try:
        return min(
            (measure(PAYER, instructions, tables=t) for t in ([], tables)), key=lambda m: m.size
        ).excess
    except InvalidInput:
        return True


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_plan_keeps_order_and_groups_and_fits(seed, with_tables):
    chance = random.Random(seed)
    most_accounts, most_data = chance.choice([(3, 40), (20, 100), (40, 10), (2, 1_000)])
    groups = [
        tuple(an_instruction(chance, most_accounts, most_data) for _ in range(chance.randint(1, 3)))
        for _ in range(chance.randint(1, 30))
    ]
    tables = [AddressLookupTableAccount(Pubkey.new_unique(), KEYS[:100])] if with_tables else []
    try:
        batches = plan(groups, payer=PAYER, tables=tables)
    except InvalidInput:
        assert any(_too_large(group, tables) for group in groups)
        return
    assert [g for batch in batches for g in batch.groups] == groups
    for batch, following in zip(batches, [*batches[1:], None], strict=True):
        instructions = [*compute_budget(1_000, 1), *batch.instructions]
        best = min(
            (measure(PAYER, instructions, tables=t) for t in ([], tables)), key=lambda m: m.size
        )
        assert best.size <= MAX_TRANSACTION_BYTES
        assert best.accounts <= MAX_ACCOUNTS
        if following is not None:  # the next group would really not have fitted
            fuller = [*instructions, *following.groups[0]]
            sizes = [measure(PAYER, fuller, tables=t) for t in ([], tables)]
            assert min(sizes, key=lambda m: m.size).excess


def test_what_fits_nowhere_and_what_cannot_be_atomic_is_said():
    small = Instruction(PROGRAM, bytes(700), [])
    large = Instruction(PROGRAM, bytes(1_300), [])
    crowded = Instruction(PROGRAM, b"", [AccountMeta(k, False, True) for k in KEYS[:70]])
    with pytest.raises(InvalidInput, match=r"group 2 of 2 fits into no transaction.*1232"):
        plan([small, large], payer=PAYER)
    with pytest.raises(InvalidInput, match=r"64 are the most"):
        plan([crowded], payer=PAYER, tables=[AddressLookupTableAccount(PROGRAM, KEYS)])
    with pytest.raises(InvalidInput, match="2 transactions and so cannot be atomic"):
        plan([small, small], payer=PAYER, atomic=True)
    for nothing in ([], [()]):
        with pytest.raises(InvalidInput, match="nothing to send"):
            plan(nothing, payer=PAYER)


def pays(wallet, count, lamports=1_000_000):
    return [
        transfer(TransferParams(from_pubkey=wallet, to_pubkey=key, lamports=lamports))
        for key in KEYS[:count]
    ]


async def test_a_batch_of_one_transaction_is_atomic_and_a_longer_one_says_it_is_not(world):
    alice = await world.person()
    short = await alice.send_batch(pays(alice.wallet, 3))
    assert short.atomic
    long = await alice.send_batch(pays(alice.wallet, 60))
    assert not long.atomic
    assert len(long.receipts) == 3
    held = [(await world.rpc.get_balance(key)).value for key in KEYS[:60]]
    assert held == [2_000_000] * 3 + [1_000_000] * 57


async def test_a_failure_in_the_middle_says_what_is_done_and_what_is_left(world):
    alice = await world.person()
    groups = [*pays(alice.wallet, 60)[:-1], *pays(alice.wallet, 1, lamports=10**12)]
    with pytest.raises(BatchFailed, match="2 transactions of the batch ran") as caught:
        await alice.send_batch(groups)
    failed = caught.value
    assert len(failed.done) == 2
    held = [(await world.rpc.get_balance(key)).value for key in KEYS[:59]]
    assert failed.left == 60 - sum(lamports > 0 for lamports in held)
    assert isinstance(failed.cause, TransactionFailed)
    with pytest.raises(TransactionFailed):  # nothing of it was done: the error itself
        await alice.send_batch([*pays(alice.wallet, 1, lamports=10**12), *pays(alice.wallet, 60)])


async def test_verbs_are_collected_into_a_batch(world):
    alice = await world.person()
    verbs = alice.collect()
    create = await verbs.create_thread("t", deposit=10_000)
    messages = [
        post_message(
            author=alice.wallet,
            thread=thread_pda("t"),
            content_hash=content_hash(str(i)),
            privacy=PrivacyLevel.PUBLIC,
            message_index=i,
        )
        for i in range(3)
    ]
    receipt = await alice.send_batch([(*create, *messages)])
    assert receipt.atomic
    assert (await alice.thread("t")).message_count == 3
    with pytest.raises(program_errors.ThreadAlreadyExists):
        await verbs.create_thread("t", deposit=10_000)


class Hungry(Sender):
    """Where more than two transfers at once need more compute units than there are."""

    async def send(self, instructions, **options):
        if len(instructions) > 2:
            raise TransactionFailed(
                "no",
                err={"InstructionError": [0, "ComputationalBudgetExceeded"]},
                simulated=True,
            )
        return await super().send(instructions, **options)


async def test_what_needs_too_many_compute_units_is_halved_unless_atomic(world):
    alice = await world.person()
    sender = Hungry(world.rpc, policy=QUICK)
    receipt = await send_batch(sender, pays(alice.wallet, 5), signers=[alice.signer])
    assert len(receipt.receipts) == 3
    with pytest.raises(TransactionFailed):
        await send_batch(sender, pays(alice.wallet, 5), signers=[alice.signer], atomic=True)
    with pytest.raises(InvalidInput, match="at least one signer"):
        await send_batch(sender, pays(alice.wallet, 5), signers=[])
    assert batching._needs_too_much(
        TransactionFailed("x", err="y", logs=["exceeded CUs meter at BPF"], simulated=True)
    )
    assert not batching._needs_too_much(TransactionFailed("x", err="y", simulated=False))


async def test_further_signers_sign_too(world):
    alice, bob = await world.person(), KeypairSigner.generate()
    await world.rpc.request_airdrop(bob.pubkey, 10**9)
    await alice.send(request_heap_frame(64 * 1024), *pays(bob.pubkey, 1), signers=[bob])
    assert (await world.rpc.get_balance(bob.pubkey)).value == 10**9 - 1_000_000
