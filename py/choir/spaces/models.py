"""What travels about a space: the shapes of its REST bodies and frames.

Names in Python are snake_case, in JSON camelCase. Unknown fields are refused where a person
writes them (configuration, deltas) and ignored where a server answers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

__all__ = [
    "MAX_BASIS",
    "MAX_OPS",
    "Basis",
    "Delta",
    "EntropyField",
    "Member",
    "Mixer",
    "Op",
    "OpName",
    "OperatorSet",
    "PhaseProfile",
    "Role",
    "Semantic",
    "SessionToken",
    "Snapshot",
    "Space",
    "SpaceConfig",
    "SpacePolicy",
    "SpaceState",
    "Status",
    "Telemetry",
]

MAX_BASIS = 4096
"""Longest list of primes."""
MAX_OPS = 256
"""Most operations in one delta a member proposes."""

Role = Literal["owner", "admin", "writer", "reader"]
Status = Literal["active", "locked", "archived"]
OpName = Literal["set_phase", "shift_phase", "set_operator", "set_entropy", "set_policy"]


def _storable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable characters")
    return text


Radians = Annotated[float, Field(ge=-1e6, le=1e6, description="radians")]
Version = Annotated[int, Field(ge=0, le=2**53 - 1)]


class _Given(BaseModel):
    """Written by a person: strict types, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )


class _Answered(BaseModel):
    """Written by a server: a later server may say more."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )


class Basis(_Given):
    """The agreed primes, one phase each."""

    primes: tuple[Annotated[int, Field(ge=2, lt=2**32)], ...] = Field(
        default=(2, 3, 5, 7, 11, 13, 17, 19), min_length=1, max_length=MAX_BASIS, strict=False
    )
    order: Literal["ascending", "learned"] = Field(
        default="ascending", description="ascending sorts the primes; learned keeps their order"
    )
    cutoff: int = Field(default=2048, ge=1, le=MAX_BASIS, description="truncates the basis")


class PhaseProfile(_Given):
    """How the phases begin: `custom`, else `seed`, else the sum of the chosen sequences."""

    golden: bool = Field(default=True, description="θ_k = 2π·frac(kφ), k from 1")
    silver: bool = Field(default=True, description="θ_k = 2π·frac(k(1+√2)), k from 1")
    custom: tuple[Radians, ...] | None = Field(
        default=None, min_length=1, max_length=MAX_BASIS, strict=False
    )
    seed: int | None = Field(
        default=None, ge=0, le=2**53 - 1, description="uniform phases from SplitMix64"
    )

    @model_validator(mode="after")
    def _one_source(self) -> PhaseProfile:
        if self.custom is not None and self.seed is not None:
            raise ValueError("give custom phases or a seed, not both")
        return self


class Mixer(_Given):
    """Coupling gain γ(t) = gamma0 + gammaGrowth·t and temperature T(t) = temperature0·betaᵗ."""

    gamma0: float = Field(default=0.2, ge=0, le=1e3)
    gamma_growth: float = Field(default=0.001, ge=0, le=1e3)
    temperature0: float = Field(default=1.0, gt=0, le=1e6)
    beta: float = Field(default=0.98, gt=0, le=1)


class Semantic(_Given):
    """The optional semantic operator."""

    enabled: bool = False
    kernel: Literal["prime"] = "prime"


class OperatorSet(_Given):
    """Parameters of the evolution and of its target."""

    mixer: Mixer = Mixer()
    resonance_target: float = Field(default=0.8, ge=0, le=1)
    locality_bias: float = Field(
        default=0.3, ge=0, le=1, description="share of the coupling that comes from neighbours"
    )
    semantic: Semantic = Semantic()


class EntropyField(_Given):
    """Damping, and what counts as a plateau and as a collapse."""

    lambda_: float = Field(default=0.02, ge=0, le=1e3, alias="lambda", description="damping rate")
    plateau_eps: float = Field(default=1e-6, ge=0, le=1)
    plateau_t: int = Field(default=150, ge=1, le=1_000_000, description="ticks")
    collapse_threshold: float = Field(default=0.97, ge=0, le=1)


class SpacePolicy(_Given):
    """What a space costs and whom it lets in."""

    max_members: int = Field(default=128, ge=1, le=100_000)
    publish_hz: int = Field(default=30, ge=1, le=60)
    history_seconds: int = Field(default=600, ge=0, le=86_400)
    allow_guest: bool = Field(default=False, description="anyone signed in may join as a reader")


class SpaceConfig(_Given):
    """What a space is created with."""

    name: Annotated[str, AfterValidator(_storable)] = Field(default="", max_length=200)
    basis: Basis = Basis()
    phases: PhaseProfile = PhaseProfile()
    operators: OperatorSet = OperatorSet()
    entropy: EntropyField = EntropyField()
    policy: SpacePolicy = SpacePolicy()


class Space(_Answered):
    """A space, without its state."""

    id: str
    created_at: datetime
    owner_org: str = Field(description="who created it")
    epoch: int = Field(description="increments when the basis changes")
    version: int = Field(description="monotone version of the state, over epochs too")
    config: SpaceConfig
    members: int
    status: Status


class Member(_Answered):
    """Who may do what in a space."""

    id: str
    user_id: str
    role: Role
    joined_at: datetime


class SessionToken(_Answered):
    """The right to open a space's socket and telemetry stream for a while."""

    space_id: str
    session_id: str
    websocket_url: str
    sse_url: str
    token: str = Field(description="JWT for the socket")
    expires_in: int = Field(description="seconds")
    role: Role = "reader"


