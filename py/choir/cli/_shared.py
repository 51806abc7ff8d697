"""What the chain's commands share: options, a client for the length of a command, output."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from solders.signature import Signature

from choir._json import jsonable
from choir._reading import Stake
from choir.cli._sending import Previewed, chosen, ended
from choir.client import ChoirClient, Receipt
from choir.errors import InvalidInput, OutcomeUnknown
from choir.ids import as_hash, content_hash
from choir.money import format_amount, parse_amount
from choir.rpc import HttpRpc

__all__ = [
    "AsJson",
    "KeyFile",
    "Url",
    "emit",
    "finish",
    "hash_of",
    "receipt_row",
    "run",
    "span",
    "table",
    "tokens",
]

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:8899"

Url = Annotated[
    str, typer.Option("--url", "-u", envvar="CHOIR_RPC_URL", help="The node's RPC address.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--keypair",
        "-k",
        help="Key file of the wallet. Else CHOIR_KEYPAIR, ANCHOR_WALLET, ~/.config/solana/id.json.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout; amounts in base units.")]
ThreadId = Annotated[str, typer.Argument(metavar="THREAD", help="The thread's id.")]


def run(
    work: Callable[[ChoirClient], Awaitable[T]],
    *,
    url: str,
    key_file: Path | None = None,
    signs: bool = False,
) -> T:
    """Do something with a client, which has the wallet when the command `signs`.

    The client sends, simulates or leaves unsigned as the options of sending say.
    """
    sending = chosen()
    signer = sending.signer(key_file) if signs or key_file else None

    sent: set[Signature] = set()

    async def whole() -> T:
        nonlocal sent
        async with HttpRpc(url) as rpc:
            client = sending.client(rpc, signer)
            sent = client.sender.unsettled
            return await work(client)

    try:
        return asyncio.run(whole())
    except Previewed as previewed:
        ended(previewed)
    except KeyboardInterrupt:
        if not sent:
            raise
        signature = next(iter(sent))
        raise OutcomeUnknown(
            f"interrupted after transaction {signature} was sent: it may or may not run; "
            "look it up before doing it again",
            signature=str(signature),
        ) from None


def emit(value: Any, *, as_json: bool, show: Callable[[], None]) -> None:
    """Write a result: JSON for scripts, `show` for people."""
    if as_json:
        sys.stdout.write(json.dumps(jsonable(value), ensure_ascii=False) + "\n")
    else:
        show()


def table(rows: Sequence[Sequence[str]] | Mapping[str, str], *headings: str) -> None:
    """A table for people: with headings, or of names and values."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, show_header=bool(headings))
    columns = headings or ("", "")
    for heading in columns:
        made.add_column(heading, overflow="fold")
    for row in rows.items() if isinstance(rows, Mapping) else rows:
        made.add_row(*(Text(cell) for cell in row))  # Text: what users wrote is not markup
    # a pipe has no width: what is cut to 80 columns cannot be copied
    Console(width=None if sys.stdout.isatty() else 240).print(made)


async def tokens(client: ChoirClient, text: str) -> int:
    """An amount as a person wrote it, in base units."""
    return parse_amount(text, (await client.stake()).decimals)


def shown(amount: int, stake: Stake) -> str:
    """Base units for a person."""
    return format_amount(amount, stake.decimals)


def span(seconds: int) -> str:
    """A length of time for a person: in the largest unit that leaves no rest."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'} ({seconds} s)"
    return f"{seconds} s"


def hash_of(text: str | None, file: Path | None, hexadecimal: str | None) -> bytes:
    """The content hash of exactly one of: text, a file's bytes, a hash given as such."""
    given = [value for value in (text, file, hexadecimal) if value is not None]
    if len(given) != 1:
        raise InvalidInput("give the content once: as TEXT, with --file, or its --hash")
    if hexadecimal is not None:
        return as_hash(hexadecimal)
    if file is not None:
        try:
            return content_hash(file.read_bytes())
        except OSError as error:
            raise InvalidInput(f"cannot read {file}: {error.strerror}") from None
    assert text is not None
    return content_hash(text)


def finish(receipt: Receipt, *, as_json: bool) -> None:
    """Write that a transaction ran."""
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


def receipt_row(receipt: Receipt) -> dict[str, str]:
    """A receipt as rows of a table."""
    return {"transaction": str(receipt.signature), "slot": str(receipt.slot)}
