"""Rows that are copied in are the rows that come out, whatever is in them."""

from __future__ import annotations

from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.indexer.conftest import Bench

from choir_indexer.store.copying import Copier

TYPES = {
    "n": "numeric(20)",
    "b": "bytea",
    "s": "smallint",
    "i": "integer",
    "l": "bigint",
    "t": "text",
    "j": "jsonb",
    "o": "boolean",
    "bs": "bytea[]",
    "ls": "bigint[]",
}
OWN_NAMES = dict(
    zip(
        TYPES,
        ["numeric", "bytea", "int2", "int4", "int8", "text", "jsonb", "bool", "_bytea", "_int8"],
        strict=True,
    )
)
u64 = st.integers(0, 2**64 - 1) | st.sampled_from([10**k * n for k in range(19) for n in (1, 9)])
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
i64 = st.integers(-(2**63), 2**63 - 1)
rows = st.lists(
    st.tuples(
        *(
            st.none() | each
            for each in (
                u64,
                st.binary(max_size=40),
                st.integers(-(2**15), 2**15 - 1),
                st.integers(-(2**31), 2**31 - 1),
                i64,
                text,
                st.sampled_from(['{"a": [1, null]}', "7", '"é"']),
                st.booleans(),
                st.lists(st.binary(max_size=3)),
                st.lists(i64),
            )
        )
    ),
    max_size=5,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows)
def test_rows_come_out_as_they_went_in(bench: Bench, rows: list[tuple[Any, ...]]) -> None:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in TYPES.items())

    async def play() -> list[asyncpg.Record]:
        connection = await bench.connect()
        await connection.execute(f"CREATE TEMP TABLE mixed (place serial, {columns})")
        copier = Copier(connection)
        copier.know("mixed", OWN_NAMES)
        await copier.copy("mixed", list(TYPES), rows)
        names = ", ".join(f'"{name}"' for name in TYPES)
        found = await connection.fetch(f"SELECT {names} FROM mixed ORDER BY place")
        # what PostgreSQL makes of a number that it reads as text is in the same form
        assert await connection.fetchval(
            "SELECT coalesce(bool_and(numeric_send(n) = numeric_send(n::text::numeric)), true)"
            " FROM mixed"
        )
        await connection.close()
        return found

    assert [tuple(row) for row in bench.run(play())] == rows
