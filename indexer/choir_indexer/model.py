"""What sources give and what the pipeline passes on: plain values, no behaviour.

Slots are u64. Addresses are 32 bytes, signatures 64. What comes in its thousands is a tuple, which
is made in half the time of a frozen dataclass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = [
    "FETCHED",
    "AccountUpdate",
    "Call",
    "Frontier",
    "Hint",
    "HistoryBatch",
    "Lost",
    "RawTransaction",
    "SignatureRef",
    "SignatureSeen",
    "SlotSeen",
]

U64_MAX: Final = 2**64 - 1

# Write versions of accounts that were asked for start here. An answer at slot S is the account
# at the end of S, so it is newer than anything announced within S; what a pub/sub announces is
# numbered from 1 in order of arrival.
FETCHED: Final = 2**63


class AccountUpdate(NamedTuple):
    """An account as of `slot`: its data, or its absence.

    `write_version` orders updates of one slot. `data` is None when no account of the program is
    at this address: closed, given to another program, or never there. With `certain` such an
    absence leaves a tombstone even where the mirror knew nothing; without, only where it knew
    an account.
    """

    pubkey: bytes
    slot: int
    write_version: int
    data: bytes | None
    lamports: int = 0
    owner: bytes | None = None
    certain: bool = True

    @property
    def version(self) -> tuple[int, int]:
        """Newer wins."""
        return (self.slot, self.write_version)


@dataclass(frozen=True, slots=True)
class SignatureRef:
    """A transaction as a history lists it. `position` counts within its slot, in chain order;
    `name` is the signature in base58, where the source gave it so."""

    signature: bytes
    slot: int
    position: int
    name: str | None = field(default=None, compare=False)


class Call(NamedTuple):
    """An instruction that another instruction sent to the program."""

    accounts: tuple[bytes, ...]
    data: bytes


class RawTransaction(NamedTuple):
    """A transaction that names the program, its calls not yet decoded: the same value whatever
    the source gave.

    `keys` are the message's addresses, then those from lookup tables, writable ones first; the
    fee payer is the first. `error` is the node's JSON of it, None when it succeeded. `calls` are
    those that the program got from other instructions, in the order they ran; `logged` is what it
    wrote to the log as data (`emit!`), and `log_cut` says that the node left out the log's end, or
    all of it.
    """

    ref: SignatureRef
    fee: int
    error: Any
    block_time: int | None
    keys: tuple[bytes, ...]
    writable: frozenset[bytes]
    calls: tuple[Call, ...]
    logged: tuple[bytes, ...] = ()
    log_cut: bool = False


@dataclass(frozen=True, slots=True)
class HistoryBatch:
    """Whole slots of history, oldest first.

    Every transaction that names the program in the slots (`after`, `through`] is in
    `transactions`, in chain order. `recheck` lists signatures at or below the slot the history
    was asked to start after, seen once more: all of them must be known already, and all that
    is known in slots after `rechecked_after` must be among them (None: nothing was looked at).
    `begins` is set when slots before it are not to be had: of a new mirror's first batch only.
    """

    after: int
    through: int
    transactions: tuple[RawTransaction, ...]
    recheck: tuple[SignatureRef, ...] = ()
    rechecked_after: int | None = None
    begins: int | None = None


@dataclass(frozen=True, slots=True)
class Frontier:
    """How far a history can be complete now: the newest slot at the mirror's commitment, and
    the newest that is final."""

    slot: int
    finalized: int


@dataclass(frozen=True, slots=True)
class SlotSeen:
    """The chain has moved."""

    slot: int


@dataclass(frozen=True, slots=True)
class SignatureSeen:
    """A transaction that names the program was announced."""

    signature: bytes
    slot: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Announcements were dropped because the mirror could not keep up; history has them."""

    count: int = field(default=1)


Hint: TypeAlias = AccountUpdate | SlotSeen | SignatureSeen | Lost
