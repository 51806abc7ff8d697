"""What the space routes take and give beyond the shapes in `choir.spaces.models`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from choir.spaces.models import (
    MAX_BASIS,
    Basis,
    EntropyField,
    Member,
    OperatorSet,
    PhaseProfile,
    Role,
    Space,
    SpacePolicy,
    Status,
)

EXAMPLE: dict[str, Any] = {
    "name": "demo-room",
    "basis": {"primes": [2, 3, 5, 7, 11, 13], "cutoff": 1024},
    "phases": {"golden": True, "silver": True},
    "operators": {"resonanceTarget": 0.85},
    "entropy": {"lambda": 0.03, "collapseThreshold": 0.96},
}


class _Body(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


class SpacePage(_Body):
    """One page of spaces."""

    items: list[Space]
    next_cursor: str | None = Field(
        default=None, alias="next_cursor", description="null on the last page"
    )


class SpacePatch(_Body):
    """What to change; settings that are not named stay. A phase profile starts phases anew."""

    phases: PhaseProfile | None = None
    operators: OperatorSet | None = None
    entropy: EntropyField | None = None
    policy: SpacePolicy | None = None
    status: Status | None = Field(
        default=None, description="locked and archived spaces take no deltas"
    )


class BasisRequest(Basis):
    """A new basis."""

    primes: tuple[Annotated[int, Field(ge=2, lt=2**32)], ...] = Field(
        min_length=1, max_length=MAX_BASIS, strict=False
    )


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable characters")
    return value


class SessionRequest(_Body):
    """How to take part."""

    role: Role | None = Field(default=None, description="at most your own; by default your own")
    display_name: Annotated[str, AfterValidator(_printable)] = Field(default="", max_length=80)


class MemberRequest(_Body):
    """The role to give."""

    role: Role


class MemberList(_Body):
    """Everybody, the first to join first."""

    items: list[Member]


class SessionMade(_Body):
    """A session without its token, as an idempotent request remembers it."""

    session_id: UUID
    role: Role
    expires_at: float


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int | None = None
    detail: str | None = None
    instance: str | None = None
    code: str | None = None
    meta: dict[str, Any] | None = None


_PROBLEM = {"application/problem+json": {"schema": Problem.model_json_schema()}}
_DESCRIPTIONS = {
    400: "A field is wrong; `errors` names it.",
    401: "The token or key is missing, wrong, expired or revoked.",
    403: "Your role or your key's scopes do not reach.",
    404: "There is no such space for you.",
    409: "The present state does not allow it; `meta` has `expected` and `actual`.",
    413: "The body passes the limit.",
    422: "The Idempotency-Key was used for another request.",
    503: "The database does not answer; send it again.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may refuse with, for its ``responses=``."""
    return {
        status: {"description": _DESCRIPTIONS[status], "content": _PROBLEM} for status in statuses
    }
