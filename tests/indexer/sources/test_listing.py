"""A list of accounts in pieces gives what the whole would, or raises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.errors import RpcError
from choir_indexer.sources.listing import Listed, listed

accounts = st.builds(
    lambda data, lamports, pubkey, extra: {
        "account": {"data": [data, "base64"], "lamports": lamports, "parsed": extra},
        "pubkey": pubkey,
    },
    st.text(alphabet="AZaz09+/=", max_size=12),
    st.integers(0, 2**64 - 1),
    st.text(max_size=4),
    # what a cut could be misled by
    st.sampled_from([None, "},{", '"value":[', [{}, {}], [{"a": "}"}, {"b": "\\"}]]),
)


def answer(value: Any, *, late: bool = False, blanks: bool = False) -> bytes:
    context = {"context": {"apiVersion": "2.0", "slot": 7}}
    result = {"value": value, **context} if late else {**context, "value": value}
    separators = (", ", ": ") if blanks else (",", ":")
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": 1}, separators=separators).encode()


def read(text: bytes, cuts: Sequence[int], part_bytes: int) -> list[Listed]:
    edges = [0, *sorted(cuts), len(text)]

    async def pieces() -> AsyncIterator[bytes]:
        for start, end in pairwise(edges):
            yield text[start:end]

    async def collect() -> list[Listed]:
        return [part async for part in listed(pieces(), part_bytes=part_bytes)]

    return asyncio.run(collect())


@given(st.lists(accounts, max_size=6), st.booleans(), st.booleans(), st.data())
def test_pieces_give_what_the_whole_would(
    value: list[Any], late: bool, blanks: bool, data: st.DataObject
) -> None:
    text = answer(value, late=late, blanks=blanks)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=20))
    parts = read(text, cuts, data.draw(st.integers(0, 300)))
    assert [item for _, items in parts for item in items] == value
    assert {slot for slot, _ in parts} == {7}


def test_it_is_read_as_it_arrives() -> None:
    item = {"account": {"data": ["A" * 80, "base64"]}, "pubkey": "p"}
    text = answer([item] * 1000)
    given_before = 0

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(text), 1000):
            assert start - given_before * len(json.dumps(item)) < 8000
            yield text[start : start + 1000]

    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces():
            yield piece

    async def collect() -> None:
        nonlocal given_before
        async for _, items in listed(arriving(), part_bytes=4000):
            given_before += len(items)

    asyncio.run(collect())
    assert given_before == 1000


@given(st.lists(accounts, min_size=1, max_size=4), st.data())
def test_what_breaks_off_raises(value: list[Any], data: st.DataObject) -> None:
    text = answer(value)
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(RpcError, match="breaks off"):
        read(text[:end], range(0, end, 40), 50)


@pytest.mark.parametrize(
    ("value", "said"),
    [({"a": 1}, "dict where a list"), (None, "NoneType where a list"), ([], None)],
)
def test_what_is_no_list_is_refused(value: Any, said: str | None) -> None:
    if said is None:
        assert read(answer(value), (), 10) == [(7, [])]
    else:
        with pytest.raises(RpcError, match=said):
            read(answer(value), (), 10)
    with pytest.raises(RpcError, match="no slot"):
        read(b'{"result":{"value":[]}}', (), 10)
    with pytest.raises(RpcError, match="no slot"):
        read(b'{"result":[{"pubkey":"a"},{"pubkey":"b"}]}', (), 10)
