"""Answers read from the mirror: they say how far it had seen the chain.

Threads are to be read here: they come with the privacy level that is in force, which is the
mirror's or the stricter one of a floor (:mod:`choir_api.floors`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import sqlalchemy as sa
from solders.pubkey import Pubkey
from starlette.requests import Request

from choir.accounts import PrivacyLevel
from choir_api.chain.facts import unknown_thread
from choir_api.db import ReadSession
from choir_api.floors import floors
from choir_api.responses import Success, success
from choir_api.settings import Settings
from choir_indexer.store import read, schema

T = TypeVar("T")


async def mirrored(request: Request, session: ReadSession, data: T) -> Success[T]:
    """Wrap `data`, read in `session`, with the slot that the mirror was complete to."""
    mark = await read.watermark(session)
    if mark is None:
        return success(request, data, stale=True)
    settings = request.app.state.deps.settings
    stale = not await fresh(session, settings)
    return success(request, data, slot=mark.slot, commitment=mark.commitment, stale=stale)


async def fresh(session: ReadSession, settings: Settings) -> bool:
    """Whether the mirror has moved lately enough to be trusted with who may see what.

    Both times are the database's.
    """
    lately = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, settings.mirror_stale_after_s)
    query = sa.select(schema.watermark.c.updated_at >= lately)
    return bool((await session.execute(query)).scalar_one_or_none())


async def in_force(session: ReadSession, rows: Sequence[read.ThreadRow]) -> list[read.ThreadRow]:
    """The threads with the levels that count now."""
    found = await floors(session, [row.pubkey for row in rows])
    return [
        replace(row, privacy=PrivacyLevel(max(row.privacy, found.get(row.pubkey, row.privacy))))
        for row in rows
    ]


async def thread_at(session: ReadSession, pubkey: bytes) -> read.ThreadRow | None:
    """The thread at that address, with the level that counts now."""
    row = await read.thread(session, pubkey)
    return None if row is None else (await in_force(session, [row]))[0]


async def require_thread(session: ReadSession, thread_id: str) -> read.ThreadRow:
    """The thread of that name, with the level that counts now.

    Raises:
        NotFound: the mirror knows none.
    """
    row = await read.thread_by_id(session, thread_id)
    if row is None:
        raise unknown_thread(thread_id)
    return (await in_force(session, [row]))[0]


def keys(raw: tuple[bytes, ...]) -> list[Pubkey]:
    """Addresses of the mirror's bytes."""
    return [Pubkey.from_bytes(each) for each in raw]
