"""Reading ahead: what comes next is fetched while what was before it is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, Self, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class _End:
    """After the last item: StopAsyncIteration, or what went wrong."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Ahead(Generic[T]):
    """The same items, two of them fetched in advance, the first from now on; never more.

    With one, nothing would be fetched from when it is there until its turn comes.

    An error of `items` comes when its turn has come, after every item before it. Close this to
    cancel what is being fetched (``contextlib.aclosing``); `items` itself is the caller's.
    """

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._fetched: asyncio.Queue[T | _End] = asyncio.Queue(1)  # another waits for room in it
        self._fetching = asyncio.ensure_future(self._fetch(items))

    async def _fetch(self, items: AsyncIterator[T]) -> None:
        error: Exception = StopAsyncIteration()
        try:
            async for item in items:
                await self._fetched.put(item)
        except Exception as problem:  # noqa: BLE001 - raised where it is waited for
            error = problem
        await self._fetched.put(_End(error))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        item = await self._fetched.get()
        if isinstance(item, _End):
            self._fetched.put_nowait(item)  # whoever asks once more hears it again
            raise item.error
        return item

    async def aclose(self) -> None:
        """Stop fetching."""
        self._fetching.cancel()
        await asyncio.wait({self._fetching})
