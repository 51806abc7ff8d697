"""What the mirror asks of a source, and what a source owes it.

Announcements (:class:`Feed`) are hints: they may be lost, repeated or come in any order, and
nothing is wrong but late. What the mirror's completeness rests on are the other methods:

- `frontier()` names a slot whose block can no longer change at the mirror's commitment;
- `history(after, through)` gives every transaction that names the program in those slots, in
  chain order, or raises; it never leaves one out silently (see `begins` of the first batch);
- `accounts(…, at_least=s)` and `snapshot(at_least=s)` answer as of slot `s` or later, with the
  slot they answer for, or raise;
- `blocks(slots)` says which of these slots the chain has now.

What was given of slots that are not final may turn out to be of a fork that the chain has left.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from choir_indexer.model import AccountUpdate, Frontier, Hint, HistoryBatch, SignatureRef

__all__ = [
    "BadTransaction",
    "Feed",
    "Forked",
    "Gap",
    "MissingTransaction",
    "NotListed",
    "NotServed",
    "Pruned",
    "Snapshot",
    "Source",
    "SourceError",
    "SourceLost",
]


class SourceError(Exception):
    """The source cannot do what it was asked now; nothing was skipped, try again later."""


class SourceLost(SourceError):
    """The connection that announces is gone; open a new one."""


class Gap(SourceError):
    """The source does not give history that it is known to have."""


class BadTransaction(Gap):
    """What it gives is not a transaction, or not the one that was asked for."""


class MissingTransaction(Gap):
    """It lists a transaction that it does not give."""


class NotListed(Gap):
    """Its history does not list a transaction that it announced, or gave before."""


class Pruned(Gap):
    """Its history ends before it reaches what the mirror has."""


class Forked(SourceError):
    """Slots that it gave are no longer in the chain, which went on from another fork.

    Args:
        back_to: the newest slot that stands as it was given.
        reason: what proves it, for a person.
    """

    def __init__(self, back_to: int, reason: str) -> None:
        super().__init__(reason)
        self.back_to = back_to


class NotServed(SourceError):
    """It does not answer this kind of question at all."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every account of the program as of the end of `slot`, part by part as they arrive; each
    update carries that slot. That it is every account is only true once the parts have come to
    their end: one that breaks off raises `SourceError`."""

    slot: int
    parts: AsyncIterator[Sequence[AccountUpdate]]


class Feed(Protocol):
    """Announcements, from the moment it was opened."""

    async def take(self) -> Sequence[Hint]:
        """What has been announced since, at least one. Raises SourceLost."""
        ...


class Source(Protocol):
    """A chain, seen for one program. Every method may raise `SourceError`."""

    async def genesis_hash(self) -> str:
        """Which chain this is, in base58."""
        ...

    async def program_missing(self) -> str | None:
        """Why the program cannot be followed on this chain, None when it can."""
        ...

    def feed(self, *, after: int | None = None) -> AbstractAsyncContextManager[Feed]:
        """Open the announcements; once entered, nothing that happens goes unannounced. `after` is
        the slot up to which the mirror has everything, for a source that can go on from there."""
        ...

    async def frontier(self) -> Frontier:
        """How far history can be asked for now."""
        ...

    def history(
        self,
        after: int,
        through: int,
        *,
        overlap: int = 0,
        anchor: SignatureRef | None = None,
    ) -> AsyncGenerator[HistoryBatch, None]:
        """Slots (`after`, `through`] in whole slots, oldest first, the last batch through
        `through`; with the signatures of the last `overlap` slots before to check again.

        `anchor` is the newest transaction that the mirror has and that is final. A
        history that does not go back so far has to be proven complete otherwise. Only one from
        slot 0 may begin later, and says where in `begins`; any other raises `Pruned`.
        """
        ...

    def signatures(
        self, after: int, through: int
    ) -> AsyncGenerator[Sequence[tuple[bytes, int]], None]:
        """The transactions of those slots, as far back as the source lists them: signature and
        slot, newest first, in pages."""
        ...

    async def accounts(self, pubkeys: Collection[bytes], *, at_least: int) -> list[AccountUpdate]:
        """These accounts as of `at_least` or later; one that is not the program's is an
        uncertain absence."""
        ...

    def snapshot(
        self, *, at_least: int, final: bool = False
    ) -> AbstractAsyncContextManager[Snapshot]:
        """Every account of the program, to be read once, before the block ends; with `final` as of
        a slot that cannot be undone."""
        ...

    async def blocks(self, slots: Collection[int]) -> set[int]:
        """Those of these slots, none newer than the frontier, that have a block.

        Raises:
            Pruned: the source's blocks do not reach back to one that it does not name.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
