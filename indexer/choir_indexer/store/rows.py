"""Rows of the mirror as its readers get them: frozen values.

Addresses and hashes are bytes, amounts base units of the stake mint, times seconds since the
epoch. The `slot` of an account's row is what it is as of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from choir.accounts import PrivacyLevel, SpecStatus, ThreadStatus

if TYPE_CHECKING:
    from choir.rpc import Commitment

__all__ = [
    "ConfigRow",
    "Counts",
    "EventRow",
    "Head",
    "MessageRow",
    "PositionRow",
    "ProposalRow",
    "SpecRow",
    "ThreadRow",
    "TransactionRow",
    "TreasuryRow",
    "WatermarkRow",
]


@dataclass(frozen=True, slots=True)
class WatermarkRow:
    """`slot` is complete; up to `finalized_slot` nothing can be undone. `commitment` is what
    announcements are taken at, and so what rows of later slots are at. `genesis_hash` and
    `program_id` say of what; `updated_at` is seconds since the epoch. With a `history_slot`, the
    node that filled the mirror had forgotten what is older: transactions before that slot are
    not here, while accounts are. Some transactions up to `retired_slot`, and events up to
    `retired_events_slot`, are no longer kept; of later slots all are (None: none was retired).
    `events_whole` says whether no event is missing all the same."""

    slot: int
    finalized_slot: int | None
    commitment: Commitment
    updated_at: float
    genesis_hash: str
    program_id: str
    history_slot: int | None = None
    events_whole: bool = True
    retired_slot: int | None = None
    retired_events_slot: int | None = None

    def commitment_of(self, slot: int) -> Commitment:
        """How settled a row as of `slot` is, when both were read in one transaction."""
        if self.finalized_slot is not None and slot <= self.finalized_slot:
            return "finalized"
        return "confirmed" if slot <= self.slot else self.commitment


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """The program's settings; `params` as in the IDL, by field name. `pending_change` holds the
    proposed `params`, `guardian` and `parameter_timelock`, None when none is proposed.
    `paused_until` is by the place of the family's bit (`choir.accounts.PauseFamily`)."""

    pubkey: bytes
    authority: bytes
    pending_authority: bytes | None
    guardian: bytes
    stake_mint: bytes
    token_program: bytes
    treasury: bytes
    treasury_vault: bytes
    mint_decimals: int
    params: Mapping[str, int]
    parameter_timelock: int
    pending_change: Mapping[str, Any] | None
    pending_at: int
    paused_until: tuple[int, ...]
    slot: int


@dataclass(frozen=True, slots=True)
class TreasuryRow:
    """The treasury's signers and vault."""

    pubkey: bytes
    threshold: int
    signer_epoch: int
    proposal_count: int
    vault: bytes
    signers: tuple[bytes, ...]
    slot: int


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal to the treasury's signers; `approvals` is a bitmap over those of
    `signer_epoch`. `action` has its `kind` (spend, mint, set_signers) beside its fields."""

    pubkey: bytes
    index: int
    proposer: bytes
    signer_epoch: int
    approvals: int
    created_at: int
    expires_at: int
    executed_at: int
    action: Mapping[str, Any]
    slot: int


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread as of `slot`. `co_authors` in the order that the specs' bitmaps count."""

    pubkey: bytes
    thread_id: str
    status: ThreadStatus
    privacy: PrivacyLevel
    author_epoch: int
    pending_specs: int
    creator: bytes
    vault: bytes
    balance: int
    total_claimable: int
    total_shares: int
    reward_per_author: int
    message_count: int
    head: bytes
    created_at: int
    updated_at: int
    spec_count: int
    min_balance: int
    divest_cooldown: int
    co_authors: tuple[bytes, ...]
    slot: int


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A position as of `slot`. `claimable` is what may be claimed now: what is settled in the
    account, and for a current co-author the thread's rewards since their checkpoint."""

    pubkey: bytes
    thread: bytes
    owner: bytes
    shares: int
    claimable: int
    settled_claimable: int
    last_stake_at: int
    last_action_at: int
    window_start: int
    window_count: int
    slot: int


@dataclass(frozen=True, slots=True)
class SpecRow:
    """A spec as of `slot`; `approvals` and `denials` are bitmaps over the co-authors of
    `author_epoch`. `sequence` is which of the thread's submissions it is; `privacy` the level its
    author has signed, which its content is never more public than."""

    pubkey: bytes
    thread: bytes
    author: bytes
    content_hash: bytes
    status: SpecStatus
    stake: int
    approvals: int
    denials: int
    author_epoch: int
    submitted_at: int
    expires_at: int
    resolved_at: int
    sequence: int
    privacy: PrivacyLevel
    slot: int


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message on the chain; `posted_slot` is when, `slot` what the row is as of."""

    pubkey: bytes
    thread: bytes
    author: bytes
    index: int
    privacy: PrivacyLevel
    content_hash: bytes
    previous_head: bytes
    posted_slot: int
    created_at: int
    slot: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of a thread at `(epoch, seq)`. `payload` holds the event's fields: addresses in
    base58, bytes in hexadecimal, enums by name."""

    thread: bytes
    epoch: int
    seq: int
    slot: int
    signature: bytes
    ordinal: int
    kind: str
    payload: Mapping[str, Any]
    at: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest position of a thread's events; `seq` 0 when there is none yet."""

    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A transaction of the program. `error` is the node's JSON, None when it succeeded. Until it
    is finalized it may vanish with a fork."""

    signature: bytes
    slot: int
    error: Any
    fee: int
    fee_payer: bytes
    block_time: int | None
    commitment: Commitment


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows the mirror holds."""

    accounts: int
    closed: int
    threads: int
    positions: int
    specs: int
    messages: int
    transactions: int
    events: int
    outbox: int
    dead_letters: int
