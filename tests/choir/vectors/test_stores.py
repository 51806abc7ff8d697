"""One suite for every adapter: what the port promises, each engine keeps."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from choir.privacy import AccessFilter, Content, Level, Viewer, access_tokens
from choir.vectors import (
    ModelMismatch,
    Point,
    Query,
    VectorStore,
    VectorsUnavailable,
    Where,
    point_id,
)

from .conftest import DIMENSION, MODEL, Opener, exact, make_points, names, unit

PUBLIC = AccessFilter.for_viewer(Viewer())
OPEN = (Level.PUBLIC, Level.PREMIUM, Level.THREAD_ONLY)
START = 1_700_000_000


async def test_it_is_a_store_and_begins_empty(store: VectorStore) -> None:
    assert isinstance(store, VectorStore)
    assert await store.count() == 0
    assert await store.search(Query(PUBLIC, words="river")) == []
    assert not (await store.scroll(limit=10)).items


async def test_a_collection_refuses_another_model(
    opener: Opener, store: VectorStore, tmp_path: Path
) -> None:
    await store.upsert(make_points(3))
    assert await store.ensure_collection(model=MODEL, dimension=DIMENSION) is False
    for model, dimension in (("other@2", DIMENSION), (MODEL, DIMENSION + 1)):
        if opener.adapter != "server" and model == MODEL:
            continue  # an open engine knows its model by name
        with pytest.raises(ModelMismatch, match="not"):
            await store.ensure_collection(model=model, dimension=dimension)
    await store.aclose()
    if opener.adapter == "edge":
        for model, dimension in (("other@2", DIMENSION), (MODEL, DIMENSION + 1)):
            with pytest.raises(ModelMismatch, match=r"test-model@1 \(16\).*rebuild"):
                await opener(tmp_path / "vectors").ensure_collection(
                    model=model, dimension=dimension
                )


async def test_writing_twice_is_writing_once(store: VectorStore) -> None:
    points = make_points(20)
    await store.upsert(points)
    await store.upsert(points[5:])
    assert await store.count() == 20
    await store.delete([point.message for point in points[:4]])
    await store.delete([point.message for point in points[:4]])
    await store.delete([])
    await store.upsert([])
    assert await store.count() == 16


SHAPES = {
    "none": (Viewer(), Where()),
    "thread": (Viewer(), Where(thread="T3")),
    "author": (Viewer(), Where(author="A2")),
    "level": (Viewer("w", premium=True), Where(level=Level.PREMIUM)),
    "time": (Viewer(), Where(after=START + 300, before=START + 900)),
    "access 20 %": (Viewer("w", threads=frozenset({"T1"})), Where(level=Level.THREAD_ONLY)),
    "access 1 %": (
        Viewer("w", threads=frozenset({"T1"})),
        Where(thread="T1", level=Level.THREAD_ONLY, author="A1"),
    ),
    "conjunction": (
        Viewer("w", premium=True, threads=frozenset({"T1", "T2"})),
        Where(thread="T2", author="A3", after=START + 100),
    ),
    "nothing there": (Viewer(), Where(thread="T404")),
}


async def test_recall_at_10_against_exact_search_for_every_filter_shape(
    store: VectorStore,
) -> None:
    points = make_points(1200, levels=OPEN)
    await store.upsert(points)
    rng = np.random.default_rng(7)
    for shape, (viewer, where) in SHAPES.items():
        found = wanted = 0
        for vector in unit(rng, 10):
            query = Query(AccessFilter.for_viewer(viewer), vector=vector, where=where, limit=10)
            best = exact(points, query)
            hits = await store.search(query)
            assert len(hits) == len(best), shape
            found += len(set(names(hits)) & set(best))
            wanted += len(best)
        assert wanted == 0 or found / wanted >= 0.99, shape


async def test_hits_carry_what_was_stored_and_come_best_first(store: VectorStore) -> None:
    points = make_points(50)
    await store.upsert(points)
    hits = await store.search(Query(PUBLIC, vector=points[7].vector, limit=5))
    assert len(hits) == 5
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    best = hits[0]
    assert (best.message, best.thread, best.author, best.level, best.created_at) == (
        points[7].message,
        points[7].thread,
        points[7].author,
        Level.PUBLIC,
        START + 7,
    )
    assert best.content_hash == points[7].content_hash


async def test_words_find_what_the_vector_would_not(store: VectorStore) -> None:
    rng = np.random.default_rng(3)
    rare, *others = make_points(300)
    rare = Point(
        message=rare.message,
        thread="T0",
        author="A0",
        level=Level.PUBLIC,
        created_at=START,
        content_hash=rare.content_hash,
        vector=rare.vector,
        text="the zeppelins were moored",
    )
    await store.upsert([rare, *others])
    away = -rare.vector
    hybrid = Query(PUBLIC, vector=away, words="Zeppelin", limit=3)
    assert rare.message in names(await store.search(hybrid))
    assert names(await store.search(Query(PUBLIC, words="zeppelins"))) == [rare.message]
    # stop words and punctuation alone are no question
    assert await store.search(Query(PUBLIC, words="the ?!")) == []
    assert await store.search(Query(PUBLIC)) == []
    assert unit(rng, 1).shape == (1, DIMENSION)


async def test_the_order_is_one_order_however_much_is_asked_for(store: VectorStore) -> None:
    points = make_points(400, levels=OPEN)
    points += [  # equal vectors and words, so that only the tie-break orders them
        Point(
            message=f"same{index}",
            thread="T0",
            author="A0",
            level=Level.PUBLIC,
            created_at=START,
            content_hash="00" * 32,
            vector=points[0].vector,
            text="the river again",
        )
        for index in range(20)
    ]
    await store.upsert(points)
    whole = names(
        await store.search(Query(PUBLIC, vector=points[0].vector, words="river", limit=300))
    )
    assert len(whole) == len(set(whole))
    for limit in (1, 7, 40, 150):
        query = Query(PUBLIC, vector=points[0].vector, words="river", limit=limit)
        assert names(await store.search(query)) == whole[:limit]


async def test_a_stricter_level_hides_at_once_and_takes_the_words_away(
    store: VectorStore,
) -> None:
    points = make_points(60, threads=3)
    await store.upsert(points)
    mine = [point for point in points if point.thread == "T1"]
    author = AccessFilter.for_viewer(Viewer("w", threads=frozenset({"T1"})))
    premium = AccessFilter.for_viewer(Viewer("p", premium=True))
    everything = Query(PUBLIC, vector=mine[0].vector, limit=100)

    async def seen(access: AccessFilter) -> set[str]:
        query = Query(access, vector=mine[0].vector, where=Where(thread="T1"), limit=100)
        return set(names(await store.search(query)))

    for level, visible in (
        (Level.PREMIUM, (False, True, True)),
        (Level.THREAD_ONLY, (False, False, True)),
        (Level.PUBLIC, (True, True, True)),
        (Level.ENCRYPTED, (False, False, False)),
    ):
        await store.relevel("T1", level)
        await store.relevel("T1", level)
        shown = [await seen(access) for access in (PUBLIC, premium, author)]
        assert [bool(found) for found in shown] == list(visible), level
        assert {len(found) for found in shown} <= {0, len(mine)}
        # words come back with the next upsert only
        by_words = Query(author, words="tells", where=Where(thread="T1"), limit=100)
        assert await store.search(by_words) == []
        assert len(await store.search(everything)) >= 60 - len(mine)
    assert await store.count() == 60 - len(mine)
    await store.upsert(mine)
    assert set(names(await store.search(by_words))) == {point.message for point in mine}


async def test_scrolling_meets_each_point_once(store: VectorStore) -> None:
    points = make_points(45, levels=OPEN)
    await store.upsert(points)
    met: list[str] = []
    after: uuid.UUID | None = None
    for _ in range(10):
        page = await store.scroll(limit=10, after=after)
        met += names(page.items)
        after = page.next
        if after is None:
            break
    assert sorted(met) == [point.message for point in points]


@pytest.mark.parametrize("seed", range(3))
async def test_nobody_finds_what_the_policy_hides(store: VectorStore, seed: int) -> None:
    """Random principals and contents: results are right, and hidden items change nothing."""
    rng = np.random.default_rng(seed)
    points = make_points(150, seed=seed, threads=8, levels=OPEN)
    await store.upsert(points)
    tokens = {p.message: access_tokens(Content(p.thread, p.level)) for p in points}
    queries = [(vector, word) for vector in unit(rng, 40) for word in ("river music", None)]
    answers = []
    for vector, text in queries:
        chosen = rng.choice(8, size=int(rng.integers(0, 4)), replace=False)
        viewer = Viewer(
            "w", bool(rng.integers(2)), frozenset(f"T{int(number)}" for number in chosen)
        )
        access = AccessFilter.for_viewer(viewer)
        hits = await store.search(Query(access, vector=vector, words=text, limit=400))
        assert all(access.matches(tokens[hit.message]) for hit in hits)
        visible = {message for message, its in tokens.items() if access.matches(its)}
        assert set(names(hits)) == visible
        answers.append((vector, text, hits))
    # noninterference: what an anonymous viewer gets is what they would get were nothing hidden
    before = [
        await store.search(Query(PUBLIC, vector=vector, words=text, limit=400))
        for vector, text, _ in answers
    ]
    await store.delete([point.message for point in points if point.level is not Level.PUBLIC])
    after = [
        await store.search(Query(PUBLIC, vector=vector, words=text, limit=400))
        for vector, text, _ in answers
    ]
    assert before == after


async def test_no_access_finds_nothing(store: VectorStore) -> None:
    points = make_points(20)
    await store.upsert(points)
    query = Query(AccessFilter.nothing(), vector=points[0].vector, words="river")
    assert await store.search(query) == []
    stranger = AccessFilter(frozenset({"no such audience"}))
    assert await store.search(Query(stranger, vector=points[0].vector)) == []


def test_a_point_cannot_carry_hidden_text() -> None:
    point = make_points(1)[0]
    values = {
        name: getattr(point, name)
        for name in ("message", "thread", "author", "created_at", "content_hash", "vector")
    }
    with pytest.raises(ValueError, match="text when, and only when"):
        Point(**values, level=Level.PREMIUM, text="secret")
    with pytest.raises(ValueError, match="text when, and only when"):
        Point(**values, level=Level.PUBLIC)
    with pytest.raises(ValueError, match="encrypted"):
        Point(**values, level=Level.ENCRYPTED)
    assert "text" not in Point(**values, level=Level.THREAD_ONLY).payload()
    assert point_id("a") == point_id("a") != point_id("b")


async def test_a_store_that_is_not_open_says_so(opener: Opener, tmp_path: Path) -> None:
    with pytest.raises(VectorsUnavailable):
        await opener(tmp_path / "other").search(Query(PUBLIC, vector=unit_vector()))


def unit_vector() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    vector = np.zeros(DIMENSION, np.float32)
    vector[0] = 1
    return vector
