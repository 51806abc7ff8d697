"""Durable nonces: made, used, advanced, recovered after a kill, closed; on the localnet."""

import pytest
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from choir import program_errors
from choir.errors import (
    DecodeError,
    InvalidInput,
    NonceAdvanced,
    NotFound,
    OutcomeUnknown,
    TransactionFailed,
    WrongOwner,
)
from choir.nonce import NonceAccount
from choir.rpc import Account, HttpRpc
from choir.sending import Sender, SendPolicy
from choir.transactions import NEVER, NonceUse, nonce_of
from choir.wallet import KeypairSigner, sign_message


def pay(wallet, to, lamports=1_000_000):
    return transfer(TransferParams(from_pubkey=wallet, to_pubkey=to, lamports=lamports))


async def balance(world, address):
    return (await world.rpc.get_balance(address)).value


async def finalize(world):
    await world.localnet.advance(40)


async def signed_with_a_nonce(world, client, instruction):
    address = await client.nonces.create(payer=client.signer)
    use = await client.nonces.use(address)
    prepared = await client.prepare(instruction, nonce=use)
    assert prepared.last_valid_block_height == NEVER
    return use, prepared, await sign_message(prepared.message, [client.signer])


async def test_a_signed_transaction_outlives_every_blockhash_and_runs_once(world):
    alice, to = await world.person(), Pubkey.new_unique()
    use, prepared, signed = await signed_with_a_nonce(world, alice, pay_of(alice, to))
    assert nonce_of(signed) == use == prepared.nonce
    await world.localnet.advance(400)
    receipt = await alice.sender.submit(
        signed,
        last_valid_block_height=prepared.last_valid_block_height,
        min_context_slot=prepared.min_context_slot,
    )
    # a process that was killed here and starts over hands over the same bytes again
    again = await alice.sender.submit(
        VersionedTransaction.from_bytes(bytes(signed)),
        last_valid_block_height=NEVER,
        min_context_slot=prepared.min_context_slot,
    )
    assert again == receipt
    assert await balance(world, to) == 1_000_000
    assert (await alice.nonces.read(use.account)).value != use.value


def pay_of(client, to):
    return pay(client.wallet, to)


async def test_advancing_the_nonce_calls_a_signed_transaction_back(world):
    alice, to = await world.person(), Pubkey.new_unique()
    use, prepared, signed = await signed_with_a_nonce(world, alice, pay_of(alice, to))
    await alice.nonces.advance(use.account, authority=alice.signer, payer=alice.signer)
    await finalize(world)
    with pytest.raises(NonceAdvanced, match="was advanced"):
        await alice.sender.submit(
            signed, last_valid_block_height=NEVER, min_context_slot=prepared.min_context_slot
        )
    assert await balance(world, to) == 0
    with pytest.raises(InvalidInput, match="read it again"):
        await alice.prepare(pay_of(alice, to), nonce=use)


async def test_a_transaction_that_fails_uses_its_nonce_up_and_is_told_as_failed(world):
    alice, to = await world.person(), Pubkey.new_unique()
    address = await alice.nonces.create(payer=alice.signer)
    use = await alice.nonces.use(address)
    prepared = await alice.prepare(pay(alice.wallet, to, 5 * 10**9), nonce=use)
    signed = await sign_message(prepared.message, [alice.signer])
    await alice.send(pay(alice.wallet, Pubkey.new_unique(), 8 * 10**9))
    for _ in range(2):
        with pytest.raises(TransactionFailed) as caught:
            await alice.sender.submit(
                signed, last_valid_block_height=NEVER, min_context_slot=prepared.min_context_slot
            )
        assert not caught.value.simulated
    assert (await alice.nonces.read(address)).value != use.value


async def test_verbs_of_the_program_run_by_a_nonce_and_refusals_are_typed(world):
    alice = await world.person()
    (create,) = await alice.collect().create_thread("t", deposit=10_000)
    use = await alice.nonces.use(await alice.nonces.create(payer=alice.signer))
    await alice.send(create, nonce=use)
    assert (await alice.thread("t")).balance == 10_000
    use = await alice.nonces.use(use.account)
    with pytest.raises(TransactionFailed) as caught:
        await alice.send(create, nonce=use)
    assert caught.value.simulated
    assert program_errors.BY_CODE


async def test_an_unknown_outcome_is_settled_later_without_sending(world):
    alice, to = await world.person(), Pubkey.new_unique()
    use, prepared, signed = await signed_with_a_nonce(world, alice, pay_of(alice, to))
    impatient = Sender(world.rpc, policy=SendPolicy(longest=0, poll_first=0.001))
    settle = {
        "last_valid_block_height": NEVER,
        "min_context_slot": prepared.min_context_slot,
        "nonce": use,
    }
    with pytest.raises(OutcomeUnknown):
        await impatient.settle(signed.signatures[0], **settle)
    await world.rpc.send_transaction(bytes(signed))
    receipt = await alice.sender.settle(signed.signatures[0], **settle)
    assert receipt.signature == signed.signatures[0]
    assert await balance(world, to) == 1_000_000


async def test_another_authority_governs_and_an_account_is_closed(world):
    alice, bob = await world.person(), await world.person()
    key = KeypairSigner.generate()
    address = await alice.nonces.create(payer=alice.signer, authority=bob.wallet, account=key)
    # a second time it is there already
    assert await alice.nonces.create(payer=alice.signer, account=key) == address == key.pubkey
    use = await alice.nonces.use(address)
    assert use.authority == bob.wallet
    to = Pubkey.new_unique()
    await alice.send(pay_of(alice, to), signers=[bob.signer], nonce=use)
    await alice.nonces.authorize(
        address, authority=bob.signer, new_authority=alice.wallet, payer=alice.signer
    )
    held = await balance(world, address)
    before = await balance(world, bob.wallet)
    await alice.nonces.close(address, authority=alice.signer, payer=alice.signer, to=bob.wallet)
    assert await balance(world, bob.wallet) == before + held
    with pytest.raises(NotFound, match="no nonce account"):
        await alice.nonces.use(address)


@pytest.mark.parametrize(
    ("account", "error", "said"),
    [
        (Account(1, Pubkey.new_unique(), bytes(80)), WrongOwner, "belongs to"),
        (Account(1, Pubkey.default(), bytes(80)), DecodeError, "not initialized"),
        (Account(1, Pubkey.default(), b""), DecodeError, "80 bytes, this one 0"),
    ],
)
def test_what_is_no_nonce_is_said(account, error, said):
    with pytest.raises(error, match=said):
        NonceAccount.of(account)


async def test_a_transaction_by_a_blockhash_has_no_nonce(world):
    alice = await world.person()
    prepared = await alice.prepare(pay_of(alice, Pubkey.new_unique()))
    assert nonce_of(prepared.transaction) is None
    assert NonceUse(alice.wallet, alice.wallet, Hash.default()) != prepared.nonce
    assert isinstance(world.rpc, HttpRpc)
