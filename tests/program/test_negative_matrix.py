"""Each instruction with each thing that can be wrong: refused by name, and nothing changed."""

from __future__ import annotations

import pytest
from tests.program.expect import refused
from tests.program.honest import NAMES, honest
from tests.program.wrongs import Wrong, wrongs

CASES = [
    pytest.param(name, error, provoke, id=f"{name}-{error}-{number}-{provoke.__name__}")
    for (name, error), ways in wrongs().items()
    for number, provoke in enumerate(ways)
]


@pytest.mark.parametrize("name", NAMES)
def test_the_honest_call_succeeds(name: str) -> None:
    honest(name).send()


@pytest.mark.parametrize(("name", "error", "provoke"), CASES)
def test_it_is_refused(name: str, error: str, provoke: Wrong) -> None:
    call = honest(name)
    provoke(call)
    before = {key: call.world.svm.get_account(key) for key in call.accounts.values()}
    with refused(error):
        call.send()
    # the payer of the fee aside
    before.pop(call.world.authority.pubkey(), None)
    assert before == {key: call.world.svm.get_account(key) for key in before}
