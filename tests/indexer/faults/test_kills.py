"""`kill -9` at every await of a mirror's life, while the real program's history goes on."""

from __future__ import annotations

import random
import sys

import pytest
from tests.indexer.conftest import Bench
from tests.indexer.faults.history import History
from tests.indexer.faults.recording import record
from tests.indexer.faults.run import Run, Tally

MOMENTS = 12
"""Enough for a snapshot, a walk through history, announcements and closings; each await of it is
a run."""


@pytest.mark.slow
@pytest.mark.parametrize("through_rpc", [False, True], ids=["port", "rpc"])
def test_a_kill_at_any_await_loses_and_repeats_nothing(
    bench: Bench, capfd: pytest.CaptureFixture[str], through_rpc: bool
) -> None:
    whole = record("kills").surviving()
    history = History(whole.genesis, whole.moments[:MOMENTS])
    tally = Tally()
    at = 0
    killed = True
    while killed:
        at += 1
        dice = random.Random(0)  # the same life each time
        run = Run(bench.url, history, dice, tally, kill_at=at, through_rpc=through_rpc)
        bench.run(run.play())
        killed = run.killed
    with capfd.disabled():
        print(f"\nkills at each of {at - 1} awaits: {tally}", file=sys.stderr)
    assert at > 100  # they did reach the commits
