"""Expecting a refusal by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.program.harness import ERRORS, Refused

# Anchor's own and the system program's, where a test expects those.
FOREIGN = {
    "AccountNotInitialized": 3012,
    "ConstraintSeeds": 2006,
    "AccountDiscriminatorMismatch": 3002,
    "AccountOwnedByWrongProgram": 3007,
}


@contextmanager
def refused(name: str) -> Iterator[None]:
    """The block must be refused with this error."""
    code = ERRORS.get(name, FOREIGN.get(name))
    assert code is not None, f"no error {name}"
    try:
        yield
    except Refused as error:
        if error.code == code:
            return
        raise
    raise AssertionError(f"was not refused; expected {name}")
