"""The program's accounts as frozen values, decoded apart from any fetching.

`Thread.decode(data)` reads bytes; `decode_account(data)` finds the type by its discriminator;
`decode_owned` also checks who owns the account, which whoever fetched it must do. Amounts are in
base units of the stake mint, times in Unix seconds. Layouts are the program's own
(`choir.idl.load_idl`).
"""

from __future__ import annotations

from enum import IntFlag
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
    TreasuryProposal,
)
from choir._program.types import (
    ConfigChange,
    Decision,
    Params,
    PrivacyLevel,
    SpecStatus,
    ThreadStatus,
    TreasuryAction,
    TreasuryActionMint,
    TreasuryActionSetSigners,
    TreasuryActionSpend,
)
from choir.errors import WrongDiscriminator, WrongOwner
from choir.ids import PROGRAM_ID
from choir.money import rebased_shares

__all__ = [
    "BY_DISCRIMINATOR",
    "DISCRIMINATORS",
    "OFFSETS",
    "Account",
    "Config",
    "ConfigChange",
    "Decision",
    "Message",
    "Params",
    "PauseFamily",
    "Position",
    "PrivacyLevel",
    "Spec",
    "SpecStatus",
    "Thread",
    "ThreadStatus",
    "Treasury",
    "TreasuryAction",
    "TreasuryActionMint",
    "TreasuryActionSetSigners",
    "TreasuryActionSpend",
    "TreasuryProposal",
    "approvals_of",
    "claimable_now",
    "counted_shares",
    "decision_of",
    "decode_account",
    "decode_owned",
    "divest_from",
    "paused_families",
]

DISCRIMINATORS: dict[type[Account], bytes] = {kind: d for d, kind in BY_DISCRIMINATOR.items()}
A = TypeVar("A", Config, Message, Position, Spec, Thread, Treasury, TreasuryProposal)


class PauseFamily(IntFlag):
    """The families of instructions that can be paused on their own; the bits of `pause`."""

    THREADS = 1
    """`create_thread` and `deposit`."""
    MESSAGES = 2
    """`post_message`."""
    SPECS = 4
    """`submit_spec`."""
    DECISIONS = 8
    """`process_approval`."""
    EXITS = 16
    """`claim`, `divest`, `expire_spec`, `withdraw_spec`, `leave_thread`, `wind_down_thread` and
    `close_thread`."""
    SETTINGS = 32
    """`set_privacy` and `retire_author`."""
    TREASURY = 64
    """`propose_treasury`, `approve_treasury` and `execute_treasury`."""

    @property
    def place(self) -> int:
        """The place of one family in `Config.paused_until`."""
        return self.value.bit_length() - 1


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


def counted_shares(thread: Thread, position: Position) -> int:
    """All shares of a thread, as a deposit or divestment of this position counts them.

    The only holder's are first re-counted, one for each unit of the balance.
    """
    if position.shares == thread.total_shares:
        return rebased_shares(thread.balance, thread.total_shares)
    return thread.total_shares


def divest_from(config: Config, thread: Thread, position: Position) -> int:
    """From when on a position may divest, Unix seconds.

    The cooldown is never longer than when the thread was opened, and none while it is wound down.
    """
    if thread.status is not ThreadStatus.OPEN:
        return 0
    return position.last_stake_at + min(config.params.divest_cooldown, thread.divest_cooldown)


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


def paused_families(config: Config, now: int) -> PauseFamily:
    """The families that are paused at `now`, Unix seconds; falsy when none is."""
    return PauseFamily(
        sum(1 << place for place, until in enumerate(config.paused_until) if now < until)
    )


def approvals_of(treasury: Treasury, proposal: TreasuryProposal) -> tuple[Pubkey, ...]:
    """The signers whose approvals of a proposal count, in the treasury's order.

    Approvals given under an earlier set of signers are void.
    """
    if proposal.signer_epoch != treasury.signer_epoch:
        return ()
    return tuple(
        signer for place, signer in enumerate(treasury.signers) if proposal.approvals >> place & 1
    )
