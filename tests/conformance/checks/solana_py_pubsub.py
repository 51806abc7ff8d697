"""solana-py's WebSocket client, and the envelope of pub/sub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import websockets
from solana.rpc.commitment import Confirmed, Finalized
from solana.rpc.websocket_api import SolanaWsClientProtocol, connect
from solders.keypair import Keypair
from solders.rpc.config import RpcTransactionLogsFilterMentions
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.system_program import CreateAccountParams, create_account
from spl.token.constants import TOKEN_PROGRAM_ID as TOKEN
from tests.conformance.checks.solana_py_transactions import pay, send
from tests.conformance.net import SOL, Net
from tests.conformance.registry import check, equal, true


@asynccontextmanager
async def subscribed(
    net: Net, subscribe: Callable[[SolanaWsClientProtocol], Awaitable[None]]
) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """A subscription by solana-py that is in place; gives what reads the next notification."""
    async with connect(net.cluster.ws_url) as socket:
        await subscribe(socket)
        [answer] = await socket.recv()
        true(isinstance(answer.result, int), f"the subscription's id: {answer}")
        waiting: list[Any] = []

        async def following() -> Any:
            while not waiting:
                waiting.extend(await socket.recv())
            return waiting.pop(0).result

        yield following


@check("solana-py.subscribe.account", "accountSubscribe: every change once it is confirmed")
async def _(net: Net) -> None:
    owner, payer = await net.wallet(), await net.wallet(4 * SOL)
    async with subscribed(
        net, lambda socket: socket.account_subscribe(owner.pubkey(), Confirmed, "base64")
    ) as following:
        slots = []
        for change in (1, 2):
            await net.land(payer, pay(payer, owner.pubkey(), SOL))
            told = await following()
            equal(told.value.lamports, (2 + change) * SOL, "lamports")
            equal((told.value.owner, told.value.data), (SYSTEM, b""), "owner and data")
            slots.append(told.context.slot)
        true(slots[0] < slots[1], f"slots {slots}")


@check("solana-py.subscribe.account-final", "accountSubscribe at finalized waits until it is")
async def _(net: Net) -> None:
    owner, payer = await net.wallet(), await net.wallet()
    await net.until(
        lambda: net.call("getBalance", str(owner.pubkey())), lambda b: b["value"] == 2 * SOL
    )
    async with subscribed(
        net, lambda socket: socket.account_subscribe(owner.pubkey(), Finalized, "base64")
    ) as following:
        signature = await net.land(payer, pay(payer, owner.pubkey(), SOL))
        told = await following()
        equal(told.value.lamports, 3 * SOL, "lamports")
        slot = (await net.status(signature))["slot"]
        true(told.context.slot >= slot, f"told of slot {told.context.slot}, landed in {slot}")
        root = await net.call("getSlot", {"commitment": "finalized"})
        true(root >= slot, f"told when {root} was final, landed in {slot}")


@check("solana-py.subscribe.logs", "logsSubscribe: what mentions an address, and nothing else")
async def _(net: Net) -> None:
    watched, other = await net.wallet(), await net.wallet()
    mentions = RpcTransactionLogsFilterMentions(watched.pubkey())
    async with subscribed(
        net, lambda socket: socket.logs_subscribe(mentions, Confirmed)
    ) as following:
        await net.land(other, pay(other, Keypair().pubkey(), SOL))
        signature = await net.land(watched, pay(watched, watched.pubkey(), 1))
        told = await following()
        equal(str(told.value.signature), signature, "the signature")
        equal(
            (told.value.err, told.value.logs),
            (None, [f"Program {SYSTEM} invoke [1]", f"Program {SYSTEM} success"]),
            "error and logs",
        )


@check("solana-py.subscribe.signature", "signatureSubscribe: once, with the error, then no more")
async def _(net: Net) -> None:
    payer = await net.wallet()
    transaction = await net.build(payer, pay(payer, payer.pubkey(), 9 * SOL))
    signature = transaction.signatures[0]
    async with subscribed(
        net, lambda socket: socket.signature_subscribe(signature, Confirmed)
    ) as following:
        await send(net, transaction, skip_preflight=True)
        told = await following()
        equal(
            json.loads(told.value.to_json())["err"],
            {"InstructionError": [0, {"Custom": 1}]},
            "the error",
        )


@check("solana-py.subscribe.signature-late", "signatureSubscribe for what is confirmed already")
async def _(net: Net) -> None:
    payer = await net.wallet()
    signature = await net.land(payer, pay(payer, payer.pubkey(), 1))
    async with subscribed(
        net,
        lambda socket: socket.signature_subscribe(Signature.from_string(signature), Confirmed),
    ) as following:
        told = await following()
        equal(json.loads(told.value.to_json()), {"err": None}, "what was told")


@check("solana-py.subscribe.slot", "slotSubscribe: a slot's parent is the one told before")
async def _(net: Net) -> None:
    async with subscribed(net, lambda socket: socket.slot_subscribe()) as following:
        seen = [await following() for _ in range(4)]
        for told in seen:
            true(told.root < told.parent < told.slot, f"{told}")
        parents = [told.parent for told in seen[1:]]
        equal(parents, [told.slot for told in seen[:-1]], "the parents")


@check("solana-py.subscribe.root", "rootSubscribe: roots in order, some told twice")
async def _(net: Net) -> None:
    async with subscribed(net, lambda socket: socket.root_subscribe()) as following:
        roots = [await following() for _ in range(4)]
        true(roots == sorted(roots) and roots[0] < roots[-1], f"roots {roots}")


@check(
    "solana-py.subscribe.program", "programSubscribe: accounts of a program that pass the filters"
)
async def _(net: Net) -> None:
    payer, made = await net.wallet(), Keypair()
    async with subscribed(
        net,
        lambda socket: socket.program_subscribe(TOKEN, Confirmed, "base64", filters=[79]),
    ) as following:
        rent = (await net.client.get_minimum_balance_for_rent_exemption(79)).value
        for size, keypair in ((78, Keypair()), (79, made)):
            await net.land(
                payer,
                create_account(
                    CreateAccountParams(
                        from_pubkey=payer.pubkey(),
                        to_pubkey=keypair.pubkey(),
                        lamports=rent,
                        space=size,
                        owner=TOKEN,
                    )
                ),
                signers=(keypair,),
            )
        told = await following()
        equal(told.value.pubkey, made.pubkey(), "the account")
        equal((told.value.account.lamports, len(told.value.account.data)), (rent, 79), "the rest")


class Raw:
    """A socket on which is said what the check says."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def say(self, text: str) -> Any:
        """Send text and read the answer."""
        await self.socket.send(text)
        return json.loads(await self.socket.recv())

    async def call(self, method: str, *params: Any) -> dict[str, Any]:
        """Send a request and read its answer."""
        call = {"jsonrpc": "2.0", "id": 5, "method": method, "params": list(params)}
        answer: dict[str, Any] = await self.say(json.dumps(call))
        return answer


