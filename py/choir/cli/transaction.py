"""`choir transaction`: sign and submit what `--unsigned` or an API made."""

from __future__ import annotations

import base64
import binascii
import sys
from typing import Annotated

import typer
from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from choir.cli._shared import DEFAULT_URL, AsJson, KeyFile, Url, emit, receipt_row, run, table
from choir.client import ChoirClient, Receipt
from choir.errors import InvalidInput
from choir.wallet import sign_message, signer_from_environment

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Sign and submit transactions made elsewhere."
)
BLOCKHASH_BLOCKS = 150
Given = Annotated[
    str, typer.Argument(metavar="TRANSACTION", help="base64; - reads it from standard input.")
]


def _decoded(text: str) -> VersionedTransaction:
    given = sys.stdin.read() if text == "-" else text
    try:
        return VersionedTransaction.from_bytes(base64.b64decode(given.strip(), validate=True))
    except (binascii.Error, ValueError):
        raise InvalidInput("that is no transaction in base64") from None


@app.command()
def sign(transaction: Given, keypair: KeyFile = None, as_json: AsJson = False) -> None:
    """Add the wallet's signature; read it first, a signature is a promise. Nothing is sent."""
    import asyncio

    given = _decoded(transaction)
    message = given.message
    if not isinstance(message, MessageV0):
        raise InvalidInput("only transactions of version 0 are signed here")
    signer = signer_from_environment(key_file=keypair)
    signed = asyncio.run(sign_message(message, [signer], existing=given.signatures))
    text = base64.b64encode(bytes(signed)).decode()
    emit(
        {"transaction": text, "signature": signed.signatures[0]},
        as_json=as_json,
        show=lambda: typer.echo(text),
    )


@app.command()
def submit(
    transaction: Given,
    last_valid_block_height: Annotated[
        int | None,
        typer.Option(help="As it was made with; the longest a blockhash can live unless given."),
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Send a signed transaction until its fate is known. Again is no harm: it runs once at most."""
    signed = _decoded(transaction)

    async def work(client: ChoirClient) -> Receipt:
        last = last_valid_block_height
        if last is None:
            last = await client.rpc.get_block_height() + BLOCKHASH_BLOCKS
        return await client.sender.submit(signed, last_valid_block_height=last)

    receipt = run(work, url=url)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))
