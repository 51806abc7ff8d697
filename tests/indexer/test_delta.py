"""Merging: order, repetition and grouping of updates do not matter."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from choir_indexer.delta import AccountRow, Delta, merge
from choir_indexer.model import AccountUpdate

updates = st.builds(
    lambda who, slot, version, closed: AccountUpdate(
        bytes([who]) * 32, slot, version, None if closed else bytes([who, slot, version])
    ),
    st.integers(0, 2),
    st.integers(1, 4),
    st.integers(0, 3),
    st.booleans(),
)


@st.composite
def one_history_two_ways(draw: st.DrawFn) -> tuple[list[Delta], list[Delta]]:
    """The same updates (one for each version), twice: shuffled, repeated, grouped at will."""
    history = draw(st.lists(updates, unique_by=lambda u: (u.pubkey, u.version), max_size=12))

    def told() -> list[Delta]:
        again = draw(st.lists(st.sampled_from(history), max_size=6)) if history else []
        order = draw(st.permutations(history + again))
        size = draw(st.integers(1, 4))
        groups = [order[i : i + size] for i in range(0, len(order), size)]
        return [Delta.of(accounts=map(AccountRow, group)) for group in groups]

    return told(), told()


@given(one_history_two_ways())
def test_any_telling_of_a_history_merges_to_the_same(pair: tuple[list[Delta], list[Delta]]) -> None:
    one, other = (reduce(merge, told, Delta()) for told in pair)
    assert one == other
    for row in one.accounts.values():
        for told in pair[0]:
            there = told.accounts.get(row.update.pubkey)
            assert there is None or there.update.version <= row.update.version
