"""Where a space begins: its basis and its first phases. Integers only."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import isqrt

from choir.errors import InvalidInput
from choir.spaces.engine.turns import REVOLUTION, from_radians, turns
from choir.spaces.models import Basis, PhaseProfile

__all__ = ["basis_primes", "golden", "initial_phases", "is_prime", "seeded", "silver"]

_MASK = REVOLUTION - 1


def is_prime(n: int) -> bool:
    """Whether `n` < 2³² is prime (Miller-Rabin; the bases 2, 7 and 61 decide below 4.7e9:
    G. Jaeschke, *On strong pseudoprimes to several bases*, Math. Comp. 61, 1993).
    """
    if n < 2:
        return False
    for p in (2, 3, 5, 7, 11, 13, 61):
        if n % p == 0:
            return n == p
    odd, twos = n - 1, 0
    while not odd & 1:
        odd >>= 1
        twos += 1
    for base in (2, 7, 61):
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def basis_primes(basis: Basis) -> tuple[int, ...]:
    """The primes that count: sorted unless `learned`, then cut off.

    Raises:
        InvalidInput: a number is not prime or comes twice.
    """
    primes = sorted(basis.primes) if basis.order == "ascending" else list(basis.primes)
    seen: set[int] = set()
    for n in primes:
        if n in seen:
            raise InvalidInput(f"basis.primes: {n} comes twice")
        if not is_prime(n):
            raise InvalidInput(f"basis.primes: {n} is not prime")
        seen.add(n)
    return tuple(primes[: basis.cutoff])


def golden(k: int) -> int:
    """frac(kφ) in turns, exact and rounded down; φ = (1+√5)/2.

    An additive recurrence with φ is the most evenly spread over a circle for every length
    (H. Weyl 1916; V. Sós 1958).
    """
    return ((k << 63) + isqrt(5 * k * k << 126)) & _MASK


def silver(k: int) -> int:
    """frac(k(1+√2)) in turns, exact and rounded down."""
    return ((k << 64) + isqrt(2 * k * k << 128)) & _MASK


def seeded(seed: int, size: int) -> array[int]:
    """`size` uniform phases in turns from SplitMix64 (Steele, Lea, Flood: *Fast splittable
    pseudorandom number generators*, OOPSLA 2014), started at `seed`.
    """
    phases = turns(())
    state = seed & _MASK
    for _ in range(size):
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        phases.append(z ^ (z >> 31))
    return phases


def initial_phases(profile: PhaseProfile, primes: Sequence[int]) -> array[int]:
    """The first phases, one per prime, in turns.

    Custom phases win, then a seed; else the golden and the silver sequence are added when both
    are chosen, and all phases are zero when neither is.

    Raises:
        InvalidInput: there are not as many custom phases as primes.
    """
    size = len(primes)
    if profile.custom is not None:
        if len(profile.custom) != size:
            raise InvalidInput(
                f"phases.custom: {len(profile.custom)} phases for a basis of {size} primes"
            )
        return from_radians(profile.custom)
    if profile.seed is not None:
        return seeded(profile.seed, size)
    return turns(
        ((golden(k) if profile.golden else 0) + (silver(k) if profile.silver else 0)) & _MASK
        for k in range(1, size + 1)
    )
