"""Evolution agrees with the closed form of two oscillators and with SciPy on many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from choir.spaces.engine import turns
from choir.spaces.engine.dynamics import evolve, frequencies, integrate, velocity
from choir.spaces.engine.measures import angles, measure, order_parameter
from choir.spaces.engine.state import State
from choir.spaces.models import EntropyField, Mixer, OperatorSet, SpacePolicy

HALF = np.array([0.5, 0.5])


@given(
    st.floats(0.05, 2.0),
    st.floats(-3.0, 3.0),
    st.floats(0.1, 5.0),
)
def test_two_equal_oscillators_follow_the_closed_form(
    coupling: float, delta: float, t: float
) -> None:
    """δ' = −K·sin δ, so tan(δ/2) = tan(δ₀/2)·e^{−Kt}."""
    omega = np.zeros(2)

    def rate(_: float, theta: np.ndarray) -> np.ndarray:
        return velocity(theta, omega, HALF, coupling, 0.0)

    end = integrate(rate, np.array([0.0, delta]), 0.0, t / 400, 400)
    expected = 2 * math.atan(math.tan(delta / 2) * math.exp(-coupling * t))
    assert end[1] - end[0] == pytest.approx(expected, abs=1e-7)
    assert end.sum() == pytest.approx(delta, abs=1e-9)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 0.9])
def test_two_unequal_oscillators_lock_at_adlers_angle(ratio: float) -> None:
    """δ' = Δω − K·sin δ rests at sin δ = Δω/K."""
    omega = np.array([0.0, ratio])

    def rate(_: float, theta: np.ndarray) -> np.ndarray:
        return velocity(theta, omega, HALF, 1.0, 0.0)

    end = integrate(rate, np.zeros(2), 0.0, 0.05, 2000)
    assert end[1] - end[0] == pytest.approx(math.asin(ratio), abs=1e-9)


def test_two_oscillators_past_the_threshold_drift() -> None:
    """For Δω > K the difference turns with the mean rate √(Δω² − K²)."""
    omega = np.array([0.0, 1.25])

    def rate(_: float, theta: np.ndarray) -> np.ndarray:
        return velocity(theta, omega, HALF, 1.0, 0.0)

    span = 20 * 2 * math.pi / 0.75
    end = integrate(rate, np.zeros(2), 0.0, span / 8000, 8000)
    assert end[1] - end[0] == pytest.approx(20 * 2 * math.pi, rel=1e-6)


def _lorentzian(size: int) -> np.ndarray:
    """Quantiles of the Lorentz distribution of width ½, whose threshold is K_c = 1."""
    return 0.5 * np.tan(np.pi * ((np.arange(size) + 0.5) / size - 0.5))


def _mean_order(theta: np.ndarray, w: np.ndarray) -> float:
    return float(np.mean([abs(order_parameter(row, w)) for row in theta]))


@pytest.mark.parametrize(("coupling", "locks"), [(0.4, False), (2.0, True)])
def test_the_threshold_is_where_scipy_finds_it(coupling: float, locks: bool) -> None:
    """Below K_c = 2·g(0)⁻¹/π the phases stay apart; above, R = √(1 − K_c/K) (Kuramoto 1975)."""
    size = 200
    omega = _lorentzian(size)
    w = np.full(size, 1 / size)
    golden = (math.sqrt(5) + 1) / 2
    start = np.array([math.tau * math.modf(k * golden)[0] for k in range(1, size + 1)])

    def pairwise(_: float, theta: np.ndarray) -> np.ndarray:
        return omega + coupling / size * np.sin(theta[None, :] - theta[:, None]).sum(axis=1)

    def rate(_: float, theta: np.ndarray) -> np.ndarray:
        return velocity(theta, omega, w, coupling, 0.0)

    times = np.arange(20.0, 40.0, 0.5)
    theirs = solve_ivp(pairwise, (0, 40), start, t_eval=times, rtol=1e-5, atol=1e-5)
    ours = [integrate(rate, start, 0.0, 0.01, 2000)]
    for _ in times[1:]:
        ours.append(integrate(rate, ours[-1], 0.0, 0.01, 50))
    order = _mean_order(np.array(ours), w)
    assert order == pytest.approx(_mean_order(theirs.y.T, w), abs=0.03)
    if locks:
        assert order == pytest.approx(math.sqrt(1 - 1 / coupling), abs=0.06)
    else:
        assert order < 0.25


def test_a_short_path_is_scipys() -> None:
    primes = (2, 3, 5, 7, 11)
    rng = np.random.default_rng(5)
    start = rng.uniform(0, 2 * np.pi, 5)
    w = rng.dirichlet(np.ones(5))

    def rate(_: float, theta: np.ndarray) -> np.ndarray:
        return velocity(theta, frequencies(primes), w, 0.7, 0.3)

    ours = integrate(rate, start, 0.0, 0.01, 300)
    theirs = solve_ivp(rate, (0, 3), start, rtol=1e-10, atol=1e-10).y[:, -1]
    assert ours == pytest.approx(theirs, abs=1e-7)


def _state(**mixer: float) -> State:
    phases = turns.from_radians([0.1, 1.0, 2.5, 4.0, 5.5])
    operators = OperatorSet(mixer=Mixer(**mixer), locality_bias=0.2)
    return State(3, 9, phases, operators, EntropyField(lambda_=0.5), SpacePolicy())


def test_evolution_settles_a_space_and_counts_its_ticks() -> None:
    primes = (2, 3, 5, 7, 11)
    before = _state(gamma0=1.0)
    after = evolve(before, primes, 60)
    assert (after.tick, after.version, after.epoch) == (60, 9, 3)
    assert measure(after, primes, 0).coherence > 0.99 > measure(before, primes, 0).coherence


def test_evolution_in_two_parts_is_evolution() -> None:
    primes = (2, 3, 5, 7, 11)
    once = evolve(_state(), primes, 10)
    twice = evolve(evolve(_state(), primes, 4), primes, 6)
    apart = np.angle(np.exp(1j * (angles(once.phases) - angles(twice.phases))))
    assert np.abs(apart).max() < 1e-9


def test_without_coupling_phases_turn_at_ln_p() -> None:
    primes = (2, 3, 5, 7, 11)
    state = State(
        0,
        0,
        turns.turns([0] * 5),
        OperatorSet(mixer=Mixer(gamma0=0.0, gamma_growth=0.0)),
        EntropyField(lambda_=0.0),
        SpacePolicy(),
    )
    after = evolve(state, primes, 7)
    apart = angles(after.phases) - 7 * np.log(primes)
    assert np.abs(np.angle(np.exp(1j * apart))).max() < 1e-12


@pytest.mark.parametrize("wrong", [{"ticks": 0}, {"substeps": 0}])
def test_nothing_to_do_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        evolve(_state(), (2, 3, 5, 7, 11), **wrong)
