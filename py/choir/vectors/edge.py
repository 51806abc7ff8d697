"""Qdrant Edge in this process: Qdrant's own engine on a directory, without a server.

The engine is synchronous, belongs to one process at a time (its write-ahead log is locked),
and keeps the interpreter lock while it works. Calls run in one worker thread, in order. A
scan of 20,000 points takes 2 ms, so that a graph pays only in large collections; building
one takes many seconds, in which this process could do nothing else. It is therefore built
in a child process (:meth:`EdgeStore.optimize`), during which the store is unavailable and
says so: searches fall back to text, and writers come again.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import qdrant_edge as edge

from choir.privacy import Level
from choir.vectors import words
from choir.vectors.conditions import INDEXES, AnyOf, Between, Condition, Equals, conditions
from choir.vectors.errors import ModelMismatch, VectorsError, VectorsUnavailable
from choir.vectors.fusion import DEPTH, fuse
from choir.vectors.protocol import Hit, Page, Point, Query, access_payload, point_id

T = TypeVar("T")

_WORDS = "words"
_SETTINGS = "edge_config.json"
_SCHEMAS = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
}
# Points beyond which a graph is worth its building.
OPTIMIZE_FROM = 50_000


class EdgeStore:
    """The engine on ``directory``; made when missing, opened by :meth:`ensure_collection`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="edge")
        self._shard: edge.EdgeShard | None = None
        self._model = ""
        self._reason = "it has not been opened"
        self._closed = False

    async def ensure_collection(self, *, model: str, dimension: int) -> bool:
        """Opens or makes the collection; its dense vector bears the model's name."""
        return await self._run(lambda: self._open(model, dimension))

    async def upsert(self, points: Sequence[Point]) -> None:
        """Writes points whole; they outlive this process, and a power cut after a flush."""
        if not points:
            return
        await self._run(lambda: self._update(edge.UpdateOperation.upsert_points(self._of(points))))

    async def delete(self, messages: Sequence[str]) -> None:
        """Removes the points of these messages."""
        ids: list[Any] = [point_id(message) for message in messages]
        if ids:
            await self._run(lambda: self._update(edge.UpdateOperation.delete_points(ids)))

    async def relevel(self, thread: str, level: Level) -> None:
        """Rewrites access first, so that there is no moment in which the old one counts."""
        its = _filter((Equals("thread", thread),))
        change = edge.UpdateOperation
        if level is Level.ENCRYPTED:
            operations = [change.delete_points_by_filter(its)]
        else:
            operations = [change.set_payload_by_filter(its, access_payload(thread, level))]
            if level is not Level.PUBLIC:
                operations.append(change.delete_payload_by_filter(its, ["text"]))
                operations.append(change.delete_vectors_by_filter(its, [_WORDS]))
        await self._run(lambda: self._update(*operations))

    async def search(self, query: Query) -> list[Hit]:
        """Both branches in one batch, each with the whole filter inside."""
        if not query.access.tokens:
            return []
        return await self._run(lambda: self._search(query))

    async def scroll(self, *, limit: int, after: uuid.UUID | None = None) -> Page:
        """Points in order of id."""

        def run() -> Page:
            records, following = self._opened().scroll(
                edge.ScrollRequest(limit=limit, offset=after, with_payload=True, with_vector=False)
            )
            items = tuple(_hit(record.payload or {}, 0.0) for record in records)
            return Page(items, uuid.UUID(str(following)) if following is not None else None)

        return await self._run(run)

    async def count(self) -> int:
        """All points."""
        return await self._run(lambda: int(self._opened().count(edge.CountRequest(exact=True))))

    async def unindexed(self) -> int:
        """Points that a search by meaning still scans one by one."""

        def run() -> int:
            shard = self._opened()
            info = shard.info()
            public = _filter((Equals("level", int(Level.PUBLIC)),))
            # the engine counts sparse vectors too, and has them always indexed
            worded = int(shard.count(edge.CountRequest(exact=True, filter=public)))
            return max(0, int(info.points_count) + worded - int(info.indexed_vectors_count))

        return await self._run(run)

    async def maintain(self) -> None:
        """Builds the graph once 50,000 points are without one."""
        await self.optimize()

    async def optimize(self, *, at_least: int = OPTIMIZE_FROM) -> bool:
        """Builds the graph when ``at_least`` points are without one; True when it did.

        Until it returns every other call raises :class:`VectorsUnavailable`.
        """
        if await self.unindexed() < at_least:
            return False
        reason = "it is being optimised; it answers again when that has ended"
        try:
            await self._run(lambda: self._close(reason))
            await self._optimize_in_child()
        finally:
            await self._run(self._reopen)
        return True

    async def _optimize_in_child(self) -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "choir.vectors.edge_optimize",
            str(self.directory),
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            raise VectorsError(f"optimising failed: {lines[-1] if lines else child.returncode}")

    async def aclose(self) -> None:
        """Flushes and lets the directory go; the second time does nothing."""
        if not self._closed:
            self._closed = True
            await self._run(lambda: self._close("it is closed"))
            self._worker.shutdown(wait=False)

    async def _run(self, action: Callable[[], T]) -> T:
        """Runs ``action`` in the worker; shielded, so that a write is never cut in two."""
        try:
            running = asyncio.get_running_loop().run_in_executor(self._worker, action)
        except RuntimeError as error:
            raise VectorsUnavailable(f"the vector store is closed: {error}") from error
        return await asyncio.shield(running)

    def _opened(self) -> edge.EdgeShard:
        if self._shard is None:
            raise VectorsUnavailable(f"the vector store in {self.directory}: {self._reason}")
        return self._shard

    def _open(self, model: str, dimension: int) -> bool:
        if self._shard is None:
            recorded = _recorded(self.directory)
            if recorded is not None and recorded != {model: dimension}:
                there = ", ".join(f"{name} ({size})" for name, size in recorded.items())
                raise ModelMismatch(
                    f"{self.directory} holds vectors of {there}, not of {model} ({dimension}); "
                    "use that model, or remove the directory and let the indexer rebuild it"
                )
            self._shard = self._load(None if recorded else (model, dimension))
            self._model = model
        elif model != self._model:
            raise ModelMismatch(f"{self.directory} is open with {self._model}, not {model}")
        return int(self._shard.count(edge.CountRequest(exact=True))) == 0

    def _load(self, new: tuple[str, int] | None) -> edge.EdgeShard:
        try:
            if new is None:
                return edge.EdgeShard.load(str(self.directory))
            # it holds texts, of which some were public only for a while
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            model, dimension = new
            shard = edge.EdgeShard.create(
                str(self.directory),
                edge.EdgeConfig(
                    vectors={
                        model: edge.EdgeVectorParams(size=dimension, distance=edge.Distance.Cosine)
                    },
                    sparse_vectors={
                        _WORDS: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
                    },
                ),
            )
            for field, kind in INDEXES.items():
                shard.update(edge.UpdateOperation.create_field_index(field, _SCHEMAS[kind]))
            shard.flush()
        # the engine raises nothing more exact than Exception
        except Exception as error:
            raise self._translated(error) from error
        return shard

    def _reopen(self) -> None:
        if self._shard is None:
            self._shard = self._load(None)

    def _close(self, reason: str) -> None:
        shard, self._shard, self._reason = self._shard, None, reason
        if shard is not None:
            shard.flush()
            shard.close()

    def _update(self, *operations: edge.UpdateOperation) -> None:
        shard = self._opened()
        try:
            for operation in operations:
                shard.update(operation)
        # as above
        except Exception as error:
            raise self._translated(error) from error

    def _search(self, query: Query) -> list[Hit]:
        shard = self._opened()
        allowed = _filter(conditions(query))
        branches: list[edge.Query] = []
        if query.vector is not None:
            branches.append(edge.Query.Nearest(query.vector.tolist(), using=self._model))
        if query.words is not None:
            indices, values = words.of_query(query.words)
            if indices:
                branches.append(
                    edge.Query.Nearest(edge.SparseVector(indices, values), using=_WORDS)
                )
        requests = [
            edge.QueryRequest(limit=DEPTH, query=branch, filter=allowed, with_payload=_FIELDS)
            for branch in branches
        ]
        try:
            found = shard.query_batch(edge.QueryBatchRequest(requests)) if requests else []
        # as above
        except Exception as error:
            raise self._translated(error) from error
        return fuse(
            ([_hit(point.payload or {}, point.score) for point in branch] for branch in found),
            query.limit,
        )

    def _of(self, points: Sequence[Point]) -> list[edge.Point]:
        made: list[edge.Point] = []
        for point in points:
            vectors: dict[str, Any] = {self._model: point.vector.tolist()}
            if point.text is not None:
                indices, values = words.of_text(point.text)
                if indices:
                    vectors[_WORDS] = edge.SparseVector(indices, values)
            made.append(edge.Point(point_id(point.message), vectors, point.payload()))
        return made

    def _translated(self, error: Exception) -> VectorsError:
        said = str(error)
        if "WouldBlock" in said:
            return VectorsUnavailable(
                f"{self.directory} is open in another process; reach it there with "
                "CHOIR_VECTORS_URL=edge+http://…, or stop that process"
            )
        return VectorsError(f"the vector store in {self.directory}: {said}")


_FIELDS = ["message", "thread", "author", "level", "created_at", "content_hash"]


def _recorded(directory: Path) -> dict[str, int] | None:
    """Model and dimension of the collection in ``directory``; None when there is none."""
    path = directory / _SETTINGS
    try:
        settings = json.loads(path.read_text())
        return {name: int(its["size"]) for name, its in settings["vectors"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VectorsError(
            f"{path} cannot be read ({error}); remove the directory and let the indexer rebuild it"
        ) from error


def _filter(found: Iterable[Condition]) -> edge.Filter:
    return edge.Filter(must=[_condition(condition) for condition in found])


def _condition(condition: Condition) -> edge.FieldCondition:
    if isinstance(condition, AnyOf):
        return edge.FieldCondition(condition.key, match=edge.MatchAny(list(condition.values)))
    if isinstance(condition, Between):
        bounds = edge.RangeFloat(gte=condition.start, lt=condition.end)
        return edge.FieldCondition(condition.key, range=bounds)
    return edge.FieldCondition(condition.key, match=edge.MatchValue(condition.value))


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
