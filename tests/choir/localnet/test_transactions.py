"""Transactions through stock solana-py over real sockets: sent, refused, failed, found again."""

from __future__ import annotations

import base64

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized
from solana.rpc.core import RPCException
from solana.rpc.types import TxOpts
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import (
    AdvanceNonceAccountParams,
    TransferParams,
    advance_nonce_account,
    create_nonce_account,
    transfer,
)
from solders.transaction import Transaction
from solders.transaction_status import TransactionConfirmationStatus
from tests.choir.localnet.helpers import SOL, RawRpc, legacy, versioned

from choir.localnet import Localnet

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


def pay(source: Keypair, to: Pubkey, lamports: int) -> Instruction:
    return transfer(TransferParams(from_pubkey=source.pubkey(), to_pubkey=to, lamports=lamports))


async def test_a_transfer_lands_and_moves_money(client: AsyncClient, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    sent = await client.send_transaction(await legacy(client, payer, pay(payer, to, SOL)))

    confirmed = await client.confirm_transaction(sent.value, Confirmed)
    [status] = confirmed.value
    assert status is not None
    assert status.err is None
    assert status.confirmation_status == TransactionConfirmationStatus.Confirmed
    assert (await client.get_balance(to)).value == SOL
    assert (await client.get_balance(payer.pubkey())).value == 9 * SOL - 5_000


async def test_a_status_becomes_final(
    localnet: Localnet, client: AsyncClient, payer: Keypair
) -> None:
    sent = await client.send_transaction(
        await legacy(client, payer, pay(payer, Pubkey.new_unique(), SOL))
    )
    assert (await client.get_balance(payer.pubkey(), Finalized)).value == 0
    await localnet.advance(3)
    [status] = (await client.get_signature_statuses([sent.value])).value
    assert status is not None
    assert status.confirmation_status == TransactionConfirmationStatus.Finalized
    assert status.confirmations is None
    assert (await client.get_balance(payer.pubkey(), Finalized)).value == 9 * SOL - 5_000


async def test_an_unknown_signature_has_no_status(client: AsyncClient) -> None:
    answer = await client.get_signature_statuses([Signature.new_unique()])
    assert answer.value == [None]


async def test_preflight_refuses_what_would_fail(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    transaction = await legacy(client, payer, pay(payer, Pubkey.new_unique(), 100 * SOL))
    error = await rpc.error(
        "sendTransaction",
        base64.b64encode(bytes(transaction)).decode(),
        {"encoding": "base64", "preflightCommitment": "confirmed"},
    )
    assert error["code"] == -32002
    assert error["message"] == (
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    )
    data = error["data"]
    assert data["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert data["logs"][-1] == (
        "Program 11111111111111111111111111111111 failed: custom program error: 0x1"
    )
    assert data["accounts"] is None
    assert data["returnData"] is None
    assert data["unitsConsumed"] == 150
    with pytest.raises(RPCException):
        await client.send_transaction(transaction)
    assert (await client.get_balance(payer.pubkey())).value == 10 * SOL


async def test_without_preflight_a_failure_lands_and_costs_the_fee(
    client: AsyncClient, payer: Keypair
) -> None:
    transaction = await legacy(client, payer, pay(payer, Pubkey.new_unique(), 100 * SOL))
    sent = await client.send_transaction(transaction, TxOpts(skip_preflight=True))
    [status] = (await client.get_signature_statuses([sent.value])).value
    assert status is not None
    assert status.err is not None
    assert (await client.get_balance(payer.pubkey())).value == 10 * SOL - 5_000
    found = await client.get_transaction(sent.value)
    assert found.value is not None
    meta = found.value.transaction.meta
    assert meta is not None
    assert meta.err is not None
    assert meta.fee == 5_000
    assert meta.post_balances[0] == 10 * SOL - 5_000


async def test_a_bad_signature_is_refused(client: AsyncClient, rpc: RawRpc, payer: Keypair) -> None:
    transaction = await legacy(client, payer, pay(payer, Pubkey.new_unique(), SOL))
    transaction.signatures = [Signature.new_unique()]
    wire = base64.b64encode(bytes(transaction)).decode()
    error = await rpc.error(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    assert error["code"] == -32002
    assert error["message"] == (
        "Transaction simulation failed: Transaction did not pass signature verification"
    )
    assert error["data"]["err"] == "SignatureFailure"
    checked = await rpc("simulateTransaction", wire, {"encoding": "base64", "sigVerify": True})
    assert checked["value"]["err"] == "SignatureFailure"
    # Without preflight it is taken and never lands, as on a cluster.
    await rpc("sendTransaction", wire, {"encoding": "base64", "skipPreflight": True})
    assert (await client.get_balance(payer.pubkey())).value == 10 * SOL


async def test_the_context_slot_is_asked_of_the_bank_that_will_look(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    """Of the newest without a preflight, else of the one that `preflightCommitment` names."""
    newest = await rpc("getSlot", {"commitment": "processed"})
    confirmed = await rpc("getSlot", {"commitment": "confirmed"})
    assert confirmed < newest
    transaction = await legacy(client, payer, pay(payer, Pubkey.new_unique(), SOL))
    wire = base64.b64encode(bytes(transaction)).decode()
    send = {"encoding": "base64", "minContextSlot": confirmed}
    assert (await rpc.error("sendTransaction", wire, send))["code"] == -32016  # of a final one
    send["minContextSlot"] = newest
    send["preflightCommitment"] = "confirmed"
    assert (await rpc.error("sendTransaction", wire, send))["code"] == -32016
    ahead = {**send, "skipPreflight": True, "minContextSlot": newest + 1}
    assert (await rpc.error("sendTransaction", wire, ahead))["code"] == -32016
    assert await rpc("sendTransaction", wire, {**send, "skipPreflight": True})


async def test_the_same_transaction_takes_effect_once(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    to = Pubkey.new_unique()
    transaction = await legacy(client, payer, pay(payer, to, SOL))
    wire = base64.b64encode(bytes(transaction)).decode()
    first = await rpc(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    error = await rpc.error(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    assert error["code"] == -32002
    assert error["data"]["err"] == "AlreadyProcessed"
    again = await rpc("sendTransaction", wire, {"encoding": "base64", "skipPreflight": True})
    assert again == first
    assert (await client.get_balance(to)).value == SOL


async def test_a_blockhash_is_good_for_150_blocks(
    localnet: Localnet, client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    latest = await client.get_latest_blockhash(Confirmed)
    last_valid = latest.value.last_valid_block_height
    to = Pubkey.new_unique()
    in_time = Transaction.new_signed_with_payer(
        [pay(payer, to, SOL)], payer.pubkey(), [payer], latest.value.blockhash
    )
    late = Transaction.new_signed_with_payer(
        [pay(payer, to, 2 * SOL)], payer.pubkey(), [payer], latest.value.blockhash
    )
    height = (await client.get_block_height(Confirmed)).value
    await localnet.advance(last_valid - height - 1)
    assert await rpc("isBlockhashValid", str(latest.value.blockhash), {"commitment": "processed"})
    # A preflight leaves six blocks for the way to the leader.
    wire = base64.b64encode(bytes(in_time)).decode()
    error = await rpc.error("sendTransaction", wire, {"encoding": "base64"})
    assert error["data"]["err"] == "BlockhashNotFound"
    await client.send_transaction(in_time, TxOpts(skip_preflight=True))
    assert (await client.get_balance(to)).value == SOL

    assert (await client.get_block_height(Confirmed)).value == last_valid
    valid = await rpc("isBlockhashValid", str(latest.value.blockhash), {"commitment": "processed"})
    assert valid["value"] is False
    error = await rpc.error(
        "sendTransaction",
        base64.b64encode(bytes(late)).decode(),
        {"encoding": "base64", "preflightCommitment": "processed"},
    )
    assert error["code"] == -32002
    assert error["data"]["err"] == "BlockhashNotFound"
    assert error["message"] == "Transaction simulation failed: Blockhash not found"


async def test_a_made_up_blockhash_is_not_found(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    transaction = Transaction.new_signed_with_payer(
        [pay(payer, Pubkey.new_unique(), SOL)], payer.pubkey(), [payer], Hash.new_unique()
    )
    wire = base64.b64encode(bytes(transaction)).decode()
    error = await rpc.error(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    assert error["data"]["err"] == "BlockhashNotFound"
    answer = await rpc(
        "simulateTransaction",
        wire,
        {"encoding": "base64", "replaceRecentBlockhash": True, "commitment": "confirmed"},
    )
    assert answer["value"]["err"] is None
    assert answer["value"]["replacementBlockhash"]["blockhash"]


async def test_simulation_changes_nothing_and_shows_accounts(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    to = Pubkey.new_unique()
    transaction = await legacy(client, payer, pay(payer, to, SOL))
    wire = base64.b64encode(bytes(transaction)).decode()
    answer = await rpc(
        "simulateTransaction",
        wire,
        {
            "encoding": "base64",
            "sigVerify": True,
            "commitment": "confirmed",
            "accounts": {"encoding": "base64", "addresses": [str(to), str(payer.pubkey())]},
        },
    )
    first, second = answer["value"]["accounts"]
    assert first["lamports"] == SOL
    assert second["lamports"] == 9 * SOL - 5_000
    assert (await client.get_balance(to)).value == 0
    error = await rpc.error(
        "simulateTransaction",
        wire,
        {
            "encoding": "base64",
            "sigVerify": True,
            "replaceRecentBlockhash": True,
            "commitment": "confirmed",
        },
    )
    assert error["code"] == -32602


async def test_the_priority_fee_is_charged(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    transaction = await legacy(
        client,
        payer,
        set_compute_unit_limit(100_000),
        set_compute_unit_price(50_001),
        pay(payer, Pubkey.new_unique(), SOL),
    )
    message = base64.b64encode(bytes(transaction.message)).decode()
    expected = 5_000 + 5_001
    answer = await rpc("getFeeForMessage", message, {"commitment": "confirmed"})
    assert answer["value"] == expected
    sent = await client.send_transaction(transaction)
    assert (await client.get_balance(payer.pubkey())).value == 9 * SOL - expected
    found = await rpc("getTransaction", str(sent.value), {"commitment": "confirmed"})
    assert found["meta"]["fee"] == expected
    fees = await rpc("getRecentPrioritizationFees", [str(payer.pubkey())])
    assert {"slot": found["slot"], "prioritizationFee": 50_001} in fees


async def test_an_account_left_below_rent_exemption_fails(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    to = Pubkey.new_unique()
    transaction = await legacy(client, payer, pay(payer, to, 1))
    with pytest.raises(RPCException):
        await client.send_transaction(transaction)
    sent = await client.send_transaction(transaction, TxOpts(skip_preflight=True))
    found = await rpc("getTransaction", str(sent.value), {"commitment": "confirmed"})
    assert found["meta"]["err"] == {"InsufficientFundsForRent": {"account_index": 1}}
    assert (await client.get_balance(to)).value == 0
    assert (await client.get_balance(payer.pubkey())).value == 10 * SOL - 5_000


async def test_a_missing_program_is_said_so(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    transaction = await legacy(client, payer, Instruction(Pubkey.new_unique(), b"", []))
    wire = base64.b64encode(bytes(transaction)).decode()
    error = await rpc.error(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    assert error["data"]["err"] == "ProgramAccountNotFound"


async def test_an_empty_wallet_cannot_pay(client: AsyncClient, rpc: RawRpc) -> None:
    poor = Keypair()
    transaction = await legacy(client, poor, pay(poor, Pubkey.new_unique(), SOL))
    wire = base64.b64encode(bytes(transaction)).decode()
    error = await rpc.error(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    assert error["data"]["err"] == "AccountNotFound"
    assert "no record of a prior credit" in error["message"]


async def test_a_program_is_loaded_as_an_upgradeable_one(
    client: AsyncClient, rpc: RawRpc, payer: Keypair, program_id: Pubkey
) -> None:
    info = await rpc("localnet_info")
    assert info["programId"] == str(program_id)
    program = await rpc("getAccountInfo", str(program_id), {"encoding": "jsonParsed"})
    parsed = program["value"]["data"]["parsed"]
    assert program["value"]["executable"] is True
    assert parsed["type"] == "program"
    data = await rpc(
        "getAccountInfo",
        parsed["info"]["programData"],
        {
            "encoding": "base64",
            "dataSlice": {"offset": 12, "length": 33},
            "commitment": "confirmed",
        },
    )
    raw = base64.b64decode(data["value"]["data"][0])
    assert raw[0] == 1
    assert str(Pubkey.from_bytes(raw[1:])) == info["upgradeAuthority"]
    note = Instruction(program_id, b"heard", [AccountMeta(payer.pubkey(), True, False)])
    sent = await client.send_transaction(await legacy(client, payer, note))
    found = await rpc("getTransaction", str(sent.value), {"commitment": "confirmed"})
    assert found["meta"]["err"] is None
    assert any('"heard"' in line for line in found["meta"]["logMessages"])


async def test_versioned_transactions_need_the_callers_consent(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    transaction = await versioned(client, payer, pay(payer, Pubkey.new_unique(), SOL))
    sent = await client.send_transaction(transaction)
    error = await rpc.error("getTransaction", str(sent.value), {"commitment": "confirmed"})
    assert error["code"] == -32015
    found = await rpc(
        "getTransaction",
        str(sent.value),
        {"commitment": "confirmed", "maxSupportedTransactionVersion": 0},
    )
    assert found["version"] == 0


async def test_a_durable_nonce_outlives_blockhashes_and_is_used_once(
    localnet: Localnet, client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    nonce = Keypair()
    rent = (await client.get_minimum_balance_for_rent_exemption(80)).value
    create = create_nonce_account(payer.pubkey(), nonce.pubkey(), payer.pubkey(), rent)
    latest = (await client.get_latest_blockhash()).value.blockhash
    await client.send_transaction(
        Transaction.new_signed_with_payer(list(create), payer.pubkey(), [payer, nonce], latest)
    )
    shown = await rpc(
        "getAccountInfo",
        str(nonce.pubkey()),
        {"encoding": "jsonParsed", "commitment": "confirmed"},
    )
    stored = Hash.from_string(shown["value"]["data"]["parsed"]["info"]["blockhash"])
    advance = advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=nonce.pubkey(), authorized_pubkey=payer.pubkey())
    )
    to = Pubkey.new_unique()

    def signed(lamports: int) -> Transaction:
        return Transaction.new_signed_with_payer(
            [advance, pay(payer, to, lamports)], payer.pubkey(), [payer], stored
        )

    await localnet.advance(200)
    # It fails, and uses the nonce up all the same.
    await client.send_transaction(signed(100 * SOL), TxOpts(skip_preflight=True))
    wire = base64.b64encode(bytes(signed(SOL))).decode()
    error = await rpc.error(
        "sendTransaction", wire, {"encoding": "base64", "preflightCommitment": "confirmed"}
    )
    assert error["data"]["err"] == "BlockhashNotFound"
    assert (await client.get_balance(to)).value == 0
    shown = await rpc(
        "getAccountInfo",
        str(nonce.pubkey()),
        {"encoding": "jsonParsed", "commitment": "confirmed"},
    )
    stored = Hash.from_string(shown["value"]["data"]["parsed"]["info"]["blockhash"])
    await client.send_transaction(signed(SOL))
    assert (await client.get_balance(to)).value == SOL