class Telemetry(_Answered):
    """Five measures of a state; `choir.spaces.engine.measures` defines them."""

    t: int = Field(description="ticks of 50 ms since the space was created")
    resonance_strength: float
    coherence: float
    locality: float
    entropy: float
    dominance: float


class SpaceState(_Answered):
    """Everything that deltas change."""

    phases: list[float] = Field(description="radians in [0, 2π]")
    turns: str = Field(description="the same, exact: base64 of little-endian 64-bit turns")
    operators: OperatorSet
    entropy: EntropyField
    policy: SpacePolicy


class Snapshot(_Answered):
    """A state at a version."""

    space_id: str
    epoch: int
    version: int
    state: SpaceState


class Op(_Given):
    """One operation; `path` is a JSON pointer such as ``/state/phases/3``."""

    op: OpName
    path: Annotated[str, AfterValidator(_storable)] = Field(max_length=200)
    value: JsonValue
    meta: dict[str, JsonValue] | None = Field(
        default=None, description="passed on to every replica; at most 1 KiB of JSON"
    )


class Delta(_Given):
    """What a member proposes. Everything in it happens, or nothing."""

    from_version: Version = Field(description="the version the proposer saw")
    to_version: Version | None = Field(
        default=None, description="a wish; the server's answer has the real one"
    )
    epoch: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="the epoch the proposer saw; by default that of fromVersion"
    )
    cv: tuple[Version, ...] = Field(
        default=(),
        max_length=1024,
        strict=False,
        description="versions this delta depends on; none may be ahead of the space",
    )
    ops: tuple[Op, ...] = Field(min_length=1, max_length=MAX_OPS, strict=False)
    counter: Annotated[int, Field(ge=1, le=2**53 - 1)] | None = Field(
        default=None,
        description="1, 2, 3… within a session: makes sending again safe; by default the next",
    )
    session_id: Annotated[str, AfterValidator(_storable)] | None = Field(
        default=None, max_length=64, description="whose counter; on a socket, its own session's"
    )

    @model_validator(mode="after")
    def _forward(self) -> Delta:
        if self.to_version is not None and self.to_version <= self.from_version:
            raise ValueError("toVersion must be greater than fromVersion")
        return self
