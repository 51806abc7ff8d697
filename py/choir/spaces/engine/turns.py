"""Phases as unsigned 64-bit turns: 2⁶⁴ turns are one revolution.

Adding turns wraps exactly, so shifts of a phase commute and associate to the bit, which sums of
floating radians do not. Radians are how people and frames see a phase.

Rounding. `to_turns` gives the turn nearest to ``r · 2⁶⁴ / 2π``, halves to even, computed in
integers with 2π to 256 bits: the same on every machine. `to_radians` gives a double of
[0, 2π], off by at most 2 units in its last place; one turn is 3.4e-19 rad. A double of
[0, 2π) comes back from both conversions within ``max(4 ulp, 1.8e-19)``; a turn comes back
within 2¹³ turns (half the spacing of doubles below 2π, 2.8e-15 rad at worst).
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from array import array
from collections.abc import Iterable

from choir.errors import InvalidInput

__all__ = [
    "MAX_RADIANS",
    "REVOLUTION",
    "from_base64",
    "from_radians",
    "shift",
    "to_base64",
    "to_radians",
    "to_turns",
    "turns",
]

REVOLUTION = 1 << 64
"""Turns in one revolution."""

MAX_RADIANS = 1e6
"""Largest magnitude accepted as a phase; past it, a double's own spacing shows in the angle."""

_TWO_PI_BITS = 256
# floor(2π · 2²⁵⁶); tests compute it by Machin's formula
_TWO_PI = 0x6487ED5110B4611A62633145C06E0E68948127044533E63A0105DF531D89CD912
_RADIANS_PER_TURN = 2.0 * math.pi / REVOLUTION


def to_turns(radians: float) -> int:
    """The angle in turns, in [0, 2⁶⁴): a negative shift becomes its complement.

    Raises:
        InvalidInput: not finite, or past `MAX_RADIANS`.
    """
    if not math.isfinite(radians) or abs(radians) > MAX_RADIANS:
        raise InvalidInput(
            f"a phase is a finite number of radians within ±{MAX_RADIANS:g}, got {radians!r}"
        )
    top, bottom = float(radians).as_integer_ratio()
    numerator = top << (64 + _TWO_PI_BITS)
    denominator = bottom * _TWO_PI
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient & 1):
        quotient += 1
    return quotient % REVOLUTION


def to_radians(turn: int) -> float:
    """The angle in radians, in [0, 2π]; the last 2¹² turns show as 2π itself."""
    return turn * _RADIANS_PER_TURN


def shift(turn: int, by: int) -> int:
    """The sum of two angles in turns."""
    return (turn + by) % REVOLUTION


def turns(values: Iterable[int]) -> array[int]:
    """An array of turns (unsigned 64-bit, native order)."""
    return array("Q", values)


def from_radians(values: Iterable[float]) -> array[int]:
    """`to_turns` of each.

    Raises:
        InvalidInput: see `to_turns`.
    """
    return turns(to_turns(value) for value in values)


def to_base64(phases: array[int]) -> str:
    """The exact phases as base64 of little-endian 64-bit words."""
    return base64.b64encode(_little(phases).tobytes()).decode("ascii")


def from_base64(text: str) -> array[int]:
    """The inverse of `to_base64`.

    Raises:
        InvalidInput: not base64 of whole 64-bit words.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("turns are base64 of little-endian 64-bit words") from None
    if len(raw) % 8:
        raise InvalidInput(f"turns are whole 64-bit words, got {len(raw)} bytes")
    phases = array("Q")
    phases.frombytes(raw)
    return _little(phases)


def _little(phases: array[int]) -> array[int]:
    """A copy in little-endian order, or from it."""
    copy = phases[:]
    if sys.byteorder == "big":
        copy.byteswap()
    return copy
