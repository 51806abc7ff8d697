"""Search: recall and latency of Qdrant Edge against exact NumPy search, and the embedder's speed.

Small by default (20,000 points, under a minute); ``--full`` takes 100,000 and builds the
graph too (minutes). The points are random unit vectors around random centres, so that they
have neighbours; texts are random words with a Zipf distribution.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choir.embed import EmbedError, load_minilm
from choir.privacy import AccessFilter, Level, Viewer
from choir.vectors import Point, Query, Where
from choir.vectors.edge import EdgeStore

DIMENSION, THREADS, AUTHORS, K = 384, 100, 50, 10
LEVELS = (Level.PUBLIC, Level.PUBLIC, Level.PUBLIC, Level.PREMIUM, Level.THREAD_ONLY)

PUBLIC = AccessFilter.for_viewer(Viewer())
SHAPES: dict[str, tuple[AccessFilter, Where]] = {
    "public": (PUBLIC, Where()),
    "thread": (PUBLIC, Where(thread="T7")),
    "author": (PUBLIC, Where(author="A7")),
    "access 20 %": (AccessFilter(frozenset({"premium"})), Where()),
    "access 1 %": (AccessFilter(frozenset({"thread:T7"})), Where()),
    "conjunction": (
        AccessFilter.for_viewer(Viewer("w", premium=True, threads=frozenset({"T1", "T2"}))),
        Where(author="A3", after=5_000),
    ),
}


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    normal: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normal


def corpus(count: int, rng: np.random.Generator) -> list[Point]:
    centres = unit(rng.standard_normal((256, DIMENSION), dtype=np.float32))
    noise = rng.standard_normal((count, DIMENSION), dtype=np.float32) / np.sqrt(DIMENSION)
    vectors = unit(centres[rng.integers(256, size=count)] + np.float32(0.8) * noise)
    vocabulary = np.minimum(rng.zipf(1.3, size=(count, 24)), 30_000)
    points = []
    for index, vector in enumerate(vectors):
        level = LEVELS[int(rng.integers(len(LEVELS)))]
        text = " ".join(f"w{word}" for word in vocabulary[index])
        points.append(
            Point(
                message=f"M{index}",
                thread=f"T{int(rng.integers(THREADS))}",
                author=f"A{int(rng.integers(AUTHORS))}",
                level=level,
                created_at=index,
                content_hash="00" * 32,
                vector=vector,
                text=text if level is Level.PUBLIC else None,
            )
        )
    return points


class Exact:
    """The same filters and order by brute force: the reference and the floor for speed."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.names = np.array([point.message for point in points])
        self.vectors = np.stack([point.vector for point in points])
        self.threads = np.array([point.thread for point in points])
        self.authors = np.array([point.author for point in points])
        self.times = np.array([point.created_at for point in points])
        self.access = [frozenset(point.payload()["access"]) for point in points]

    def mask(self, access: AccessFilter, where: Where) -> NDArray[np.bool_]:
        """Which points pass; computed outside the timing, as an index would have it."""
        mask = np.fromiter((access.matches(its) for its in self.access), bool, len(self.access))
        if where.thread is not None:
            mask &= self.threads == where.thread
        if where.author is not None:
            mask &= self.authors == where.author
        if where.after is not None:
            mask &= self.times >= where.after
        return mask

    def search(self, vector: NDArray[np.float32], rows: NDArray[np.int64]) -> list[str]:
        scores = self.vectors[rows] @ vector
        best = np.argsort(-scores)[:K]
        return [str(name) for name in self.names[rows[best]]]


def percentiles(seconds: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1e3, 3),
        "p95_ms": round(float(np.percentile(seconds, 95)) * 1e3, 3),
    }


