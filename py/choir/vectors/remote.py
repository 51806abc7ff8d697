"""The Edge engine of another process, over loopback HTTP with a bearer token."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import httpx

from choir.privacy import Level
from choir.vectors import wire
from choir.vectors.errors import ModelMismatch, VectorsError, VectorsRefused, VectorsUnavailable
from choir.vectors.protocol import Hit, Page, Point, Query

TIMEOUT_S = 10.0
_ERRORS = {error.__name__: error for error in (ModelMismatch, VectorsUnavailable, VectorsError)}


class RemoteStore:
    """The port, spoken to the process that hosts the engine.

    Args:
        client: with the host's address as base URL and the token in its headers; closed
            with the store.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    def at(cls, url: str, token: str) -> RemoteStore:
        """The store hosted at ``url`` (``http://127.0.0.1:<port>``)."""
        return cls(
            httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {token}"},
                timeout=TIMEOUT_S,
                trust_env=False,  # loopback: no proxy stands between
            )
        )

    async def ensure_collection(self, *, model: str, dimension: int) -> bool:
        """Asks the host, which has opened the collection, to compare the model."""
        return bool(await self._call("ensure", {"model": model, "dimension": dimension}))

    async def upsert(self, points: Sequence[Point]) -> None:
        """Writes points whole."""
        await self._call("upsert", [wire.point_to(point) for point in points])

    async def delete(self, messages: Sequence[str]) -> None:
        """Removes the points of these messages."""
        await self._call("delete", list(messages))

    async def relevel(self, thread: str, level: Level) -> None:
        """Rewrites the access payload of a thread's points."""
        await self._call("relevel", {"thread": thread, "level": int(level)})

    async def search(self, query: Query) -> list[Hit]:
        """The best hits."""
        return [wire.hit_from(hit) for hit in await self._call("search", wire.query_to(query))]

    async def scroll(self, *, limit: int, after: uuid.UUID | None = None) -> Page:
        """Points in order of id."""
        answer = await self._call(
            "scroll", {"limit": limit, "after": str(after) if after else None}
        )
        return wire.page_from(answer)

    async def count(self) -> int:
        """All points."""
        return int(await self._call("count", None))

    async def maintain(self) -> None:
        """The host looks after the engine."""

    async def aclose(self) -> None:
        """Closes the connections; the engine goes on in its own process."""
        await self._client.aclose()

    async def _call(self, operation: str, value: Any) -> Any:
        try:
            answer = await self._client.post(
                f"/vectors/{operation}",
                content=wire.pack(value),
                headers={"Content-Type": wire.CONTENT_TYPE},
            )
        except httpx.HTTPError as error:
            raise VectorsUnavailable(
                f"nothing answers at {self._client.base_url} ({type(error).__name__}); "
                "is the indexer running?"
            ) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise VectorsRefused(
                f"{self._client.base_url} does not accept the token; give both processes the "
                "same CHOIR_VECTORS_TOKEN"
            )
        if answer.headers.get("Content-Type") != wire.CONTENT_TYPE:
            raise VectorsUnavailable(
                f"{self._client.base_url} answers {answer.status_code} and not as a vector store"
            )
        content = wire.unpack(answer.content)
        if answer.is_error:
            kind = _ERRORS.get(content.get("error", ""), VectorsError)
            raise kind(str(content.get("message", "the vector store gave no reason")))
        return content
