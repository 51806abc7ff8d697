"""Reading one step ahead: what comes next is fetched while the one before is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


async def ahead(items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same items, one of them fetched in advance; never more.

    An error of `items` comes when its turn has come, after every item before it. Close this to
    cancel what is being fetched (``contextlib.aclosing``); `items` itself is the caller's.
    """
    coming = asyncio.ensure_future(anext(items))
    try:
        while True:
            try:
                item = await coming
            except StopAsyncIteration:
                return
            coming = asyncio.ensure_future(anext(items))
            yield item
    finally:
        coming.cancel()
        await asyncio.wait({coming})
        if not coming.cancelled():
            coming.exception()  # an error that nobody waits for any more is no news
