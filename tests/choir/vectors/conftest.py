"""The three adapters behind one fixture, and an exact reference beside them.

No Qdrant server can be had as a package, so the server's adapter runs against
qdrant-client's own in-memory engine, through the same client class and calls.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from qdrant_client import AsyncQdrantClient
from starlette.applications import Starlette

from choir.privacy import Level
from choir.vectors import Hit, Point, Query, VectorStore, point_id
from choir.vectors.conditions import conditions, holds
from choir.vectors.edge import EdgeStore
from choir.vectors.fusion import DEPTH
from choir.vectors.remote import RemoteStore
from choir.vectors.server import ServerStore
from choir_indexer.vectors.routes import vector_routes

MODEL, DIMENSION, TOKEN = "test-model@1", 16, "token"
ADAPTERS = ("edge", "server", "remote")

OpenStore: TypeAlias = Callable[[Path], VectorStore]


@dataclass
class Opener:
    """Opens stores of one adapter; everything it opened is closed at the end."""

    adapter: str
    stack: AsyncExitStack

    def __call__(self, directory: Path) -> VectorStore:
        if self.adapter == "server":
            with warnings.catch_warnings():
                # the in-memory engine says that it has no payload indexes
                warnings.simplefilter("ignore")
                client = AsyncQdrantClient(location=":memory:")
            return self._kept(ServerStore(client))
        store = self._kept(EdgeStore(directory))
        if self.adapter == "edge":
            return store
        transport = httpx.ASGITransport(Starlette(routes=vector_routes(store, TOKEN)))
        return self._kept(
            RemoteStore(
                httpx.AsyncClient(
                    transport=transport,
                    base_url="http://indexer",
                    headers={"Authorization": f"Bearer {TOKEN}"},
                )
            )
        )

    def _kept(self, store: VectorStore) -> VectorStore:
        self.stack.push_async_callback(store.aclose)
        return store


@pytest.fixture(params=ADAPTERS)
async def opener(request: pytest.FixtureRequest) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:
        yield Opener(request.param, stack)


@pytest.fixture
async def store(opener: Opener, tmp_path: Path) -> VectorStore:
    opened = opener(tmp_path / "vectors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert await opened.ensure_collection(model=MODEL, dimension=DIMENSION)
    return opened


def unit(rng: np.random.Generator, count: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Random unit vectors, ``(count, dimension)``."""
    vectors = rng.standard_normal((count, dimension)).astype(np.float32)
    normal: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normal


TOPICS = ("river", "budget", "music", "engine", "garden", "treaty", "vaccine", "orbit")


def make_points(
    count: int,
    *,
    seed: int = 0,
    threads: int = 10,
    authors: int = 7,
    levels: Sequence[Level] = (Level.PUBLIC,),
    dimension: int = DIMENSION,
) -> list[Point]:
    """Random points; two topic words in each public text."""
    rng = np.random.default_rng(seed)
    made = []
    for index, vector in enumerate(unit(rng, count, dimension)):
        level = levels[int(rng.integers(len(levels)))]
        words = " ".join(TOPICS[int(rng.integers(len(TOPICS)))] for _ in range(2))
        made.append(
            Point(
                message=f"M{index:06}",
                thread=f"T{int(rng.integers(threads))}",
                author=f"A{int(rng.integers(authors))}",
                level=level,
                created_at=1_700_000_000 + index,
                content_hash=f"{index:064x}",
                vector=vector,
                text=f"number {index} tells of {words}" if level is Level.PUBLIC else None,
            )
        )
    return made


def exact(points: Iterable[Point], query: Query) -> list[str]:
    """The messages nearest to the query's vector among those allowed, by brute force."""
    allowed = [
        point
        for point in points
        if all(holds(condition, point.payload()) for condition in conditions(query))
    ]
    assert query.vector is not None
    if not allowed:
        return []
    scores = np.stack([point.vector for point in allowed]) @ query.vector
    order = sorted(range(len(allowed)), key=lambda index: (-scores[index], allowed[index].message))
    return [allowed[index].message for index in order[: min(query.limit, DEPTH)]]


def names(hits: Iterable[Hit]) -> list[str]:
    return [hit.message for hit in hits]


__all__ = ["exact", "make_points", "names", "point_id", "unit"]
