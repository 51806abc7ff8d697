"""The guards against mistakes of the program itself hold, each by name."""

from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.guards import GUARDS
from tests.program.honest import honest
from tests.program.wrongs import Wrong

CASES = [
    pytest.param(name, error, provoke, id=f"{name}-{error}-{provoke.__name__}")
    for (name, error), ways in GUARDS.items()
    for provoke in ways
]


@pytest.mark.parametrize(("name", "error", "provoke"), CASES)
def test_it_holds(name: str, error: str, provoke: Wrong) -> None:
    call = honest(name)
    provoke(call)
    with refused(error):
        call.send()
