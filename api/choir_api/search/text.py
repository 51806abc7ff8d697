"""Search by words in PostgreSQL, for when there are no vectors.

The access condition is derived from the same :class:`~choir.privacy.AccessFilter` as in the
vector store, level by level, and stands in the query's WHERE.
"""

from __future__ import annotations

import sqlalchemy as sa
from solders.pubkey import Pubkey

from choir.privacy import AccessFilter, Content, Level, access_tokens
from choir.vectors import DEPTH, Hit, Where
from choir_api.db import ReadSession

# The longest the database may look. The expression over the text is the one that
# `contents_words_idx` is of; it covers the beginning of a text.
TIMEOUT_MS = 3000

_NO_THREAD = ""

_QUERY = sa.text(
    """
    SELECT m.pubkey, m.thread, m.author, greatest(m.privacy, t.privacy) AS privacy,
           m.created_at, m.content_hash,
           ts_rank(to_tsvector('english', left(c.text, 50000)), q.query) AS rank
    FROM websearch_to_tsquery('english', :question) AS q (query),
         chain.messages m
         JOIN chain.threads t ON t.pubkey = m.thread
         JOIN app.contents c ON c.thread = m.thread AND c.content_hash = m.content_hash
    WHERE (greatest(m.privacy, t.privacy) = ANY(:open)
           OR (greatest(m.privacy, t.privacy) = ANY(:ours) AND m.thread = ANY(:threads)))
      AND to_tsvector('english', left(c.text, 50000)) @@ q.query
      AND (CAST(:thread AS bytea) IS NULL OR m.thread = :thread)
      AND (CAST(:author AS bytea) IS NULL OR m.author = :author)
      AND (CAST(:level AS smallint) IS NULL OR greatest(m.privacy, t.privacy) = :level)
      AND (CAST(:after AS bigint) IS NULL OR m.created_at >= :after)
      AND (CAST(:before AS bigint) IS NULL OR m.created_at < :before)
    ORDER BY rank DESC, m.pubkey
    LIMIT :depth
    """
).bindparams(
    sa.bindparam("open", type_=sa.ARRAY(sa.SmallInteger)),
    sa.bindparam("ours", type_=sa.ARRAY(sa.SmallInteger)),
    sa.bindparam("threads", type_=sa.ARRAY(sa.LargeBinary)),
    sa.bindparam("thread", type_=sa.LargeBinary),
    sa.bindparam("author", type_=sa.LargeBinary),
    sa.bindparam("level", type_=sa.SmallInteger),
    sa.bindparam("after", type_=sa.BigInteger),
    sa.bindparam("before", type_=sa.BigInteger),
)


async def find_text(
    session: ReadSession,
    question: str,
    access: AccessFilter,
    threads: frozenset[str],
    where: Where,
) -> list[Hit]:
    """Messages whose text holds the question's words, best first; :data:`DEPTH` at most.

    Args:
        session: a snapshot.
        question: as a person types it; quotation marks and a leading minus count.
        access: what the viewer may find.
        threads: base58 addresses of the viewer's threads, as in ``access``.
        where: narrows the search.
    """
    open_levels = [
        int(level) for level in Level if access.matches(access_tokens(Content(_NO_THREAD, level)))
    ]
    ours = {
        int(level)
        for thread in threads
        for level in Level
        if access.matches(access_tokens(Content(thread, level)))
    }
    await session.execute(sa.text(f"SET LOCAL statement_timeout = {TIMEOUT_MS}"))
    rows = await session.execute(
        _QUERY,
        {
            "question": question,
            "open": open_levels,
            "ours": sorted(ours),
            "threads": [bytes(Pubkey.from_string(thread)) for thread in sorted(threads)],
            "thread": _raw(where.thread),
            "author": _raw(where.author),
            "level": None if where.level is None else int(where.level),
            "after": where.after,
            "before": where.before,
            "depth": DEPTH,
        },
    )
    return [
        Hit(
            message=str(Pubkey.from_bytes(row.pubkey)),
            thread=str(Pubkey.from_bytes(row.thread)),
            author=str(Pubkey.from_bytes(row.author)),
            level=Level(row.privacy),
            created_at=row.created_at,
            content_hash=row.content_hash.hex(),
            score=1 / rank,
        )
        for rank, row in enumerate(rows, start=1)
    ]


def _raw(address: str | None) -> bytes | None:
    return None if address is None else bytes(Pubkey.from_string(address))