@asynccontextmanager
async def raw(net: Net) -> AsyncIterator[Raw]:
    """A plain WebSocket."""
    async with websockets.connect(net.cluster.ws_url) as socket:
        yield Raw(socket)


@check("json-rpc.pubsub.notification", "the shape of a notification, and of unsubscribing")
async def _(net: Net) -> None:
    payer = await net.wallet()
    async with raw(net) as socket:
        config = {"commitment": "confirmed", "encoding": "base64"}
        answer = await socket.call("accountSubscribe", str(payer.pubkey()), config)
        equal(sorted(answer), ["id", "jsonrpc", "result"], "the answer's fields")
        await net.land(payer, pay(payer, payer.pubkey(), 1))
        told = json.loads(await socket.socket.recv())
        equal(
            (told["jsonrpc"], told["method"], told["params"]["subscription"], "id" in told),
            ("2.0", "accountNotification", answer["result"], False),
            "the notification",
        )
        result = told["params"]["result"]
        equal(sorted(result["context"]), ["slot"], "the context's fields")
        equal(
            sorted(result["value"]),
            ["data", "executable", "lamports", "owner", "rentEpoch", "space"],
            "the account's fields",
        )
        done = await socket.call("accountUnsubscribe", answer["result"])
        equal(done, {"jsonrpc": "2.0", "result": True, "id": 5}, "the answer to unsubscribing")
        again = await socket.call("accountUnsubscribe", answer["result"])
        equal(
            again.get("error"),
            {"code": -32602, "message": "Invalid subscription id."},
            "the error of unsubscribing again",
        )


