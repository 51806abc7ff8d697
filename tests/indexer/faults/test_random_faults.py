"""Random histories of the real program, delivered with random faults, by the thousand.

    CHOIR_FAULT_RUNS=100 pytest tests/indexer/faults/test_random_faults.py    fewer, while working
    CHOIR_FAULT_SEED=123 pytest ...                                           another run's again
    CHOIR_FAULT_SEED=123 CHOIR_FAULT_RUN=45 pytest ...                        one of its runs
    CHOIR_FAULT_SEED=new pytest ...                                           runs nobody has seen

The seed is 1 unless another is asked for, so that what passes passes again; it is printed, with the
number of the run when one fails.
"""

from __future__ import annotations

import random
import sys

import pytest
from tests.indexer.conftest import Bench
from tests.indexer.faults.conftest import RUNS, numbers
from tests.indexer.faults.history import History
from tests.indexer.faults.run import Run, Tally

PARTS = 8


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_the_mirror_is_never_wrong_and_ends_as_the_chain_is(
    part: int,
    bench: Bench,
    histories: list[History],
    fault_seed: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tally = Tally()
    try:
        for number in numbers(part, RUNS, PARTS):
            dice = random.Random(f"{fault_seed} {number}")
            history = dice.choice(histories)
            if dice.random() < 0.5:
                history = history.surviving()
            try:
                bench.run(Run(bench.url, history, dice, tally).play())
            except BaseException as error:
                error.add_note(f"CHOIR_FAULT_SEED={fault_seed} CHOIR_FAULT_RUN={number}")
                raise
    finally:
        with capfd.disabled():
            print(f"\nfaults, seed {fault_seed}, part {part}: {tally}", file=sys.stderr)
    assert tally.runs == len(numbers(part, RUNS, PARTS))
