"""`choir spec`: submit, approve, deny, withdraw, expire, clean up, show, list."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from choir._checks import when
from choir.accounts import Spec, SpecStatus, Thread, decision_of
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
from choir.cli.thread import Expected, level_of
from choir.client import ChoirClient, Receipt
from choir.errors import NotFound
from choir.ids import as_hash, as_pubkey, spec_pda, thread_pda

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Submit specs and decide on them."
)

ContentHash = Annotated[
    str, typer.Argument(metavar="HASH", help="sha256 of its content, 64 hexadecimal digits.")
]
Author = Annotated[
    str | None, typer.Option(help="Whose spec, when several submitted the same content.")
]


@app.command()
def submit(
    thread_id: ThreadId,
    text: Annotated[str | None, typer.Argument(help="The content; only its hash is sent.")] = None,
    stake: Annotated[str, typer.Option(help="What to stake, in tokens.")] = ...,  # type: ignore[assignment]
    file: Annotated[Path | None, typer.Option(help="The content is this file's bytes.")] = None,
    hash_: Annotated[str | None, typer.Option("--hash", help="The content's sha256.")] = None,
    expected: Expected = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Submit a message with a stake on it, and ask to join the thread."""
    content = hash_of(text, file, hash_)
    level = None if expected is None else level_of(expected)

    async def work(client: ChoirClient) -> tuple[Receipt, str]:
        amount = await tokens(client, stake)
        receipt = await client.submit_spec(thread_id, content, stake=amount, privacy=level)
        return receipt, str(spec_pda(thread_pda(thread_id), client.wallet, content))

    receipt, address = run(work, url=url, key_file=keypair, signs=True)
    emit(
        {"spec": address, "content_hash": content, "receipt": receipt},
        as_json=as_json,
        show=lambda: table({"spec": address, "content": content.hex(), **receipt_row(receipt)}),
    )


async def _the_spec(
    client: ChoirClient, thread_id: str, content: bytes, author: str | None
) -> Spec:
    """The spec meant by a hash; by its author too when there are several."""
    if author is not None:
        return await client.spec(thread_id, as_pubkey(author), content)
    await client.thread(thread_id)
    same = [s for s in await client.specs(thread_id) if s.content_hash == content]
    if not same:
        raise NotFound(f"no spec in {thread_id!r} has the content {content.hex()}")
    if len(same) > 1:
        names = ", ".join(str(s.author) for s in same)
        raise NotFound(f"several authors submitted this content: give one with --author: {names}")
    return same[0]


@app.command()
def approve(
    thread_id: ThreadId,
    content: ContentHash,
    author: Author = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Let the spec's author join. The last decision settles the stake."""

    async def work(client: ChoirClient) -> Receipt:
        spec = await _the_spec(client, thread_id, as_hash(content), author)
        return await client.approve(
            thread_id, spec.author, spec.content_hash, sequence=spec.sequence
        )

    receipt = run(work, url=url, key_file=keypair, signs=True)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command()
def deny(
    thread_id: ThreadId,
    content: ContentHash,
    author: Author = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Keep the spec's author out. The last decision settles the stake."""

    async def work(client: ChoirClient) -> Receipt:
        spec = await _the_spec(client, thread_id, as_hash(content), author)
        return await client.deny(thread_id, spec.author, spec.content_hash, sequence=spec.sequence)

    receipt = run(work, url=url, key_file=keypair, signs=True)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command()
def expire(
    thread_id: ThreadId,
    content: ContentHash,
    author: Author = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Return the stake of a spec whose window has ended. Anybody may."""

    async def work(client: ChoirClient) -> Receipt:
        spec = await _the_spec(client, thread_id, as_hash(content), author)
        return await client.expire_spec(thread_id, spec.author, spec.content_hash)

    receipt = run(work, url=url, key_file=keypair, signs=True)
    emit({"receipt": receipt}, as_json=as_json, show=lambda: table(receipt_row(receipt)))


@app.command()
def withdraw(
    thread_id: ThreadId,
    content: ContentHash,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Take one's own spec and its whole stake back, while nobody has decided on it."""
    digest = as_hash(content)
    receipt = run(
        lambda c: c.withdraw_spec(thread_id, digest), url=url, key_file=keypair, signs=True
    )
    finish(receipt, as_json=as_json)


@app.command()
def cleanup(
    thread_id: ThreadId,
    content: ContentHash,
    author: Author = None,
    url: Url = DEFAULT_URL,
    keypair: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Close a settled spec, so that its rent goes back to who paid it. Anybody may."""

    async def work(client: ChoirClient) -> Receipt:
        spec = await _the_spec(client, thread_id, as_hash(content), author)
        return await client.cleanup_spec(thread_id, spec.author, spec.content_hash)

    finish(run(work, url=url, key_file=keypair, signs=True), as_json=as_json)


@app.command()
def show(
    thread_id: ThreadId,
    content: ContentHash,
    author: Author = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show a spec and what each co-author has decided."""

    async def work(client: ChoirClient) -> tuple[Spec, Thread, str]:
        spec = await _the_spec(client, thread_id, as_hash(content), author)
        staked = shown(spec.stake, await client.stake())
        return spec, await client.thread(thread_id), staked

    spec, thread, staked = run(work, url=url)
    made = {who: decision_of(thread, spec, who) for who in thread.co_authors}
    words = {who: "-" if d is None else d.name.lower() for who, d in made.items()}

    def people() -> None:
        rows = {
            "status": spec.status.name.lower(),
            "author": str(spec.author),
            "content": spec.content_hash.hex(),
            "submission": f"{spec.sequence} of the thread",
            "privacy": spec.privacy.name.lower(),
            "stake": f"{staked} tokens",
            "submitted": when(spec.submitted_at),
            "window ends": when(spec.expires_at),
        }
        if spec.status is SpecStatus.PENDING:
            rows["decisions"] = "\n".join(f"{who} {word}" for who, word in words.items())
        else:
            rows["settled"] = when(spec.resolved_at)
        table(rows)

    pending = spec.status is SpecStatus.PENDING
    emit(
        {"spec": spec, "decisions": {str(w): v for w, v in words.items()} if pending else None},
        as_json=as_json,
        show=people,
    )


@app.command(name="list")
def list_(
    thread_id: ThreadId,
    every: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List a thread's specs that wait for decisions, oldest first."""

    async def work(client: ChoirClient) -> tuple[list[Spec], list[str]]:
        await client.thread(thread_id)
        found = await client.specs(thread_id, status=None if every else SpecStatus.PENDING)
        stake = await client.stake()
        return found, [shown(spec.stake, stake) for spec in found]

    specs, staked = run(work, url=url)
    rows = [
        (s.content_hash.hex(), str(s.author), amount, s.status.name.lower(), when(s.expires_at))
        for s, amount in zip(specs, staked, strict=True)
    ]
    emit(
        specs,
        as_json=as_json,
        show=lambda: (
            table(rows, "content", "author", "stake", "status", "window ends")
            if rows
            else typer.echo("no specs")
        ),
    )
