"""Telemetry: five numbers that say how far the phases of a space agree.

A space of k primes p has phases θ_p and primon-gas weights w_p. All measures are dimensionless.
Shapes: phases and weights are ``(k,)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choir.spaces.engine.state import State
from choir.spaces.models import EntropyField, OperatorSet, Telemetry

__all__ = [
    "T_MIN",
    "Milestones",
    "angles",
    "coherence",
    "energy_shares",
    "entropy",
    "locality",
    "measure",
    "order_parameter",
    "resonance_strength",
    "temperature",
    "weights",
]

Floats = NDArray[np.float64]

T_MIN: Final = 1e-3
"""Annealing stops here; below, only the smallest prime has weight."""


def angles(phases: Sequence[int]) -> Floats:
    """Turns as radians in [0, 2π], shape ``(k,)``."""
    return np.asarray(phases, dtype=np.uint64).astype(np.float64) * (2.0 * np.pi / 2.0**64)


def temperature(operators: OperatorSet, tick: int) -> float:
    """T(t) = T₀·βᵗ after `tick` evolution steps, not below `T_MIN`."""
    mixer = operators.mixer
    return max(mixer.temperature0 * mixer.beta**tick, min(T_MIN, mixer.temperature0))


def weights(primes: Sequence[int], t: float) -> Floats:
    """Primon-gas weights w_p = p^(−1/T) / Σ q^(−1/T), shape ``(k,)``, summing to 1.

    The primon gas has levels of energy ln p, so these are its Boltzmann weights at temperature T
    (B. Julia, *Statistical theory of numbers*, 1990; D. Spector, *Supersymmetry and the Möbius
    inversion function*, Commun. Math. Phys. 127, 1990). T is in units of that energy.
    """
    exponent = -np.log(np.asarray(primes, dtype=np.float64)) / t
    share: Floats = np.exp(exponent - exponent.max())
    normalised: Floats = share / share.sum()
    return normalised


def order_parameter(theta: Floats, w: Floats) -> complex:
    """Z = Σ w_p·e^{iθ_p}, the weighted mean field (Y. Kuramoto, *Chemical Oscillations, Waves,
    and Turbulence*, 1984); |Z| ≤ 1.
    """
    return complex(np.dot(w, np.exp(1j * theta)))


def coherence(z: complex) -> float:
    """R = |Z|, in [0, 1]: 1 when all phases agree."""
    return min(1.0, abs(z))


def resonance_strength(r: float, target: float) -> float:
    """The projection of the coherence on its target, R·R*/R*² = R/R*, at most 1.

    In [0, 1]; 1 when the target is reached, and for the target 0.
    """
    return 1.0 if r >= target else r / target


def locality(theta: Floats) -> float:
    """The mean local order over the basis ring, in [0, 1].

    At each site, |e^{iθ_{j−1}} + e^{iθ_j} + e^{iθ_{j+1}}| / 3 with neighbours in basis order and
    the last beside the first: the local order parameter of ring-coupled oscillators (O. E.
    Omel'chenko, *Coherence–incoherence patterns in a ring of non-locally coupled phase
    oscillators*, Nonlinearity 26, 2013).
    """
    e = np.exp(1j * theta)
    local = np.abs(np.roll(e, 1) + e + np.roll(e, -1)) / 3.0
    return min(1.0, float(local.mean()))


def energy_shares(theta: Floats, w: Floats, z: complex) -> Floats:
    """Each mode's share of the energy, shape ``(k,)``, summing to 1.

    A mode's energy is the intensity of its interference with the mean field of phase ψ = arg Z,
    w_p·|e^{iθ_p} + e^{iψ}|²/4 = w_p·(1 + cos(θ_p − ψ))/2. The sum, (1 + R)/2, never vanishes.
    Without a mean field (R < 1e-12) ψ is 0.
    """
    psi = float(np.angle(z)) if abs(z) >= 1e-12 else 0.0
    energy: Floats = w * (1.0 + np.cos(theta - psi)) / 2.0
    total = float(energy.sum())
    return energy / total if total > 0.0 else w


def entropy(shares: Floats) -> float:
    """H = −Σ s·ln s / ln k, in [0, 1]: 0 when one mode has all energy, 1 when all have the same
    (C. E. Shannon 1948, normalised). 0 for k = 1.
    """
    if len(shares) < 2:
        return 0.0
    present = shares[shares > 0.0]
    h = -float(np.dot(present, np.log(present))) / float(np.log(len(shares)))
    return min(1.0, max(0.0, h))


def measure(state: State, primes: Sequence[int], t: int) -> Telemetry:
    """The telemetry of a state, labelled with tick `t`.

    Args:
        primes: the basis, as many as phases.
    """
    theta = angles(state.phases)
    w = weights(primes, temperature(state.operators, state.tick))
    z = order_parameter(theta, w)
    r = coherence(z)
    shares = energy_shares(theta, w, z)
    return Telemetry(
        t=t,
        resonance_strength=resonance_strength(r, state.operators.resonance_target),
        coherence=r,
        locality=locality(theta),
        entropy=entropy(shares),
        dominance=min(1.0, float(shares.max())),
    )


@dataclass(slots=True)
class Milestones:
    """Notices when a space comes to rest and when it agrees; feed it every tick, in order.

    ``plateau``: no measure moved by more than `plateauEps` for `plateauT` ticks. ``collapse``:
    the coherence reached `collapseThreshold`. Each is reported once, and again only after the
    condition had ended.
    """

    _last: Telemetry | None = None
    _still: int = 0
    _reported: set[str] = field(default_factory=set)

    def tick(self, now: Telemetry, rules: EntropyField) -> list[str]:
        """Names of what begins with this tick."""
        if self._last is not None and _distance(self._last, now) <= rules.plateau_eps:
            self._still += 1
        else:
            self._still = 0
        self._last = now
        holds = {
            "plateau": self._still >= rules.plateau_t,
            "collapse": now.coherence >= rules.collapse_threshold,
        }
        begun = [name for name, true in holds.items() if true and name not in self._reported]
        self._reported = {name for name, true in holds.items() if true}
        return begun


def _distance(a: Telemetry, b: Telemetry) -> float:
    return max(
        abs(a.coherence - b.coherence),
        abs(a.resonance_strength - b.resonance_strength),
        abs(a.locality - b.locality),
        abs(a.entropy - b.entropy),
        abs(a.dominance - b.dominance),
    )
