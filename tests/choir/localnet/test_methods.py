"""The table of methods in docs/localnet.md is what is served: each one is called here."""

from __future__ import annotations

import base64
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from solana.rpc.async_api import AsyncClient
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.choir.localnet.helpers import SOL, RawRpc, legacy
from websockets.asyncio.client import connect

from choir.localnet import Localnet
from choir.localnet.faults import KINDS as KINDS_OF_FAULTS
from choir.localnet.rpc.context import METHODS
from choir.localnet.subscriptions import KINDS

PAGE = (Path(__file__).parents[3] / "docs" / "localnet.md").read_text()
MEMBERS = {"count", "skip", "chance", "methods"}
[NOT_SERVED] = re.findall(r"^## Absent$(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
ABSENT = re.findall(r"`(get\w+|vote\w+)`", NOT_SERVED)
ROWS = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
LISTED = [m for m in ROWS if m not in MEMBERS and m not in ABSENT]
SUBSCRIPTIONS = {name for name in LISTED if name.endswith("Subscribe")}
FAULTS = set(KINDS_OF_FAULTS)


def test_every_method_has_its_row_and_every_row_its_method() -> None:
    assert sorted(set(LISTED) - SUBSCRIPTIONS - FAULTS) == sorted(METHODS)
    assert {f"{kind}Subscribe" for kind in KINDS} == SUBSCRIPTIONS
    assert set(LISTED) >= FAULTS
    assert len(ABSENT) == 13
    assert len(LISTED) == len(set(LISTED))


async def test_the_example_runs() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    example = example.replace(
        "...  #", "assert localnet.rpc_url and await localnet.advance() == 1  #"
    )
    space: dict[str, Any] = {}
    exec("async def run():\n" + textwrap.indent(example, "    "), space)
    await space["run"]()


def arguments(wallet: str, minted: dict[str, str], wire: str, message: str) -> dict[str, list[Any]]:
    """Parameters for the methods that cannot do without."""
    confirmed = {"commitment": "confirmed"}
    token = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
    return {
        "getAccountInfo": [wallet],
        "getBalance": [wallet],
        "getBlock": [1, confirmed],
        "getBlockCommitment": [1],
        "getBlockTime": [1],
        "getBlocks": [0],
        "getBlocksWithLimit": [0, 5],
        "getFeeForMessage": [message, confirmed],
        "getInflationReward": [[wallet]],
        "getMinimumBalanceForRentExemption": [165],
        "getMultipleAccounts": [[wallet]],
        "getProgramAccounts": [token, {"encoding": "base64"}],
        "getSignatureStatuses": [[minted["signature"]]],
        "getSignaturesForAddress": [wallet],
        "getSlotLeaders": [0, 3],
        "getTokenAccountBalance": [minted["account"], confirmed],
        "getTokenAccountsByDelegate": [wallet, {"programId": token}],
        "getTokenAccountsByOwner": [wallet, {"mint": minted["mint"]}],
        "getTokenLargestAccounts": [minted["mint"]],
        "getTokenSupply": [minted["mint"]],
        "getTransaction": [minted["signature"], confirmed],
        "isBlockhashValid": ["1" * 32],
        "requestAirdrop": [wallet, SOL],
        "sendTransaction": [wire, {"encoding": "base64", "preflightCommitment": "confirmed"}],
        "simulateTransaction": [wire, {"encoding": "base64"}],
        "localnet_mintTo": [wallet, 1],
        "localnet_warpSlots": [5],
        "localnet_save": ["before"],
        "localnet_setTime": [2_000_000_000],
        "localnet_setAccount": [str(Pubkey.new_unique()), None],
        "localnet_fork": [1],
        "localnet_seedFaults": [7],
        "localnet_injectFault": [{"kind": "status", "methods": ["nothing"]}],
    }


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_it_is_served(method: str, client: AsyncClient, rpc: RawRpc, payer: Keypair) -> None:
    minted = await rpc("localnet_mintTo", str(payer.pubkey()), 5)
    pay = transfer(
        TransferParams(from_pubkey=payer.pubkey(), to_pubkey=Pubkey.new_unique(), lamports=SOL)
    )
    transaction = await legacy(client, payer, pay)
    given = arguments(
        str(payer.pubkey()),
        minted,
        base64.b64encode(bytes(transaction)).decode(),
        base64.b64encode(bytes(transaction.message)).decode(),
    )
    answer = await rpc.answer(method, *given.get(method, []))
    if method == "getHighestSnapshotSlot":
        assert answer["error"]["code"] == -32008
    elif method == "localnet_save":  # kept chains are saved in test_persistence
        assert "only a localnet with a state directory" in answer["error"]["message"]
    else:
        assert "result" in answer, answer


@pytest.mark.parametrize("kind", KINDS)
async def test_it_can_be_subscribed_to_and_left(kind: str, localnet: Localnet) -> None:
    some = str(Pubkey.new_unique())
    given = {
        "account": [some],
        "program": [some],
        "logs": ["all"],
        "signature": ["1" * 64],
        "block": ["all"],
    }
    async with connect(localnet.ws_url) as socket:

        async def ask(method: str, params: list[Any]) -> Any:
            call = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
            await socket.send(json.dumps(call))
            async for message in socket:
                answer = json.loads(message)
                if answer.get("id") == method:
                    return answer["result"]
            raise AssertionError("the socket was closed")

        number = await ask(f"{kind}Subscribe", given.get(kind, []))
        assert isinstance(number, int)
        assert await ask(f"{kind}Unsubscribe", [number]) is True


@pytest.mark.parametrize("method", ABSENT)
async def test_it_is_not_served(method: str, localnet: Localnet, rpc: RawRpc) -> None:
    if not method.endswith("Subscribe"):
        assert (await rpc.error(method))["code"] == -32601
        return
    async with connect(localnet.ws_url) as socket:
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}))
        assert json.loads(await socket.recv())["error"]["code"] == -32601
