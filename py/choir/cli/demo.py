"""`choir demo`: the main job as a story, on a stack of its own or on one that runs already."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from choir._urls import place_of
from choir.cli.up import DatabaseUrl, RpcUrl, StateDir, VectorsUrl, WsUrl
from choir.errors import ChoirError, InvalidInput

if TYPE_CHECKING:
    from choir.stack.supervisor import StackUrls
    from choir.story import Step

LAMPORTS = 500_000_000
WHO, WHAT = 18, 58


def demo(
    state_dir: StateDir = Path(".choir/demo"),
    api: Annotated[
        str | None,
        typer.Option(envvar="CHOIR_API_URL", help="A running API instead of a stack of its own."),
    ] = None,
    realtime: Annotated[
        str | None, typer.Option(envvar="CHOIR_REALTIME_URL", help="That API's sockets.")
    ] = None,
    rpc_url: RpcUrl = None,
    ws_url: WsUrl = None,
    database_url: DatabaseUrl = None,
    vectors_url: VectorsUrl = None,
    funder: Annotated[
        Path | None,
        typer.Option(help="Key file of a wallet that pays, on a cluster without our faucet."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON at the end instead of a table.")
    ] = False,
) -> None:
    """Run the whole story with three wallets and check every step of it.

    Without options it starts its own stack on free ports, keeps its state, and stops it again.
    Ends with `demo: ok` and exit code 0, or says which step was not what it should be (1).
    """
    report = _Report(Console(highlight=False, soft_wrap=True), as_json=as_json)
    wanted = _Wanted(state_dir.absolute(), api, realtime, rpc_url, ws_url)
    try:
        asyncio.run(_run(wanted, database_url, vectors_url, funder, report))
    except ChoirError as error:
        report.end(error=f"{error}")
        raise typer.Exit(1) from error
    report.end()


class _Wanted:
    """Where the story is to be told."""

    def __init__(
        self,
        state_dir: Path,
        api: str | None,
        realtime: str | None,
        rpc_url: str | None,
        ws_url: str | None,
    ) -> None:
        if (api is None) != (realtime is None):
            raise InvalidInput("--api and --realtime go together: both of a running stack")
        if api is not None and rpc_url is None:
            raise InvalidInput("--api needs --rpc-url too: the chain that stack runs on")
        self.state_dir = state_dir
        self.api = api
        self.realtime = realtime
        self.rpc_url = rpc_url
        self.ws_url = ws_url


class _Report:
    """The story for a person as it happens, or for a script at its end."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json
        self.ready_s: float | None = None
        self.story_s: float | None = None
        self.steps: list[Step] = []
        self.facts: dict[str, Any] = {}

    def part(self, name: str, seconds: float) -> None:
        if not self._as_json:
            self._console.print(f"[dim]{'':>{WHO}}  {name} ready in {seconds:.1f} s[/dim]")

    def step(self, step: Step) -> None:
        self.steps.append(step)
        if self._as_json:
            return
        who = f"[bold]{step.who:>{WHO}}[/bold]"
        self._console.print(f"{who}  {step.what:<{WHAT}} [dim]{step.seconds:5.2f} s[/dim]")
        if step.outcome:
            self._console.print(f"{'':>{WHO}}  [green]→[/green] {step.outcome}", markup=True)

    def end(self, error: str | None = None) -> None:
        if self._as_json:
            last = {
                "ok": error is None,
                "ready_s": _rounded(self.ready_s),
                "story_s": _rounded(self.story_s),
                "steps": len(self.steps),
                **self.facts,
                **({} if error is None else {"error": error}),
            }
            typer.echo(json.dumps(last))
        elif error is None:
            ready = "" if self.ready_s is None else f"stack ready in {self.ready_s:.1f} s, "
            self._console.print(f"\n{ready}{len(self.steps)} steps in {self.story_s:.1f} s")
            self._console.print("demo: ok")
        else:
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"demo: failed: {error}", markup=False
            )


async def _run(
    wanted: _Wanted,
    database_url: str | None,
    vectors_url: str | None,
    funder: Path | None,
    report: _Report,
) -> None:
    from choir.stack.supervisor import Stack, StackOptions

    if wanted.api is not None:
        assert wanted.realtime is not None
        assert wanted.rpc_url is not None
        await _tell(wanted.api, wanted.realtime, wanted.rpc_url, funder, report)
        return
    options = StackOptions(
        state_dir=wanted.state_dir,
        rpc_port=0,
        pubsub_port=0,
        api_port=0,
        realtime_port=0,
        rpc_url=wanted.rpc_url,
        ws_url=wanted.ws_url,
        database_url=database_url,
        vectors_url=vectors_url,
    )
    started = time.monotonic()
    stack = Stack(options, report.part)
    try:
        urls: StackUrls = await stack.start()
        report.ready_s = time.monotonic() - started
        telling = asyncio.create_task(
            _tell(urls.api, urls.realtime, urls.rpc, funder, report), name="story"
        )
        watching = asyncio.create_task(stack.watch(), name="stack")
        await asyncio.wait({telling, watching}, return_when=asyncio.FIRST_COMPLETED)
        first, second = (telling, watching) if telling.done() else (watching, telling)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await first
    finally:
        await stack.stop()


async def _tell(
    api_url: str, realtime_url: str, rpc_url: str, funder: Path | None, report: _Report
) -> None:
    from choir.clock import SystemClock
    from choir.rpc import HttpRpc
    from choir.sdk import ChoirApi
    from choir.sending import Sender
    from choir.stack.first_run import read_config
    from choir.story import Stage, Step, tell_story
    from choir.story.purse import LocalnetPurse, Purse, WalletPurse
    from choir.wallet import KeypairSigner

    clock = SystemClock()
    run = secrets.token_hex(4)
    config = await read_config(rpc_url)
    if config is None:
        raise InvalidInput(f"the program is not set up on {place_of(rpc_url)}")
    async with AsyncExitStack() as open_now:
        rpc = await open_now.enter_async_context(HttpRpc(rpc_url))
        purse: Purse = (
            LocalnetPurse(rpc, config, clock)
            if funder is None
            else WalletPurse(Sender(rpc), config, KeypairSigner.from_file(funder))
        )
        started = time.monotonic()
        wallets = [KeypairSigner.generate() for _ in range(3)]
        tokens = 5 * config.params.min_thread_balance
        for wallet in wallets:
            await purse.fund(wallet.pubkey, lamports=LAMPORTS, tokens=tokens)
        report.step(
            Step("three wallets", "get fees and stake tokens", "", time.monotonic() - started)
        )
        signing = time.monotonic()
        apis = [
            await open_now.enter_async_context(ChoirApi(api_url, wallet=wallet))
            for wallet in wallets
        ]
        for api in apis:
            await api.sign_in()
        report.step(Step("three wallets", "sign in with Solana", "", time.monotonic() - signing))
        opener, author, watcher = apis
        socket = watcher.socket(f"{realtime_url.rstrip('/')}/v1/ws")
        await open_now.enter_async_context(socket)
        stage = Stage(
            rpc=rpc,
            config=config,
            clock=clock,
            thread_id=f"demo-{run}",
            name=f"space-{run}",
            opener=opener,
            author=author,
            watcher=watcher,
            socket=socket,
            tell=report.step,
        )
        report.facts["thread"] = stage.thread_id
        try:
            await tell_story(stage)
        finally:
            report.story_s = time.monotonic() - started


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
