"""What to bid per compute unit, and how many units to ask for.

A fee policy is a `FixedFee`, a `PriorityFee` (a percentile of what was lately paid for the same
accounts), or any function of a `FeeQuestion`, which may be a coroutine function. A unit policy is
`SimulatedUnits` (what a simulation used, with a margin) or `FixedUnits`.

Prices are micro-lamports per compute unit; the fee is `ceil(units asked for × price / 10**6)`
lamports. Source: https://solana.com/docs/core/fees
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from choir.errors import InvalidInput

__all__ = [
    "MAX_COMPUTE_UNITS",
    "FeePolicy",
    "FeeQuestion",
    "FixedFee",
    "FixedUnits",
    "PriorityFee",
    "SimulatedUnits",
    "UnitPolicy",
    "bid",
    "priority_fee_lamports",
]

MAX_COMPUTE_UNITS: Final = 1_400_000
"""The most one transaction may ask for."""
MICRO: Final = 1_000_000
_U64_MAX: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class FeeQuestion:
    """What a bid is for: the instructions, the accounts they lock for writing, and the fees
    (micro-lamports per unit) of recent slots that locked the same accounts, newest last."""

    instructions: tuple[Instruction, ...]
    writable: tuple[Pubkey, ...]
    recent: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PriorityFee:
    """What to bid per compute unit, in micro-lamports.

    The `percentile` of what was recently paid for the same accounts, kept between `floor` and
    `ceiling`.
    """

    percentile: int = 75
    floor: int = 0
    ceiling: int = 2_000_000

    def __post_init__(self) -> None:
        if not 0 <= self.percentile <= 100:
            raise InvalidInput(f"a percentile is from 0 to 100, not {self.percentile}")
        if not 0 <= self.floor <= self.ceiling:
            raise InvalidInput(f"the floor {self.floor} must be from 0 to the ceiling")

    def of(self, recent: Sequence[int]) -> int:
        """The bid, given recent fees in micro-lamports per compute unit."""
        ordered = sorted(recent)
        paid = (
            ordered[min(len(ordered) * self.percentile // 100, len(ordered) - 1)] if recent else 0
        )
        return max(self.floor, min(paid, self.ceiling))


@dataclass(frozen=True, slots=True)
class FixedFee:
    """Always the same bid, in micro-lamports per compute unit. 0 bids nothing."""

    micro_lamports: int

    def __post_init__(self) -> None:
        _price(self.micro_lamports)


@dataclass(frozen=True, slots=True)
class SimulatedUnits:
    """What a simulation used and `margin_percent` of it more."""

    margin_percent: int = 20

    def __post_init__(self) -> None:
        if self.margin_percent < 0:
            raise InvalidInput(f"a margin cannot be negative ({self.margin_percent} %)")

    def of(self, used: int) -> int:
        """The limit to ask for, compute units."""
        return max(1, min(used + used * self.margin_percent // 100, MAX_COMPUTE_UNITS))


@dataclass(frozen=True, slots=True)
class FixedUnits:
    """Always the same limit, in compute units.

    Nothing is simulated unless `simulate`: a request is saved, and what would be refused is
    only learnt from the chain, for the fee.
    """

    units: int
    simulate: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.units <= MAX_COMPUTE_UNITS:
            raise InvalidInput(
                f"a limit is from 1 to {MAX_COMPUTE_UNITS} compute units, not {self.units}"
            )


FeePolicy = PriorityFee | FixedFee | Callable[[FeeQuestion], int | Awaitable[int]]
UnitPolicy = SimulatedUnits | FixedUnits


async def bid(policy: FeePolicy, question: FeeQuestion) -> int:
    """The price a policy gives. Raises InvalidInput when a function gives none that can be."""
    if isinstance(policy, FixedFee):
        return policy.micro_lamports
    if isinstance(policy, PriorityFee):
        return policy.of(question.recent)
    answer = policy(question)
    return _price(await answer if inspect.isawaitable(answer) else answer)


def priority_fee_lamports(units: int, price: int) -> int:
    """What a limit of `units` at `price` micro-lamports costs, in lamports, rounded up."""
    return -(-units * price // MICRO)


def _price(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _U64_MAX:
        raise InvalidInput(f"a bid is a whole number of micro-lamports from 0, not {value!r}")
    return value
