"""The port, and the values that cross it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from choir.privacy import AccessFilter, Content, Level, access_tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Names of a message's point are made from its address, so that writing twice is writing once.
_NAMESPACE = uuid.UUID("5d2f7c0e-6f0b-5c56-9a35-0b7a3f1c9a64")


def point_id(message: str) -> uuid.UUID:
    """The id of a message's point: uuid5 of the message's base58 address."""
    return uuid.uuid5(_NAMESPACE, message)


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One message as it is stored.

    Attributes:
        message: base58 address of the message account.
        thread: base58 address of its thread.
        author: base58 wallet of its author.
        level: the privacy level it is under now; never ENCRYPTED.
        created_at: seconds since the Unix epoch, from the chain.
        content_hash: sha-256 of the text, hexadecimal, as on the chain.
        vector: float32 of shape ``(dimension,)`` and length 1.
        text: the text of public content, for the search by words; None for all other levels.

    Raises:
        ValueError: text beside a level that is not public, or an encrypted point.
    """

    message: str
    thread: str
    author: str
    level: Level
    created_at: int
    content_hash: str
    vector: NDArray[np.float32]
    text: str | None = None

    def __post_init__(self) -> None:
        if self.level is Level.ENCRYPTED:
            raise ValueError("encrypted content has no vector")
        if (self.text is not None) != (self.level is Level.PUBLIC):
            raise ValueError("a point carries text when, and only when, its content is public")

    def payload(self) -> dict[str, Any]:
        """What is stored beside the vectors."""
        payload: dict[str, Any] = {
            "message": self.message,
            "thread": self.thread,
            "author": self.author,
            "created_at": self.created_at,
            "content_hash": self.content_hash,
            **access_payload(self.thread, self.level),
        }
        if self.text is not None:
            payload["text"] = self.text
        return payload


def access_payload(thread: str, level: Level) -> dict[str, Any]:
    """The part of a payload which a change of level rewrites."""
    return {
        "level": int(level),
        "access": sorted(access_tokens(Content(thread, level))),
    }


@dataclass(frozen=True, slots=True)
class Where:
    """What the searcher asked for; never more than the access filter lets through.

    Times are seconds since the Unix epoch: ``after`` inclusive, ``before`` exclusive.
    """

    thread: str | None = None
    author: str | None = None
    level: Level | None = None
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One search.

    Attributes:
        access: what the viewer may find.
        vector: the question's meaning, float32 of shape ``(dimension,)``; None: words alone.
        words: the question's words; None: meaning alone. Words match public content only,
            because only its words are in the store.
        where: narrows the search.
        limit: results wanted, at most.
    """

    access: AccessFilter
    vector: NDArray[np.float32] | None = None
    words: str | None = None
    where: Where = Where()
    limit: int = 10


@dataclass(frozen=True, slots=True)
class Hit:
    """One result; ``score`` is the fused reciprocal rank (see :func:`choir.vectors.fuse`)."""

    message: str
    thread: str
    author: str
    level: Level
    created_at: int
    content_hash: str
    score: float


@dataclass(frozen=True, slots=True)
class Page:
    """Part of everything there is, for operators: ``next`` continues, None at the end."""

    items: tuple[Hit, ...]
    next: uuid.UUID | None


@runtime_checkable
class VectorStore(Protocol):
    """The port. Every method may raise :class:`~choir.vectors.VectorsUnavailable`."""

    async def ensure_collection(self, *, model: str, dimension: int) -> bool:
        """Makes the collection when it is not there; True when it holds no points.

        Raises:
            ModelMismatch: it holds vectors of another model.
        """
        ...

    async def upsert(self, points: Sequence[Point]) -> None:
        """Writes points whole, replacing those of the same message."""
        ...

    async def delete(self, messages: Sequence[str]) -> None:
        """Removes the points of these messages (base58); absent ones are no error."""
        ...

    async def relevel(self, thread: str, level: Level) -> None:
        """Rewrites the access payload of all points of a thread.

        Unless ``level`` is public their text and words go; under ENCRYPTED the points go.
        Text for public content comes with the next :meth:`upsert`.
        """
        ...

    async def search(self, query: Query) -> list[Hit]:
        """The best hits, best first, ties by message; each passes ``query.access``."""
        ...

    async def scroll(self, *, limit: int, after: uuid.UUID | None = None) -> Page:
        """Points in order of id, for an operator's comparison; scores are 0."""
        ...

    async def count(self) -> int:
        """All points, for an operator; no viewer's answer is made from it."""
        ...

    async def maintain(self) -> None:
        """Housekeeping when there is nothing to write; most often does nothing.

        The store may be unavailable meanwhile.
        """
        ...

    async def aclose(self) -> None:
        """Lets go of files and connections."""
        ...
