"""The envelope of thread routes: ``{data, error, metadata}``."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from choir_api.settings import API_VERSION

T = TypeVar("T")


class Schema(BaseModel):
    """Base of everything the API takes or gives: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metadata(Schema):
    """What every answer says about itself."""

    request_id: str = Field(description="also in the header `X-Request-Id`", examples=["9f2c6a1e"])
    version: str = Field(default=API_VERSION, examples=["v1"])
    slot: int | None = Field(
        default=None,
        ge=0,
        description="the mirror had seen the chain up to this slot when it was read",
        examples=[1234],
    )
    commitment: Literal["processed", "confirmed", "finalized"] | None = Field(
        default=None, description="how settled that slot is"
    )
    stale: bool = Field(
        default=False,
        description="the mirror has not moved lately: contents that are not public are withheld",
    )


class FieldError(Schema):
    """One thing that is wrong with the request."""

    field: str = Field(examples=["body.stake"])
    message: str = Field(examples=["Input should be greater than 0"])


class ErrorBody(Schema):
    """What was refused and why."""

    code: str = Field(examples=["stake_below_minimum"])
    message: str = Field(examples=["the stake is 1 base unit; the minimum is 1000000"])
    field: str | None = Field(default=None, examples=["body.stake"])
    details: dict[str, Any] = Field(default_factory=dict, examples=[{"minimum": 1_000_000}])
    errors: list[FieldError] = Field(default_factory=list)


class Envelope(Schema, Generic[T]):
    """An answer: `data` when it went well, `error` when not."""

    data: T | None = None
    error: ErrorBody | None = None
    metadata: Metadata


class Success(Schema, Generic[T]):
    """The envelope of an answer that went well."""

    data: T
    error: None = None
    metadata: Metadata


class Failure(Schema):
    """The envelope of a refusal."""

    data: None = None
    error: ErrorBody
    metadata: Metadata


def request_id(request: Request) -> str:
    """The id given to this request; see :mod:`choir_api.middleware`."""
    value: str = request.scope.get("state", {}).get("request_id", "")
    return value


def success(
    request: Request,
    data: T,
    *,
    slot: int | None = None,
    commitment: Literal["processed", "confirmed", "finalized"] | None = None,
    stale: bool = False,
) -> Success[T]:
    """Wrap `data`; `slot` and `commitment` when it comes from the mirror or the chain."""
    metadata = Metadata(
        request_id=request_id(request), slot=slot, commitment=commitment, stale=stale
    )
    return Success(data=data, metadata=metadata)


def failure(request: Request, error: ErrorBody) -> Failure:
    """Wrap a refusal."""
    return Failure(error=error, metadata=Metadata(request_id=request_id(request)))


_DESCRIPTIONS = {
    400: "A field is wrong; `error.field` names it.",
    401: "Sign in first: the token or key is missing, wrong, expired or revoked.",
    403: "Not this wallet's to do.",
    404: "Not found.",
    409: "The present state does not allow it.",
    412: "Made for a state that has passed.",
    413: "The body passes the limit.",
    422: "The idempotency key was used for another request.",
    429: "Over the allowance; `Retry-After` says when to come again.",
    503: "The database, the chain or the mirror does not answer.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may refuse with, for its ``responses=``; 400 and 413 come with any body."""
    return {status: {"model": Failure, "description": _DESCRIPTIONS[status]} for status in statuses}
