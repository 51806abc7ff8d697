"""A list that is kept newest first and read oldest first, in memory and on disk."""

from __future__ import annotations

from contextlib import closing
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.signature import Signature

from choir_indexer.model import SignatureRef
from choir_indexer.sources import SourceError
from choir_indexer.sources.walked import Walked

signatures = st.binary(min_size=64, max_size=64)
slots = st.integers(0, 2**64 - 1)
pages = st.lists(st.lists(st.tuples(slots, signatures), max_size=5), max_size=6)


@given(pages, slots, slots, st.sampled_from([0, 1, 3, 100]), st.sets(signatures, max_size=3))
def test_what_was_put_in_comes_out_turned_round(
    story: list[list[tuple[int, bytes]]], one: int, other: int, limit: int, others: set[bytes]
) -> None:
    newest_first = sorted((row for page in story for row in page), key=lambda row: -row[0])
    sizes = [len(page) for page in story]
    after, through = sorted((one, other))
    with closing(Walked(kept=limit)) as walked:
        at = 0
        for size in sizes:
            part = newest_first[at : at + size]
            walked.extend([(slot, str(Signature(signature))) for slot, signature in part])
            at += size
        rows = [row for row in reversed(newest_first) if after < row[0] <= through]
        assert list(walked.refs(after, through)) == [
            SignatureRef(signature, slot, position)
            for slot, same in groupby(rows, key=lambda row: row[0])
            for position, (_, signature) in enumerate(same)
        ]
        listed = {signature for _, signature in newest_first}
        assert walked.holds(others | set(list(listed)[:2])) == (others & listed) | set(
            list(listed)[:2]
        )
        names = [(slot, str(Signature(signature))) for slot, signature in newest_first]
        assert [walked.before_oldest, walked.oldest] == [None, None, *names][-2:]


def test_what_is_no_signature_is_said() -> None:
    with closing(Walked()) as walked:
        walked.extend([(7, "not base58!")])
        with pytest.raises(SourceError, match="'not base58!', which is no signature"):
            list(walked.refs(0, 9))
