"""Telemetry keeps its bounds, and is right where the answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.spaces.engine import turns
from choir.spaces.engine.measures import (
    T_MIN,
    Milestones,
    energy_shares,
    entropy,
    locality,
    measure,
    order_parameter,
    resonance_strength,
    temperature,
    weights,
)
from choir.spaces.engine.state import State
from choir.spaces.models import EntropyField, Mixer, OperatorSet, SpacePolicy, Telemetry

PRIMES = (2, 3, 5, 7, 11, 13)


def _state(phases: list[int], **operators: float) -> State:
    return State(0, 0, turns.turns(phases), OperatorSet(**operators), EntropyField(), SpacePolicy())


@given(
    st.lists(st.integers(0, turns.REVOLUTION - 1), min_size=1, max_size=6),
    st.floats(0, 1),
    st.floats(1e-3, 1e6),
)
def test_bounds(phases: list[int], target: float, t0: float) -> None:
    state = _state(phases, resonance_target=target, mixer=Mixer(temperature0=t0))
    t = measure(state, PRIMES[: len(phases)], 3)
    for name in ("coherence", "resonance_strength", "locality", "entropy", "dominance"):
        assert 0.0 <= getattr(t, name) <= 1.0, name
    assert t.dominance >= 1 / len(phases) - 1e-12
    assert t.resonance_strength >= t.coherence - 1e-12
    assert t.t == 3


@given(
    st.lists(st.integers(0, turns.REVOLUTION - 1), min_size=1, max_size=6),
    st.integers(0, turns.REVOLUTION - 1),
)
def test_turning_all_phases_together_changes_nothing(phases: list[int], by: int) -> None:
    primes = PRIMES[: len(phases)]
    a = measure(_state(phases), primes, 0)
    b = measure(_state([turns.shift(p, by) for p in phases]), primes, 0)
    assert a.coherence == pytest.approx(b.coherence, abs=1e-9)
    assert a.locality == pytest.approx(b.locality, abs=1e-9)
    if a.coherence > 1e-3:  # without a mean field the energy has no direction
        assert a.entropy == pytest.approx(b.entropy, abs=1e-6)
        assert a.dominance == pytest.approx(b.dominance, abs=1e-6)


@given(st.floats(T_MIN, 1e6), st.integers(1, 6))
def test_weights_are_boltzmann_and_fall_with_the_prime(t: float, size: int) -> None:
    w = weights(PRIMES[:size], t)
    assert w.sum() == pytest.approx(1.0)
    assert (np.diff(w) <= 0).all()


def test_weights_at_temperature_one_are_reciprocals() -> None:
    w = weights((2, 3, 5), 1.0)
    assert w == pytest.approx(np.array([1 / 2, 1 / 3, 1 / 5]) / (1 / 2 + 1 / 3 + 1 / 5))


def test_weights_level_when_hot_and_settle_on_two_when_cold() -> None:
    assert weights(PRIMES, 1e9) == pytest.approx(np.full(6, 1 / 6))
    assert weights(PRIMES, T_MIN)[0] == pytest.approx(1.0)


def test_agreement() -> None:
    t = measure(_state([12345] * 6), PRIMES, 0)
    assert (t.coherence, t.locality, t.resonance_strength) == pytest.approx((1, 1, 1))
    assert t.dominance == pytest.approx(weights(PRIMES, 1.0)[0])


def test_opposites_of_equal_weight_cancel() -> None:
    w = np.array([0.5, 0.5])
    z = order_parameter(np.array([0.0, math.pi]), w)
    assert abs(z) == pytest.approx(0.0, abs=1e-12)
    assert energy_shares(np.array([0.0, math.pi]), w, z) == pytest.approx([1.0, 0.0])


def test_locality_of_a_twisted_ring() -> None:
    """Phases turning once around a ring of k: every window has (1 + 2·cos(2π/k))/3."""
    k = 12
    assert locality(2 * np.pi * np.arange(k) / k) == pytest.approx(
        (1 + 2 * math.cos(2 * math.pi / k)) / 3
    )


def test_entropy_of_known_shares() -> None:
    assert entropy(np.full(8, 1 / 8)) == pytest.approx(1.0)
    assert entropy(np.array([1.0, 0.0, 0.0])) == 0.0
    assert entropy(np.array([1.0])) == 0.0
    assert entropy(np.array([0.5, 0.5, 0.0, 0.0])) == pytest.approx(0.5)


def test_the_target_is_reached_at_it() -> None:
    assert resonance_strength(0.4, 0.8) == pytest.approx(0.5)
    assert resonance_strength(0.9, 0.8) == 1.0
    assert resonance_strength(0.0, 0.0) == 1.0


def test_annealing_stops_at_its_floor() -> None:
    operators = OperatorSet(mixer=Mixer(temperature0=2.0, beta=0.5))
    assert temperature(operators, 0) == 2.0
    assert temperature(operators, 2) == 0.5
    assert temperature(operators, 10_000) == T_MIN


def _tick(t: int, coherence: float) -> Telemetry:
    return Telemetry(
        t=t, resonance_strength=0.5, coherence=coherence, locality=0.5, entropy=0.5, dominance=0.5
    )


def test_milestones_are_reported_when_they_begin() -> None:
    rules = EntropyField(plateau_eps=0.01, plateau_t=2, collapse_threshold=0.9)
    seen = Milestones()
    values = [0.1, 0.105, 0.11, 0.11, 0.5, 0.95, 0.95, 0.95, 0.2, 0.95]
    named = [seen.tick(_tick(t, value), rules) for t, value in enumerate(values)]
    assert named == [
        [], [], ["plateau"], [], [], ["collapse"], [], ["plateau"], [], ["collapse"],
    ]  # fmt: skip
