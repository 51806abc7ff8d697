"""``app.contents``: texts (or sealed bytes) under their thread and SHA-256.

Storing says nothing about who may read: a content is shown only where the chain holds its
hash, in the form :mod:`choir_api.content.rendering` gives each viewer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from solders.pubkey import Pubkey
from sqlalchemy.dialects.postgresql import insert

from choir.ids import content_hash, thread_pda
from choir_api.content.collecting import unlanded_bytes
from choir_api.db import ReadSession, WriteSession
from choir_api.errors import Conflict, ValidationFailed
from choir_api.tables import content_outbox, contents


@dataclass(frozen=True)
class Body:
    """A content: its text, or the bytes its author sealed. Exactly one of them.

    Attributes:
        text: as its author wrote it.
        ciphertext: sealed on the client; the server sees neither text nor vector.
    """

    text: str | None = None
    ciphertext: bytes | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text's UTF-8 or of the sealed bytes: what the chain holds."""
        if self.ciphertext is not None:
            return content_hash(self.ciphertext)
        assert self.text is not None
        return content_hash(self.text)

    def checked(self, claimed: bytes | None, field: str = "body.content_hash") -> bytes:
        """The digest, which must be the claimed one where one is claimed.

        Raises:
            ValidationFailed: it is not.
        """
        digest = self.digest
        if claimed is not None and claimed != digest:
            raise ValidationFailed(
                f"content_hash is {claimed.hex()}, but the SHA-256 of the content's UTF-8 is "
                f"{digest.hex()}; hash exactly the bytes you send",
                code="content_hash_mismatch",
                field=field,
                details={"claimed": claimed.hex(), "computed": digest.hex()},
            )
        return digest


async def store(
    session: WriteSession,
    *,
    thread_id: str,
    author: Pubkey,
    body: Body,
    now: datetime,
    quota_bytes: int,
) -> bytes:
    """Keep `body` and tell the embedding side of it.

    Storing it again changes nothing, but that one that has not landed is kept as long as if it
    were new. Returns its SHA-256.

    Args:
        quota_bytes: what the author's contents may take that have not landed on the chain.

    Raises:
        Conflict: with this one they would take more.
    """
    thread, digest = bytes(thread_pda(thread_id)), body.digest
    statement = (
        insert(contents)
        .values(
            thread=thread,
            content_hash=digest,
            thread_id=thread_id,
            author=bytes(author),
            text=body.text,
            ciphertext=body.ciphertext,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(contents.c.content_hash)
    )
    # one at a time for each wallet, or two could both still fit
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock_number(author))))
    if (await session.execute(statement)).one_or_none() is None:
        await session.execute(
            sa.update(contents)
            .where(
                contents.c.thread == thread,
                contents.c.content_hash == digest,
                sa.not_(contents.c.landed),
            )
            .values(created_at=now)
        )
    else:
        if (taken := await unlanded_bytes(session, author)) > quota_bytes:
            raise Conflict(
                f"your contents that are not on the chain yet would take {taken} bytes and may "
                f"take {quota_bytes}; sign and send their transactions first, or let them expire",
                code="content_quota",
                details={"bytes": taken, "quota_bytes": quota_bytes},
            )
        await session.execute(
            sa.insert(content_outbox).values(thread=thread, content_hash=digest, created_at=now)
        )
        await session.execute(sa.select(sa.func.pg_notify("choir_outbox", "")))  # wakes the pump
    return digest


def _lock_number(author: Pubkey) -> int:
    """64 bits for PostgreSQL's lock; a collision only makes two wallets wait for each other."""
    digest = hashlib.sha256(b"contents\0" + bytes(author)).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


async def bodies(
    session: ReadSession, thread: Pubkey, hashes: Iterable[bytes]
) -> dict[bytes, Body]:
    """The contents of a thread by hash; those that were never brought are left out."""
    wanted = list(set(hashes))
    if not wanted:
        return {}
    query = sa.select(contents.c.content_hash, contents.c.text, contents.c.ciphertext).where(
        contents.c.thread == bytes(thread), contents.c.content_hash.in_(wanted)
    )
    rows = (await session.execute(query)).all()
    found = {row.content_hash: Body(row.text, row.ciphertext) for row in rows}
    # the table checks it too; what leaves here must be what the chain vouches for
    return {digest: body for digest, body in found.items() if body.digest == digest}
