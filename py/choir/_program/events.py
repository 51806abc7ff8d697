"""Generated from the program's IDL by scripts/generate-python. Do not edit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from solders.pubkey import Pubkey

from choir._borsh import check_discriminator, malformed, read_string
from choir._program.types import Decision, Params, PrivacyLevel, SpecStatus

__all__ = [
    "AuthorJoined",
    "Deposited",
    "Divested",
    "Event",
    "Initialized",
    "MessagePosted",
    "PrivacyChanged",
    "RewardClaimed",
    "SpecDecided",
    "SpecSettled",
    "SpecSubmitted",
    "ThreadCreated",
]

_key = Pubkey.from_bytes

_DECISION = tuple(Decision)
_PRIVACY_LEVEL = tuple(PrivacyLevel)
_SPEC_STATUS = tuple(SpecStatus)

_AUTHOR_JOINED_0 = Struct("<32s32sIQq")


@dataclass(frozen=True, slots=True)
class AuthorJoined:
    """A spec's author became a co-author."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("505475e25c664857")
    thread: Pubkey
    """The thread."""
    author: Pubkey
    """The new co-author."""
    author_epoch: int
    """The set of co-authors they are in."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "AuthorJoined")
        try:
            (
                thread,
                author,
                author_epoch,
                slot,
                timestamp,
            ) = _AUTHOR_JOINED_0.unpack_from(data, 8)
            return cls(_key(thread), _key(author), author_epoch, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("AuthorJoined", data, error) from error


_DEPOSITED_0 = Struct("<32s32sQQQQQQq")


@dataclass(frozen=True, slots=True)
class Deposited:
    """A co-author added to their stake."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("6f8d1a2da1236439")
    thread: Pubkey
    """The thread."""
    owner: Pubkey
    """Who deposited."""
    amount: int
    """How much."""
    shares_minted: int
    """Shares minted for it."""
    balance_before: int
    """The thread's balance before."""
    balance_after: int
    """The thread's balance after."""
    shares_after: int
    """All shares of the thread after."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Deposited")
        try:
            (
                thread,
                owner,
                amount,
                shares_minted,
                balance_before,
                balance_after,
                shares_after,
                slot,
                timestamp,
            ) = _DEPOSITED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(owner),
                amount,
                shares_minted,
                balance_before,
                balance_after,
                shares_after,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Deposited", data, error) from error


_DIVESTED_0 = Struct("<32s32sQQQQQQq")


@dataclass(frozen=True, slots=True)
class Divested:
    """A position took some of its stake out."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("0490cc795722f90f")
    thread: Pubkey
    """The thread."""
    owner: Pubkey
    """Who divested."""
    amount: int
    """How much."""
    shares_burned: int
    """Shares burned for it."""
    balance_before: int
    """The thread's balance before."""
    balance_after: int
    """The thread's balance after."""
    shares_after: int
    """All shares of the thread after."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Divested")
        try:
            (
                thread,
                owner,
                amount,
                shares_burned,
                balance_before,
                balance_after,
                shares_after,
                slot,
                timestamp,
            ) = _DIVESTED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(owner),
                amount,
                shares_burned,
                balance_before,
                balance_after,
                shares_after,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Divested", data, error) from error


_INITIALIZED_0 = Struct("<32s32s32s32s32sQQqqqHqQq")


@dataclass(frozen=True, slots=True)
class Initialized:
    """The program was initialized."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("d0d573627352c9d1")
    authority: Pubkey
    """Who may change the settings."""
    guardian: Pubkey
    """Who may pause."""
    stake_mint: Pubkey
    """The mint of all stakes."""
    token_program: Pubkey
    """The token program that owns the mint."""
    treasury_vault: Pubkey
    """The treasury's token account."""
    params: Params
    """The settings."""
    parameter_timelock: int
    """How long changes of settings wait, seconds."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Initialized")
        try:
            (
                authority,
                guardian,
                stake_mint,
                token_program,
                treasury_vault,
                params_min_stake,
                params_min_thread_balance,
                params_approval_window,
                params_divest_cooldown,
                params_inactivity_window,
                params_messages_per_hour,
                parameter_timelock,
                slot,
                timestamp,
            ) = _INITIALIZED_0.unpack_from(data, 8)
            return cls(
                _key(authority),
                _key(guardian),
                _key(stake_mint),
                _key(token_program),
                _key(treasury_vault),
                Params(
                    params_min_stake,
                    params_min_thread_balance,
                    params_approval_window,
                    params_divest_cooldown,
                    params_inactivity_window,
                    params_messages_per_hour,
                ),
                parameter_timelock,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Initialized", data, error) from error


_MESSAGE_POSTED_0 = Struct("<32s32sQ32s32s32sBQq")


@dataclass(frozen=True, slots=True)
class MessagePosted:
    """A message was recorded."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("0b1c900de8a0fb05")
    thread: Pubkey
    """The thread."""
    author: Pubkey
    """Who wrote it."""
    index: int
    """Its place in the thread, from 0."""
    content_hash: bytes
    """sha256 of its content."""
    previous_head: bytes
    """Head of the hash chain before."""
    head: bytes
    """Head of the hash chain after."""
    privacy: PrivacyLevel
    """The thread's privacy level."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "MessagePosted")
        try:
            (
                thread,
                author,
                index,
                content_hash,
                previous_head,
                head,
                privacy,
                slot,
                timestamp,
            ) = _MESSAGE_POSTED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(author),
                index,
                content_hash,
                previous_head,
                head,
                _PRIVACY_LEVEL[privacy],
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("MessagePosted", data, error) from error


_PRIVACY_CHANGED_0 = Struct("<32s32sBBQq")


@dataclass(frozen=True, slots=True)
class PrivacyChanged:
    """A thread's privacy level was changed, for the messages to come."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("7d13601adc2843ea")
    thread: Pubkey
    """The thread."""
    by: Pubkey
    """Which co-author changed it."""
    from_: PrivacyLevel
    """The level before."""
    to: PrivacyLevel
    """The level after."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "PrivacyChanged")
        try:
            (
                thread,
                by,
                from_,
                to,
                slot,
                timestamp,
            ) = _PRIVACY_CHANGED_0.unpack_from(data, 8)
            return cls(
                _key(thread), _key(by), _PRIVACY_LEVEL[from_], _PRIVACY_LEVEL[to], slot, timestamp
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("PrivacyChanged", data, error) from error


_REWARD_CLAIMED_0 = Struct("<32s32sQQQQq")


@dataclass(frozen=True, slots=True)
class RewardClaimed:
    """A position's rewards were paid out."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("311c57549e30e5af")
    thread: Pubkey
    """The thread."""
    owner: Pubkey
    """Who was paid."""
    amount: int
    """How much."""
    total_claimable_before: int
    """What the thread owed to all positions before."""
    total_claimable_after: int
    """What the thread owes to all positions after."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "RewardClaimed")
        try:
            (
                thread,
                owner,
                amount,
                total_claimable_before,
                total_claimable_after,
                slot,
                timestamp,
            ) = _REWARD_CLAIMED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(owner),
                amount,
                total_claimable_before,
                total_claimable_after,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("RewardClaimed", data, error) from error


_SPEC_DECIDED_0 = Struct("<32s32s32sBHHIQq")


@dataclass(frozen=True, slots=True)
class SpecDecided:
    """A co-author decided on a spec."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("dffd01cf74dc2a12")
    thread: Pubkey
    """The thread."""
    spec: Pubkey
    """The spec."""
    approver: Pubkey
    """Who decided."""
    decision: Decision
    """What."""
    approvals: int
    """Bitmap of approvals after."""
    denials: int
    """Bitmap of denials after."""
    author_epoch: int
    """The set of co-authors the bitmaps go by."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "SpecDecided")
        try:
            (
                thread,
                spec,
                approver,
                decision,
                approvals,
                denials,
                author_epoch,
                slot,
                timestamp,
            ) = _SPEC_DECIDED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(spec),
                _key(approver),
                _DECISION[decision],
                approvals,
                denials,
                author_epoch,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("SpecDecided", data, error) from error


_SPEC_SETTLED_0 = Struct("<32s32s32s32sBQQQQQQQQq")


@dataclass(frozen=True, slots=True)
class SpecSettled:
    """A spec's stake left the escrow. `stake` is the sum of the four parts."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("fc7f4194b1099bef")
    thread: Pubkey
    """The thread."""
    spec: Pubkey
    """The spec."""
    author: Pubkey
    """Who submitted it."""
    content_hash: bytes
    """sha256 of its content."""
    outcome: SpecStatus
    """How it was settled."""
    stake: int
    """What was at stake."""
    to_approvers: int
    """What the approvers may claim, in equal parts."""
    to_thread: int
    """What was added to the thread's balance."""
    to_treasury: int
    """What the treasury got."""
    to_author: int
    """What went back to the author."""
    balance_before: int
    """The thread's balance before."""
    balance_after: int
    """The thread's balance after."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "SpecSettled")
        try:
            (
                thread,
                spec,
                author,
                content_hash,
                outcome,
                stake,
                to_approvers,
                to_thread,
                to_treasury,
                to_author,
                balance_before,
                balance_after,
                slot,
                timestamp,
            ) = _SPEC_SETTLED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(spec),
                _key(author),
                content_hash,
                _SPEC_STATUS[outcome],
                stake,
                to_approvers,
                to_thread,
                to_treasury,
                to_author,
                balance_before,
                balance_after,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("SpecSettled", data, error) from error


_SPEC_SUBMITTED_0 = Struct("<32s32s32s32sQIqQq")


@dataclass(frozen=True, slots=True)
class SpecSubmitted:
    """A spec was submitted and its stake put into escrow."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("3056531ac563a253")
    thread: Pubkey
    """The thread."""
    spec: Pubkey
    """The spec."""
    author: Pubkey
    """Who submitted it."""
    content_hash: bytes
    """sha256 of its content."""
    stake: int
    """What is at stake."""
    author_epoch: int
    """The set of co-authors it was opened under."""
    expires_at: int
    """When the window for decisions ends."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "SpecSubmitted")
        try:
            (
                thread,
                spec,
                author,
                content_hash,
                stake,
                author_epoch,
                expires_at,
                slot,
                timestamp,
            ) = _SPEC_SUBMITTED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(spec),
                _key(author),
                content_hash,
                stake,
                author_epoch,
                expires_at,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("SpecSubmitted", data, error) from error


_THREAD_CREATED_0 = Struct("<32s32s")

_THREAD_CREATED_2 = Struct("<32sBQQQ32sQq")


@dataclass(frozen=True, slots=True)
class ThreadCreated:
    """A thread was opened."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("3b45bdc9e670344d")
    thread: Pubkey
    """The thread."""
    creator: Pubkey
    """Who opened it; its first co-author."""
    thread_id: str
    """Its id."""
    vault: Pubkey
    """Its token account."""
    privacy: PrivacyLevel
    """Its privacy level."""
    deposit: int
    """The first deposit."""
    balance_after: int
    """Its balance."""
    shares_after: int
    """Its shares, all of them the creator's."""
    head: bytes
    """Head of its hash chain before any message."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "ThreadCreated")
        try:
            (
                thread,
                creator,
            ) = _THREAD_CREATED_0.unpack_from(data, 8)
            thread_id, at = read_string(data, 8 + _THREAD_CREATED_0.size)
            (
                vault,
                privacy,
                deposit,
                balance_after,
                shares_after,
                head,
                slot,
                timestamp,
            ) = _THREAD_CREATED_2.unpack_from(data, at)
            return cls(
                _key(thread),
                _key(creator),
                thread_id,
                _key(vault),
                _PRIVACY_LEVEL[privacy],
                deposit,
                balance_after,
                shares_after,
                head,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("ThreadCreated", data, error) from error


Event = (
    AuthorJoined
    | Deposited
    | Divested
    | Initialized
    | MessagePosted
    | PrivacyChanged
    | RewardClaimed
    | SpecDecided
    | SpecSettled
    | SpecSubmitted
    | ThreadCreated
)

BY_DISCRIMINATOR: Final[dict[bytes, type[Event]]] = {
    AuthorJoined.DISCRIMINATOR: AuthorJoined,
    Deposited.DISCRIMINATOR: Deposited,
    Divested.DISCRIMINATOR: Divested,
    Initialized.DISCRIMINATOR: Initialized,
    MessagePosted.DISCRIMINATOR: MessagePosted,
    PrivacyChanged.DISCRIMINATOR: PrivacyChanged,
    RewardClaimed.DISCRIMINATOR: RewardClaimed,
    SpecDecided.DISCRIMINATOR: SpecDecided,
    SpecSettled.DISCRIMINATOR: SpecSettled,
    SpecSubmitted.DISCRIMINATOR: SpecSubmitted,
    ThreadCreated.DISCRIMINATOR: ThreadCreated,
}
