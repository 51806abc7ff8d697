"""Reading one step ahead: what comes next is fetched while the one before is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, Self, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """The same items, one of them fetched in advance, the first from now on; never more.

    An error of `items` comes when its turn has come, after every item before it. Close this to
    cancel what is being fetched (``contextlib.aclosing``); `items` itself is the caller's.
    """

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        self._coming = asyncio.ensure_future(anext(items))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        item = await self._coming
        self._coming = asyncio.ensure_future(anext(self._items))
        return item

    async def aclose(self) -> None:
        """Stop fetching."""
        self._coming.cancel()
        await asyncio.wait({self._coming})
        if not self._coming.cancelled():
            self._coming.exception()  # an error that nobody waits for any more is no news
