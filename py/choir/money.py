"""The program's formulas in whole numbers, rounding said aloud.

The same as `programs/choir/src/math`, held to it by shared golden vectors. Amounts are base units
of the stake mint, from 0 to 2^64 - 1; nothing here is a float. Raises InvalidInput where the
program refuses: a value or a result that does not fit into 64 bits, a division by zero, a
settlement nobody decided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from choir.errors import InvalidInput

__all__ = [
    "PRICE_TOLERANCE",
    "Rounding",
    "Settlement",
    "at_least",
    "at_most",
    "count_message",
    "deposit_is_too_coarse",
    "format_amount",
    "mul_div",
    "parse_amount",
    "rebased_shares",
    "settle",
    "shares_for_deposit",
    "shares_for_divest",
    "stricter",
    "value_of_shares",
]

_U64_MAX = (1 << 64) - 1
# a privacy level, whose type would bring the whole program's along
L = TypeVar("L", bound=int)


class Rounding(Enum):
    """Which way a quotient that is not whole goes."""

    DOWN = "down"
    UP = "up"


def mul_div(a: int, b: int, divisor: int, rounding: Rounding) -> int:
    """a · b / divisor without losing bits in between."""
    for value in (a, b, divisor):
        _u64(value)
    if divisor == 0:
        raise InvalidInput("division by zero")
    quotient, rest = divmod(a * b, divisor)
    return _u64(quotient + (rounding is Rounding.UP and rest > 0))


def shares_for_deposit(amount: int, balance: int, total_shares: int) -> int:
    """Shares a deposit buys: pro rata, rounded down; as many as units when there are none yet."""
    if total_shares == 0:
        return _u64(amount)
    return mul_div(amount, total_shares, balance, Rounding.DOWN)


def deposit_is_too_coarse(amount: int, balance: int, total_shares: int) -> bool:
    """Whether rounding takes more than a thousandth of a deposit, which the program refuses.

    The part of amount · total_shares that does not divide by the balance buys nothing.
    """
    for value in (amount, balance, total_shares):
        _u64(value)
    if total_shares == 0:
        return False
    if balance == 0:
        raise InvalidInput("division by zero")
    product = amount * total_shares
    return product % balance > product // 1_000


def rebased_shares(balance: int, total_shares: int) -> int:
    """How many shares there are once the only holder's are re-counted: one for each unit.

    The program does so before a deposit or a divestment of whoever has all shares of a thread.
    """
    return max(_u64(balance), _u64(total_shares))


def stricter(a: L, b: L) -> L:
    """The privacy level of the two that fewer people may read."""
    return max(a, b)


def shares_for_divest(amount: int, balance: int, total_shares: int) -> int:
    """Shares a divestment costs: pro rata, rounded up."""
    return mul_div(amount, total_shares, balance, Rounding.UP)


PRICE_TOLERANCE: Final = 100
"""How far the price of a share may move, unless told otherwise: ten-thousandths, so one percent."""


def at_least(shares: int, tolerance: int = PRICE_TOLERANCE) -> int:
    """The fewest shares to accept for a deposit that buys `shares` now; rounded up.

    `tolerance` in ten-thousandths, 0 to 10,000.
    """
    return mul_div(shares, 10_000 - _part(tolerance), 10_000, Rounding.UP)


def at_most(shares: int, tolerance: int = PRICE_TOLERANCE) -> int:
    """The most shares to accept for a divestment that takes `shares` now; rounded down.

    `tolerance` in ten-thousandths, 0 to 10,000. At most 2^64 - 1.
    """
    more = shares * (10_000 + _part(tolerance)) // 10_000
    return min(more, _U64_MAX)


def _part(tolerance: int) -> int:
    if not 0 <= tolerance <= 10_000:
        raise InvalidInput(f"a tolerance is from 0 to 10000 ten-thousandths, not {tolerance}")
    return tolerance


def value_of_shares(shares: int, balance: int, total_shares: int) -> int:
    """What shares are worth in base units: pro rata, rounded down."""
    if total_shares == 0:
        return 0
    return mul_div(shares, balance, total_shares, Rounding.DOWN)


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where a stake goes, in base units; the last three sum to it."""

    per_approver: int
    to_approvers: int
    to_thread: int
    to_treasury: int


def settle(stake: int, approvals: int, denials: int) -> Settlement:
    """Divide a stake by the decisions of all co-authors.

    All approved: equal parts to the approvers, what does not divide to the thread. All denied:
    everything to the thread. Otherwise ⌊stake · approvals / (approvals + denials)⌋ to the
    treasury, the rest to the thread.
    """
    _u64(stake)
    if approvals < 0 or denials < 0 or approvals + denials == 0:
        raise InvalidInput("a settlement needs at least one decision")
    each = treasury = 0
    if denials == 0:
        each = stake // approvals
    else:
        treasury = mul_div(stake, approvals, approvals + denials, Rounding.DOWN)
    approvers = each * approvals
    return Settlement(each, approvers, stake - approvers - treasury, treasury)


def count_message(
    start: int, count: int, now: int, width: int, limit: int
) -> tuple[int, int] | None:
    """The hourly window after one more message at `now`: its beginning and how many it holds.

    None when the message is over the limit. Times in Unix seconds, `width` in seconds.
    """
    if count == 0 or now - start >= width:
        return (now, 1) if limit > 0 else None
    return (start, count + 1) if count < limit else None


def format_amount(amount: int, decimals: int) -> str:
    """Base units as a person writes them: `format_amount(1500000, 6)` is `1.5`."""
    if decimals == 0:
        return str(amount)
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(decimals + 1, "0")
    whole, part = digits[:-decimals], digits[-decimals:].rstrip("0")
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def parse_amount(text: str, decimals: int) -> int:
    """What a person wrote as base units: `parse_amount("1.5", 6)` is 1500000.

    Raises InvalidInput for text that is no number and for more digits than the mint has.
    """
    found = re.fullmatch(r"(\d*)(?:\.(\d*))?", text.strip().replace("_", ""), re.ASCII)
    if found is None or not any(found.groups("")) or len(text) > 60:
        raise InvalidInput(f"{text!r} is not an amount; write for example 1.5")
    whole, part = found.group(1), found.group(2) or ""
    if len(part.rstrip("0")) > decimals:
        raise InvalidInput(f"{text!r} has more than the at most {decimals} decimals of the mint")
    return _u64(int(whole + part.rstrip("0").ljust(decimals, "0") or "0"))


def _u64(value: int) -> int:
    if not 0 <= value <= _U64_MAX:
        raise InvalidInput(f"{value} does not fit into 64 bits")
    return value
