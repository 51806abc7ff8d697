"""The table of compute units, which may not grow silently.

python -m tests.program.compute_units     measures anew and writes the table
"""

from __future__ import annotations

import json

import pytest
from tests.program import compute_units

MEASURED = compute_units.measure()
RECORDED = json.loads(compute_units.TABLE.read_text())
MAY_GROW = 1.02


def test_the_table_names_what_is_measured() -> None:
    assert set(RECORDED) == set(MEASURED)


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_no_instruction_costs_more_than_the_table_says(name: str) -> None:
    for authors, units in MEASURED[name].items():
        assert units <= RECORDED[name][authors] * MAY_GROW, f"{name} with {authors} co-authors"
