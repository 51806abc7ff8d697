"""`choir program`: put a program on a cluster, replace it, compare it, end it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from solders.pubkey import Pubkey

from choir._json import jsonable
from choir.artifact import program_so
from choir.cli import exit_codes
from choir.cli._sending import chosen
from choir.cli._shared import DEFAULT_URL, AsJson, KeyFile, Url, emit, table
from choir.deploy import Deployed, Deployer, Progress
from choir.errors import InvalidInput
from choir.ids import PROGRAM_ID, as_pubkey
from choir.rpc import HttpRpc
from choir.sending import Sender
from choir.wallet import KeypairSigner, signer_from_environment

if TYPE_CHECKING:
    from rich.progress import TaskID

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Deploy, upgrade, verify and close the program, or any other, without Solana's tools.",
)
T = TypeVar("T")
LAMPORTS = 10**9

Program = Annotated[
    str, typer.Argument(metavar="[PROGRAM]", help="Its address; Choir's own unless given.")
]
Code = Annotated[
    Path | None, typer.Option("--code", help="The object (.so); this package's unless given.")
]
Authority = Annotated[
    Path | None,
    typer.Option("--authority", help="Key file of the upgrade authority, if not the wallet."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
LABELS = {
    "buffer": "making the buffer",
    "write": "writing the code",
    "extend": "making room",
    "deploy": "deploying",
    "upgrade": "upgrading",
}


@app.command()
def deploy(
    program: Annotated[
        Path,
        typer.Option("--program", help="Key file of the new program: its address. Made if none."),
    ],
    code: Code = None,
    capacity: Annotated[
        int | None,
        typer.Option(min=1, help="Most bytes of code it may grow to; as many as now."),
    ] = None,
    authority: Authority = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a new program on the cluster; the wallet pays and may upgrade it.

    Stopped or failed in the middle, the same command goes on where it stopped. When all is done
    already it says so and sends nothing.
    """
    object_ = _code(code)
    key = KeypairSigner.from_file(program) if program.expanduser().exists() else None
    if key is None:
        key = KeypairSigner.generate()
        key.save(program)
        sys.stderr.write(f"made {program}: the address of the program is {key.pubkey}\n")
    new = key
    done = _run(
        lambda deployer: deployer.deploy(new, object_, capacity=capacity),
        url=url,
        keypair=keypair,
        authority=authority,
        quiet=as_json,
    )
    _show(done, as_json=as_json)


@app.command()
def upgrade(
    program: Program = str(PROGRAM_ID),
    code: Code = None,
    authority: Authority = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Replace a program's code, as its upgrade authority; goes on where it was stopped."""
    address, object_ = as_pubkey(program), _code(code)
    done = _run(
        lambda deployer: deployer.upgrade(address, object_),
        url=url,
        keypair=keypair,
        authority=authority,
        quiet=as_json,
    )
    _show(done, as_json=as_json)


@app.command()
def verify(
    program: Program = str(PROGRAM_ID),
    code: Code = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Compare a program's code on the chain with a file, by sha256. Exit code 1: it differs."""
    address, object_ = as_pubkey(program), _code(code)

    async def work() -> None:
        async with HttpRpc(url) as rpc:
            reader = Deployer(Sender(rpc), payer=KeypairSigner.generate())
            found = await reader.verify(address, object_)
        rows = {
            "program": str(address),
            "on the chain": found.on_chain,
            "in the file": found.expected,
            "": "the same" if found.matches else "they differ",
            "authority": str(found.authority or "none: final"),
            "deployed in slot": str(found.slot),
            "room": f"{found.capacity} bytes",
        }
        emit({"program": address, **jsonable(found)}, as_json=as_json, show=lambda: table(rows))
        if not found.matches:
            raise typer.Exit(exit_codes.OTHER)

    asyncio.run(work())


@app.command(name="set-authority")
def set_authority(
    program: Program = str(PROGRAM_ID),
    to: Annotated[str | None, typer.Option("--to", help="The new authority's address.")] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Nobody: it can never be changed again.")
    ] = False,
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Hand the right to upgrade a program to another key, or to nobody."""
    if (to is None) != final:
        raise InvalidInput("say either --to ADDRESS or --final")
    address, new = as_pubkey(program), None if to is None else as_pubkey(to)
    if final:
        _ask(f"make {address} final, for ever?", yes=yes)
    _run(lambda d: d.set_authority(address, new), url=url, keypair=keypair, quiet=as_json)
    rows = {"program": str(address), "authority": str(new or "none: final")}
    emit({"program": address, "authority": new}, as_json=as_json, show=lambda: table(rows))


@app.command()
def close(
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="Its address.")],
    yes: Yes = False,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """End a program for good and take its rent back. Its address can never be used again."""
    address = as_pubkey(program)
    _ask(f"close {address}, for ever?", yes=yes)
    _run(lambda deployer: deployer.close(address), url=url, keypair=keypair, quiet=as_json)
    emit({"closed": address}, as_json=as_json, show=lambda: table({"closed": str(address)}))


@app.command()
def buffers(
    close: Annotated[bool, typer.Option("--close", help="Give them up, for their rent.")] = False,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List the deployments that the wallet began and did not finish, or give them up."""

    async def work(deployer: Deployer) -> dict[Pubkey, int]:
        found = await deployer.buffers()
        for address in found if close else ():
            await deployer.close_buffer(address)
        return found

    found = _run(work, url=url, keypair=keypair, quiet=as_json)
    rows = [(str(k), f"{v // LAMPORTS}.{v % LAMPORTS:09} SOL") for k, v in found.items()]
    emit(
        {
            "buffers": [{"buffer": k, "lamports": v} for k, v in found.items()],
            "closed": close,
        },
        as_json=as_json,
        show=lambda: table(rows, "buffer", "holds") if rows else typer.echo("no buffers"),
    )


def _code(path: Path | None) -> bytes:
    try:
        return (path or program_so()).read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None


def _ask(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _show(done: Deployed, *, as_json: bool) -> None:
    rows = {
        "program": str(done.program),
        "sha256": done.sha256,
        "slot": str(done.slot),
        "": "done" if done.changed else "it runs this code already: nothing was sent",
    }
    emit(done, as_json=as_json, show=lambda: table(rows))


def _run(
    work: Callable[[Deployer], Awaitable[T]],
    *,
    url: str,
    keypair: Path | None,
    authority: Path | None = None,
    quiet: bool,
) -> T:
    """Do something with a deployer, its steps as bars on a terminal's stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    payer = signer_from_environment(key_file=keypair)
    other = None if authority is None else KeypairSigner.from_file(authority)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    policy = chosen().policy()

    async def whole(tell: Callable[[Progress], None]) -> T:
        async with HttpRpc(url) as rpc:
            sender = Sender(rpc, policy=policy)
            return await work(Deployer(sender, payer=payer, authority=other, progress=tell))

    with Bars(*columns, console=console, disable=quiet or not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(at: Progress) -> None:
            if at.step not in tasks:
                tasks[at.step] = bars.add_task(LABELS.get(at.step, at.step), total=at.total)
            bars.update(tasks[at.step], completed=at.done, total=at.total)

        try:
            return asyncio.run(whole(tell))
        except KeyboardInterrupt:
            sys.stderr.write("stopped; the same command goes on from here\n")
            raise
