"""The program's accounts as frozen values, decoded apart from any fetching.

`Thread.decode(data)` reads bytes; `decode_account(data)` finds the type by its discriminator;
`decode_owned` also checks who owns the account, which whoever fetched it must do. Amounts are in
base units of the stake mint, times in Unix seconds. Layouts are the program's own
(`choir.idl.load_idl`).
"""

from __future__ import annotations

from typing import TypeVar

from solders.pubkey import Pubkey

from choir._program.accounts import (
    BY_DISCRIMINATOR,
    OFFSETS,
    Account,
    Config,
    Message,
    Position,
    Spec,
    Thread,
    Treasury,
)
from choir._program.types import Decision, Params, PrivacyLevel, SpecStatus, ThreadStatus
from choir.errors import WrongDiscriminator, WrongOwner
from choir.ids import PROGRAM_ID

__all__ = [
    "BY_DISCRIMINATOR",
    "DISCRIMINATORS",
    "OFFSETS",
    "Account",
    "Config",
    "Decision",
    "Message",
    "Params",
    "Position",
    "PrivacyLevel",
    "Spec",
    "SpecStatus",
    "Thread",
    "ThreadStatus",
    "Treasury",
    "claimable_now",
    "decision_of",
    "decode_account",
    "decode_owned",
]

DISCRIMINATORS: dict[type[Account], bytes] = {kind: d for d, kind in BY_DISCRIMINATOR.items()}
A = TypeVar("A", Config, Message, Position, Spec, Thread, Treasury)


def decode_account(data: bytes) -> Account:
    """An account of any type, by its discriminator. Raises WrongDiscriminator, DecodeError."""
    kind = BY_DISCRIMINATOR.get(bytes(data[:8]))
    if kind is None:
        raise WrongDiscriminator(
            f"no account of the program begins with {bytes(data[:8]).hex() or 'nothing'}"
        )
    return kind.decode(data)


def decode_owned(
    kind: type[A], data: bytes, *, owner: Pubkey, program_id: Pubkey = PROGRAM_ID
) -> A:
    """An account of one type that belongs to the program.

    Raises WrongOwner, WrongDiscriminator, DecodeError.
    """
    if owner != program_id:
        raise WrongOwner(f"not a {kind.__name__}: the account belongs to {owner}")
    return kind.decode(data)


def claimable_now(thread: Thread, position: Position) -> int:
    """What a position may claim, base units: settled rewards and those since the checkpoint.

    Rewards of a co-author are settled only when their position is touched; until then they are
    the rise of the thread's `reward_per_author`.
    """
    if position.owner not in thread.co_authors:
        return position.claimable
    return position.claimable + thread.reward_per_author - position.reward_checkpoint


def decision_of(thread: Thread, spec: Spec, who: Pubkey) -> Decision | None:
    """What a co-author has decided on a pending spec; None if nothing, or nothing still valid.

    Decisions made under an earlier set of co-authors are void.
    """
    if spec.author_epoch != thread.author_epoch or who not in thread.co_authors:
        return None
    bit = 1 << thread.co_authors.index(who)
    if spec.approvals & bit:
        return Decision.APPROVE
    return Decision.DENY if spec.denials & bit else None
