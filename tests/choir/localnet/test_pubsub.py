"""Subscriptions over real sockets: what is told, when, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.types import TxOpts
from solana.rpc.websocket_api import connect as stock_connect
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.choir.localnet.helpers import SOL, RawRpc, legacy
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from choir.localnet import Localnet

SYSTEM = "11111111111111111111111111111111"
TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


class Socket:
    """A WebSocket spoken to by hand."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.number = 0

    async def raw(self, method: str, *params: Any) -> dict[str, Any]:
        self.number += 1
        call = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": list(params)}
        await self.connection.send(json.dumps(call))
        return await self.next()

    async def subscribe(self, kind: str, *params: Any) -> int:
        answer = await self.raw(f"{kind}Subscribe", *params)
        assert isinstance(answer.get("result"), int), answer
        number: int = answer["result"]
        return number

    async def next(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self.connection.recv(), 60)
        assert isinstance(message, str)
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    async def told(self, kind: str, number: int) -> Any:
        message = await self.next()
        assert message["method"] == f"{kind}Notification", message
        assert message["params"]["subscription"] == number
        return message["params"]["result"]

    async def silent(self) -> None:
        """Nothing has been sent: an unknown method's answer comes first."""
        assert (await self.raw("nothing"))["error"]["code"] == -32601


@pytest.fixture
async def socket(localnet: Localnet) -> AsyncIterator[Socket]:
    async with connect(localnet.ws_url) as connection:
        yield Socket(connection)


async def test_an_account_is_told_at_its_commitment(
    localnet: Localnet, rpc: RawRpc, socket: Socket
) -> None:
    wallet = str(Pubkey.new_unique())
    numbers = {
        level: await socket.subscribe(
            "account", wallet, {"commitment": level, "encoding": "base64"}
        )
        for level in ("processed", "confirmed", "finalized")
    }
    await rpc("requestAirdrop", wallet, SOL)
    for level in ("processed", "confirmed"):
        result = await socket.told("account", numbers[level])
        assert result["value"] == {
            "lamports": SOL,
            "data": ["", "base64"],
            "owner": SYSTEM,
            "executable": False,
            "rentEpoch": 2**64 - 1,
            "space": 0,
        }
        assert result["context"]["slot"] == 1
    await socket.silent()
    await localnet.advance(3)
    final = await socket.told("account", numbers["finalized"])
    assert final["context"]["slot"] == 1
    await socket.silent()


async def test_a_closed_account_is_told_with_no_lamports(
    client: AsyncClient, socket: Socket, payer: Keypair
) -> None:
    number = await socket.subscribe(
        "account", str(payer.pubkey()), {"commitment": "confirmed", "encoding": "base64"}
    )
    program = await socket.subscribe("program", SYSTEM, {"commitment": "confirmed"})
    to = Keypair().pubkey()
    everything = 10 * SOL - 5_000
    move = transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=everything))
    await client.send_transaction(await legacy(client, payer, move), TxOpts(skip_preflight=True))
    result = await socket.told("account", number)
    assert result["value"]["lamports"] == 0
    assert result["value"]["data"] == ["", "base64"]
    assert result["value"]["owner"] == SYSTEM
    # Of the program's accounts only the living one is told.
    living = await socket.told("program", program)
    assert living["value"]["pubkey"] == str(to)
    await socket.silent()


async def test_program_accounts_pass_filters(rpc: RawRpc, socket: Socket) -> None:
    owner, other = Keypair().pubkey(), Keypair().pubkey()
    by_owner = await socket.subscribe(
        "program",
        TOKEN,
        {
            "commitment": "confirmed",
            "encoding": "jsonParsed",
            "filters": [
                {"dataSize": 165},
                {"memcmp": {"offset": 32, "bytes": str(owner)}},
            ],
        },
    )
    await rpc("localnet_mintTo", str(other), 1)
    minted = await rpc("localnet_mintTo", str(owner), 2_500_000)
    result = await socket.told("program", by_owner)
    assert result["value"]["pubkey"] == minted["account"]
    info = result["value"]["account"]["data"]["parsed"]["info"]
    assert info["owner"] == str(owner)
    assert info["tokenAmount"]["uiAmountString"] == "2.5"
    await socket.silent()


async def test_logs_are_told_of_all_or_of_one_account(rpc: RawRpc, socket: Socket) -> None:
    wallet = str(Pubkey.new_unique())
    everything = await socket.subscribe("logs", "all", {"commitment": "confirmed"})
    mentioned = await socket.subscribe("logs", {"mentions": [wallet]}, {"commitment": "confirmed"})
    first = await rpc("requestAirdrop", str(Pubkey.new_unique()), SOL)
    second = await rpc("requestAirdrop", wallet, SOL)
    assert (await socket.told("logs", everything))["value"]["signature"] == first
    assert (await socket.told("logs", everything))["value"]["signature"] == second
    result = await socket.told("logs", mentioned)
    assert result["value"] == {
        "signature": second,
        "err": None,
        "logs": [f"Program {SYSTEM} invoke [1]", f"Program {SYSTEM} success"],
    }
    await socket.silent()


