"""Histories that all runs of a worker share."""

from __future__ import annotations

import hashlib
import os

import pytest
from tests.indexer.faults.history import History
from tests.indexer.faults.recording import record

SEED = os.environ.get("CHOIR_FAULT_SEED")
RUNS = int(os.environ.get("CHOIR_FAULT_RUNS", "2000"))
HISTORIES = 32


@pytest.fixture(scope="session")
def fault_seed(testrun_uid: str) -> int:
    """The same for all workers of a test run, another one in the next."""
    if SEED is not None:
        return int(SEED)
    return int.from_bytes(hashlib.sha256(testrun_uid.encode()).digest()[:4], "little")


@pytest.fixture(scope="session")
def histories(fault_seed: int) -> list[History]:
    """What really happened, with forks."""
    return [record(f"{fault_seed} {number}") for number in range(HISTORIES)]
