"""From the moment a localnet confirms a transaction until another reader sees in PostgreSQL what it
did: the row of an account that it changed, and the event of it with its number."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import Transaction
from websockets.asyncio.client import connect

from choir.accounts import PrivacyLevel
from choir.client import ChoirClient
from choir.ids import PROGRAM_ID, thread_pda
from choir.rpc import HttpRpc
from choir.stack.first_run import ensure_initialized
from choir.wallet import KeypairSigner

SOL = 1_000_000_000
ROW = "SELECT slot FROM chain.threads WHERE pubkey = $1"
EVENTS = "SELECT signature FROM chain.thread_events WHERE signature = ANY($1)"


@dataclass(frozen=True)
class Lags:
    """Seconds for each deposit: until the thread's row is as of its slot, which may be ahead of the
    watermark; and until its event is there, with its number and the watermark."""

    rows: list[float]
    events: list[float]


async def lags(database: str, *, count: int, a_second: float) -> Lags:
    """For each of `count` deposits into a thread, sent one after the other.

    Three processes: a localnet with its journal and its usual slots, `choir-indexer run` as it is
    by default, and this one. It subscribes to the program's logs at commitment confirmed on the
    localnet's socket, which is when the clock starts; and it listens for what the indexer notifies
    and then asks for the row and the events in a connection of its own, which is when it stops.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "localnet"
        localnet = _started(
            "choir.localnet", "--rpc-port", "0", "--ws-port", "0", "--state-dir", str(state)
        )
        try:
            ready = _line(localnet)
            mint = Pubkey.from_string(ready["stake_mint"])
            authority = state / "keys" / "upgrade-authority.json"
            await ensure_initialized(ready["rpc_url"], authority, mint)
            indexer = _started(
                "choir_indexer",
                "run",
                CHOIR_DATABASE_URL=database,
                CHOIR_RPC_URL=ready["rpc_url"],
                CHOIR_WS_URL=ready["ws_url"],
            )
            try:
                _line(indexer)
                return await _measured(database, ready, count, a_second)
            finally:
                _stopped(indexer)
        finally:
            _stopped(localnet)


async def _measured(database: str, ready: dict[str, str], count: int, a_second: float) -> Lags:
    confirmed: dict[bytes, tuple[float, int]] = {}
    rows: dict[bytes, float] = {}
    visible: dict[bytes, float] = {}
    news = asyncio.Event()
    reader = await asyncpg.connect(database)
    listener = await asyncpg.connect(database)
    for channel in ("choir_thread", "choir_outbox"):
        await listener.add_listener(channel, lambda *_: news.set())
    async with HttpRpc(ready["rpc_url"]) as rpc, connect(ready["ws_url"]) as socket:
        wallet = Keypair()
        await rpc.request_airdrop(wallet.pubkey(), 1_000 * SOL)
        await rpc.request("localnet_mintTo", [str(wallet.pubkey()), 10**15])
        client = ChoirClient(rpc, KeypairSigner(wallet))
        await client.create_thread("lag", deposit=10**9, privacy=PrivacyLevel.PUBLIC)
        thread = bytes(thread_pda("lag"))
        instructions = list(await client.collect().deposit("lag", 1_000_000))
        params = [{"mentions": [str(PROGRAM_ID)]}, {"commitment": "confirmed"}]
        call = {"jsonrpc": "2.0", "id": 1, "method": "logsSubscribe", "params": params}
        await socket.send(orjson.dumps(call).decode())
        await socket.recv()

        async def hear() -> None:
            async for text in socket:
                now = time.perf_counter()
                result = orjson.loads(text)["params"]["result"]
                name = bytes(Signature.from_string(result["value"]["signature"]))
                confirmed[name] = now, result["context"]["slot"]
                news.set()

        async def look() -> None:
            while len(rows) < count or len(visible) < count:
                await news.wait()
                news.clear()
                slot = await reader.fetchval(ROW, thread) or 0
                now = time.perf_counter()
                waiting = confirmed.keys() - rows.keys()
                reached = [name for name in waiting if confirmed[name][1] <= slot]
                rows.update(dict.fromkeys(reached, now))
                found = await reader.fetch(EVENTS, list(confirmed.keys() - visible.keys()))
                visible.update(dict.fromkeys((row[0] for row in found), time.perf_counter()))

        sent: list[bytes] = []
        hearing, looking = asyncio.create_task(hear()), asyncio.create_task(look())
        due = time.perf_counter()
        for number in range(count):
            blockhash: Hash = (await rpc.get_latest_blockhash()).value.hash
            limit = set_compute_unit_limit(200_000 + number)
            message = Message.new_with_blockhash([limit, *instructions], wallet.pubkey(), blockhash)
            transaction = Transaction([wallet], message, blockhash)
            sent.append(bytes(transaction.signatures[0]))
            await rpc.send_transaction(bytes(transaction))
            due += 1 / a_second
            await asyncio.sleep(max(due - time.perf_counter(), 0))
        async with asyncio.timeout(30):
            await looking
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
    await reader.close()
    await listener.close()
    return Lags(
        [rows[name] - confirmed[name][0] for name in sent],
        [visible[name] - confirmed[name][0] for name in sent],
    )


def _started(module: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def _line(process: subprocess.Popen[bytes]) -> dict[str, str]:
    assert process.stdout is not None
    ready: dict[str, str] = json.loads(process.stdout.readline())
    return ready


def _stopped(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait()