async def test_a_signature_is_told_once_even_when_it_has_landed(
    localnet: Localnet, rpc: RawRpc, socket: Socket
) -> None:
    landed = await rpc("requestAirdrop", str(Pubkey.new_unique()), SOL)
    number = await socket.subscribe("signature", landed, {"commitment": "confirmed"})
    assert (await socket.told("signature", number))["value"] == {"err": None}
    final = await socket.subscribe("signature", landed, {"commitment": "finalized"})
    await socket.silent()
    await localnet.advance(5)
    assert (await socket.told("signature", final))["value"] == {"err": None}
    await socket.silent()
    gone = await socket.raw("signatureUnsubscribe", final)
    assert gone["error"] == {"code": -32602, "message": "Invalid subscription id."}


async def test_slots_roots_and_blocks_are_told(
    localnet: Localnet, rpc: RawRpc, socket: Socket
) -> None:
    slots = await socket.subscribe("slot")
    await localnet.advance()
    assert await socket.told("slot", slots) == {"slot": 2, "parent": 1, "root": 0}
    assert (await socket.raw("slotUnsubscribe", slots))["result"] is True
    roots = await socket.subscribe("root")
    blocks = await socket.subscribe(
        "block",
        "all",
        {
            "commitment": "confirmed",
            "transactionDetails": "signatures",
            "maxSupportedTransactionVersion": 0,
        },
    )
    signature = await rpc("requestAirdrop", str(Pubkey.new_unique()), SOL)
    told = await socket.told("block", blocks)
    assert told["value"]["slot"] == 2
    assert told["value"]["err"] is None
    assert told["value"]["block"]["signatures"] == [signature]
    await localnet.advance(2)
    assert [(await socket.next())["method"] for _ in range(3)] == [
        "blockNotification",
        "blockNotification",
        "rootNotification",
    ]
    assert roots > 0


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("voteSubscribe", [], -32601),
        ("getSlot", [], -32601),
        ("accountSubscribe", [], -32602),
        ("accountSubscribe", ["not an address"], -32602),
        ("accountSubscribe", [SYSTEM, {"commitment": "soon"}], -32602),
        ("accountSubscribe", [SYSTEM, {"encoding": "hex"}], -32602),
        ("programSubscribe", [SYSTEM, {"filters": [{"size": 3}]}], -32602),
        ("logsSubscribe", ["some"], -32602),
        ("logsSubscribe", [{"mentions": [SYSTEM, SYSTEM]}], -32602),
        ("signatureSubscribe", ["abc"], -32602),
        ("blockSubscribe", ["all", {"commitment": "processed"}], -32602),
        ("accountUnsubscribe", [99], -32602),
    ],
)
async def test_what_cannot_be_fed_is_refused(
    socket: Socket, method: str, params: list[Any], code: int
) -> None:
    answer = await socket.raw(method, *params)
    assert "result" not in answer
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]


async def test_an_unsubscribed_account_is_told_no_more(rpc: RawRpc, socket: Socket) -> None:
    wallet = str(Pubkey.new_unique())
    number = await socket.subscribe("account", wallet, {"commitment": "processed"})
    wrong = await socket.raw("logsUnsubscribe", number)
    assert wrong["error"]["code"] == -32602
    assert (await socket.raw("accountUnsubscribe", number))["result"] is True
    await rpc("requestAirdrop", wallet, SOL)
    await socket.silent()


async def test_a_client_that_leaves_is_forgotten(localnet: Localnet, rpc: RawRpc) -> None:
    async with connect(localnet.ws_url) as connection:
        await Socket(connection).subscribe("account", str(Pubkey.new_unique()))
        assert localnet.pubsub.subscriptions == 1
    async with connect(localnet.ws_url) as connection:
        await Socket(connection).silent()
        assert localnet.pubsub.subscriptions == 0


async def test_sockets_can_be_cut_on_purpose(rpc: RawRpc, socket: Socket) -> None:
    await socket.subscribe("slot")
    assert await rpc("localnet_dropSockets") == 1
    with pytest.raises(ConnectionClosedError):
        await socket.connection.recv()


async def test_data_too_long_for_base58_is_said_in_its_place(rpc: RawRpc, socket: Socket) -> None:
    address = str(Pubkey.new_unique())
    number = await socket.subscribe("account", address, {"commitment": "processed"})
    data = base64.b64encode(bytes(200)).decode()
    await rpc(
        "localnet_setAccount",
        address,
        {"lamports": SOL, "data": [data, "base64"], "owner": SYSTEM},
    )
    told = await socket.told("account", number)
    assert told["value"]["data"].startswith("error: ")


async def test_stock_solana_py_reads_every_notification(
    localnet: Localnet, client: AsyncClient
) -> None:
    wallet = Keypair().pubkey()
    async with stock_connect(localnet.ws_url) as stock:
        await stock.account_subscribe(wallet, Confirmed, "base64")
        await stock.program_subscribe(Pubkey.from_string(SYSTEM), Confirmed, "base64")
        await stock.logs_subscribe(commitment=Confirmed)
        await stock.slot_subscribe()
        await stock.root_subscribe()
        await client.request_airdrop(wallet, SOL)
        await localnet.advance(3)
        seen: set[str] = set()
        while len(seen) < 6:
            [message] = await asyncio.wait_for(stock.recv(), 60)
            seen.add(type(message).__name__)
        assert seen == {
            "SubscriptionResult",
            "AccountNotification",
            "ProgramNotification",
            "LogsNotification",
            "SlotNotification",
            "RootNotification",
        }
