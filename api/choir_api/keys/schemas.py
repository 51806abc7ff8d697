"""What the key routes take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from choir_api.auth.principal import Scope
from choir_api.responses import Schema

KeyScope = Literal[Scope.READ, Scope.WRITE, Scope.SEARCH, Scope.SPACES]


def _plain(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable characters")
    return value


class KeyRequest(Schema):
    """A key to make."""

    name: Annotated[str, AfterValidator(_plain)] = Field(
        min_length=1, max_length=80, examples=["nightly export"]
    )
    scopes: list[KeyScope] = Field(min_length=1, max_length=4, examples=[["read", "search"]])
    expires_in_s: int | None = Field(
        default=None, gt=0, le=366 * 86_400, description="None: until it is revoked"
    )


class KeyView(Schema):
    """A key without its secret."""

    key_id: UUID
    name: str
    hint: str = Field(description="how the secret begins")
    scopes: list[KeyScope]
    created_at: datetime
    expires_at: datetime | None


class NewKey(KeyView):
    """A key just made. The secret is shown once."""

    secret: str = Field(description="for `X-Api-Key`; kept nowhere")


class KeyList(Schema):
    """The wallet's keys, newest first."""

    items: list[KeyView]
