"""Random histories with the vector pump at work over an engine that fails and is restarted."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest
from tests.indexer.faults.conftest import ONLY, numbers
from tests.indexer.faults.history import History
from tests.indexer.faults.run import Tally
from tests.indexer.faults.vectors import VectorRun

RUNS = 12  # a part
PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_the_points_end_as_the_tables_are(
    part: int,
    database_url: str,
    histories: list[History],
    fault_seed: int,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tally, points = Tally(), 0

    async def play(number: int) -> int:
        dice = random.Random(f"{fault_seed} vectors {number}")
        run = VectorRun(
            database_url, dice.choice(histories), dice, tally, directory=tmp_path / str(number)
        )
        await run.play()
        return run.points

    for number in numbers(part, RUNS * PARTS, PARTS):
        try:
            points += asyncio.run(play(number))
        except BaseException as error:
            error.add_note(f"CHOIR_FAULT_SEED={fault_seed} CHOIR_FAULT_RUN={number}")
            raise
    with capfd.disabled():
        print(
            f"\nvectors, seed {fault_seed}, part {part}: {points} points, {tally}", file=sys.stderr
        )
    assert points > RUNS or ONLY is not None
