"""What the localnet's tests build their transactions with."""

from __future__ import annotations

import json
from typing import Any

import httpx
from solana.rpc.async_api import AsyncClient
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.transaction import Transaction, VersionedTransaction

SOL = 1_000_000_000


class RawRpc:
    """JSON-RPC by hand: what goes over the wire is what the test says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.AsyncClient(timeout=60)

    async def post(self, body: Any) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await self.http.post(
            self.url, content=content, headers={"content-type": "application/json"}
        )
        return response.json()

    async def answer(self, method: str, *params: Any) -> dict[str, Any]:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer: dict[str, Any] = await self.post(call)
        return answer

    async def __call__(self, method: str, *params: Any) -> Any:
        answer = await self.answer(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, *params: Any) -> dict[str, Any]:
        answer = await self.answer(method, *params)
        assert "result" not in answer, answer
        error: dict[str, Any] = answer["error"]
        return error


async def legacy(client: AsyncClient, payer: Keypair, *instructions: Instruction) -> Transaction:
    """A signed legacy transaction with the newest blockhash."""
    blockhash = (await client.get_latest_blockhash()).value.blockhash
    message = Message.new_with_blockhash(list(instructions), payer.pubkey(), blockhash)
    return Transaction([payer], message, blockhash)


async def versioned(
    client: AsyncClient, payer: Keypair, *instructions: Instruction
) -> VersionedTransaction:
    """A signed version 0 transaction with the newest blockhash."""
    blockhash = (await client.get_latest_blockhash()).value.blockhash
    message = MessageV0.try_compile(payer.pubkey(), list(instructions), [], blockhash)
    return VersionedTransaction(message, [payer])
