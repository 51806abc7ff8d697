"""The table of compute units, which may not grow silently.

python -m tests.program.compute_units     measures anew and writes the table
"""

from __future__ import annotations

import json

import pytest
from tests.program import compute_units
from tests.program.compute_units import Table

RECORDED: Table = json.loads(compute_units.TABLE.read_text())
MAY_GROW = 1.02


@pytest.fixture(scope="module")
def measured() -> Table:
    return compute_units.measure()


def test_no_instruction_costs_more_than_the_table_says(measured: Table) -> None:
    assert set(RECORDED) == set(measured)
    grown = [
        f"{name} with {authors} co-authors, {kind}: {cost[kind]:,}, was {before[kind]:,}"
        for name, costs in measured.items()
        for authors, cost in costs.items()
        for before in [RECORDED[name][authors]]
        for kind in ("median", "worst")
        if cost[kind] > before[kind] * MAY_GROW
    ]
    assert not grown, "\n".join(grown)


@pytest.mark.parametrize("name", sorted(compute_units.GOALS))
def test_the_goals_are_met(name: str, measured: Table) -> None:
    for authors, cost in measured[name].items():
        assert cost["median"] <= compute_units.GOALS[name], f"with {authors} co-authors"


def test_the_page_shows_the_table() -> None:
    assert compute_units.PAGE.read_text() == compute_units.page(RECORDED)


def test_the_token_programs_part_is_within_the_whole(measured: Table) -> None:
    assert measured["divest"]["1"]["token"] > 0
    for costs in measured.values():
        assert all(0 <= cost["token"] < cost["median"] <= cost["worst"] for cost in costs.values())
