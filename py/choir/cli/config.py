"""`choir config`: the program's settings, how they change, pauses, and new keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from solders.pubkey import Pubkey

from choir._checks import when
from choir.accounts import Config, Params, PauseFamily
from choir.cli._shared import (
    DEFAULT_URL,
    AsJson,
    KeyFile,
    Url,
    emit,
    finish,
    receipt_row,
    run,
    shown,
    span,
    table,
)
from choir.client import ChoirClient, Receipt
from choir.errors import InvalidInput
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
        now, params = await client.chain_time(), config.params
        paused = [
            f"{_name(family)} until {when(config.paused_until[family.place])}"
            for family in PauseFamily
            if now < config.paused_until[family.place]
        ]
        offered = config.pending_authority
        return config, {
            "authority": str(config.authority),
            **({} if offered == Pubkey.default() else {"offered to": str(offered)}),
            "guardian": str(config.guardian),
            "stake mint": f"{config.stake_mint} ({config.mint_decimals} decimals)",
            "treasury vault": str(config.treasury_vault),
            "smallest stake": f"{shown(params.min_stake, stake)} tokens",
            "smallest thread": f"{shown(params.min_thread_balance, stake)} tokens",
            "approval window": span(params.approval_window),
            "divest cooldown": span(params.divest_cooldown),
            "inactivity window": span(params.inactivity_window),
            "messages per hour": str(params.messages_per_hour),
            "parameter timelock": span(config.parameter_timelock),
            "proposed change": f"may be applied from {when(config.pending_at)} on"
            if config.pending_at
            else "none",
            "paused": "\n".join(paused) or "no",
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


@app.command()
def propose(
    min_stake: Annotated[int | None, typer.Option(help="Base units.")] = None,
    min_thread_balance: Annotated[int | None, typer.Option(help="Base units.")] = None,
    approval_window: Annotated[int | None, typer.Option(help="Seconds.")] = None,
    divest_cooldown: Annotated[int | None, typer.Option(help="Seconds.")] = None,
    inactivity_window: Annotated[int | None, typer.Option(help="Seconds.")] = None,
    messages_per_hour: Annotated[int | None, typer.Option(help="Of one co-author.")] = None,
    guardian: Annotated[str | None, typer.Option(help="Who may pause (an address).")] = None,
    parameter_timelock: Annotated[int | None, typer.Option(help="Seconds.")] = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Propose a change of the settings, as their authority; what is not given stays.

    It can be applied once the timelock has passed.
    """
    wanted = {
        "min_stake": min_stake,
        "min_thread_balance": min_thread_balance,
        "approval_window": approval_window,
        "divest_cooldown": divest_cooldown,
        "inactivity_window": inactivity_window,
        "messages_per_hour": messages_per_hour,
    }
    changes = {name: value for name, value in wanted.items() if value is not None}
    if not changes and guardian is None and parameter_timelock is None:
        raise InvalidInput("name at least one setting to change")

    async def work(client: ChoirClient) -> Receipt:
        return await client.propose_config(
            params=replace((await client.config()).params, **changes),
            guardian=None if guardian is None else as_pubkey(guardian),
            parameter_timelock=parameter_timelock,
        )

    finish(run(work, url=url, key_file=keypair, signs=True), as_json=as_json)


@app.command(name="apply")
def apply_(url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False) -> None:
    """Bring the proposed change into force, once its timelock has passed."""
    receipt = run(lambda c: c.apply_config(), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def cancel(url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False) -> None:
    """Take the proposed change back."""
    receipt = run(lambda c: c.cancel_config(), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def authority(
    offer: Annotated[
        str | None, typer.Option(help="Offer it to this address; one's own takes an offer back.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Take it, having been offered.")] = False,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Hand the authority over the settings to another account, in two steps."""
    if (offer is not None) == accept:
        raise InvalidInput("say either --offer ADDRESS or --accept")
    to = None if offer is None else as_pubkey(offer)

    async def work(client: ChoirClient) -> Receipt:
        if to is None:
            return await client.accept_authority()
        return await client.transfer_authority(to)

    finish(run(work, url=url, key_file=keypair, signs=True), as_json=as_json)


def _name(family: PauseFamily) -> str:
    return str(family.name).lower()


def families_of(names: list[str]) -> PauseFamily:
    """Families by their names, `all` for every one."""
    known = {_name(family): family for family in PauseFamily}
    made = PauseFamily(0)
    for name in names:
        if name == "all":
            return PauseFamily(sum(PauseFamily))
        if name not in known:
            raise InvalidInput(f"{name!r} is no family; there are {', '.join(known)}, and all")
        made |= known[name]
    return made


Families = Annotated[
    list[str],
    typer.Argument(
        metavar="FAMILY...",
        help="threads, messages, specs, decisions, exits, settings, treasury, or all.",
    ),
]


@app.command()
def pause(
    families: Families,
    seconds: Annotated[int, typer.Option(help="How long; at most seven days.")] = DAY,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Pause families of instructions, as the guardian or the authority. It ends by itself."""
    named = families_of(families)
    receipt = run(lambda c: c.pause(named, seconds=seconds), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def unpause(
    families: Families, url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False
) -> None:
    """End the pause of families of instructions, as the guardian or the authority."""
    named = families_of(families)
    receipt = run(lambda c: c.unpause(named), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


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
