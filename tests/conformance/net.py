"""A cluster under test, and what every check needs from it: funds, waiting, raw requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

SOL = 1_000_000_000
FEE = 5_000
"""Lamports for one signature."""
POLL_S = 0.05

T = TypeVar("T")


@dataclass(frozen=True)
class Cluster:
    """Where a cluster answers, and who may do what on it."""

    name: str
    rpc_url: str
    ws_url: str
    authority: Keypair = field(repr=False)
    """May upgrade the program, and initialize it."""
    mint_authority: Keypair = field(repr=False)
    """May mint the stake token."""
    stake_mint: Pubkey
    version: str


@dataclass
class Net:
    """An async context manager around one cluster's clients."""

    cluster: Cluster
    client: AsyncClient = field(init=False)
    http: httpx.AsyncClient = field(init=False)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)

    async def __aenter__(self) -> Net:
        self.client = await self._open.enter_async_context(
            AsyncClient(self.cluster.rpc_url, Confirmed, timeout=30)
        )
        self.http = await self._open.enter_async_context(httpx.AsyncClient(timeout=30))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    # ---- requests as they go over the wire

    async def post(self, body: Any) -> httpx.Response:
        """The answer to a body, given as bytes or as a value."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return await self.http.post(self.cluster.rpc_url, content=content, headers=headers)

    async def answer(self, method: str, *params: Any) -> dict[str, Any]:
        """The whole answer to a request."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer: dict[str, Any] = (await self.post(call)).json()
        return answer

    async def call(self, method: str, *params: Any) -> Any:
        """The result of a request that succeeds."""
        answer = await self.answer(method, *params)
        if "error" in answer:
            raise AssertionError(f"{method} answered {answer['error']}")
        return answer["result"]

    async def refusal(self, method: str, *params: Any) -> dict[str, Any]:
        """The error of a request that fails."""
        answer = await self.answer(method, *params)
        if "result" in answer:
            raise AssertionError(f"{method} answered {answer['result']!r}, expected an error")
        error: dict[str, Any] = answer["error"]
        return error

    # ---- waiting

    async def until(self, ask: Callable[[], Awaitable[T]], done: Callable[[T], object]) -> T:
        """Ask until the answer is what is waited for; the check's time limit ends it."""
        while not done(value := await ask()):  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(POLL_S)
        return value

    async def status(self, signature: str, commitment: str = "confirmed") -> dict[str, Any]:
        """The status of a transaction, once it has the commitment."""
        enough = {"confirmed": ("confirmed", "finalized"), "finalized": ("finalized",)}[commitment]

        async def ask() -> Any:
            return (await self.call("getSignatureStatuses", [signature]))["value"][0]

        status: dict[str, Any] = await self.until(
            ask, lambda s: s is not None and s["confirmationStatus"] in enough
        )
        return status

    # ---- wallets and transactions

    async def wallet(self, lamports: int = 2 * SOL) -> Keypair:
        """A new wallet with lamports, confirmed."""
        keypair = Keypair()
        await self.airdrop(keypair.pubkey(), lamports)
        return keypair

    async def airdrop(self, owner: Pubkey, lamports: int) -> str:
        """Fund an address; answers when it is confirmed."""
        signature: str = await self.call("requestAirdrop", str(owner), lamports)
        await self.status(signature)
        return signature

    async def blockhash(self) -> Hash:
        """The newest confirmed blockhash."""
        latest = await self.call("getLatestBlockhash", {"commitment": "confirmed"})
        return Hash.from_string(latest["value"]["blockhash"])

    async def build(
        self, payer: Keypair, *instructions: Instruction, signers: tuple[Keypair, ...] = ()
    ) -> VersionedTransaction:
        """A signed version 0 transaction with the newest blockhash."""
        message = MessageV0.try_compile(
            payer.pubkey(), list(instructions), [], await self.blockhash()
        )
        return VersionedTransaction(message, [payer, *signers])

    async def land(
        self,
        payer: Keypair,
        *instructions: Instruction,
        signers: tuple[Keypair, ...] = (),
        commitment: str = "confirmed",
    ) -> str:
        """Send instructions; answers the signature when they have succeeded."""
        transaction = await self.build(payer, *instructions, signers=signers)
        config = {"encoding": "base64", "preflightCommitment": "confirmed"}
        signature: str = await self.call("sendTransaction", wire(transaction), config)
        status = await self.status(signature, commitment)
        if status["err"] is not None:
            raise AssertionError(f"{signature} failed: {status['err']}")
        return signature


def wire(transaction: VersionedTransaction) -> str:
    """A transaction as sendTransaction takes it, in base64."""
    from base64 import b64encode

    return b64encode(bytes(transaction)).decode()
