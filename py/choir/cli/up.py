"""`choir up`: the whole stack in the foreground until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from choir.stack.supervisor import StackOptions, StackUrls

StateDir = Annotated[
    Path,
    typer.Option(envvar="CHOIR_STATE_DIR", help="Chain, database, vectors, keys and logs."),
]
RpcUrl = Annotated[
    str | None,
    typer.Option(envvar="CHOIR_RPC_URL", help="A cluster instead of the embedded localnet."),
]
WsUrl = Annotated[
    str | None, typer.Option(envvar="CHOIR_WS_URL", help="The cluster's pub/sub address.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="CHOIR_DATABASE_URL",
        help="A PostgreSQL server (postgresql://…) instead of the embedded one.",
        show_envvar=True,
    ),
]
VectorsUrl = Annotated[
    str | None,
    typer.Option(envvar="CHOIR_VECTORS_URL", help="A Qdrant server instead of the embedded one."),
]


def up(
    state_dir: StateDir = Path(".choir"),
    rpc_url: RpcUrl = None,
    ws_url: WsUrl = None,
    database_url: DatabaseUrl = None,
    vectors_url: VectorsUrl = None,
    rpc_port: Annotated[int, typer.Option(help="Localnet RPC; 0 takes a free port.")] = 8899,
    pubsub_port: Annotated[int, typer.Option(help="Localnet pub/sub.")] = 8900,
    api_port: Annotated[int, typer.Option(help="API.")] = 8000,
    realtime_port: Annotated[int, typer.Option(help="Realtime sockets.")] = 8001,
    slot_ms: Annotated[int, typer.Option(min=20, help="Milliseconds of a localnet slot.")] = 400,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON when ready, errors as JSON too.")
    ] = False,
) -> None:
    """Start PostgreSQL, the localnet, the indexer and the API, and keep them running.

    Everything is stopped together by Ctrl-C or SIGTERM (exit code 0). When a part ends by
    itself, the others are stopped and the end of its log is shown (exit code 1).
    """
    from choir.stack.supervisor import StackOptions

    options = StackOptions(
        state_dir=state_dir.absolute(),
        rpc_port=rpc_port,
        pubsub_port=pubsub_port,
        api_port=api_port,
        realtime_port=realtime_port,
        rpc_url=rpc_url,
        ws_url=ws_url,
        database_url=database_url,
        vectors_url=vectors_url,
        slot_ms=slot_ms,
    )
    asyncio.run(_run(options, as_json=as_json))


async def _run(options: StackOptions, *, as_json: bool) -> None:
    from choir.stack.supervisor import Stack

    console = Console(stderr=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def tell(part: str, seconds: float) -> None:
        if not as_json:
            console.print(f"  {part:<16} ready in {seconds:.1f} s")

    stack = Stack(options, tell)
    try:
        starting = asyncio.create_task(stack.start())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        _show(starting.result(), options, console, as_json=as_json)
        watching = asyncio.create_task(stack.watch())
        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    finally:
        await stack.stop()


def _show(urls: StackUrls, options: StackOptions, console: Console, *, as_json: bool) -> None:
    shown = {
        "rpc": urls.rpc,
        "ws": urls.ws,
        "api": urls.api,
        "realtime": urls.realtime,
        "indexer": urls.indexer,
        "state_dir": str(options.state_dir),
    }
    if as_json:
        typer.echo(json.dumps({"ready": True, **shown}))
        return
    table = Table(box=None, show_header=False)
    for name, where in {**shown, "API docs": f"{urls.api}/docs"}.items():
        table.add_row(name, where)
    console.print(table)
    console.print("Ctrl-C stops everything.")
