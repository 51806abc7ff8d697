"""solana-py: transfers, what they cost, and transactions that fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from solana.exceptions import SolanaRpcException
from solana.rpc.commitment import Confirmed, Processed
from solana.rpc.core import RPCException
from solana.rpc.types import TxOpts
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import (
    ID as SYSTEM,
)
from solders.system_program import (
    TransferParams,
    transfer,
)
from solders.transaction import Transaction, VersionedTransaction
from tests.conformance.net import FEE, SOL, Net, wire
from tests.conformance.registry import Mismatch, check, equal, true

MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
PREFLIGHT_FAILURE = -32002


def pay(payer: Keypair, to: Pubkey, lamports: int) -> Instruction:
    """A transfer of lamports."""
    return transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=lamports))


async def send(net: Net, transaction: VersionedTransaction | Transaction, **options: Any) -> str:
    """The signature, by solana-py."""
    opts = TxOpts(preflight_commitment=Confirmed, **options)
    return str((await net.client.send_raw_transaction(bytes(transaction), opts)).value)


async def refused(net: Net, transaction: VersionedTransaction | Transaction) -> dict[str, Any]:
    """The error of a send that preflight refuses: code, message and data."""
    try:
        signature = await send(net, transaction)
    except RPCException:
        # solana-py keeps the message only: what was said in full is asked for by hand
        config = {"encoding": "base64", "preflightCommitment": "confirmed"}
        return await net.refusal("sendTransaction", wire(transaction), config)  # type: ignore[arg-type]
    except SolanaRpcException as error:
        raise Mismatch(f"solana-py could not read the error: {error}") from error
    raise Mismatch(f"{signature} was accepted, expected a refusal")


@check("solana-py.transfer.legacy", "a legacy transfer moves lamports and costs 5,000")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    blockhash = (await net.client.get_latest_blockhash()).value.blockhash
    message = Message.new_with_blockhash([pay(payer, to, SOL)], payer.pubkey(), blockhash)
    signature = await send(net, Transaction([payer], message, blockhash))
    equal((await net.status(signature))["err"], None, "the status's error")
    equal((await net.client.get_balance(to)).value, SOL, "the receiver's lamports")
    equal((await net.client.get_balance(payer.pubkey())).value, SOL - FEE, "the payer's lamports")


@check("solana-py.transfer.version-0", "a version 0 transfer confirmed by the client's own waiting")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    latest = (await net.client.get_latest_blockhash()).value
    message = MessageV0.try_compile(payer.pubkey(), [pay(payer, to, SOL)], [], latest.blockhash)
    answer = await net.client.send_transaction(
        VersionedTransaction(message, [payer]), TxOpts(preflight_commitment=Confirmed)
    )
    confirmed = await net.client.confirm_transaction(
        answer.value, Confirmed, 0.1, latest.last_valid_block_height
    )
    status = confirmed.value[0]
    equal(status is not None and status.err, None, "the status's error")
    equal((await net.client.get_balance(to)).value, SOL, "the receiver's lamports")


@check("solana-py.transfer.status", "a status goes from confirmations to none when it is final")
async def _(net: Net) -> None:
    payer = await net.wallet()
    signature = await net.land(payer, pay(payer, Keypair().pubkey(), SOL))
    status = await net.status(signature)
    equal(
        sorted(status), ["confirmationStatus", "confirmations", "err", "slot", "status"], "fields"
    )
    equal(status["status"], {"Ok": None}, "status")
    if status["confirmationStatus"] == "confirmed":
        true(0 <= status["confirmations"] < 32, f"{status['confirmations']} confirmations")
    final = await net.status(signature, "finalized")
    equal((final["confirmations"], final["slot"]), (None, status["slot"]), "of the final status")


@check("solana-py.transfer.unknown", "the status of a signature nobody sent is null")
async def _(net: Net) -> None:
    signature = Signature.new_unique()
    equal((await net.client.get_signature_statuses([signature])).value, [None], "statuses")
    equal((await net.client.get_transaction(signature)).value, None, "the transaction")


@check("solana-py.transfer.resent", "the same transaction sent again has no second effect")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    transaction = await net.build(payer, pay(payer, to, SOL // 2))
    signature = await send(net, transaction)
    await net.status(signature)
    equal(await send(net, transaction, skip_preflight=True), signature, "the second signature")
    error = await refused(net, transaction)
    equal(
        (error["code"], error["message"], error["data"]["err"]),
        (
            PREFLIGHT_FAILURE,
            "Transaction simulation failed: This transaction has already been processed",
            "AlreadyProcessed",
        ),
        "the refusal",
    )
    equal((await net.client.get_balance(to)).value, SOL // 2, "the receiver's lamports")


@check("solana-py.fees.message", "getFeeForMessage: 5,000 a signature, plus the priority fee")
async def _(net: Net) -> None:
    payer, other = Keypair(), Keypair()
    blockhash = await net.blockhash()
    two = [pay(payer, other.pubkey(), 1), pay(other, payer.pubkey(), 1)]
    priced = [set_compute_unit_limit(1_000_000), set_compute_unit_price(1_500_001), two[0]]
    for instructions, fee in ((two[:1], FEE), (two, 2 * FEE), (priced, FEE + 1_500_001)):
        message = MessageV0.try_compile(payer.pubkey(), instructions, [], blockhash)
        equal((await net.client.get_fee_for_message(message)).value, fee, "the fee")
    stale = MessageV0.try_compile(payer.pubkey(), two, [], Hash.new_unique())
    equal((await net.client.get_fee_for_message(stale)).value, None, "with an unknown blockhash")


@check("solana-py.fees.priority", "the priority fee is price × limit, rounded up, and is charged")
async def _(net: Net) -> None:
    payer = await net.wallet()
    signature = await net.land(
        payer, set_compute_unit_limit(1_001), set_compute_unit_price(1_500_001)
    )
    meta = (await net.call("getTransaction", signature, VERSION_0))["meta"]
    # 1,001 × 1,500,001 micro-lamports are 1,501.501001 lamports
    equal(meta["fee"], FEE + 1_502, "the fee")
    balance = (await net.client.get_balance(payer.pubkey())).value
    equal(balance, 2 * SOL - FEE - 1_502, "the payer's lamports")


@check(
    "solana-py.fees.failed", "a transaction that fails on chain pays its fee and changes nothing"
)
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    transaction = await net.build(payer, pay(payer, to, SOL), pay(payer, to, 5 * SOL))
    signature = await send(net, transaction, skip_preflight=True)
    status = await net.status(signature)
    equal(status["err"], {"InstructionError": [1, {"Custom": 1}]}, "the status's error")
    equal(status["status"], {"Err": status["err"]}, "the old form of it")
    equal((await net.client.get_balance(to)).value, 0, "the receiver's lamports")
    equal((await net.client.get_balance(payer.pubkey())).value, 2 * SOL - FEE, "the payer's")
    meta = (await net.call("getTransaction", signature, VERSION_0))["meta"]
    equal((meta["err"], meta["fee"]), (status["err"], FEE), "the transaction's error and fee")


VERSION_0 = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0, "encoding": "json"}


@check("solana-py.errors.custom", "preflight says which instruction failed, with logs (-32002)")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    error = await refused(net, await net.build(payer, pay(payer, to, 5 * SOL)))
    equal(error["code"], PREFLIGHT_FAILURE, "the code")
    equal(
        error["message"],
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1",
        "the message",
    )
    data = error["data"]
    equal(data["err"], {"InstructionError": [0, {"Custom": 1}]}, "err")
    equal(
        data["logs"],
        [
            f"Program {SYSTEM} invoke [1]",
            f"Transfer: insufficient lamports {2 * SOL - FEE}, need {5 * SOL}",
            f"Program {SYSTEM} failed: custom program error: 0x1",
        ],
        "logs",
    )
    equal((data["unitsConsumed"], data["accounts"], data["returnData"]), (150, None, None), "rest")


Build = Callable[[Net], Awaitable[VersionedTransaction]]


def _refusal(name: str, title: str, err: object, text: str) -> Callable[[Build], object]:
    """A check that preflight refuses what the decorated function builds."""

    def register(build: Build) -> object:
        async def body(net: Net) -> None:
            error = await refused(net, await build(net))
            equal(error["code"], PREFLIGHT_FAILURE, "the code")
            equal(error["message"], f"Transaction simulation failed: {text}", "the message")
            equal(error["data"]["err"], err, "err")

        return check(f"solana-py.errors.{name}", title)(body)

    return register


@_refusal("blockhash", "an unknown blockhash", "BlockhashNotFound", "Blockhash not found")
async def _(net: Net) -> VersionedTransaction:
    payer = await net.wallet()
    message = MessageV0.try_compile(
        payer.pubkey(), [pay(payer, payer.pubkey(), 1)], [], Hash.new_unique()
    )
    return VersionedTransaction(message, [payer])


@_refusal(
    "signature",
    "a signature that is not the signer's",
    "SignatureFailure",
    "Transaction did not pass signature verification",
)
async def _(net: Net) -> VersionedTransaction:
    payer = await net.wallet()
    transaction = await net.build(payer, pay(payer, payer.pubkey(), 1))
    return VersionedTransaction.populate(transaction.message, [Signature.new_unique()])


@_refusal(
    "payer-unknown",
    "a payer that does not exist",
    "AccountNotFound",
    "Attempt to debit an account but found no record of a prior credit.",
)
async def _(net: Net) -> VersionedTransaction:
    payer = Keypair()
    return await net.build(payer, pay(payer, payer.pubkey(), 1))


@_refusal(
    "payer-poor",
    "a payer that cannot pay the fee",
    "InsufficientFundsForFee",
    "Insufficient funds for fee",
)
async def _(net: Net) -> VersionedTransaction:
    payer = await net.wallet(891_000)
    limits = [set_compute_unit_limit(1_000_000), set_compute_unit_price(2_000_000)]
    return await net.build(payer, *limits, pay(payer, payer.pubkey(), 1))


@_refusal(
    "rent",
    "an account left below the rent-exempt minimum",
    {"InsufficientFundsForRent": {"account_index": 1}},
    "Transaction results in an account (1) with insufficient funds for rent",
)
async def _(net: Net) -> VersionedTransaction:
    payer = await net.wallet()
    return await net.build(payer, pay(payer, Keypair().pubkey(), 1))


@_refusal(
    "program-unknown",
    "a program that does not exist",
    "ProgramAccountNotFound",
    "Attempt to load a program that does not exist",
)
async def _(net: Net) -> VersionedTransaction:
    return await net.build(await net.wallet(), Instruction(Keypair().pubkey(), b"", []))


@_refusal(
    "program-wrong",
    "an account that is no program called as one",
    "InvalidProgramForExecution",
    "This program may not be used for executing instructions",
)
async def _(net: Net) -> VersionedTransaction:
    other = await net.wallet()
    return await net.build(await net.wallet(), Instruction(other.pubkey(), b"", []))


@_refusal(
    "instruction-data",
    "instruction data the program cannot read",
    {"InstructionError": [0, "InvalidInstructionData"]},
    "Error processing Instruction 0: invalid instruction data",
)
async def _(net: Net) -> VersionedTransaction:
    return await net.build(await net.wallet(), Instruction(SYSTEM, b"\xff\xff\xff\xff", []))


@_refusal(
    "missing-accounts",
    "an instruction without the accounts it needs",
    {"InstructionError": [0, "MissingAccount"]},
    "Error processing Instruction 0: An account required by the instruction is missing",
)
async def _(net: Net) -> VersionedTransaction:
    payer = await net.wallet()
    whole = pay(payer, payer.pubkey(), 1)
    return await net.build(payer, Instruction(SYSTEM, whole.data, []))


@_refusal(
    "missing-signer",
    "an instruction whose signer did not sign",
    {"InstructionError": [0, "MissingRequiredSignature"]},
    "Error processing Instruction 0: missing required signature for instruction",
)
async def _(net: Net) -> VersionedTransaction:
    payer, other = await net.wallet(), await net.wallet()
    accounts = [
        AccountMeta(other.pubkey(), is_signer=False, is_writable=True),
        AccountMeta(payer.pubkey(), is_signer=False, is_writable=True),
    ]
    return await net.build(payer, Instruction(SYSTEM, pay(other, payer.pubkey(), 1).data, accounts))


@_refusal(
    "compute",
    "a program that needs more compute units than the limit",
    {"InstructionError": [1, "ComputationalBudgetExceeded"]},
    "Error processing Instruction 1: Computational budget exceeded",
)
async def _(net: Net) -> VersionedTransaction:
    payer = await net.wallet()
    return await net.build(payer, set_compute_unit_limit(200), pay(payer, payer.pubkey(), 1))


@check("solana-py.errors.duplicate-budget", "two limits in one transaction (-32602)")
async def _(net: Net) -> None:
    transaction = await net.build(
        await net.wallet(), set_compute_unit_limit(200), set_compute_unit_limit(300)
    )
    equal(
        await refused(net, transaction),
        {
            "code": -32602,
            "message": "invalid transaction: Transaction contains a duplicate instruction (1)"
            " that is not allowed",
        },
        "the error",
    )


@check("solana-py.simulate.success", "a simulation: logs, units, the accounts after it, no effect")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    transaction = await net.build(payer, pay(payer, to, SOL))
    answer = await net.client.simulate_transaction(transaction, sig_verify=True)
    value = answer.value
    equal((value.err, value.units_consumed), (None, 150), "error and units")
    equal(value.logs, [f"Program {SYSTEM} invoke [1]", f"Program {SYSTEM} success"], "logs")
    config = {
        "encoding": "base64",
        "commitment": "confirmed",
        "accounts": {"encoding": "base64", "addresses": [str(to)]},
    }
    raw = (await net.call("simulateTransaction", wire(transaction), config))["value"]
    equal(raw["accounts"][0]["lamports"], SOL, "the receiver's lamports after it")
    equal((await net.client.get_balance(to, Processed)).value, 0, "the receiver's lamports")


@check("solana-py.simulate.fields", "everything a simulation tells: fee, balances, data size")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    config = {"encoding": "base64", "commitment": "confirmed"}
    transaction = await net.build(payer, pay(payer, to, SOL))
    value = (await net.call("simulateTransaction", wire(transaction), config))["value"]
    equal(
        {**value, "loadedAccountsDataSize": value.get("loadedAccountsDataSize", 0) > 0},
        {
            "accounts": None,
            "err": None,
            "fee": FEE,
            "innerInstructions": None,
            "loadedAccountsDataSize": True,
            "loadedAddresses": {"readonly": [], "writable": []},
            "logs": [f"Program {SYSTEM} invoke [1]", f"Program {SYSTEM} success"],
            "postBalances": [SOL - FEE, SOL, 1],
            "postTokenBalances": [],
            "preBalances": [2 * SOL, 0, 1],
            "preTokenBalances": [],
            "replacementBlockhash": None,
            "returnData": None,
            "unitsConsumed": 150,
        },
        "the value",
    )


@check("solana-py.simulate.failure", "a simulation that fails is a result, not an error")
async def _(net: Net) -> None:
    payer = await net.wallet()
    transaction = await net.build(payer, pay(payer, Keypair().pubkey(), 5 * SOL))
    config = {
        "encoding": "base64",
        "commitment": "confirmed",
        "accounts": {"encoding": "base64", "addresses": [str(payer.pubkey())]},
    }
    value = (await net.call("simulateTransaction", wire(transaction), config))["value"]
    equal(value["err"], {"InstructionError": [0, {"Custom": 1}]}, "err")
    equal(value["accounts"], [None], "accounts")


@check("solana-py.simulate.replace", "a stale blockhash is replaced on request, and which is said")
async def _(net: Net) -> None:
    payer = await net.wallet()
    message = MessageV0.try_compile(
        payer.pubkey(), [pay(payer, payer.pubkey(), 1)], [], Hash.new_unique()
    )
    unsigned = VersionedTransaction.populate(message, [Signature.default()])
    config = {"encoding": "base64", "commitment": "confirmed", "replaceRecentBlockhash": True}
    value = (await net.call("simulateTransaction", wire(unsigned), config))["value"]
    equal(value["err"], None, "err")
    equal(
        sorted(value["replacementBlockhash"]), ["blockhash", "lastValidBlockHeight"], "replacement"
    )
    del config["replaceRecentBlockhash"]
    value = (await net.call("simulateTransaction", wire(unsigned), config))["value"]
    equal(value["err"], "BlockhashNotFound", "err when it is not replaced")


@check(
    "solana-py.simulate.signature", "sigVerify: a signature that is missing fails the simulation"
)
async def _(net: Net) -> None:
    payer = await net.wallet()
    transaction = await net.build(payer, pay(payer, payer.pubkey(), 1))
    unsigned = VersionedTransaction.populate(transaction.message, [Signature.default()])
    config: dict[str, Any] = {"encoding": "base64", "commitment": "confirmed", "sigVerify": True}
    value = (await net.call("simulateTransaction", wire(unsigned), config))["value"]
    equal(value["err"], "SignatureFailure", "err")


@check("solana-py.expiry", "after its last valid block height a transaction is refused for good")
async def _(net: Net) -> None:
    payer = await net.wallet()
    config = {"commitment": "confirmed"}
    slot = await net.call("getSlot", config)
    latest = (await net.client.get_latest_blockhash()).value
    least = latest.last_valid_block_height - 150
    instruction = pay(payer, payer.pubkey(), 1)
    message = MessageV0.try_compile(payer.pubkey(), [instruction], [], latest.blockhash)
    height = await net.until(
        lambda: net.call("getBlockHeight", config), lambda h: h > latest.last_valid_block_height
    )
    passed = await net.call("getSlot", config) - slot
    true(height - least <= passed, f"{height - least} blocks in {passed} slots")
    valid = await net.call("isBlockhashValid", str(latest.blockhash), config)
    equal(valid["value"], False, "the blockhash's validity")
    error = await refused(net, VersionedTransaction(message, [payer]))
    equal(error["data"]["err"], "BlockhashNotFound", "err")
