"""Mirrors of what really happened."""

from __future__ import annotations

import hashlib
import os

import pytest
from tests.indexer.faults.history import History
from tests.indexer.faults.recording import record

KEPT = 4
FRESH = 3


@pytest.fixture(scope="session")
def honest(testrun_uid: str) -> list[History]:
    """Random histories of the real program: some always the same, some by `CHOIR_FAULT_SEED`."""
    number = os.environ.get("CHOIR_FAULT_SEED", "1")
    if number == "new":
        number = str(int.from_bytes(hashlib.sha256(testrun_uid.encode()).digest()[:4], "little"))
    names = [f"monitors {nth}" for nth in range(KEPT)] + [f"{number} {nth}" for nth in range(FRESH)]
    return [record(name).surviving() for name in names]
