"""solana-py: transactions and blocks of the past."""

from __future__ import annotations

from typing import Any

from solana.rpc.commitment import Confirmed, Finalized
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from tests.conformance.checks.solana_py_transactions import MEMO, VERSION_0, pay, send
from tests.conformance.net import FEE, SOL, Net
from tests.conformance.registry import check, equal, true


async def transaction(net: Net, signature: str, **config: Any) -> dict[str, Any]:
    """getTransaction, as soon as it is there."""
    wanted = {**VERSION_0, **config}
    found: dict[str, Any] = await net.until(
        lambda: net.call("getTransaction", signature, wanted), lambda t: t is not None
    )
    return found


@check("solana-py.history.transaction", "getTransaction: what happened, field by field")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    signature = await net.land(payer, pay(payer, to, SOL))
    found = await transaction(net, signature)
    equal(
        sorted(found),
        ["blockTime", "meta", "slot", "transaction", "transactionIndex", "version"],
        "the fields",
    )
    meta = found["meta"]
    true(meta.pop("costUnits") > 0, "costUnits is positive")
    equal(
        meta,
        {
            "computeUnitsConsumed": 150,
            "err": None,
            "fee": FEE,
            "innerInstructions": [],
            "loadedAddresses": {"readonly": [], "writable": []},
            "logMessages": [f"Program {SYSTEM} invoke [1]", f"Program {SYSTEM} success"],
            "postBalances": [SOL - FEE, SOL, 1],
            "postTokenBalances": [],
            "preBalances": [2 * SOL, 0, 1],
            "preTokenBalances": [],
            "rewards": [],
            "status": {"Ok": None},
        },
        "the meta",
    )
    message = found["transaction"]["message"]
    equal(found["transaction"]["signatures"], [signature], "the signatures")
    equal(message["accountKeys"], [str(payer.pubkey()), str(to), str(SYSTEM)], "the accounts")
    equal(
        message["header"],
        {
            "numReadonlySignedAccounts": 0,
            "numReadonlyUnsignedAccounts": 1,
            "numRequiredSignatures": 1,
        },
        "the header",
    )
    equal(message["addressTableLookups"], [], "lookups")
    [instruction] = message["instructions"]
    data = instruction.pop("data")
    equal(
        instruction, {"accounts": [0, 1], "programIdIndex": 2, "stackHeight": 1}, "the instruction"
    )
    true(isinstance(data, str), "its data is base58")


@check(
    "solana-py.history.encodings", "getTransaction: base64 and base58 give the bytes that were sent"
)
async def _(net: Net) -> None:
    from base64 import b64decode

    import base58

    payer = await net.wallet()
    built = await net.build(payer, pay(payer, payer.pubkey(), 1))
    signature = await send(net, built)
    await net.status(signature)
    for encoding, decode in (("base64", b64decode), ("base58", base58.b58decode)):
        found = await transaction(net, signature, encoding=encoding)
        equal(found["transaction"][1], encoding, "the encoding")
        equal(decode(found["transaction"][0]), bytes(built), "the bytes")
    typed = await net.client.get_transaction(
        Signature.from_string(signature), "base64", Confirmed, 0
    )
    equal(typed.value is not None, True, "solana-py's own reading of it")


@check(
    "solana-py.history.commitment", "a transaction is told to nobody who asks for more certainty"
)
async def _(net: Net) -> None:
    payer = await net.wallet()
    signature = await net.land(payer, pay(payer, payer.pubkey(), 1))
    finalized = {**VERSION_0, "commitment": "finalized"}
    early = await net.call("getTransaction", signature, finalized)
    status = await net.status(signature)
    true(early is None or status["confirmationStatus"] == "finalized", "told before it was final")
    await net.status(signature, "finalized")
    found = await net.until(
        lambda: net.call("getTransaction", signature, finalized), lambda t: t is not None
    )
    equal(found["slot"], status["slot"], "its slot")


