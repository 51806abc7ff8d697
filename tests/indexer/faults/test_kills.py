"""`kill -9` at the awaits of a mirror's life, while the real program's history goes on."""

from __future__ import annotations

import random
import sys

import pytest
from tests.indexer.conftest import Bench
from tests.indexer.faults.history import History
from tests.indexer.faults.recording import record
from tests.indexer.faults.run import Run, Tally

MOMENTS = 15
"""Enough for a snapshot, a walk through history, announcements and closings; a kill
at one of its awaits is a run."""


@pytest.mark.slow
@pytest.mark.parametrize(("through_rpc", "every"), [(False, 4), (True, 8)], ids=["port", "rpc"])
def test_a_kill_at_any_await_loses_and_repeats_nothing(
    bench: Bench,
    capfd: pytest.CaptureFixture[str],
    fault_seed: int,
    through_rpc: bool,
    every: int,
) -> None:
    """The seed says which of each `every` has its turn."""
    whole = record("kills").surviving()
    history = History(whole.genesis, whole.moments[:MOMENTS])
    tally = Tally()
    at = 1 + fault_seed % every
    killed = True
    while killed:
        dice = random.Random(0)  # the same life each time
        run = Run(bench.url, history, dice, tally, kill_at=at, through_rpc=through_rpc)
        try:
            bench.run(run.play())
        except BaseException as error:
            error.add_note(f"killed at await {at}")
            raise
        killed = run.killed
        at += every
    with capfd.disabled():
        print(f"\nkills at one in {every} of {at - every} awaits: {tally}", file=sys.stderr)
    assert at > 200  # they did reach the commits
