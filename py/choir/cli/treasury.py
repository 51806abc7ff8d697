"""`choir treasury`: show, list, propose, approve, execute, cancel, clean up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from choir._checks import when
from choir._json import action_kind
from choir._reading import Stake
from choir.accounts import (
    Treasury,
    TreasuryAction,
    TreasuryActionMint,
    TreasuryActionSetSigners,
    TreasuryActionSpend,
    TreasuryProposal,
    approvals_of,
)
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
    table,
    tokens,
)
from choir.client import ChoirClient, Receipt
from choir.events import TreasuryProposed
from choir.ids import as_pubkey
from choir.tokens import TokenAccount

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The treasury: proposals of its signers."
)
propose = typer.Typer(no_args_is_help=True, help="Propose something to the signers.")
app.add_typer(propose, name="propose")

Index = Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="The proposal's number.")]
Destination = Annotated[
    str, typer.Argument(metavar="DESTINATION", help="A token account of the stake mint.")
]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="In tokens.")]


@app.command()
def show(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show the signers, the threshold and what the vault holds."""

    async def work(client: ChoirClient) -> tuple[Treasury, int, Stake]:
        treasury, stake = await client.treasury(), await client.stake()
        vault = await client.rpc.get_account(treasury.vault, commitment=client.commitment)
        held = 0 if vault.value is None else TokenAccount.decode(vault.value.data).amount
        return treasury, held, stake

    treasury, held, stake = run(work, url=url)
    rows = {
        "vault": str(treasury.vault),
        "holds": f"{shown(held, stake)} tokens",
        "signers": "\n".join(map(str, treasury.signers)),
        "threshold": f"{treasury.threshold} of {len(treasury.signers)}",
        "proposals": str(treasury.proposal_count),
    }
    emit({"treasury": treasury, "held": held}, as_json=as_json, show=lambda: table(rows))


@app.command(name="list")
def list_(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the proposals whose accounts are not closed, oldest first."""

    async def work(
        client: ChoirClient,
    ) -> tuple[list[TreasuryProposal], Treasury, Stake, int]:
        return (
            await client.proposals(),
            await client.treasury(),
            await client.stake(),
            await client.chain_time(),
        )

    proposals, treasury, stake, now = run(work, url=url)
    rows = [
        (
            str(p.index),
            _said(p.action, stake),
            f"{len(approvals_of(treasury, p))} of {treasury.threshold}",
            _status(p, now),
            str(p.proposer),
            when(p.expires_at),
        )
        for p in proposals
    ]
    emit(
        [
            {
                "proposal": p,
                "approved_by": approvals_of(treasury, p),
                "threshold": treasury.threshold,
                "status": _status(p, now),
            }
            for p in proposals
        ],
        as_json=as_json,
        show=lambda: (
            table(rows, "#", "action", "approvals", "status", "proposer", "expires")
            if rows
            else typer.echo("no proposals")
        ),
    )


def _said(action: TreasuryAction, stake: Stake) -> str:
    if isinstance(action, TreasuryActionSetSigners):
        return f"{len(action.signers)} signers, threshold {action.threshold}"
    return f"{action_kind(action)} {shown(action.amount, stake)} tokens to {action.destination}"


def _status(proposal: TreasuryProposal, now: int) -> str:
    if proposal.executed_at:
        return "executed"
    return "open" if now < proposal.expires_at else "expired"


@propose.command()
def spend(
    amount: Amount,
    destination: Destination,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Pay tokens out of the vault."""
    to = as_pubkey(destination)

    async def action(client: ChoirClient) -> TreasuryAction:
        return TreasuryActionSpend(await tokens(client, amount), to)

    _propose(action, url=url, keypair=keypair, as_json=as_json)


@propose.command()
def mint(
    amount: Amount,
    destination: Destination,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Mint tokens, where the treasury is the authority of the mint."""
    to = as_pubkey(destination)

    async def action(client: ChoirClient) -> TreasuryAction:
        return TreasuryActionMint(await tokens(client, amount), to)

    _propose(action, url=url, keypair=keypair, as_json=as_json)


@propose.command()
def signers(
    signer: Annotated[list[str], typer.Argument(help="Every signer there is to be (addresses).")],
    threshold: Annotated[int, typer.Option(min=1, help="How many of them must approve.")],
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Replace the signers and the threshold; open approvals are void then."""
    keys = tuple(as_pubkey(text) for text in signer)

    async def action(client: ChoirClient) -> TreasuryAction:
        return TreasuryActionSetSigners(keys, threshold)

    _propose(action, url=url, keypair=keypair, as_json=as_json)


def _propose(
    action: Callable[[ChoirClient], Awaitable[TreasuryAction]],
    *,
    url: Url,
    keypair: KeyFile,
    as_json: bool,
) -> None:
    async def work(client: ChoirClient) -> tuple[Receipt, int | None]:
        receipt = await client.propose_treasury(await action(client))
        made = [
            event.index
            for event in await client.events(receipt.signature)
            if isinstance(event, TreasuryProposed)
        ]
        return receipt, made[0] if made else None

    receipt, index = run(work, url=url, key_file=keypair, signs=True)
    number = "?" if index is None else str(index)
    emit(
        {"proposal": index, "receipt": receipt},
        as_json=as_json,
        show=lambda: table({"proposal": number, **receipt_row(receipt)}),
    )


@app.command()
def approve(
    index: Index, url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False
) -> None:
    """Approve a proposal, as a signer of the treasury."""
    receipt = run(lambda c: c.approve_treasury(index), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def execute(
    index: Index, url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False
) -> None:
    """Do what a proposal says, once enough of the present signers have approved it."""
    receipt = run(lambda c: c.execute_treasury(index), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def cancel(
    index: Index, url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False
) -> None:
    """Take one's own proposal back."""
    receipt = run(lambda c: c.cancel_treasury(index), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def cleanup(
    index: Index, url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False
) -> None:
    """Close a proposal that is executed or expired; the rent goes to its proposer."""
    receipt = run(lambda c: c.cleanup_treasury(index), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)
