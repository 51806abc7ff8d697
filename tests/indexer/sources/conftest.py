"""The recorded chain, once for all tests here."""

from __future__ import annotations

import pytest
from tests.indexer.sources.tape import Tape, record


@pytest.fixture(scope="session")
def tape() -> Tape:
    return record()
