"""Values of the port as MessagePack, for the store that is hosted by another process.

Vectors travel as little-endian float32 bytes. What arrives is checked field by field: a
value that does not fit raises :class:`WireError`.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from choir.privacy import AccessFilter, Level
from choir.vectors.errors import VectorsError
from choir.vectors.protocol import Hit, Page, Point, Query, Where

CONTENT_TYPE = "application/msgpack"


class WireError(VectorsError):
    """Bytes that are not what the other side should have sent."""


def pack(value: Any) -> bytes:
    """Any plain value to bytes."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def unpack(data: bytes) -> Any:
    """Bytes to a plain value."""
    try:
        return msgpack.unpackb(data, raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"not MessagePack: {error}") from error


def vector_to(vector: NDArray[np.float32] | None) -> bytes | None:
    """A vector's bytes."""
    return None if vector is None else np.asarray(vector, "<f4").tobytes()


def vector_from(data: bytes | None) -> NDArray[np.float32] | None:
    """A vector from its bytes."""
    return None if data is None else np.frombuffer(data, "<f4").astype(np.float32)


def point_to(point: Point) -> dict[str, Any]:
    """A point as a plain value."""
    return {
        "message": point.message,
        "thread": point.thread,
        "author": point.author,
        "level": int(point.level),
        "created_at": point.created_at,
        "content_hash": point.content_hash,
        "vector": vector_to(point.vector),
        "text": point.text,
    }


def point_from(value: dict[str, Any]) -> Point:
    """The point of a plain value."""
    try:
        vector = vector_from(value["vector"])
        if vector is None:
            raise WireError("a point needs a vector")
        return Point(**{**value, "level": Level(value["level"]), "vector": vector})
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"not a point: {error}") from error


def query_to(query: Query) -> dict[str, Any]:
    """A query as a plain value."""
    where = asdict(query.where)
    where["level"] = None if query.where.level is None else int(query.where.level)
    return {
        "access": query.access.sorted(),
        "vector": vector_to(query.vector),
        "words": query.words,
        "where": where,
        "limit": query.limit,
    }


def query_from(value: dict[str, Any]) -> Query:
    """The query of a plain value; one without an access filter is refused."""
    try:
        where = dict(value["where"])
        if where["level"] is not None:
            where["level"] = Level(where["level"])
        return Query(
            access=AccessFilter(frozenset(value["access"])),
            vector=vector_from(value["vector"]),
            words=value["words"],
            where=Where(**where),
            limit=int(value["limit"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"not a query: {error}") from error


def hit_to(hit: Hit) -> dict[str, Any]:
    """A hit as a plain value."""
    return {**asdict(hit), "level": int(hit.level)}


def hit_from(value: dict[str, Any]) -> Hit:
    """The hit of a plain value."""
    try:
        return Hit(**{**value, "level": Level(value["level"])})
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"not a hit: {error}") from error


def page_to(page: Page) -> dict[str, Any]:
    """A page as a plain value."""
    return {
        "items": [hit_to(hit) for hit in page.items],
        "next": str(page.next) if page.next is not None else None,
    }


def page_from(value: dict[str, Any]) -> Page:
    """The page of a plain value."""
    try:
        following = value["next"]
        return Page(
            tuple(hit_from(item) for item in value["items"]),
            uuid.UUID(following) if following is not None else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"not a page: {error}") from error