async def measure(
    store: EdgeStore, exact: Exact, queries: NDArray[np.float32], say: str
) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for shape, (access, where) in SHAPES.items():
        rows = np.flatnonzero(exact.mask(access, where))
        found = wanted = 0
        times: dict[str, list[float]] = {"dense": [], "hybrid": [], "exact": []}
        for number, vector in enumerate(queries):
            started = time.perf_counter()
            best = exact.search(vector, rows)
            times["exact"].append(time.perf_counter() - started)
            for kind, words in (("dense", None), ("hybrid", f"w{number % 50 + 5} w{number + 9}")):
                query = Query(access, vector=vector, words=words, where=where, limit=K)
                started = time.perf_counter()
                hits = await store.search(query)
                times[kind].append(time.perf_counter() - started)
                if kind == "dense":
                    found += len({hit.message for hit in hits} & set(best))
                    wanted += len(best)
        recall = found / wanted if wanted else 1.0
        results[shape] = {
            "points": len(rows),
            "recall_at_10": round(recall, 4),
            **{kind: percentiles(seconds) for kind, seconds in times.items()},
        }
        row = results[shape]
        print(
            f"{say:9} {shape:12} {len(rows):7} points  recall {recall:.4f}  p50/p95 ms: "
            + "  ".join(
                f"{kind} {row[kind]['p50_ms']:.2f}/{row[kind]['p95_ms']:.2f}"
                for kind in ("dense", "hybrid", "exact")
            )
        )
    return results


def embedder() -> dict[str, float] | None:
    started = time.perf_counter()
    try:
        model = load_minilm()
    except EmbedError as error:
        print(f"embedder  left out: {error}")
        return None
    load_s = time.perf_counter() - started
    model.embed_query("warm up")
    times = []
    for number in range(30):
        started = time.perf_counter()
        model.embed_query(f"how are stakes paid back after decision {number}")
        times.append(time.perf_counter() - started)
    texts = ["A thread is a room for one question, and its authors decide together. " * 2] * 128
    started = time.perf_counter()
    model.embed_texts(texts)
    each_ms = (time.perf_counter() - started) / len(texts) * 1e3
    measured = {"load_s": round(load_s, 3), **percentiles(times), "batch_ms": round(each_ms, 2)}
    print(
        f"embedder  load {load_s:.2f} s  query p50 {measured['p50_ms']:.1f} ms  "
        f"in batches {each_ms:.1f} ms a text"
    )
    return measured


async def run(count: int, queries: int, optimize: bool) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    points = corpus(count, rng)
    exact = Exact(points)
    picked = exact.vectors[rng.integers(count, size=queries)]
    noise = rng.standard_normal(picked.shape, dtype=np.float32) / np.sqrt(DIMENSION)
    questions = unit(picked + np.float32(0.5) * noise)
    report: dict[str, Any] = {"bench": "search", "points": count, "queries": queries}
    with tempfile.TemporaryDirectory() as folder:
        store = EdgeStore(Path(folder) / "vectors")
        await store.ensure_collection(model="bench@1", dimension=DIMENSION)
        started = time.perf_counter()
        for start in range(0, count, 500):
            await store.upsert(points[start : start + 500])
        report["upload_s"] = round(time.perf_counter() - started, 2)
        print(f"upload    {count} points in {report['upload_s']} s")
        report["scan"] = await measure(store, exact, questions, "scan")
        if optimize:
            started = time.perf_counter()
            await store.optimize(at_least=1)
            report["optimize_s"] = round(time.perf_counter() - started, 1)
            print(f"optimize  {report['optimize_s']} s in a process of its own")
            report["graph"] = await measure(store, exact, questions, "graph")
        await store.aclose()
    report["embedder"] = embedder()
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--optimize", action="store_true", help="build the graph, measure again")
    parser.add_argument("--full", action="store_true", help="100,000 points and the graph")
    options = parser.parse_args()
    count = 100_000 if options.full else options.points
    report = asyncio.run(run(count, options.queries, options.full or options.optimize))
    shapes = [shape for kind in ("scan", "graph") for shape in report.get(kind, {}).values()]
    report["ok"] = all(shape["recall_at_10"] >= 0.99 for shape in shapes)
    print(json.dumps(report))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