@check("solana-py.history.pages", "getSignaturesForAddress page by page, newest first")
async def _(net: Net) -> None:
    payer, to = await net.wallet(), Keypair().pubkey()
    sent = [
        Signature.from_string(await net.land(payer, pay(payer, to, SOL // 8 + lamports)))
        for lamports in range(4)
    ][::-1]

    async def page(**options: Any) -> list[Signature]:
        answer = await net.client.get_signatures_for_address(to, commitment=Confirmed, **options)
        return [entry.signature for entry in answer.value]

    await net.until(page, lambda all_of_them: len(all_of_them) == 4)
    equal(await page(), sent, "all")
    equal(await page(limit=2), sent[:2], "the first page")
    equal(await page(limit=2, before=sent[1]), sent[2:], "the second page")
    equal(await page(limit=2, before=sent[3]), [], "after the last page")
    equal(await page(until=sent[1]), sent[:1], "until the second")
    equal(await page(before=sent[0], until=sent[3]), sent[1:3], "in between")


@check("solana-py.history.entries", "getSignaturesForAddress: error, memo, slot, time, certainty")
async def _(net: Net) -> None:
    payer = await net.wallet()
    memos = [Instruction(MEMO, text, []) for text in (b"one", b"two")]
    good = await net.land(payer, *memos)
    failing = await net.build(payer, pay(payer, payer.pubkey(), 9 * SOL))
    bad = await send(net, failing, skip_preflight=True)
    await net.status(bad)
    address, config = str(payer.pubkey()), {"commitment": "confirmed"}
    entries = await net.until(
        lambda: net.call("getSignaturesForAddress", address, config), lambda all: len(all) == 3
    )
    by_signature = {entry["signature"]: entry for entry in entries}
    equal(by_signature[good]["memo"], "[3] one; [3] two", "the memos")
    equal(by_signature[bad]["err"], {"InstructionError": [0, {"Custom": 1}]}, "the error")
    equal(
        sorted(by_signature[good]),
        [
            "blockTime",
            "confirmationStatus",
            "err",
            "memo",
            "signature",
            "slot",
            "transactionIndex",
        ],
        "the fields",
    )


@check("solana-py.history.block", "getBlock: a block's fields, and its transactions in full")
async def _(net: Net) -> None:
    payer = await net.wallet()
    signature = await net.land(payer, pay(payer, payer.pubkey(), 1), commitment="finalized")
    slot = (await net.status(signature))["slot"]
    typed = await net.client.get_block(slot, "json", 0)
    true(typed.value is not None, "solana-py's own reading of it")
    config = {"maxSupportedTransactionVersion": 0, "encoding": "json", "rewards": False}
    block = await net.call("getBlock", slot, config)
    equal(
        sorted(block),
        [
            "blockHeight",
            "blockTime",
            "blockhash",
            "parentSlot",
            "previousBlockhash",
            "transactions",
        ],
        "the fields",
    )
    [mine] = [t for t in block["transactions"] if t["transaction"]["signatures"][0] == signature]
    equal(sorted(mine), ["meta", "transaction", "version"], "a transaction's fields")
    found = await transaction(net, signature)
    # rewards that were not asked for are null
    equal(mine["meta"], {**found["meta"], "rewards": None}, "the meta")
    equal(mine["version"], 0, "the version")
    equal(block["blockTime"], (await net.client.get_block_time(slot)).value, "the block's time")
    parent = await net.call("getBlock", block["parentSlot"], config)
    equal(parent["blockhash"], block["previousBlockhash"], "the parent's blockhash")
    equal(parent["blockHeight"] + 1, block["blockHeight"], "the parent's height, plus one")


@check("solana-py.history.block-forms", "getBlock: signatures only, accounts only, nothing")
async def _(net: Net) -> None:
    payer = await net.wallet()
    signature = await net.land(payer, pay(payer, payer.pubkey(), 1))
    slot = (await net.status(signature))["slot"]
    config = {
        "commitment": "confirmed",
        "maxSupportedTransactionVersion": 0,
        "rewards": False,
        "encoding": "json",
    }
    brief = await net.call("getBlock", slot, {**config, "transactionDetails": "signatures"})
    true(signature in brief["signatures"], "the signature is there")
    true("transactions" not in brief, "no transactions beside signatures")
    bare = await net.call("getBlock", slot, {**config, "transactionDetails": "none"})
    equal({"signatures", "transactions"} & set(bare), set(), "nothing of transactions")
    accounts = await net.call("getBlock", slot, {**config, "transactionDetails": "accounts"})
    [mine] = [t for t in accounts["transactions"] if signature in t["transaction"]["signatures"]]
    equal(
        mine["transaction"]["accountKeys"][0],
        {"pubkey": str(payer.pubkey()), "signer": True, "source": "transaction", "writable": True},
        "the payer among the accounts",
    )
    rewarded = await net.call(
        "getBlock", slot, {**config, "rewards": True, "transactionDetails": "none"}
    )
    true("rewards" in rewarded, "rewards when they are asked for")


@check(
    "solana-py.history.version", "a version 0 transaction needs a client that says it can read it"
)
async def _(net: Net) -> None:
    payer = await net.wallet()
    signature = await net.land(payer, pay(payer, payer.pubkey(), 1))
    await transaction(net, signature)
    message = (
        "Transaction version (0) is not supported by the requesting client. Please try the"
        " request again with the following configuration parameter:"
        ' "maxSupportedTransactionVersion": 0'
    )
    error = {"code": -32015, "message": message}
    config = {"commitment": "confirmed"}
    equal(await net.refusal("getTransaction", signature, config), error, "getTransaction's error")
    slot = (await net.status(signature))["slot"]
    equal(await net.refusal("getBlock", slot, config), error, "getBlock's error")


@check("solana-py.history.blocks", "getBlocks: the slots that have a block, both ends included")
async def _(net: Net) -> None:

    async def final() -> int:
        return (await net.client.get_slot(Finalized)).value

    newest = await net.until(final, lambda slot: slot > 5)
    first = newest - 5
    slots = (await net.client.get_blocks(first, newest)).value
    true(slots == sorted(set(slots)) and slots, f"{slots} is in order")
    true(first <= slots[0] and slots[-1] == newest, f"{slots} is within {first}…{newest}")
    limited = await net.call("getBlocksWithLimit", first, 2)
    equal(limited, slots[:2], "getBlocksWithLimit")
    equal(await net.call("getBlocks", newest, newest - 1), [], "an end before the start")
    height = (await net.client.get_block_height(Finalized)).value
    true(height <= await final(), "there are no more blocks than slots")
