"""Frames of the thread socket: ``{id, type, payload, timestamp, thread_id?, seq?}``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from choir_api.errors import ValidationFailed
from choir_api.fields import Address, ThreadId, TransactionSignature

Channel: TypeAlias = Literal["thread", "approvals", "specs"]
ALL_CHANNELS: frozenset[Channel] = frozenset({"thread", "approvals", "specs"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(_Strict):
    """Who comes: a token, a wallet that will sign, or nobody in particular."""

    token: str | None = Field(default=None, max_length=4096)
    api_key: str | None = Field(default=None, max_length=200)
    address: Address | None = None


class Answer(_Strict):
    """The challenge, signed."""

    signature: TransactionSignature
    signed_message: str | None = Field(default=None, max_length=8192)


class Place(_Strict):
    """A position in a thread's events."""

    epoch: int = Field(ge=0, le=(1 << 63) - 1)
    seq: int = Field(ge=0, le=(1 << 63) - 1)


class Subscribe(_Strict):
    """What to send of a thread, and where the subscriber already is."""

    channels: frozenset[Channel] = ALL_CHANNELS
    resume: Place | None = None


class Nothing(_Strict):
    """No payload."""


class Incoming(_Strict):
    """A frame from a client."""

    id: UUID
    type: Annotated[str, Field(max_length=64)]
    payload: dict[str, Any] = Field(default_factory=dict)
    timestamp: Any = None
    thread_id: ThreadId | None = None
    seq: Annotated[int, Field(ge=0, le=(1 << 63) - 1)] | None = None


def parse(kind: type[BaseModel], value: Any, place: str) -> Any:
    """`value` as `kind`.

    Raises:
        ValidationFailed: naming the field.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join([place, *(str(part) for part in first["loc"])])
        raise ValidationFailed(f"{field}: {first['msg']}", code="bad_frame", field=field) from None


def frame(
    kind: str,
    payload: dict[str, Any],
    now: datetime,
    *,
    thread_id: str | None = None,
    seq: int | None = None,
    reply_to: UUID | None = None,
) -> dict[str, Any]:
    """A frame from the server. `reply_to` goes into the payload as ``re``."""
    built: dict[str, Any] = {
        "id": str(uuid4()),
        "type": kind,
        "payload": payload if reply_to is None else {**payload, "re": str(reply_to)},
        "timestamp": now.isoformat(),
    }
    if thread_id is not None:
        built["thread_id"] = thread_id
    if seq is not None:
        built["seq"] = seq
    return built
