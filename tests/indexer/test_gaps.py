"""A gap is on record from when it was found until the watermark has passed it."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import generate_latest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.indexer.conftest import Bench
from tests.indexer.story import Script, Teller
from tests.indexer.synthetic import Faults, SyntheticChain, SyntheticSource

from choir_indexer.mirror import Mirror
from choir_indexer.sources import MissingTransaction
from choir_indexer.store import Incomplete, operations
from choir_indexer.store.gaps import GapRow

STORY: Script = [[[("open", 0, 0)]], [[("post", 0, 1)]], [[("post", 0, 0)], [("open", 1, 0)]]]


class Missing(Faults):
    """A node that lists transactions and does not give those after the first `given` batches."""

    def __init__(self, given: int = 0) -> None:
        self.given = given

    def before(self, call: str) -> None:
        if call == "transactions":
            if self.given == 0:
                raise MissingTransaction("it does not have X")
            self.given -= 1


def _gaps_metric(mirror: Mirror) -> str:
    lines = generate_latest(mirror.metrics.registry).decode().splitlines()
    return next(line for line in lines if line.startswith("choir_indexer_gaps_open "))


async def _recorded(bench: Bench) -> list[Any]:
    connection = await bench.connect()
    rows = await connection.fetch(
        "SELECT from_slot::int, to_slot::int, reason, filled_at IS NOT NULL AS filled"
        " FROM chain.gaps ORDER BY id"
    )
    await connection.close()
    return [tuple(row) for row in rows]


async def _as_status_has_it(bench: Bench) -> list[GapRow]:
    engine = create_async_engine(bench.url.replace("://", "+asyncpg://"), poolclass=NullPool)
    async with engine.connect() as connection:
        found = await operations.gaps(connection)
    await engine.dispose()
    return found


def test_a_gap_outlives_the_process_and_is_ended_by_the_run_that_fills_it(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(STORY)

    async def play() -> None:
        source = SyntheticSource(chain, Missing(given=1), batch=1)
        stopped = bench.mirror(source, patience_s=30)
        with pytest.raises(Incomplete, match="it does not have X"):
            await stopped.run()
        # as found first, then as far as it was seen last: slot 1 was committed in between
        assert await _recorded(bench) == [(2, 3, "it does not have X", False)]
        assert stopped.state.report(60)[1]["gap"]["from_slot"] == 2
        assert _gaps_metric(stopped).endswith(" 1.0")
        assert [(g.from_slot, g.to_slot) for g in await _as_status_has_it(bench)] == [(2, 3)]

        chain.close_slot()
        again = bench.mirror(SyntheticSource(chain, Missing()))
        with pytest.raises(MissingTransaction):
            await again.catch_up()
        assert await _recorded(bench) == [(2, 4, "it does not have X", False)]
        assert again.state.gap is not None
        assert stopped.state.gap is not None
        assert again.state.gap.found_at == stopped.state.gap.found_at

        filling = bench.mirror(SyntheticSource(chain))
        await filling.catch_up()
        assert await _recorded(bench) == [(2, 4, "it does not have X", True)]
        assert filling.state.report(60)[1]["gap"] is None
        assert _gaps_metric(filling).endswith(" 0.0")
        assert await _as_status_has_it(bench) == []

    bench.run(play())


def test_another_gap_behind_a_filled_one_is_another_row(bench: Bench) -> None:
    chain = SyntheticChain()
    teller = Teller(chain)
    teller.tell(STORY)

    async def play() -> None:
        with pytest.raises(MissingTransaction):
            await bench.mirror(SyntheticSource(chain, Missing())).catch_up()
        teller.tell(STORY)
        # the walk gets past slot 3 before it finds nothing more
        source = SyntheticSource(chain, Missing(given=1), batch=3)
        with pytest.raises(MissingTransaction):
            await bench.mirror(source).catch_up()
        assert await _recorded(bench) == [
            (1, 3, "it does not have X", True),
            (4, 6, "it does not have X", False),
        ]

    bench.run(play())


def test_a_run_killed_before_it_ended_the_gap_leaves_that_to_the_next(bench: Bench) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(STORY)

    async def play() -> None:
        with pytest.raises(MissingTransaction):
            await bench.mirror(SyntheticSource(chain, Missing())).catch_up()
        connection = await bench.connect()
        await connection.execute("UPDATE chain.watermark SET slot = 3")
        await connection.close()
        mirror = bench.mirror(SyntheticSource(chain, Missing()))
        await mirror.catch_up()  # nothing to walk
        assert await _recorded(bench) == [(1, 3, "it does not have X", True)]

    bench.run(play())
