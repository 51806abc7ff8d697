"""`choir localnet`: a Solana localnet in the foreground until Ctrl-C."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from choir.localnet.settings import Settings

app = typer.Typer(
    help="Run a Solana localnet in one process, with the Choir program on it.",
    epilog="Exit codes: 0 stopped by Ctrl-C or SIGTERM, 2 wrong options, "
    "3 a setting, a file or a port cannot be used.",
)


class Production(StrEnum):
    """When slots close."""

    CLOCK = "clock"
    TRANSACTION = "transaction"
    MANUAL = "manual"


@app.callback(invoke_without_command=True)
def localnet(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    rpc_port: Annotated[int, typer.Option(help="JSON-RPC port; 0 takes a free one.")] = 8899,
    ws_port: Annotated[int, typer.Option(help="Pub/sub port; 0 takes a free one.")] = 8900,
    state_dir: Annotated[
        Path | None, typer.Option(help="Keep the chain here; otherwise it is in memory only.")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Start over: delete the chain kept there.")
    ] = False,
    restore: Annotated[
        str | None, typer.Option(help="Start from a chain that localnet_save kept.")
    ] = None,
    production: Annotated[
        Production,
        typer.Option(
            help="When slots close: on the clock, after each transaction, or on localnet_advance."
        ),
    ] = Production.CLOCK,
    slot_ms: Annotated[int, typer.Option(help="Milliseconds a slot takes.")] = 400,
    finality_slots: Annotated[int, typer.Option(help="Slots from confirmed to finalized.")] = 31,
    history_transactions: Annotated[int, typer.Option(help="Transactions kept.")] = 100_000,
    history_slots: Annotated[int, typer.Option(help="Slots kept.")] = 432_000,
    program: Annotated[
        list[str] | None, typer.Option(help="ID=FILE.so: load a program at genesis; repeatable.")
    ] = None,
    no_choir: Annotated[
        bool, typer.Option("--no-choir", help="Do not load the Choir program.")
    ] = False,
    account: Annotated[
        list[Path] | None,
        typer.Option(help="Load an account (`solana account --output json`); repeatable."),
    ] = None,
    set_up: Annotated[
        bool, typer.Option("--set-up", help="Initialize the Choir program, unless it is.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it in one line of JSON.")] = False,
) -> None:
    """Serve Solana's JSON-RPC and pub/sub until stopped."""
    from choir.localnet.__main__ import announce_json, program_option, run

    def settings() -> Settings:
        from choir.localnet.settings import Settings

        return Settings(
            host=host,
            http_port=rpc_port,
            ws_port=ws_port,
            production=production.value,
            slot_ms=slot_ms,
            finality_slots=finality_slots,
            history_transactions=history_transactions,
            history_slots=history_slots,
            state_dir=state_dir,
            reset=reset,
            restore=restore,
            choir=not no_choir,
            programs=tuple(program_option(text) for text in program or ()),
            accounts=tuple(account or ()),
        )

    announce = announce_json if as_json else _announce
    raise typer.Exit(run(settings, announce, set_up=set_up, verbose=verbose))


_LABELS = {
    "rpc_url": "JSON-RPC",
    "ws_url": "Pub/sub",
    "program_id": "Program",
    "stake_mint": "Stake mint",
    "genesis_hash": "Genesis hash",
}


def _announce(addresses: Mapping[str, object]) -> None:
    for name, label in _LABELS.items():
        if addresses[name] is not None:
            typer.echo(f"{label:<13} {addresses[name]}")
    typer.echo("Ctrl-C stops it.")
