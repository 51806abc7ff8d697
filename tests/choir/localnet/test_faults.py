"""Faults of the node, of sends and of the chain: each happens as told, and to no other call."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from solana.rpc.async_api import AsyncClient
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from tests.choir.localnet.helpers import SOL, RawRpc, legacy

from choir.localnet import Localnet
from choir.localnet.faults import Fault, Faults

CONFIRMED = {"commitment": "confirmed"}
PROCESSED = {"commitment": "processed"}


class Payment:
    """A signed transfer to a new wallet, and what became of it."""

    def __init__(self, rpc: RawRpc, wire: bytes, signature: str, to: Pubkey) -> None:
        self.rpc = rpc
        self.wire = base64.b64encode(wire).decode()
        self.signature = signature
        self.to = str(to)

    async def send(self, **config: Any) -> str:
        given = {"encoding": "base64", "preflightCommitment": "confirmed", **config}
        sent: str = await self.rpc("sendTransaction", self.wire, given)
        return sent

    async def paid(self) -> int:
        lamports: int = (await self.rpc("getBalance", self.to, PROCESSED))["value"]
        return lamports

    async def status(self) -> Any:
        return (await self.rpc("getSignatureStatuses", [self.signature]))["value"][0]


@pytest.fixture
async def payment(client: AsyncClient, rpc: RawRpc, payer: Keypair) -> Payment:
    to = Pubkey.new_unique()
    pay = transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=SOL))
    transaction = await legacy(client, payer, pay)
    return Payment(rpc, bytes(transaction), str(transaction.signatures[0]), to)


async def test_a_lost_send_is_answered_and_never_lands(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_injectFault", {"kind": "loseSend"})
    assert await payment.send() == payment.signature
    await rpc("localnet_advance", 5)
    assert await payment.paid() == 0
    assert await payment.status() is None
    assert await payment.send() == payment.signature
    assert await payment.paid() == SOL


async def test_a_delayed_send_lands_slots_later(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_injectFault", {"kind": "delaySend", "slots": 3})
    await payment.send()
    await rpc("localnet_advance", 2)
    assert await payment.paid() == 0
    await rpc("localnet_advance", 1)
    assert await payment.paid() == SOL
    assert (await payment.status())["confirmationStatus"] == "confirmed"


async def test_a_delayed_send_does_not_outlive_its_blockhash(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_injectFault", {"kind": "delaySend", "slots": 200})
    await payment.send()
    await rpc("localnet_expireBlockhashes")
    await rpc("localnet_advance", 60)
    assert await payment.status() is None
    assert await payment.paid() == 0


async def test_a_duplicated_send_takes_effect_once(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_injectFault", {"kind": "duplicateSend", "slots": 2})
    await payment.send()
    landed = (await payment.status())["slot"]
    await rpc("localnet_advance", 4)
    assert await payment.paid() == SOL
    assert (await payment.status())["slot"] == landed


async def test_a_duplicate_lands_when_a_fork_took_the_first(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_injectFault", {"kind": "duplicateSend", "slots": 3})
    await payment.send()
    landed = (await payment.status())["slot"]
    await rpc("localnet_fork", 1)
    assert await payment.status() is None
    await rpc("localnet_advance", 3)
    assert (await payment.status())["slot"] > landed
    assert await payment.paid() == SOL


async def test_a_node_behind_answers_from_its_own_heads(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_advance", 20)
    await rpc("localnet_injectFault", {"kind": "behind", "slots": 4, "count": None})
    behind = {
        "slot": await rpc("getSlot", CONFIRMED),
        "height": await rpc("getBlockHeight", CONFIRMED),
        "blockhash": await rpc("getLatestBlockhash", CONFIRMED),
    }
    await payment.send(skipPreflight=True)
    assert await payment.status() is None
    assert await payment.paid() == 0
    error = await rpc.error("getBalance", payment.to, {**CONFIRMED, "minContextSlot": 24})
    assert error["code"] == -32016
    assert error["data"]["contextSlot"] <= 24
    assert await rpc("localnet_clearFaults") == 1
    assert await rpc("getSlot", CONFIRMED) == behind["slot"] + 5
    assert await rpc("getBlockHeight", CONFIRMED) == behind["height"] + 5
    now = await rpc("getLatestBlockhash", CONFIRMED)
    assert (
        now["value"]["lastValidBlockHeight"] > behind["blockhash"]["value"]["lastValidBlockHeight"]
    )
    assert await payment.paid() == SOL


async def test_a_node_behind_does_not_know_a_new_blockhash(
    rpc: RawRpc, client: AsyncClient, payer: Keypair
) -> None:
    await rpc("localnet_advance", 6)
    pay = transfer(
        TransferParams(from_pubkey=payer.pubkey(), to_pubkey=Pubkey.new_unique(), lamports=SOL)
    )
    transaction = await legacy(client, payer, pay)
    wire = base64.b64encode(bytes(transaction)).decode()
    given = {"encoding": "base64", "preflightCommitment": "confirmed"}
    await rpc(
        "localnet_injectFault", {"kind": "behind", "slots": 3, "methods": ["sendTransaction"]}
    )
    error = await rpc.error("sendTransaction", wire, given)
    assert error["code"] == -32002
    assert error["message"] == "Transaction simulation failed: Blockhash not found"
    assert error["data"]["err"] == "BlockhashNotFound"
    assert await rpc("sendTransaction", wire, given) == str(transaction.signatures[0])


async def test_a_node_far_behind_is_unhealthy(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_injectFault", {"kind": "behind", "slots": 200, "count": 2})
    error = await rpc.error("getHealth")
    assert error == {
        "code": -32005,
        "message": "Node is behind by 200 slots",
        "data": {"numSlotsBehind": 200},
    }
    given = {"encoding": "base64", "preflightCommitment": "confirmed"}
    assert (await rpc.error("sendTransaction", payment.wire, given))["code"] == -32005
    assert await rpc("getHealth") == "ok"


async def test_a_fork_after_a_call_takes_back_what_was_confirmed(
    rpc: RawRpc, payment: Payment
) -> None:
    fork = {"kind": "fork", "slots": 1, "methods": ["getSignatureStatuses"]}
    await rpc("localnet_injectFault", fork)
    await payment.send()
    assert (await payment.status())["confirmationStatus"] == "confirmed"
    assert await payment.status() is None
    assert await payment.paid() == 0


async def test_a_fork_can_land_its_transactions_again(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_advance", 2)
    await payment.send()
    landed = (await payment.status())["slot"]
    await rpc("localnet_fork", 1, {"reland": True})
    assert (await payment.status())["slot"] > landed
    assert await payment.paid() == SOL
    await rpc("localnet_fork", 1, {"reland": [str(payment.to)]})
    assert await payment.paid() == 0


async def test_what_is_final_does_not_fork(rpc: RawRpc, payment: Payment) -> None:
    await payment.send()
    await rpc("localnet_advance", 4)
    assert (await payment.status())["confirmationStatus"] == "finalized"
    await rpc("localnet_injectFault", {"kind": "fork", "slots": 100, "methods": ["getSlot"]})
    await rpc("getSlot")
    assert (await payment.status())["confirmationStatus"] == "finalized"
    assert (await rpc.error("localnet_fork", 100))["code"] == -32602


async def test_blockhashes_expire_around_a_call(rpc: RawRpc, payment: Payment) -> None:
    expire = {"kind": "expire", "methods": ["sendTransaction"], "before": True}
    await rpc("localnet_injectFault", expire)
    given = {"encoding": "base64", "preflightCommitment": "confirmed"}
    error = await rpc.error("sendTransaction", payment.wire, given)
    assert error["data"]["err"] == "BlockhashNotFound"
    assert await payment.paid() == 0


async def test_blockhashes_can_expire_after_the_landing(rpc: RawRpc, payment: Payment) -> None:
    await rpc("localnet_injectFault", {"kind": "expire", "methods": ["sendTransaction"]})
    await payment.send()
    assert (await payment.status())["err"] is None
    assert await payment.paid() == SOL


async def test_slots_can_pass_with_a_call(rpc: RawRpc) -> None:
    slot = await rpc("getSlot", CONFIRMED)
    await rpc("localnet_injectFault", {"kind": "advance", "slots": 7, "methods": ["getHealth"]})
    await rpc("getHealth")
    assert await rpc("getSlot", CONFIRMED) == slot + 7


def test_skip_and_count_say_which_calls_are_hit() -> None:
    faults = Faults()
    faults.inject(Fault("stall", count=2, skip=1, methods=("getSlot",)))
    calls = ["getSlot", "getHealth", "getSlot", "localnet_info", "getSlot", "getSlot"]
    hit = [faults.take(("stall",), [name]) is not None for name in calls]
    assert hit == [False, False, True, False, True, False]
    assert not faults


def test_chance_is_the_same_for_the_same_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.inject(Fault("drop", count=None, chance=0.3))
        return [faults.take(("drop",), ["getSlot"]) is not None for _ in range(200)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 30 < sum(run(1)) < 90
    faults = Faults(5)
    faults.inject(Fault("delay", seconds=1, jitter=2))
    first = [faults.wait(Fault("delay", seconds=1, jitter=2)) for _ in range(5)]
    faults.seed(5)
    assert [faults.wait(Fault("delay", seconds=1, jitter=2)) for _ in range(5)] == first
    assert all(1 <= each <= 3 for each in first)


async def test_a_dropped_open_slot_loses_its_delayed_sends_not(
    localnet: Localnet, rpc: RawRpc, payment: Payment
) -> None:
    await rpc("localnet_injectFault", {"kind": "delaySend", "slots": 2})
    await payment.send()
    await rpc("localnet_advance", 1)
    await rpc("localnet_fork", 1)
    await rpc("localnet_advance", 3)
    assert await payment.paid() == SOL
