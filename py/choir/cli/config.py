"""`choir config`: the program's settings, and new keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from choir._checks import when
from choir.accounts import Config, Params
from choir.cli._shared import (
    DEFAULT_URL,
    AsJson,
    KeyFile,
    Url,
    emit,
    receipt_row,
    run,
    shown,
    table,
)
from choir.client import ChoirClient, Receipt
from choir.ids import as_pubkey
from choir.wallet import KeypairSigner

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The program's settings, and keys."
)
DAY = 86_400


@app.command()
def show(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show the settings in force."""

    async def work(client: ChoirClient) -> tuple[Config, dict[str, str]]:
        config, stake = await client.config(), await client.stake()
        params = config.params
        return config, {
            "authority": str(config.authority),
            "guardian": str(config.guardian),
            "stake mint": f"{config.stake_mint} ({config.mint_decimals} decimals)",
            "treasury vault": str(config.treasury_vault),
            "smallest stake": f"{shown(params.min_stake, stake)} tokens",
            "smallest thread": f"{shown(params.min_thread_balance, stake)} tokens",
            "approval window": f"{params.approval_window} s",
            "divest cooldown": f"{params.divest_cooldown} s",
            "inactivity window": f"{params.inactivity_window} s",
            "messages per hour": str(params.messages_per_hour),
            "paused": f"{config.pause_bits:#b} until {when(config.paused_until)}"
            if config.pause_bits
            else "no",
        }

    config, rows = run(work, url=url)
    emit(config, as_json=as_json, show=lambda: table(rows))


@app.command()
def init(
    stake_mint: Annotated[str, typer.Option(help="The mint of all stakes; it never changes.")],
    min_stake: Annotated[int, typer.Option(help="Smallest stake, base units.")] = 1_000_000,
    min_thread_balance: Annotated[
        int, typer.Option(help="What a thread must keep, base units.")
    ] = 1_000_000,
    approval_window: Annotated[int, typer.Option(help="Seconds.")] = 7 * DAY,
    divest_cooldown: Annotated[int, typer.Option(help="Seconds.")] = DAY,
    inactivity_window: Annotated[int, typer.Option(help="Seconds.")] = 30 * DAY,
    messages_per_hour: Annotated[int, typer.Option(help="Of one co-author in one thread.")] = 60,
    guardian: Annotated[str | None, typer.Option(help="Who may pause; the wallet.")] = None,
    treasury_signer: Annotated[
        list[str] | None, typer.Option(help="Repeat for each; the wallet alone if not given.")
    ] = None,
    treasury_threshold: Annotated[int, typer.Option(help="How many of them must sign.")] = 1,
    parameter_timelock: Annotated[int, typer.Option(help="Seconds a change waits.")] = DAY,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Set the program up, once; the wallet must be its upgrade authority."""
    params = Params(
        min_stake=min_stake,
        min_thread_balance=min_thread_balance,
        approval_window=approval_window,
        divest_cooldown=divest_cooldown,
        inactivity_window=inactivity_window,
        messages_per_hour=messages_per_hour,
    )
    signers = [as_pubkey(signer) for signer in treasury_signer or ()]
    mint = as_pubkey(stake_mint)

    async def work(client: ChoirClient) -> Receipt:
        return await client.initialize(
            stake_mint=mint,
            params=params,
            guardian=None if guardian is None else as_pubkey(guardian),
            treasury_signers=signers or None,
            treasury_threshold=treasury_threshold,
            parameter_timelock=parameter_timelock,
        )

    receipt = run(work, url=url, key_file=keypair, signs=True)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command(name="new-key")
def new_key(
    path: Annotated[Path, typer.Argument(help="Where to write it; never overwritten.")],
    as_json: AsJson = False,
) -> None:
    """Make a wallet: a key file only its owner can read."""
    signer = KeypairSigner.generate()
    written = signer.save(path)
    emit(
        {"pubkey": signer.pubkey, "path": str(written)},
        as_json=as_json,
        show=lambda: table({"wallet": str(signer.pubkey), "key file": str(written)}),
    )
