"""How many contents go into one answer, so that none grows without bound."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from choir_api.db import ReadSession
from choir_api.tables import contents


async def fitting(
    session: ReadSession, thread: bytes, hashes: Sequence[bytes | None], budget: int
) -> int:
    """How many of these contents, from the first on, have at most `budget` bytes together.

    At least one, so that every list comes to its end. Sizes are asked for before any content
    is read.

    Args:
        session: the answer's snapshot.
        thread: its address.
        hashes: in the order of the answer; None for a row without content.
        budget: bytes, as UTF-8 or base64.
    """
    c = contents.c
    sealed = sa.func.octet_length(c.ciphertext) * 4 / 3
    query = sa.select(c.content_hash, sa.func.coalesce(sa.func.octet_length(c.text), sealed)).where(
        c.thread == thread, c.content_hash.in_([each for each in hashes if each is not None])
    )
    sizes = {digest: int(size) for digest, size in (await session.execute(query)).all()}
    spent = 0
    for count, digest in enumerate(hashes):
        spent += sizes.get(digest, 0) if digest is not None else 0
        if spent > budget:
            return max(count, 1)
    return len(hashes)
