"""A node of its own process that lists as many accounts of the program as it is told to.

    python -m tests.bench.indexing.node COUNT

It makes the accounts as it sends them: threads, positions, specs and messages, each whole. Its
history is empty. One line of JSON says where it listens; `bench_seconds` answers how long it was
from being asked for the list until it was asked for what comes after.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import orjson
from solders.pubkey import Pubkey
from tests.indexer.borsh import encode
from websockets.asyncio.server import ServerConnection, serve

from choir.ids import PROGRAM_ID

SLOT = 1_000
BLOCK = 200
THREAD, PERSON = b"\1" * 32, b"\2" * 32
# of ten accounts of a program in use: a thread, four positions, two specs, three messages
OF_TEN = ("Thread", *["Position"] * 4, *["Spec"] * 2, *["Message"] * 3)
COMMON = {"author": Pubkey(PERSON), "rent_payer": Pubkey(PERSON), "thread": Pubkey(THREAD)}
TEMPLATES = {
    "Thread": encode(
        "Thread", thread_id="t000000000", creator=Pubkey(PERSON), balance=10**9,
        total_shares=10**9, message_count=3, co_authors=[Pubkey(PERSON), Pubkey(THREAD)],
    ),
    "Position": encode(
        "Position", thread=Pubkey(THREAD), owner=Pubkey(PERSON), rent_payer=Pubkey(PERSON),
        shares=10**9, claimable=5_000,
    ),
    "Spec": encode("Spec", **COMMON, content_hash=THREAD, stake=10**6, sequence=3),
    "Message": encode("Message", **COMMON, content_hash=PERSON, previous_head=THREAD, slot=SLOT),
}  # fmt: skip
ITEM = (
    b'{"pubkey":"%s","account":{"lamports":2449920,"data":["%s","base64"],"owner":"'
    + str(PROGRAM_ID).encode()
    + b'","executable":false,"rentEpoch":18446744073709551615,"space":%d}}'
)


def items(count: int) -> Iterator[bytes]:
    """Accounts as a node lists them: in no order."""
    for number in range(count):
        seed = hashlib.blake2b(number.to_bytes(8, "little")).digest()
        thread = hashlib.blake2s((number // 10).to_bytes(8, "little")).digest()
        data = TEMPLATES[OF_TEN[number % 10]]
        data = data.replace(THREAD, thread).replace(PERSON, seed[32:])
        if number % 10 == 0:
            data = data.replace(b"t000000000", b"t%09d" % (number // 10))
        name = str(Pubkey.from_bytes(seed[:32])).encode()
        yield ITEM % (name, base64.b64encode(data), len(data))


class Node:
    def __init__(self, count: int) -> None:
        self._count = count
        self._asked = self._went_on = 0.0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                at = head.lower().index(b"content-length:") + 15
                call = orjson.loads(await reader.readexactly(int(head[at : head.index(b"\r", at)])))
                if call["method"] == "getProgramAccounts":
                    self._asked = time.perf_counter()
                    await self._list(writer, call["id"])
                    continue
                if call["method"] == "getSignaturesForAddress" and not self._went_on:
                    self._went_on = time.perf_counter()
                answer = {
                    "jsonrpc": "2.0",
                    "result": self._answer(call["method"], call["params"]),
                    "id": call["id"],
                }
                body = orjson.dumps(answer)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, method: str, params: Any) -> Any:
        if method == "getMultipleAccounts":  # threads and vaults; none is there any more
            return {"context": {"slot": SLOT}, "value": [None] * len(params[0])}
        if method == "getAccountInfo":
            account = {"lamports": 1, "owner": str(PROGRAM_ID), "executable": True}
            return {"context": {"slot": SLOT}, "value": {**account, "data": ["", "base64"]}}
        return {
            "getGenesisHash": "11111111111111111111111111111111",
            "getSlot": SLOT,
            "getSignaturesForAddress": [],
            "getFirstAvailableBlock": 0,
            "bench_seconds": self._went_on - self._asked,
        }[method]

    async def _list(self, writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        context = b'{"apiVersion":"3.0.0","slot":%d}' % SLOT
        block = [b'{"jsonrpc":"2.0","result":{"context":%b,"value":[' % context]
        between = b""
        for made, item in enumerate(items(self._count)):
            block += (between, item)
            between = b","
            if made % BLOCK == BLOCK - 1:
                _chunk(writer, b"".join(block))
                block = []
                await writer.drain()
        _chunk(writer, b"".join(block) + b']},"id":%d}' % number)
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


async def subscribed(socket: ServerConnection) -> None:
    """Confirm every subscription, and announce nothing."""
    async for text in socket:
        call = orjson.loads(text)
        await socket.send(orjson.dumps({"jsonrpc": "2.0", "result": 1, "id": call["id"]}).decode())


async def main(count: int) -> None:
    node = Node(count)
    http = await asyncio.start_server(node.handle, "127.0.0.1", 0, limit=1 << 20)
    async with serve(subscribed, "127.0.0.1", 0) as sockets:
        rpc, ws = (s.sockets[0].getsockname()[1] for s in (http, sockets))
        ready = {"rpc_url": f"http://127.0.0.1:{rpc}", "ws_url": f"ws://127.0.0.1:{ws}"}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await http.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
