"""Kuramoto evolution of a space's phases.

    dθ_p/dt = ω_p·e^{−λt} + γ(t)·[(1 − b)·Σ_q w_q·sin(θ_q − θ_p) + b·½·Σ_{n∈ring(p)} sin(θ_n − θ_p)]

with natural frequencies ω_p = ln p, gain γ(t) = γ₀ + γ_growth·t, primon-gas weights w at the
annealed temperature T(t) = T₀·βᵗ, locality bias b between the mean field and the two neighbours
on the basis ring, and damping λ, which stills the natural rotation so that a space settles. Time
is in ticks, phases are in radians, frequencies in radians per tick. After Y. Kuramoto, *Chemical
Oscillations, Waves, and Turbulence* (1984); the weighted mean field makes it O(k).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from choir.spaces.engine.measures import angles, temperature, weights
from choir.spaces.engine.state import State

__all__ = ["evolve", "frequencies", "gain", "integrate", "velocity"]

Floats = NDArray[np.float64]


def frequencies(primes: Sequence[int]) -> Floats:
    """ω_p = ln p, the energy levels of the primon gas; shape ``(k,)``."""
    return np.log(np.asarray(primes, dtype=np.float64))


def gain(state: State, t: float) -> float:
    """γ(t) = γ₀ + γ_growth·t."""
    mixer = state.operators.mixer
    return mixer.gamma0 + mixer.gamma_growth * t


def velocity(theta: Floats, omega: Floats, w: Floats, coupling: float, bias: float) -> Floats:
    """dθ/dt in radians per tick, shape ``(k,)``: the mean field and the ring, see the module."""
    e = np.exp(1j * theta)
    toward_mean = np.imag(np.dot(w, e) * np.conj(e))
    if bias == 0.0:
        moved: Floats = omega + coupling * toward_mean
        return moved
    ring = 0.5 * np.imag((np.roll(e, 1) + np.roll(e, -1)) * np.conj(e))
    mixed: Floats = omega + coupling * ((1.0 - bias) * toward_mean + bias * ring)
    return mixed


def integrate(
    rate: Callable[[float, Floats], Floats], theta: Floats, t: float, dt: float, steps: int
) -> Floats:
    """`steps` of the classical Runge-Kutta method of order 4 from time `t`; error O(dt⁴)."""
    for step in range(steps):
        now = t + step * dt
        k1 = rate(now, theta)
        k2 = rate(now + dt / 2, theta + dt / 2 * k1)
        k3 = rate(now + dt / 2, theta + dt / 2 * k2)
        k4 = rate(now + dt, theta + dt * k3)
        theta = theta + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return theta


def evolve(state: State, primes: Sequence[int], ticks: int = 1, *, substeps: int = 4) -> State:
    """The state `ticks` later, at the same version: whoever stores it gives it one.

    The movement is computed in doubles and added in turns, so that phases that do not move keep
    their bits. It agrees between machines only as far as their doubles do: one machine evolves a
    space, the others take the result as a delta.

    Raises:
        ValueError: `ticks` or `substeps` is not positive.
    """
    if ticks < 1 or substeps < 1:
        raise ValueError("ticks and substeps are positive")
    omega = frequencies(primes)
    damping = state.entropy.lambda_
    bias = state.operators.locality_bias

    def rate(t: float, theta: Floats) -> Floats:
        w = weights(primes, temperature(state.operators, int(t)))
        still = float(np.exp(-damping * t))
        return velocity(theta, omega * still, w, gain(state, t), bias)

    start = angles(state.phases)
    end = integrate(rate, start, float(state.tick), 1.0 / substeps, ticks * substeps)
    return replace(state, phases=_moved(state.phases, end - start), tick=state.tick + ticks)


def _moved(phases: array[int], by: Floats) -> array[int]:
    revolutions = by / (2.0 * np.pi)
    revolutions -= np.rint(revolutions)  # within half a revolution, so that it fits 64 bits
    steps = np.rint(revolutions * 2.0**64)
    steps = np.clip(steps, -(2.0**63), 2.0**63 - 1024.0).astype(np.int64).view(np.uint64)
    return array("Q", (np.asarray(phases, dtype=np.uint64) + steps).tobytes())
