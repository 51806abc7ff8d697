"""Blocks and past transactions: what is kept, its shapes, and the codes when it is not."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import base58
import pytest
from solana.rpc.async_api import AsyncClient
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from tests.choir.localnet.helpers import SOL, RawRpc, legacy

from choir.localnet import Localnet, Settings
from choir.localnet.testing import ManualClock

CONFIRMED = {"commitment": "confirmed"}
SYSTEM = "11111111111111111111111111111111"
LOOKUP_TABLES = "AddressLookupTab1e1111111111111111111111111"
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


async def test_a_transaction_in_every_encoding(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    to = Pubkey.new_unique()
    pay = transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=SOL))
    transaction = await legacy(client, payer, pay)
    signature = str((await client.send_transaction(transaction)).value)

    found = await rpc("getTransaction", signature, CONFIRMED)
    assert found["slot"] == 2
    assert found["blockTime"] == 1_700_000_000
    message = found["transaction"]["message"]
    assert found["transaction"]["signatures"] == [signature]
    assert message["accountKeys"] == [str(payer.pubkey()), str(to), SYSTEM]
    assert message["header"] == {
        "numRequiredSignatures": 1,
        "numReadonlySignedAccounts": 0,
        "numReadonlyUnsignedAccounts": 1,
    }
    [instruction] = message["instructions"]
    assert instruction["programIdIndex"] == 2
    assert instruction["accounts"] == [0, 1]
    assert base58.b58decode(instruction["data"]) == bytes(pay.data)
    meta = found["meta"]
    assert meta["err"] is None
    assert meta["status"] == {"Ok": None}
    assert meta["fee"] == 5_000
    assert meta["preBalances"] == [10 * SOL, 0, 1]
    assert meta["postBalances"] == [9 * SOL - 5_000, SOL, 1]
    assert meta["loadedAddresses"] == {"writable": [], "readonly": []}
    assert meta["computeUnitsConsumed"] == 150
    assert "version" not in found

    parsed = await rpc("getTransaction", signature, {**CONFIRMED, "encoding": "jsonParsed"})
    assert parsed["transaction"]["message"]["instructions"][0]["parsed"] == {
        "type": "transfer",
        "info": {"source": str(payer.pubkey()), "destination": str(to), "lamports": SOL},
    }
    assert parsed["transaction"]["message"]["accountKeys"][0] == {
        "pubkey": str(payer.pubkey()),
        "signer": True,
        "writable": True,
        "source": "transaction",
    }
    raw = await rpc("getTransaction", signature, {**CONFIRMED, "encoding": "base64"})
    assert base64.b64decode(raw["transaction"][0]) == bytes(transaction)
    short = await rpc("getTransaction", signature, {**CONFIRMED, "encoding": "base58"})
    assert base58.b58decode(short["transaction"][0]) == bytes(transaction)


async def test_inner_instructions_and_token_balances(rpc: RawRpc) -> None:
    owner = str(Keypair().pubkey())
    minted = await rpc("localnet_mintTo", owner, 1_500_000)
    found = await rpc("getTransaction", minted["signature"], CONFIRMED)
    keys = found["transaction"]["message"]["accountKeys"]
    meta = found["meta"]
    [group] = meta["innerInstructions"]
    assert group["index"] == 0
    # The associated token program asks for the size, creates, and initialises the account.
    assert len(group["instructions"]) == 4
    assert {i["stackHeight"] for i in group["instructions"]} == {2}
    assert meta["preTokenBalances"] == []
    assert meta["postTokenBalances"] == [
        {
            "accountIndex": keys.index(minted["account"]),
            "mint": minted["mint"],
            "owner": owner,
            "programId": "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
            "uiTokenAmount": {
                "amount": "1500000",
                "decimals": 6,
                "uiAmount": 1.5,
                "uiAmountString": "1.5",
            },
        }
    ]
    parsed = await rpc(
        "getTransaction", minted["signature"], {**CONFIRMED, "encoding": "jsonParsed"}
    )
    outer = [i["parsed"]["type"] for i in parsed["transaction"]["message"]["instructions"]]
    assert outer == ["createIdempotent", "mintTo"]
    inner = [i["parsed"]["type"] for i in parsed["meta"]["innerInstructions"][0]["instructions"]]
    assert inner == [
        "getAccountDataSize",
        "createAccount",
        "initializeImmutableOwner",
        "initializeAccount3",
    ]
    again = await rpc("localnet_mintTo", owner, 1)
    found = await rpc("getTransaction", again["signature"], CONFIRMED)
    [before] = found["meta"]["preTokenBalances"]
    [after] = found["meta"]["postTokenBalances"]
    assert before["uiTokenAmount"]["amount"] == "1500000"
    assert after["uiTokenAmount"]["amount"] == "1500001"


async def test_looked_up_addresses_are_shown(
    localnet: Localnet, client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    to, table = Pubkey.new_unique(), Pubkey.new_unique()
    header = (
        (1).to_bytes(4, "little")
        + (2**64 - 1).to_bytes(8, "little")
        + (0).to_bytes(8, "little")
        + bytes([0, 0])
        + bytes(34)
    )
    data = base64.b64encode(header + bytes(to)).decode()
    await rpc(
        "localnet_setAccount",
        str(table),
        {"lamports": SOL, "data": [data, "base64"], "owner": LOOKUP_TABLES},
    )
    shown = await rpc("getAccountInfo", str(table), {**CONFIRMED, "encoding": "jsonParsed"})
    assert shown["value"]["data"]["parsed"]["info"]["addresses"] == [str(to)]
    blockhash = (await client.get_latest_blockhash()).value.blockhash
    message = MessageV0.try_compile(
        payer.pubkey(),
        [transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=SOL))],
        [AddressLookupTableAccount(table, [to])],
        blockhash,
    )
    sent = await client.send_transaction(VersionedTransaction(message, [payer]))
    found = await rpc(
        "getTransaction",
        str(sent.value),
        {**CONFIRMED, "maxSupportedTransactionVersion": 0},
    )
    assert found["meta"]["loadedAddresses"] == {"writable": [str(to)], "readonly": []}
    assert found["meta"]["postBalances"] == [9 * SOL - 5_000, 1, SOL]
    [lookup] = found["transaction"]["message"]["addressTableLookups"]
    assert lookup == {"accountKey": str(table), "writableIndexes": [0], "readonlyIndexes": []}
    [entry] = await rpc("getSignaturesForAddress", str(to), CONFIRMED)
    assert entry["signature"] == str(sent.value)


async def test_signatures_for_an_address_page_by_page(localnet: Localnet, rpc: RawRpc) -> None:
    wallet = str(Pubkey.new_unique())
    sent = [await rpc("requestAirdrop", wallet, SOL + i) for i in range(5)]
    newest_first = sent[::-1]

    async def page(**config: Any) -> list[str]:
        answer = await rpc("getSignaturesForAddress", wallet, {**CONFIRMED, **config})
        return [entry["signature"] for entry in answer]

    assert await page() == newest_first
    assert await page(limit=2) == newest_first[:2]
    assert await page(limit=2, before=newest_first[1]) == newest_first[2:4]
    assert await page(until=newest_first[3]) == newest_first[:3]
    assert await page(before=newest_first[0], until=newest_first[3]) == newest_first[1:3]
    finalized = await rpc("getSignaturesForAddress", wallet)
    assert [e["signature"] for e in finalized] == newest_first[3:]
    error = await rpc.error("getSignaturesForAddress", wallet, {"limit": 1001})
    assert error["code"] == -32602


async def test_memos_are_listed_with_signatures(
    client: AsyncClient, rpc: RawRpc, payer: Keypair
) -> None:
    note = Instruction(MEMO, b"hi", [AccountMeta(payer.pubkey(), True, False)])
    await client.send_transaction(await legacy(client, payer, note))
    newest = (await rpc("getSignaturesForAddress", str(payer.pubkey()), CONFIRMED))[0]
    assert newest["memo"] == "[2] hi"


async def test_blocks_in_every_detail(localnet: Localnet, rpc: RawRpc) -> None:
    signature = await rpc("requestAirdrop", str(Pubkey.new_unique()), SOL)
    await localnet.advance(4)
    full = await rpc("getBlock", 1, CONFIRMED)
    assert full["parentSlot"] == 0
    assert full["blockHeight"] == 1
    assert full["blockTime"] == await rpc("getBlockTime", 1)
    assert full["transactions"][0]["transaction"]["signatures"] == [signature]
    assert full["rewards"] == []
    genesis = await rpc("getBlock", 0, {**CONFIRMED, "rewards": False})
    assert full["previousBlockhash"] == genesis["blockhash"]
    assert "rewards" not in genesis
    listed = await rpc("getBlock", 1, {**CONFIRMED, "transactionDetails": "signatures"})
    assert listed["signatures"] == [signature]
    assert "transactions" not in listed
    accounts = await rpc("getBlock", 1, {**CONFIRMED, "transactionDetails": "accounts"})
    assert set(accounts["transactions"][0]["meta"]) == {
        "err",
        "status",
        "fee",
        "preBalances",
        "postBalances",
        "preTokenBalances",
        "postTokenBalances",
    }
    none = await rpc("getBlock", 1, {**CONFIRMED, "transactionDetails": "none"})
    assert "transactions" not in none
    assert await rpc("getBlocks", 0, 3, CONFIRMED) == [0, 1, 2, 3]
    assert await rpc("getBlocks", 4, CONFIRMED) == [4, 5]
    assert await rpc("getBlocksWithLimit", 1, 2, CONFIRMED) == [1, 2]


async def test_skipped_missing_and_future_blocks_have_their_codes(
    localnet: Localnet, rpc: RawRpc
) -> None:
    opened = await rpc("localnet_warpSlots", 10)
    await localnet.advance()
    skipped = await rpc.error("getBlock", opened - 1, CONFIRMED)
    assert skipped["code"] == -32007
    assert "was skipped" in skipped["message"]
    future = await rpc.error("getBlock", opened + 5, CONFIRMED)
    assert future == {"code": -32004, "message": f"Block not available for slot {opened + 5}"}
    assert await rpc("getBlocks", 0, opened, CONFIRMED) == [0, 1, opened]
    # Height counts blocks, not slots.
    assert (await rpc("getBlock", opened, CONFIRMED))["blockHeight"] == 2
    error = await rpc.error("getBlock", 0, {"commitment": "processed"})
    assert error["code"] == -32602
    assert await rpc("getTransaction", base58.b58encode(bytes(64)).decode()) is None


@pytest.fixture
async def forgetful(settings: Settings) -> AsyncIterator[Localnet]:
    short = replace(settings, history_transactions=3, history_slots=6)
    async with Localnet(short, ManualClock()) as running:
        yield running


async def test_history_is_bounded_by_its_setting(forgetful: Localnet) -> None:
    rpc = RawRpc(forgetful.rpc_url)
    wallet = str(Pubkey.new_unique())
    sent = [await rpc("requestAirdrop", wallet, SOL + i) for i in range(12)]
    await forgetful.advance(4)
    kept = [e["signature"] for e in await rpc("getSignaturesForAddress", wallet, CONFIRMED)]
    assert kept == sent[::-1][: len(kept)]
    assert len(kept) <= 6
    assert await rpc("getTransaction", sent[0], CONFIRMED) is None
    first = await rpc("getFirstAvailableBlock")
    assert first > 0
    gone = await rpc.error("getBlock", first - 1, CONFIRMED)
    assert gone["code"] == -32001
    assert f"First available block: {first}" in gone["message"]
    assert (await rpc("getBalance", wallet, CONFIRMED))["value"] == sum(SOL + i for i in range(12))
    await rpc.http.aclose()


async def test_transactions_are_counted_at_each_commitment(rpc: RawRpc) -> None:
    async def counts() -> list[int]:
        levels = ("processed", "confirmed", "finalized")
        return [await rpc("getTransactionCount", {"commitment": level}) for level in levels]

    before = await counts()
    for _ in range(2):
        await rpc("requestAirdrop", str(Pubkey.new_unique()), SOL)
    processed, confirmed, finalized = before
    assert await counts() == [processed + 2, confirmed + 2, finalized]
    await rpc("localnet_advance", 3)
    assert await counts() == [processed + 2] * 3
    await rpc("requestAirdrop", str(Pubkey.new_unique()), SOL)
    await rpc("localnet_fork", 1)
    assert await counts() == [processed + 2] * 3
