"""`choir stake`: deposit, divest, claim, show."""

from __future__ import annotations

from typing import Annotated

import typer

from choir._checks import when
from choir.accounts import Position, claimable_now, divest_from
from choir.cli._shared import (
    DEFAULT_URL,
    AsJson,
    KeyFile,
    ThreadId,
    Url,
    emit,
    receipt_row,
    run,
    shown,
    table,
    tokens,
)
from choir.client import ChoirClient, Receipt
from choir.ids import as_pubkey
from choir.money import PRICE_TOLERANCE, value_of_shares

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Deposit, divest, claim, and see what one holds.",
)
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="In tokens.")]
Tolerance = Annotated[
    int,
    typer.Option(help="How far the price of a share may move meanwhile, in ten-thousandths."),
]


@app.command()
def deposit(
    thread_id: ThreadId,
    amount: Amount,
    tolerance: Tolerance = PRICE_TOLERANCE,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Add to one's stake in a thread."""

    async def work(client: ChoirClient) -> Receipt:
        base_units = await tokens(client, amount)
        return await client.deposit(thread_id, base_units, tolerance=tolerance)

    receipt = run(work, url=url, key_file=keypair, signs=True)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command()
def divest(
    thread_id: ThreadId,
    amount: Amount,
    tolerance: Tolerance = PRICE_TOLERANCE,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Take an amount out of a thread, after the cooldown."""

    async def work(client: ChoirClient) -> Receipt:
        base_units = await tokens(client, amount)
        return await client.divest(thread_id, base_units, tolerance=tolerance)

    receipt = run(work, url=url, key_file=keypair, signs=True)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command()
def claim(
    thread_id: ThreadId, url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False
) -> None:
    """Pay out one's rewards."""
    receipt = run(lambda client: client.claim(thread_id), url=url, key_file=keypair, signs=True)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command()
def show(
    thread_id: ThreadId,
    owner: Annotated[str | None, typer.Option(help="Whose; one's own unless given.")] = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a wallet has in a thread."""

    async def work(client: ChoirClient) -> tuple[Position, dict[str, int], dict[str, str]]:
        who = as_pubkey(owner) if owner is not None else client.wallet
        config, stake = await client.config(), await client.stake()
        thread, position = await client.thread(thread_id), await client.position(thread_id, who)
        worth = value_of_shares(position.shares, thread.balance, thread.total_shares)
        claimable = claimable_now(thread, position)
        ready = divest_from(config, thread, position)
        people = {
            "owner": str(who),
            "shares": f"{position.shares} of {thread.total_shares}",
            "worth": f"{shown(worth, stake)} tokens",
            "to claim": f"{shown(claimable, stake)} tokens",
            "may divest from": when(ready) if position.last_stake_at else "now",
        }
        return position, {"worth": worth, "claimable": claimable, "divest_from": ready}, people

    position, numbers, people = run(work, url=url, key_file=keypair, signs=owner is None)
    emit({"position": position, **numbers}, as_json=as_json, show=lambda: table(people))