@check("json-rpc.pubsub.errors", "what a node will not feed is refused")
async def _(net: Net) -> None:
    async with raw(net) as socket:
        answer = await socket.call("nothingSubscribe")
        equal(
            answer,
            {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": 5},
            "an unknown method",
        )
        answer = await socket.call("accountSubscribe", "abc")
        equal(
            answer["error"],
            {"code": -32602, "message": "Invalid Request: Invalid pubkey provided"},
            "an address that is none",
        )
        answer = await socket.call("signatureSubscribe", "abc")
        equal(
            answer["error"],
            {"code": -32602, "message": "Invalid Request: Invalid signature provided"},
            "a signature that is none",
        )
        filters = {"filters": [{"dataSize": 1}] * 5}
        answer = await socket.call("programSubscribe", str(SYSTEM), filters)
        equal(
            answer["error"],
            {"code": -32602, "message": "Invalid params: Too many filters provided; max 4"},
            "five filters",
        )
        answer = await socket.call("logsSubscribe", {"mentions": [str(SYSTEM), str(TOKEN)]})
        equal(
            answer["error"],
            {"code": -32602, "message": "Invalid Request: Only 1 address supported"},
            "logs of two addresses",
        )
        answer = await socket.call("voteSubscribe")
        equal(answer["error"]["code"], -32601, "votes, which nobody has turned on")


@check("json-rpc.pubsub.several", "many subscriptions on one socket, each told what is its own")
async def _(net: Net) -> None:
    owners = [await net.wallet() for _ in range(3)]
    payer = await net.wallet(4 * SOL)
    async with raw(net) as socket:
        config = {"commitment": "confirmed", "encoding": "base64"}
        ids = {}
        for index, owner in enumerate(owners):
            answer = await socket.call("accountSubscribe", str(owner.pubkey()), config)
            ids[answer["result"]] = index
        await net.land(
            payer,
            *(pay(payer, owner.pubkey(), SOL // 2 + index) for index, owner in enumerate(owners)),
        )
        seen: dict[int, int] = {}
        async with asyncio.timeout(60):
            while len(seen) < 3:
                params = json.loads(await socket.socket.recv())["params"]
                seen[ids[params["subscription"]]] = params["result"]["value"]["lamports"]
        equal(seen, {i: 2 * SOL + SOL // 2 + i for i in range(3)}, "lamports")


@check(
    "json-rpc.pubsub.block",
    "blockSubscribe: the block that mentions an address, or -32601 where it is off",
)
async def _(net: Net) -> None:
    payer = await net.wallet()
    config = {
        "commitment": "confirmed",
        "encoding": "json",
        "transactionDetails": "signatures",
        "showRewards": False,
        "maxSupportedTransactionVersion": 0,
    }
    async with raw(net) as socket:
        mentions = {"mentionsAccountOrProgram": str(payer.pubkey())}
        answer = await socket.call("blockSubscribe", mentions, config)
        if "result" not in answer:
            # a node feeds it only when told to, which a test validator cannot be
            equal(answer["error"], {"code": -32601, "message": "Method not found"}, "the refusal")
            return
        signature = await net.land(payer, pay(payer, payer.pubkey(), 1))
        told = json.loads(await socket.socket.recv())
        equal(told["method"], "blockNotification", "the method")
        value = told["params"]["result"]["value"]
        equal(sorted(value), ["block", "err", "slot"], "the value's fields")
        equal(
            sorted(value["block"]),
            [
                "blockHeight",
                "blockTime",
                "blockhash",
                "parentSlot",
                "previousBlockhash",
                "signatures",
            ],
            "the block's fields",
        )
        equal((value["err"], value["block"]["signatures"]), (None, [signature]), "what it tells")


@check(
    "json-rpc.pubsub.slots-updates",
    "slotsUpdatesSubscribe: the kinds of update a slot goes through",
)
async def _(net: Net) -> None:
    async with raw(net) as socket:
        answer = await socket.call("slotsUpdatesSubscribe")
        true("result" in answer, f"subscribed: {answer}")
        kinds = {"createdBank", "frozen", "optimisticConfirmation", "root"}
        seen: dict[str, Any] = {}
        while not kinds <= set(seen):
            told = json.loads(await socket.socket.recv())["params"]["result"]
            seen[told["type"]] = told
        equal(sorted(seen["createdBank"]), ["parent", "slot", "timestamp", "type"], "createdBank")
        equal(sorted(seen["frozen"]), ["slot", "stats", "timestamp", "type"], "frozen")
        equal(sorted(seen["root"]), ["slot", "timestamp", "type"], "root")
