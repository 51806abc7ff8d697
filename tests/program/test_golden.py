"""The library's formulas against the golden vectors the program's are run against too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.program.golden import generate

from choir import money
from choir.accounts import PrivacyLevel
from choir.errors import InvalidInput
from choir.money import stricter

GOLDEN = Path(generate.__file__).parent


def _settle(stake: int, approvals: int, denials: int) -> list[int]:
    parts = money.settle(stake, approvals, denials)
    return [parts.per_approver, parts.to_approvers, parts.to_thread, parts.to_treasury]


def _window(*arguments: int) -> list[int] | None:
    window = money.count_message(*arguments)
    return None if window is None else list(window)


FORMULAS: dict[str, Callable[..., Any]] = {
    "mul_div_down": lambda a, b, c: money.mul_div(a, b, c, money.Rounding.DOWN),
    "mul_div_up": lambda a, b, c: money.mul_div(a, b, c, money.Rounding.UP),
    "shares_for_deposit": money.shares_for_deposit,
    "shares_for_divest": money.shares_for_divest,
    "value_of_shares": money.value_of_shares,
    "deposit_is_too_coarse": money.deposit_is_too_coarse,
    "rebased_shares": money.rebased_shares,
    "settle": _settle,
    "stricter_privacy": lambda a, b: stricter(PrivacyLevel(a), PrivacyLevel(b)),
    "count_message": _window,
}


def _result(function: str, arguments: list[int]) -> Any:
    try:
        return FORMULAS[function](*arguments)
    except InvalidInput:
        return None


@pytest.mark.parametrize("name", ["money", "privacy", "rate"])
def test_the_library_gives_the_golden_results(name: str) -> None:
    vectors = json.loads((GOLDEN / f"{name}.json").read_text())
    for vector in vectors:
        assert _result(vector["function"], vector["arguments"]) == vector["result"], vector
    assert len(vectors) >= 16


def test_the_files_are_what_the_generator_writes() -> None:
    for path, text in generate.files().items():
        assert path.read_text() == text
