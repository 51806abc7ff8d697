"""The basis is prime, and the first phases are what the formulas say."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.errors import InvalidInput
from choir.spaces.engine import turns
from choir.spaces.engine.seeding import (
    basis_primes,
    golden,
    initial_phases,
    is_prime,
    seeded,
    silver,
)
from choir.spaces.models import Basis, PhaseProfile


def test_primes_below_ten_thousand() -> None:
    sieve = np.ones(10_000, dtype=bool)
    sieve[:2] = False
    for n in range(2, 100):
        if sieve[n]:
            sieve[n * n :: n] = False
    assert [n for n in range(10_000) if is_prime(n)] == list(np.flatnonzero(sieve))


@pytest.mark.parametrize("n", [2**32 - 5, 2_147_483_647, 4_294_967_279])
def test_large_primes(n: int) -> None:
    assert is_prime(n)


@pytest.mark.parametrize("n", [2047, 3215031751, 65537 * 65521, 2**32 - 1])
def test_large_composites_that_fool_single_bases(n: int) -> None:
    assert not is_prime(n)


@given(st.integers(1, 4096))
def test_golden_and_silver_are_exact(k: int) -> None:
    bits = 400
    root5 = Fraction(isqrt(5 << (2 * bits)), 1 << bits)
    root2 = Fraction(isqrt(2 << (2 * bits)), 1 << bits)
    for turn, rate in ((golden(k), (1 + root5) / 2), (silver(k), 1 + root2)):
        assert turn == int((k * rate % 1) * turns.REVOLUTION)


def test_golden_phases_spread_better_than_chance() -> None:
    """Three gaps at most, and the largest below three mean gaps, for every length."""
    for size in (2, 10, 100, 1000):
        spots = sorted(golden(k) for k in range(1, size + 1))
        gaps = [b - a for a, b in itertools.pairwise(spots)]
        gaps.append(turns.REVOLUTION - spots[-1] + spots[0])
        assert max(gaps) < 3 * turns.REVOLUTION / size


def test_both_sequences_add() -> None:
    primes = (2, 3, 5)
    both = initial_phases(PhaseProfile(), primes)
    one = initial_phases(PhaseProfile(silver=False), primes)
    two = initial_phases(PhaseProfile(golden=False), primes)
    assert list(both) == [turns.shift(a, b) for a, b in zip(one, two, strict=True)]
    assert list(initial_phases(PhaseProfile(golden=False, silver=False), primes)) == [0, 0, 0]


def test_custom_phases_win() -> None:
    phases = initial_phases(PhaseProfile(custom=(0.0, 1.5)), (2, 3))
    assert list(phases) == [0, turns.to_turns(1.5)]


def test_custom_phases_must_fit_the_basis() -> None:
    with pytest.raises(InvalidInput, match="2 phases for a basis of 3 primes"):
        initial_phases(PhaseProfile(custom=(0.0, 1.5)), (2, 3, 5))


def test_seeded_is_splitmix64() -> None:
    """The first outputs of the published generator for the seed 1234567."""
    assert list(seeded(1234567, 3)) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]
    assert initial_phases(PhaseProfile(seed=1234567), (2, 3, 5)) == seeded(1234567, 3)


def test_the_basis_is_sorted_or_as_learned_then_cut() -> None:
    assert basis_primes(Basis(primes=(7, 2, 5), cutoff=2)) == (2, 5)
    assert basis_primes(Basis(primes=(7, 2, 5), cutoff=2, order="learned")) == (7, 2)


@pytest.mark.parametrize(
    ("primes", "message"), [((2, 4), "4 is not prime"), ((3, 3), "3 comes twice")]
)
def test_a_basis_that_is_none_is_refused(primes: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        basis_primes(Basis(primes=primes))
