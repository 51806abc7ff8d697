"""Histories that all runs of a worker share."""

from __future__ import annotations

import hashlib
import os

import pytest
from tests.indexer.faults.history import History
from tests.indexer.faults.recording import record

SEED = os.environ.get("CHOIR_FAULT_SEED", "1")
RUNS = int(os.environ.get("CHOIR_FAULT_RUNS", "1000"))
ONLY = os.environ.get("CHOIR_FAULT_RUN")
HISTORIES = 32


def numbers(part: int, runs: int, parts: int) -> range:
    """The runs of a part, or the one that was asked for if it is of this part."""
    if ONLY is not None:
        return range(int(ONLY), int(ONLY) + 1) if int(ONLY) % parts == part else range(0)
    return range(part, runs, parts)


@pytest.fixture(scope="session")
def fault_seed(testrun_uid: str) -> int:
    """The same for all workers of a test run; with `new`, another one in the next."""
    if SEED != "new":
        return int(SEED)
    return int.from_bytes(hashlib.sha256(testrun_uid.encode()).digest()[:4], "little")


@pytest.fixture(scope="session")
def histories(fault_seed: int) -> list[History]:
    """What really happened, with forks."""
    return [record(f"{fault_seed} {number}") for number in range(HISTORIES)]
