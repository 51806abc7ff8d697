"""Cursors: opaque, signed, and naming the last row seen, so inserts move nothing."""

from __future__ import annotations

import base64
import hmac
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import Field

from choir_api.errors import ValidationFailed
from choir_api.responses import Schema

T = TypeVar("T")
MAC_SIZE = 16
MAX_PAGE = 100

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="rows a page")]
Cursor = Annotated[
    str | None,
    Query(max_length=1000, description="`next_cursor` of the page before"),
]


class Page(Schema, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(default=None, description="None on the last page")


class Cursors:
    """Makes and reads the cursors of this server.

    Args:
        secret: what they are signed with.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"choir cursors", "sha256")

    def make(self, listing: str, after: list[Any]) -> str:
        """A cursor for `listing` (its name and filters) that continues behind `after`."""
        body = orjson.dumps(after)
        return base64.urlsafe_b64encode(self._mac(listing, body) + body).rstrip(b"=").decode()

    def read(self, listing: str, cursor: str | None) -> list[Any] | None:
        """Where to continue, or None for the first page.

        Raises:
            ValidationFailed: not a cursor of this listing.
        """
        if cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raw = b""
        mac, body = raw[:MAC_SIZE], raw[MAC_SIZE:]
        if not hmac.compare_digest(mac, self._mac(listing, body)):
            raise ValidationFailed(
                "not a cursor of this list; take `next_cursor` of its page before, "
                "with the same filters",
                field="query.cursor",
                code="bad_cursor",
            )
        after: list[Any] = orjson.loads(body)
        return after

    def _mac(self, listing: str, body: bytes) -> bytes:
        return hmac.digest(self._key, listing.encode() + b"\0" + body, "sha256")[:MAC_SIZE]
