"""`choir faucet`: what one needs to begin, where it costs nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from choir.cli._shared import DEFAULT_URL, AsJson, KeyFile, Url, emit, run, table
from choir.client import ChoirClient
from choir.errors import InvalidInput, MethodNotServed, NotFound
from choir.ids import as_pubkey
from choir.money import parse_amount
from choir.wallet import signer_from_environment

LAMPORT_DECIMALS = 9
BLOCKHASH_BLOCKS = 150


def faucet(
    address: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="For whom; the wallet unless given.")
    ] = None,
    sol: Annotated[str, typer.Option(help="How much SOL, for fees and rent; 0 for none.")] = "2",
    tokens: Annotated[
        str, typer.Option(help="How many stake tokens, on a localnet; 0 for none.")
    ] = "100",
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Get SOL and stake tokens from a localnet. Devnet and testnet give SOL: add --tokens 0."""
    if address is None:
        who = signer_from_environment(key_file=keypair).pubkey
    else:
        who = as_pubkey(address)
    lamports = parse_amount(sol, LAMPORT_DECIMALS)
    no_tokens = parse_amount(tokens, LAMPORT_DECIMALS) == 0

    async def work(client: ChoirClient) -> dict[str, object]:
        got: dict[str, object] = {"address": who, "lamports": 0, "tokens": 0, "signatures": []}
        signatures: list[str] = []
        try:
            if lamports:
                last = await client.rpc.get_block_height() + BLOCKHASH_BLOCKS
                signature = await client.rpc.request_airdrop(who, lamports)
                await client.sender.settle(signature, last_valid_block_height=last)
                signatures.append(str(signature))
                got["lamports"] = lamports
            if not no_tokens:
                amount = parse_amount(tokens, await _decimals(client))
                answer = await client.rpc.request("localnet_mintTo", [str(who), amount])
                signatures.append(answer["signature"])
                got["tokens"] = amount
        except MethodNotServed as error:
            what = "SOL" if not got["lamports"] and lamports else "stake tokens"
            raise InvalidInput(f"this cluster gives no {what} away ({error})") from None
        return {**got, "signatures": signatures}

    got = run(work, url=url)
    rows = {"for": str(who), "SOL": sol, "stake tokens": "0" if no_tokens else tokens}
    emit(got, as_json=as_json, show=lambda: table(rows))


async def _decimals(client: ChoirClient) -> int:
    """Of the stake mint, which a localnet has before the program is set up."""
    try:
        return (await client.stake()).decimals
    except NotFound:
        info = await client.rpc.request("localnet_info")
        mint = await client.rpc.get_account(as_pubkey(info["stakeMint"]))
        assert mint.value is not None
        return mint.value.data[44]
