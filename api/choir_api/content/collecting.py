"""Contents whose transaction never landed: what they take up, and their removal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from solders.pubkey import Pubkey
from sqlalchemy.ext.asyncio import AsyncSession

from choir_api.db import WriteSession
from choir_api.deps import Deps
from choir_api.tables import contents
from choir_indexer.store import read

log = logging.getLogger(__name__)

BATCH: Final = 500
MIRROR_LAG_SLOTS: Final = 1000
"""A mirror further behind the chain than this does not say what has landed."""

_chain = sa.MetaData(schema="chain")
_NAMED_BY: Final = tuple(
    sa.Table(name, _chain, sa.Column("thread"), sa.Column("content_hash"))
    for name in ("messages", "specs")
)


def has_landed() -> sa.ColumnElement[bool]:
    """Whether the chain has the content's hash in its thread, as far as the mirror knows."""
    return sa.or_(
        contents.c.landed,
        *(
            sa.exists().where(
                table.c.thread == contents.c.thread,
                table.c.content_hash == contents.c.content_hash,
            )
            for table in _NAMED_BY
        ),
    )


async def unlanded_bytes(session: AsyncSession, author: Pubkey) -> int:
    """How many bytes the contents of this wallet take that the chain does not have."""
    size = sa.func.octet_length(
        sa.func.coalesce(
            contents.c.ciphertext, sa.func.convert_to(contents.c.text, sa.literal("UTF8"))
        )
    )
    query = sa.select(sa.func.coalesce(sa.func.sum(size), 0)).where(
        contents.c.author == bytes(author), sa.not_(contents.c.landed), sa.not_(has_landed())
    )
    found: int = (await session.execute(query)).scalar_one()
    return found


async def collect(session: WriteSession, before: datetime) -> tuple[int, int]:
    """Look at some contents brought before then that were not known to have landed.

    Those that have are marked, the others removed. Returns how many of each.
    """
    old = (
        sa.select(contents.c.thread, contents.c.content_hash)
        .where(sa.not_(contents.c.landed), contents.c.created_at < before)
        .order_by(contents.c.created_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    names = [tuple(row) for row in await session.execute(old)]
    these = sa.tuple_(contents.c.thread, contents.c.content_hash).in_(names)
    marked = await session.execute(
        sa.update(contents)
        .where(these, has_landed())
        .values(landed=True)
        .returning(contents.c.content_hash)
    )
    landed = len(marked.all())
    removed = await session.execute(
        sa.delete(contents)
        .where(these, sa.not_(contents.c.landed))
        .returning(contents.c.content_hash)
    )
    return landed, len(removed.all())


async def collect_all(deps: Deps) -> int:
    """Remove everything that is too old and has not landed; how many contents that was.

    Removes nothing while the mirror is behind the chain, since it cannot tell then.
    """
    settings = deps.settings
    tip = await deps.sender.rpc.get_slot(commitment=settings.commitment)
    async with deps.database.read() as session:
        mark = await read.watermark(session)
    if mark is None or mark.slot + MIRROR_LAG_SLOTS < tip:
        return 0
    before = deps.now() - timedelta(seconds=settings.unlanded_content_ttl_s)
    total = 0
    while True:
        async with deps.database.write() as session:
            landed, removed = await collect(session, before)
        total += removed
        if landed + removed < BATCH:
            return total


@asynccontextmanager
async def collecting(deps: Deps) -> AsyncIterator[None]:
    """Collects now and then for the length of the block."""
    task = asyncio.create_task(_keep_collecting(deps))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep_collecting(deps: Deps) -> None:
    every = max(60.0, min(3600.0, deps.settings.unlanded_content_ttl_s / 24))
    while True:
        await deps.clock.sleep(every)
        try:
            if removed := await collect_all(deps):
                log.info("removed %d contents that never landed", removed)
        except Exception:  # whatever it is: the next round tries again
            log.exception("could not remove contents that never landed")
