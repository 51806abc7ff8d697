"""Answers read from the mirror: they say how far it had seen the chain."""

from __future__ import annotations

from typing import TypeVar

from solders.pubkey import Pubkey
from starlette.requests import Request

from choir_api.chain.facts import unknown_thread
from choir_api.db import ReadSession
from choir_api.responses import Success, success
from choir_indexer.store import read

T = TypeVar("T")


async def mirrored(request: Request, session: ReadSession, data: T) -> Success[T]:
    """Wrap `data`, read in `session`, with the slot that the mirror was complete to."""
    mark = await read.watermark(session)
    if mark is None:
        return success(request, data)
    # the column holds one of the three names; the schema of the answer checks it
    return success(request, data, slot=mark.slot, commitment=mark.commitment)  # type: ignore[arg-type]


async def require_thread(session: ReadSession, thread_id: str) -> read.ThreadRow:
    """The thread of that name.

    Raises:
        NotFound: the mirror knows none.
    """
    row = await read.thread_by_id(session, thread_id)
    if row is None:
        raise unknown_thread(thread_id)
    return row


def keys(raw: tuple[bytes, ...]) -> list[Pubkey]:
    """Addresses of the mirror's bytes."""
    return [Pubkey.from_bytes(each) for each in raw]
