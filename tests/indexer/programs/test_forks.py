"""Slots that are not final are dropped: another program's rows end as the chain is, and whoever
reads its events by their places hears of it by the epoch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.indexer.borsh import encode
from tests.indexer.conftest import Bench
from tests.indexer.programs.test_mirror import a_mirror, compare, rows
from tests.indexer.story import Teller
from tests.indexer.synthetic import Faults, SyntheticChain, SyntheticSource, key
from tests.indexer.test_forks import ClosedMeanwhile, ForkingFaults, Move, moves
from tests.indexer.test_mirror import _settle, _stop

some = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Reader:
    """Follows the events: those after its place while the epoch is the same, else all anew."""

    def __init__(self) -> None:
        self.epoch: int | None = None
        self.place: tuple[int, int, int] = (-1, 0, 0)
        self.seen: list[Any] = []

    async def look(self, bench: Bench) -> None:
        connection = await bench.connect()
        epoch = await connection.fetchval("SELECT epoch FROM chain.program_watermarks")
        listed = await connection.fetch(
            "SELECT slot, position, ordinal, payload FROM chain.program_events"
            " ORDER BY slot, position, ordinal"
        )
        await connection.close()
        whole = [(int(r[0]), r[1], r[2], r[3]) for r in listed]
        if epoch != self.epoch:
            self.epoch, self.place, self.seen = epoch, (-1, 0, 0), []
        self.seen += [row for row in whole if row[:3] > self.place]
        assert self.seen == whole
        if whole:
            self.place = whole[-1][:3]


@some
@given(st.lists(moves, max_size=12), st.lists(st.integers(0, 5), max_size=40))
def test_whatever_slots_are_dropped_the_rows_end_as_the_chain_is(
    bench: Bench, story: list[Move], plan: list[int]
) -> None:
    chain = SyntheticChain()
    teller, reader = Teller(chain), Reader()

    async def play() -> None:
        await bench.clear()
        source = SyntheticSource(chain, ForkingFaults(list(plan), chain))
        following = asyncio.create_task(a_mirror(bench, source).run())
        for what, how in story:
            if what == "slot":
                teller.slot(how)
            elif what == "fork":
                depth, mask = how
                chain.fork(depth, lambda number, mask=mask: bool(mask >> number % 4 & 1))
            else:
                await _stop(following)
                source.idle.clear()
                following = asyncio.create_task(a_mirror(bench, source).run())
            await _settle(following, source)
            await reader.look(bench)
        source.faults = Faults()
        chain.close_slot()
        await _settle(following, source)
        await compare(bench, chain)
        await reader.look(bench)
        await _stop(following)

    bench.run(play())


def test_an_account_that_was_written_on_a_fork_alone_is_gone(bench: Bench) -> None:
    chain = SyntheticChain()
    chain.close_slot(({key("stays"): encode("Position", shares=1)}, []))

    async def play() -> None:
        source = SyntheticSource(chain)
        following = asyncio.create_task(a_mirror(bench, source).run())
        await _settle(following, source)
        chain.close_slot(
            (
                {key("fork"): encode("Position", shares=2)},
                [encode("Deposited", amount=3)],
            )
        )
        await _settle(following, source)
        assert set((await rows(bench))["accounts"]) == {key("stays"), key("fork")}
        chain.fork(1)
        chain.close_slot()
        await _settle(following, source)
        there = await compare(bench, chain)
        assert set(there["accounts"]) == {key("stays")}
        assert there["events"] == []
        await _stop(following)

    bench.run(play())


@pytest.mark.parametrize("passed", [False, True])
def test_an_account_that_was_closed_only_on_a_fork_is_there(bench: Bench, passed: bool) -> None:
    """Whether the watermark has passed the slot that is dropped or not."""
    chain = SyntheticChain(finality=8)
    chain.close_slot(({key("first"): encode("Position", shares=1)}, []))
    made = key("made")

    async def play() -> None:
        await a_mirror(bench, SyntheticSource(chain)).catch_up()
        chain.close_slot(({made: encode("Position", shares=2)}, []))
        faults = ClosedMeanwhile(chain, made)
        await a_mirror(bench, SyntheticSource(chain, faults)).catch_up()
        if passed:
            await a_mirror(bench, SyntheticSource(chain)).catch_up()
        assert set((await rows(bench))["accounts"]) == {key("first")}
        chain.fork(1)
        chain.close_slot()
        await a_mirror(bench, SyntheticSource(chain)).catch_up()
        assert set((await compare(bench, chain))["accounts"]) == {key("first"), made}

    bench.run(play())
