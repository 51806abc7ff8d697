"""Phases wrap exactly, and radians go to turns and back within the documented rounding."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.errors import InvalidInput
from choir.spaces.engine import turns

TURNS = st.integers(0, turns.REVOLUTION - 1)
RADIANS = st.floats(-turns.MAX_RADIANS, turns.MAX_RADIANS)


def _two_pi(bits: int) -> int:
    """2π · 2^bits rounded down, by Machin's formula in integers."""
    one = 1 << (bits + 64)

    def arctan_inverse(x: int) -> int:
        power, total, n, sign = one // x, one // x, 3, -1
        while power:
            power //= x * x
            total += sign * (power // n)
            sign, n = -sign, n + 2
        return total

    return (8 * (4 * arctan_inverse(5) - arctan_inverse(239))) >> 64


def test_two_pi_is_right_to_its_last_bit() -> None:
    assert _two_pi(turns._TWO_PI_BITS) == turns._TWO_PI


@given(RADIANS)
def test_to_turns_is_the_nearest_turn(radians: float) -> None:
    top, bottom = radians.as_integer_ratio()
    # twice the distance from the chosen turn to the exact one is at most one turn
    two_pi = _two_pi(300)
    exact = (top << 364) - turns.to_turns(radians) * bottom * two_pi
    revolution = bottom * two_pi << 64
    off = exact % revolution
    off = min(off, revolution - off)
    assert 2 * off <= bottom * two_pi + (abs(top) << 10)  # the slack is 2π's own rounding


@given(st.floats(0, 2 * math.pi, exclude_max=True))
def test_radians_come_back(radians: float) -> None:
    back = turns.to_radians(turns.to_turns(radians))
    assert abs(back - radians) <= max(4 * math.ulp(radians), 1.8e-19)


@given(TURNS)
def test_turns_come_back_within_the_spacing_of_doubles(turn: int) -> None:
    off = (turns.to_turns(turns.to_radians(turn)) - turn) % turns.REVOLUTION
    assert min(off, turns.REVOLUTION - off) <= 1 << 13


@given(TURNS, TURNS)
def test_a_shift_and_its_opposite_cancel(turn: int, by: int) -> None:
    assert turns.shift(turns.shift(turn, by), -by) == turn


@given(RADIANS)
def test_a_negative_angle_is_the_complement(radians: float) -> None:
    assert (turns.to_turns(radians) + turns.to_turns(-radians)) % turns.REVOLUTION == 0


@pytest.mark.parametrize(
    ("radians", "turn"),
    [
        (0.0, 0),
        (-0.0, 0),
        (math.pi, (1 << 63) - 360),  # π as a double is 1.2246e-16 rad short: 359.54 turns
        (5e-324, 0),
    ],
)
def test_known_angles(radians: float, turn: int) -> None:
    assert turns.to_turns(radians) == turn


@pytest.mark.parametrize("radians", [math.nan, math.inf, -math.inf, 1.1e6, -1e300])
def test_what_is_no_phase_is_refused(radians: float) -> None:
    with pytest.raises(InvalidInput, match="finite number of radians"):
        turns.to_turns(radians)


@given(st.lists(TURNS))
def test_exact_phases_travel_as_base64(values: list[int]) -> None:
    assert list(turns.from_base64(turns.to_base64(turns.turns(values)))) == values


def test_base64_is_little_endian() -> None:
    assert turns.to_base64(turns.turns([1])) == "AQAAAAAAAAA="


@pytest.mark.parametrize("text", ["not base64!", "AQ=="])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        turns.from_base64(text)
