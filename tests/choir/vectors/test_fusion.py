"""Reciprocal rank fusion and the wire, as laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.privacy import AccessFilter, Level
from choir.vectors import Hit, Query, Where, fuse, wire

scores = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.floats(-1, 1), max_size=12)


def _branch(found: dict[str, float]) -> list[Hit]:
    return [Hit(name, "T", "A", Level.PUBLIC, 0, "00", score) for name, score in found.items()]


@given(scores, scores, st.integers(0, 30))
def test_fusion_orders_by_rank_alone_and_never_invents(
    one: dict[str, float], two: dict[str, float], limit: int
) -> None:
    fused = fuse([_branch(one), _branch(two)], limit)
    whole = fuse([_branch(two), _branch(one)], 100)
    assert fused == whole[:limit]
    assert {hit.message for hit in whole} == one.keys() | two.keys()
    assert [(-hit.score, hit.message) for hit in whole] == sorted(
        (-hit.score, hit.message) for hit in whole
    )
    # only the order within a branch counts
    halved = {name: score / 2 for name, score in one.items() if score / 2 * 2 == score}
    if len(halved) == len(one) and len(set(halved.values())) == len(set(one.values())):
        assert fuse([_branch(halved), _branch(two)], 100) == whole


def test_first_in_both_beats_first_in_one() -> None:
    fused = fuse([_branch({"a": 3, "b": 2}), _branch({"b": 9, "c": 1})], 10)
    assert [hit.message for hit in fused] == ["b", "a", "c"]
    assert fused[0].score == pytest.approx(1 / 62 + 1 / 61)


@given(
    st.frozensets(st.text(max_size=5)),
    st.none() | st.text(max_size=9),
    st.builds(
        Where,
        thread=st.none() | st.text(max_size=3),
        level=st.none() | st.sampled_from(Level),
        after=st.none() | st.integers(0, 2**40),
    ),
)
def test_a_query_crosses_the_wire_whole(
    tokens: frozenset[str], words: str | None, where: Where
) -> None:
    vector = np.linspace(0, 1, 7, dtype=np.float32)
    query = Query(AccessFilter(tokens), vector, words, where, 9)
    back = wire.query_from(wire.unpack(wire.pack(wire.query_to(query))))
    assert (back.access, back.words, back.where, back.limit) == (
        query.access,
        words,
        where,
        9,
    )
    assert back.vector is not None
    np.testing.assert_array_equal(back.vector, vector)
