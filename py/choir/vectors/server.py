"""A Qdrant server by URL, through qdrant-client."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as q
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from choir.privacy import Level
from choir.vectors import words
from choir.vectors.conditions import INDEXES, AnyOf, Between, Condition, Equals, conditions
from choir.vectors.errors import ModelMismatch, VectorsError, VectorsRefused, VectorsUnavailable
from choir.vectors.fusion import DEPTH, fuse
from choir.vectors.protocol import Hit, Page, Point, Query, access_payload, point_id

COLLECTION = "choir_messages"
_WORDS = "words"
_FIELDS = ["message", "thread", "author", "level", "created_at", "content_hash"]
_SCHEMAS = {
    "keyword": q.PayloadSchemaType.KEYWORD,
    "integer": q.PayloadSchemaType.INTEGER,
}


class ServerStore:
    """A collection on a Qdrant server.

    Args:
        client: connected to the server; closed with the store.
        collection: its name there.
    """

    def __init__(self, client: AsyncQdrantClient, *, collection: str = COLLECTION) -> None:
        self._client = client
        self._collection = collection
        self._model = ""

    @classmethod
    def at(cls, url: str, *, api_key: str | None = None) -> ServerStore:
        """The store at a server's URL."""
        return cls(AsyncQdrantClient(url=url, api_key=api_key, check_compatibility=False))

    async def ensure_collection(self, *, model: str, dimension: int) -> bool:
        """Makes the collection or compares its model; the dense vector bears its name."""
        async with self._translating():
            if not await self._client.collection_exists(self._collection):
                await self._create(model, dimension)
            info = await self._client.get_collection(self._collection)
            vectors = info.config.params.vectors
            recorded = (
                {name: params.size for name, params in vectors.items()}
                if isinstance(vectors, dict)
                else {}
            )
            if recorded != {model: dimension}:
                there = ", ".join(f"{name} ({size})" for name, size in recorded.items())
                raise ModelMismatch(
                    f"the collection {self._collection} holds vectors of "
                    f"{there or 'no named model'}, not of {model} ({dimension}); use that "
                    "model, or remove the collection and let the indexer rebuild it"
                )
            self._model = model
            return await self._count() == 0

    async def upsert(self, points: Sequence[Point]) -> None:
        """Writes points whole and waits until they count."""
        if not points:
            return
        made = []
        for point in points:
            vectors: dict[str, Any] = {self._named(): point.vector.tolist()}
            if point.text is not None:
                indices, values = words.of_text(point.text)
                if indices:
                    vectors[_WORDS] = q.SparseVector(indices=indices, values=values)
            made.append(
                q.PointStruct(
                    id=str(point_id(point.message)), vector=vectors, payload=point.payload()
                )
            )
        async with self._translating():
            await self._client.upsert(self._collection, made, wait=True)

    async def delete(self, messages: Sequence[str]) -> None:
        """Removes the points of these messages."""
        if not messages:
            return
        ids: list[Any] = [str(point_id(message)) for message in messages]
        async with self._translating():
            await self._client.delete(self._collection, q.PointIdsList(points=ids), wait=True)

    async def relevel(self, thread: str, level: Level) -> None:
        """Rewrites access first, so that there is no moment in which the old one counts."""
        its = q.FilterSelector(filter=_filter((Equals("thread", thread),)))
        name = self._collection
        async with self._translating():
            if level is Level.ENCRYPTED:
                await self._client.delete(name, its, wait=True)
                return
            await self._client.set_payload(
                name, access_payload(thread, level), points=its, wait=True
            )
            if level is not Level.PUBLIC:
                await self._client.delete_payload(name, ["text"], points=its, wait=True)
                await self._client.delete_vectors(name, [_WORDS], points=its, wait=True)

    async def search(self, query: Query) -> list[Hit]:
        """Both branches in one request, each with the whole filter inside."""
        if not query.access.tokens:
            return []
        allowed = _filter(conditions(query))
        branches: list[tuple[str, Any]] = []
        if query.vector is not None:
            branches.append((self._named(), query.vector.tolist()))
        if query.words is not None:
            indices, values = words.of_query(query.words)
            if indices:
                branches.append((_WORDS, q.SparseVector(indices=indices, values=values)))
        if not branches:
            return []
        requests = [
            q.QueryRequest(
                query=vector, using=using, filter=allowed, limit=DEPTH, with_payload=_FIELDS
            )
            for using, vector in branches
        ]
        async with self._translating():
            found = await self._client.query_batch_points(self._collection, requests)
        return fuse(
            ([_hit(point.payload or {}, point.score) for point in each.points] for each in found),
            query.limit,
        )

    async def scroll(self, *, limit: int, after: uuid.UUID | None = None) -> Page:
        """Points in order of id."""
        async with self._translating():
            records, following = await self._client.scroll(
                self._collection,
                limit=limit,
                offset=str(after) if after is not None else None,
                with_payload=True,
            )
        items = tuple(_hit(record.payload or {}, 0.0) for record in records)
        return Page(items, uuid.UUID(str(following)) if following is not None else None)

    async def count(self) -> int:
        """All points."""
        async with self._translating():
            return await self._count()

    async def maintain(self) -> None:
        """A server looks after itself."""

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def _create(self, model: str, dimension: int) -> None:
        await self._client.create_collection(
            self._collection,
            vectors_config={model: q.VectorParams(size=dimension, distance=q.Distance.COSINE)},
            sparse_vectors_config={_WORDS: q.SparseVectorParams(modifier=q.Modifier.IDF)},
        )
        for field, kind in INDEXES.items():
            await self._client.create_payload_index(
                self._collection, field, field_schema=_SCHEMAS[kind], wait=True
            )

    async def _count(self) -> int:
        return (await self._client.count(self._collection, exact=True)).count

    def _named(self) -> str:
        if not self._model:
            raise VectorsUnavailable("ensure_collection() has not been called on this store")
        return self._model

    @asynccontextmanager
    async def _translating(self) -> AsyncIterator[None]:
        try:
            yield
        except UnexpectedResponse as error:
            if error.status_code in (401, 403):
                raise VectorsRefused(
                    "the Qdrant server does not accept the key; set CHOIR_VECTORS_TOKEN"
                ) from error
            if error.status_code is not None and error.status_code >= 500:
                raise VectorsUnavailable(
                    f"the Qdrant server answers {error.status_code}"
                ) from error
            raise VectorsError(f"the Qdrant server refuses: {error.reason_phrase}") from error
        except (ApiException, httpx.HTTPError) as error:
            raise VectorsUnavailable(f"the Qdrant server does not answer: {error}") from error


def _filter(found: Iterable[Condition]) -> q.Filter:
    return q.Filter(must=[_condition(condition) for condition in found])


def _condition(condition: Condition) -> q.FieldCondition:
    if isinstance(condition, AnyOf):
        return q.FieldCondition(key=condition.key, match=q.MatchAny(any=list(condition.values)))
    if isinstance(condition, Between):
        bounds = q.Range(gte=condition.start, lt=condition.end)
        return q.FieldCondition(key=condition.key, range=bounds)
    return q.FieldCondition(key=condition.key, match=q.MatchValue(value=condition.value))


def _hit(payload: dict[str, Any], score: float) -> Hit:
    return Hit(
        message=payload["message"],
        thread=payload["thread"],
        author=payload["author"],
        level=Level(payload["level"]),
        created_at=payload["created_at"],
        content_hash=payload["content_hash"],
        score=score,
    )
