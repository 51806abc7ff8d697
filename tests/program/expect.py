"""Expecting a refusal by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.program.harness import ERRORS, Refused

from choir.artifact import program_idl

# Anchor's own and the system program's, where a test expects those.
FOREIGN = {
    "AccountNotInitialized": 3012,
    "ConstraintSeeds": 2006,
    "AccountDiscriminatorMismatch": 3002,
    "AccountOwnedByWrongProgram": 3007,
}

# What the program logs of each of its errors: Anchor's words, which clients look for.
LINES = {
    error["name"]: f". Error Code: {error['name']}. Error Number: {error['code']}. "
    f"Error Message: {error['msg']}."
    for error in program_idl()["errors"]
}


@contextmanager
def refused(name: str) -> Iterator[None]:
    """The block must be refused with this error, and the log say so."""
    code = ERRORS.get(name, FOREIGN.get(name))
    assert code is not None, f"no error {name}"
    try:
        yield
    except Refused as error:
        if error.code != code:
            raise
        if name in LINES and not any(line.endswith(LINES[name]) for line in error.logs):
            raise AssertionError(f"the log does not say {LINES[name]!r}: {error.logs}") from error
        return
    raise AssertionError(f"was not refused; expected {name}")
