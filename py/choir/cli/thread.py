"""`choir thread`: open, show, list, post, privacy, and what ends a part in one or the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from choir._checks import when
from choir.accounts import Message, PrivacyLevel, Thread
from choir.cli._shared import (
    DEFAULT_URL,
    AsJson,
    KeyFile,
    ThreadId,
    Url,
    emit,
    finish,
    hash_of,
    receipt_row,
    run,
    shown,
    table,
    tokens,
)
from choir.client import ChoirClient, Receipt
from choir.errors import InvalidInput
from choir.ids import as_pubkey, thread_pda

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Open, show, list, post to, leave and close threads.",
)

Level = Annotated[str, typer.Option("--privacy", help="public, premium, thread-only or encrypted.")]


Expected = Annotated[
    str | None,
    typer.Option(
        "--privacy", help="Refuse unless the thread has this level; the one it has, if not given."
    ),
]


def level_of(text: str) -> PrivacyLevel:
    """A privacy level by its name."""
    names = {level.name.lower().replace("_", "-"): level for level in PrivacyLevel}
    found = names.get(text.lower().replace("_", "-"))
    if found is None:
        raise InvalidInput(f"{text!r} is no privacy level; there are {', '.join(names)}")
    return found


@app.command()
def create(
    thread_id: Annotated[str, typer.Argument(metavar="ID", help="1 to 64 bytes of UTF-8.")],
    deposit: Annotated[str, typer.Option(help="The first deposit, in tokens.")],
    privacy: Level = "public",
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Open a thread with a first deposit."""
    level = level_of(privacy)

    async def work(client: ChoirClient) -> Receipt:
        amount = await tokens(client, deposit)
        return await client.create_thread(thread_id, deposit=amount, privacy=level)

    receipt = run(work, url=url, key_file=keypair, signs=True)
    address = str(thread_pda(thread_id))
    emit(
        {"thread": address, "thread_id": thread_id, "receipt": receipt},
        as_json=as_json,
        show=lambda: table({"thread": thread_id, "address": address, **receipt_row(receipt)}),
    )


@app.command()
def show(
    thread_id: ThreadId,
    messages: Annotated[int, typer.Option(help="How many of the newest messages.")] = 10,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show a thread and its newest messages."""

    async def work(client: ChoirClient) -> tuple[Thread, list[Message], str, str]:
        thread, stake = await client.thread(thread_id), await client.stake()
        start = max(thread.message_count - messages, 0)
        newest = await client.messages(thread_id, start=start)
        owed = shown(thread.total_claimable, stake)
        return thread, newest, shown(thread.balance, stake), owed

    thread, newest, balance, owed = run(work, url=url)

    def people() -> None:
        table(
            {
                "thread": thread.thread_id,
                "address": str(thread_pda(thread.thread_id)),
                "status": thread.status.name.lower(),
                "privacy": thread.privacy.name.lower(),
                "balance": f"{balance} tokens ({thread.total_shares} shares)",
                "to claim": f"{owed} tokens",
                "co-authors": "\n".join(map(str, thread.co_authors)),
                "author epoch": str(thread.author_epoch),
                "pending specs": str(thread.pending_specs),
                "messages": str(thread.message_count),
                "head": thread.head.hex(),
                "opened": when(thread.created_at),
                "changed": when(thread.updated_at),
            }
        )
        if newest:
            rows = [
                (str(m.index), when(m.created_at), str(m.author), m.content_hash.hex())
                for m in newest
            ]
            typer.echo()
            table(rows, "#", "at", "author", "content")

    emit({"thread": thread, "messages": newest}, as_json=as_json, show=people)


@app.command(name="list")
def list_(
    author: Annotated[
        str | None, typer.Option(help="Only the threads of this co-author (an address).")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List threads, oldest first."""

    async def work(client: ChoirClient) -> tuple[list[Thread], list[str]]:
        found = await (client.threads_of(as_pubkey(author)) if author else client.threads())
        stake = await client.stake()
        return found, [shown(thread.balance, stake) for thread in found]

    threads, balances = run(work, url=url)
    rows = [
        (
            t.thread_id,
            b,
            str(len(t.co_authors)),
            str(t.message_count),
            str(t.pending_specs),
            t.privacy.name.lower(),
            when(t.updated_at),
        )
        for t, b in zip(threads, balances, strict=True)
    ]
    headings = ("thread", "balance", "authors", "messages", "pending", "privacy", "changed")
    emit(
        threads,
        as_json=as_json,
        show=lambda: table(rows, *headings) if rows else typer.echo("no threads"),
    )


@app.command()
def post(
    thread_id: ThreadId,
    text: Annotated[str | None, typer.Argument(help="The content; only its hash is sent.")] = None,
    file: Annotated[Path | None, typer.Option(help="The content is this file's bytes.")] = None,
    hash_: Annotated[str | None, typer.Option("--hash", help="The content's sha256.")] = None,
    expected: Expected = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Record a message as a co-author. The chain keeps the hash; the content goes to the API."""
    content = hash_of(text, file, hash_)
    level = None if expected is None else level_of(expected)
    receipt = run(
        lambda client: client.post_message(thread_id, content, privacy=level),
        url=url,
        key_file=keypair,
        signs=True,
    )
    emit(
        {"content_hash": content, "receipt": receipt},
        as_json=as_json,
        show=lambda: table({"content": content.hex(), **receipt_row(receipt)}),
    )


@app.command()
def privacy(
    thread_id: ThreadId,
    level: Annotated[str, typer.Argument(help="public, premium, thread-only or encrypted.")],
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Set who may read the messages to come."""
    wanted = level_of(level)
    receipt = run(
        lambda client: client.set_privacy(thread_id, wanted), url=url, key_file=keypair, signs=True
    )
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command()
def leave(
    thread_id: ThreadId, url: Url = DEFAULT_URL, keypair: KeyFile = None, as_json: AsJson = False
) -> None:
    """Stop being a co-author; shares must be divested before, rewards can be claimed after."""
    receipt = run(lambda c: c.leave_thread(thread_id), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def retire(
    thread_id: ThreadId,
    author: Annotated[str, typer.Argument(help="The co-author who does nothing (an address).")],
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a co-author who has done nothing for long out of the set, as another one.

    Their shares and rewards stay theirs to take out.
    """
    who = as_pubkey(author)
    receipt = run(lambda c: c.retire_author(thread_id, who), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command(name="wind-down")
def wind_down(
    thread_id: ThreadId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Wind a thread down for good, as its only co-author: one can only take out what is left.

    For a thread in which former co-authors still have shares, so that it cannot be closed.
    """
    if not yes:
        typer.confirm(f"wind {thread_id!r} down for good?", abort=True, err=True)
    receipt = run(lambda c: c.wind_down_thread(thread_id), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def close(
    thread_id: ThreadId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Close a thread for good and take out everything, as its only co-author."""
    if not yes:
        typer.confirm(f"close {thread_id!r} for good?", abort=True, err=True)
    receipt = run(lambda c: c.close_thread(thread_id), url=url, key_file=keypair, signs=True)
    finish(receipt, as_json=as_json)


@app.command()
def cleanup(
    thread_id: ThreadId,
    owner: Annotated[str, typer.Argument(help="Whose empty position (an address).")],
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Close an empty position of one who is no co-author; its rent goes to who paid it."""
    who = as_pubkey(owner)
    receipt = run(
        lambda c: c.cleanup_position(thread_id, who), url=url, key_file=keypair, signs=True
    )
    finish(receipt, as_json=as_json)
