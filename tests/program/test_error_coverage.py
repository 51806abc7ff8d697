"""Every error of the program is provoked on the real object by some case of the negative matrix.

The cases are run by test_negative_matrix.py and test_negative_guards.py, each of which fails when
its call is not refused with just that error.
"""

from __future__ import annotations

from tests.program.guards import GUARDS
from tests.program.harness import ERRORS
from tests.program.honest import NAMES
from tests.program.wrongs import wrongs

UNREACHABLE: dict[str, str] = {}
"""Errors that nothing provokes, and why they are there; each needs a unit test in Rust."""


def test_every_error_is_provoked() -> None:
    provoked = {error for _, error in (*wrongs(), *GUARDS)}
    missing = set(ERRORS) - provoked - set(UNREACHABLE)
    assert not missing, f"nothing provokes {', '.join(sorted(missing))}"
    assert not set(UNREACHABLE) & provoked


def test_every_instruction_is_refused_for_something() -> None:
    assert {name for name, _ in wrongs()} == set(NAMES)


def test_the_cases_name_what_there_is() -> None:
    for name, error in (*wrongs(), *GUARDS):
        assert name in NAMES
        assert error in ERRORS
