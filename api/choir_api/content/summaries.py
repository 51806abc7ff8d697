"""Summaries of contents, made off the event loop and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from cachetools import LRUCache

from choir.privacy import Detail, summarise
from choir_api.content.store import Body

CAPACITY = 20_000


class Summaries:
    """The summaries of the contents that were asked for last.

    A summary depends on nothing but the text, which its hash names, and the detail; so one
    that was made for somebody serves everybody who may see that detail.

    Args:
        make: what makes one; blocks.
        capacity: how many are remembered.
    """

    def __init__(
        self, make: Callable[[str, Detail], str] = summarise, *, capacity: int = CAPACITY
    ) -> None:
        self._make = make
        self._known: LRUCache[tuple[bytes, Detail], str] = LRUCache(capacity)

    async def of(self, bodies: Mapping[bytes, Body], detail: Detail | None) -> dict[bytes, str]:
        """The summaries of the texts among `bodies`, by hash; none without a detail."""
        if detail is None:
            return {}
        texts = {digest: body.text for digest, body in bodies.items() if body.text is not None}
        found = {
            digest: self._known[digest, detail]
            for digest in texts
            if (digest, detail) in self._known
        }
        for digest in texts.keys() - found.keys():
            summary = await asyncio.to_thread(self._make, texts[digest], detail)
            found[digest] = self._known[digest, detail] = summary
        return found


SUMMARIES = Summaries()
