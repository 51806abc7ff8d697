"""Fan-out of a space's deltas: from the commit to the receipt, many sockets, one writer.

    python tests/bench/bench_spaces.py [--sockets 200] [--rate 50] [--seconds 5] [--url postgresql://…]

Everything runs in one process on one event loop, clients included, so the figures are upper
bounds of what a server on a core of its own takes. Without ``--url`` a PostgreSQL is started.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop
from pydantic import SecretStr
from tests.api.spaces.support import Process, process, shift, wallet
from websockets.asyncio.client import connect

from choir.clock import SystemClock
from choir.stack.postgres import EmbeddedPostgres
from choir.wire import MSGPACK
from choir_api.db import migrate
from choir_api.settings import Settings
from choir_api.spaces import hub as hub_module


def percentiles(values: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"p{n}_ms": round(cuts[n - 1] * 1000, 2) for n in (50, 95, 99)}


async def _listen(url: str, token: str, committed: dict[int, float], seen: list[float]) -> Any:
    socket = await connect(
        url, additional_headers={"Authorization": f"Bearer {token}"}, compression=None
    )
    await socket.send(MSGPACK.encode({"type": "hello"}))
    await socket.recv()
    await socket.send(MSGPACK.encode({"type": "subscribe", "kinds": ["deltas"]}))
    await socket.recv()

    async def read() -> None:
        async for message in socket:
            now = time.perf_counter()
            assert isinstance(message, bytes)
            seen.append(now - committed[MSGPACK.decode(message)["toVersion"]])

    return socket, asyncio.create_task(read())


async def measure(api: Process, sockets: int, rate: float, seconds: float) -> dict[str, Any]:
    owner = await wallet(api.http)
    created: list[float] = []
    for _ in range(20):
        start = time.perf_counter()
        made = await api.http.post("/v1/spaces", json={}, headers=owner.headers)
        created.append(time.perf_counter() - start)
    space = made.json()["id"]
    session = await api.session(owner, space)
    url = f"{api.realtime.url}/spaces/{space}"
    committed: dict[int, float] = {}
    seen: list[float] = []

    tell = hub_module.SpaceHub._tell

    def noted(self: Any, live: Any, entry: Any, state: Any) -> None:
        committed[entry.version] = time.perf_counter()
        tell(self, live, entry, state)

    hub_module.SpaceHub._tell = noted  # type: ignore[method-assign]
    async with AsyncExitStack() as stack:
        tasks = []
        joined: list[float] = []
        for _ in range(sockets):
            start = time.perf_counter()
            socket, task = await _listen(url, session["token"], committed, seen)
            joined.append(time.perf_counter() - start)
            stack.push_async_callback(socket.close)
            tasks.append(task)
        async with api.joined(owner, space, codec=MSGPACK) as writer:
            acknowledged = asyncio.create_task(_acknowledge(writer, int(rate * seconds)))
            begin = time.perf_counter()
            for n in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, begin + n / rate - time.perf_counter()))
                await writer.propose(shift(n % 8, 0.01), at=0)
            await acknowledged
            wall = time.perf_counter() - begin
        deadline = time.perf_counter() + 10
        expected = sockets * int(rate * seconds)
        while len(seen) < expected and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
    hub_module.SpaceHub._tell = tell  # type: ignore[method-assign]
    return {
        "sockets": sockets,
        "deltas_per_second": round(rate * seconds / wall, 1),
        "delivered": len(seen),
        "expected": expected,
        "fan_out": percentiles(seen),
        "create": percentiles(created),
        "join": percentiles(joined),
    }


async def _acknowledge(writer: Any, count: int) -> None:
    for _ in range(count):
        await writer.receive("delta")


async def _run(url: str, args: argparse.Namespace) -> dict[str, Any]:
    settings = Settings(database_url=url, jwt_secret=SecretStr("x" * 40), sign_ins_per_hour=1000)
    async with process(settings, SystemClock()) as api:
        return await measure(api, args.sockets, args.rate, args.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--rate", type=float, default=50.0, help="deltas a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--url", help="postgresql:// of a database to migrate and use")
    args = parser.parse_args()
    if args.url is not None:
        migrate(args.url)
        result = uvloop.run(_run(args.url, args))
    else:
        with (
            tempfile.TemporaryDirectory() as folder,
            EmbeddedPostgres(Path(folder) / "pg", settings={"max_connections": "50"}) as server,
        ):
            url = server.url("postgres")
            migrate(url)
            result = uvloop.run(_run(url, args))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
