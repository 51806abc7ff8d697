"""Generated from the program's IDL by scripts/generate-python. Do not edit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from solders.pubkey import Pubkey

from choir._borsh import check_discriminator, malformed, read_string
from choir._program.types import (
    ConfigChange,
    Decision,
    Params,
    PrivacyLevel,
    SpecStatus,
    TreasuryAction,
    read_treasury_action,
)

__all__ = [
    "AuthorJoined",
    "AuthorLeft",
    "AuthorRetired",
    "AuthorityAccepted",
    "AuthorityOffered",
    "ConfigApplied",
    "ConfigCancelled",
    "ConfigProposed",
    "Deposited",
    "Divested",
    "Event",
    "Initialized",
    "MessagePosted",
    "Paused",
    "PositionCleaned",
    "PrivacyChanged",
    "RewardClaimed",
    "SharesRebased",
    "SpecCleaned",
    "SpecDecided",
    "SpecSettled",
    "SpecSubmitted",
    "ThreadClosed",
    "ThreadClosing",
    "ThreadCreated",
    "TreasuryApproved",
    "TreasuryCancelled",
    "TreasuryCleaned",
    "TreasuryExecuted",
    "TreasuryProposed",
    "Unpaused",
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


_AUTHOR_LEFT_0 = Struct("<32s32sIQq")


@dataclass(frozen=True, slots=True)
class AuthorLeft:
    """A co-author left."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("53bb186f93591437")
    thread: Pubkey
    """The thread."""
    author: Pubkey
    """Who left."""
    author_epoch: int
    """The set of co-authors they are no longer in."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "AuthorLeft")
        try:
            (
                thread,
                author,
                author_epoch,
                slot,
                timestamp,
            ) = _AUTHOR_LEFT_0.unpack_from(data, 8)
            return cls(_key(thread), _key(author), author_epoch, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("AuthorLeft", data, error) from error


_AUTHOR_RETIRED_0 = Struct("<32s32s32sIqQq")


@dataclass(frozen=True, slots=True)
class AuthorRetired:
    """A co-author who had done nothing for long was retired by another."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("6ba2c0c543a8a079")
    thread: Pubkey
    """The thread."""
    author: Pubkey
    """Who was retired."""
    by: Pubkey
    """Which co-author retired them."""
    author_epoch: int
    """The set of co-authors they are no longer in."""
    last_action_at: int
    """When they last did anything in the thread."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "AuthorRetired")
        try:
            (
                thread,
                author,
                by,
                author_epoch,
                last_action_at,
                slot,
                timestamp,
            ) = _AUTHOR_RETIRED_0.unpack_from(data, 8)
            return cls(
                _key(thread), _key(author), _key(by), author_epoch, last_action_at, slot, timestamp
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("AuthorRetired", data, error) from error


_AUTHORITY_ACCEPTED_0 = Struct("<32s32sQq")


@dataclass(frozen=True, slots=True)
class AuthorityAccepted:
    """The authority over the settings was handed over."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("a6c0dbbc29d1c31a")
    authority: Pubkey
    """The authority now."""
    previous: Pubkey
    """The authority before."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "AuthorityAccepted")
        try:
            (
                authority,
                previous,
                slot,
                timestamp,
            ) = _AUTHORITY_ACCEPTED_0.unpack_from(data, 8)
            return cls(_key(authority), _key(previous), slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("AuthorityAccepted", data, error) from error


_AUTHORITY_OFFERED_0 = Struct("<32s32sQq")


@dataclass(frozen=True, slots=True)
class AuthorityOffered:
    """The authority over the settings was offered to somebody, or an offer taken back."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("8569e0857ef7dc66")
    authority: Pubkey
    """The authority."""
    pending: Pubkey
    """Who may accept; zeros when nobody may any more."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "AuthorityOffered")
        try:
            (
                authority,
                pending,
                slot,
                timestamp,
            ) = _AUTHORITY_OFFERED_0.unpack_from(data, 8)
            return cls(_key(authority), _key(pending), slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("AuthorityOffered", data, error) from error


_CONFIG_APPLIED_0 = Struct("<QQqqqH32sqQq")


@dataclass(frozen=True, slots=True)
class ConfigApplied:
    """A proposed change of the settings came into force."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("c1655acd717db80d")
    change: ConfigChange
    """The change."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "ConfigApplied")
        try:
            (
                change_params_min_stake,
                change_params_min_thread_balance,
                change_params_approval_window,
                change_params_divest_cooldown,
                change_params_inactivity_window,
                change_params_messages_per_hour,
                change_guardian,
                change_parameter_timelock,
                slot,
                timestamp,
            ) = _CONFIG_APPLIED_0.unpack_from(data, 8)
            return cls(
                ConfigChange(
                    Params(
                        change_params_min_stake,
                        change_params_min_thread_balance,
                        change_params_approval_window,
                        change_params_divest_cooldown,
                        change_params_inactivity_window,
                        change_params_messages_per_hour,
                    ),
                    _key(change_guardian),
                    change_parameter_timelock,
                ),
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("ConfigApplied", data, error) from error


_CONFIG_CANCELLED_0 = Struct("<QQqqqH32sqQq")


@dataclass(frozen=True, slots=True)
class ConfigCancelled:
    """A proposed change of the settings was taken back."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("e6e6074c9ddfa8f4")
    change: ConfigChange
    """The change."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "ConfigCancelled")
        try:
            (
                change_params_min_stake,
                change_params_min_thread_balance,
                change_params_approval_window,
                change_params_divest_cooldown,
                change_params_inactivity_window,
                change_params_messages_per_hour,
                change_guardian,
                change_parameter_timelock,
                slot,
                timestamp,
            ) = _CONFIG_CANCELLED_0.unpack_from(data, 8)
            return cls(
                ConfigChange(
                    Params(
                        change_params_min_stake,
                        change_params_min_thread_balance,
                        change_params_approval_window,
                        change_params_divest_cooldown,
                        change_params_inactivity_window,
                        change_params_messages_per_hour,
                    ),
                    _key(change_guardian),
                    change_parameter_timelock,
                ),
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("ConfigCancelled", data, error) from error


_CONFIG_PROPOSED_0 = Struct("<QQqqqH32sqqQq")


@dataclass(frozen=True, slots=True)
class ConfigProposed:
    """A change of the settings was proposed."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("942217812da142c0")
    change: ConfigChange
    """The change."""
    applies_at: int
    """When it may be applied."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "ConfigProposed")
        try:
            (
                change_params_min_stake,
                change_params_min_thread_balance,
                change_params_approval_window,
                change_params_divest_cooldown,
                change_params_inactivity_window,
                change_params_messages_per_hour,
                change_guardian,
                change_parameter_timelock,
                applies_at,
                slot,
                timestamp,
            ) = _CONFIG_PROPOSED_0.unpack_from(data, 8)
            return cls(
                ConfigChange(
                    Params(
                        change_params_min_stake,
                        change_params_min_thread_balance,
                        change_params_approval_window,
                        change_params_divest_cooldown,
                        change_params_inactivity_window,
                        change_params_messages_per_hour,
                    ),
                    _key(change_guardian),
                    change_parameter_timelock,
                ),
                applies_at,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("ConfigProposed", data, error) from error


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
    """Its privacy level."""
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


_PAUSED_0 = Struct("<32sBqQq")


@dataclass(frozen=True, slots=True)
class Paused:
    """Families of instructions were paused."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("acf805fd31ffffe8")
    by: Pubkey
    """Who paused them."""
    families: int
    """Which, a bit each."""
    until: int
    """When the pause ends by itself."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Paused")
        try:
            (
                by,
                families,
                until,
                slot,
                timestamp,
            ) = _PAUSED_0.unpack_from(data, 8)
            return cls(_key(by), families, until, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Paused", data, error) from error


_POSITION_CLEANED_0 = Struct("<32s32sQq")


@dataclass(frozen=True, slots=True)
class PositionCleaned:
    """An empty position was closed; its rent went back to who paid it."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("778d9c7257065365")
    thread: Pubkey
    """The thread."""
    owner: Pubkey
    """Whose it was."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "PositionCleaned")
        try:
            (
                thread,
                owner,
                slot,
                timestamp,
            ) = _POSITION_CLEANED_0.unpack_from(data, 8)
            return cls(_key(thread), _key(owner), slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("PositionCleaned", data, error) from error


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


_SHARES_REBASED_0 = Struct("<32s32sQQQq")


@dataclass(frozen=True, slots=True)
class SharesRebased:
    """All shares of a thread were in one hand and were re-counted, one for each unit of the
    balance. What they are worth did not change.
    """

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("924dcdbcfcb4669b")
    thread: Pubkey
    """The thread."""
    owner: Pubkey
    """Who has all shares."""
    shares_before: int
    """Their shares, all of the thread's, before."""
    shares_after: int
    """Their shares, all of the thread's, after: the thread's balance."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "SharesRebased")
        try:
            (
                thread,
                owner,
                shares_before,
                shares_after,
                slot,
                timestamp,
            ) = _SHARES_REBASED_0.unpack_from(data, 8)
            return cls(_key(thread), _key(owner), shares_before, shares_after, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("SharesRebased", data, error) from error


_SPEC_CLEANED_0 = Struct("<32s32s32s32sQQQq")


@dataclass(frozen=True, slots=True)
class SpecCleaned:
    """A settled spec's accounts were closed; their rent went back to who paid it."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("7aa9fb4a9400a5ff")
    thread: Pubkey
    """The thread."""
    spec: Pubkey
    """The spec."""
    author: Pubkey
    """Who had submitted it."""
    content_hash: bytes
    """sha256 of its content."""
    sequence: int
    """Which of the thread's submissions it was."""
    swept: int
    """What strangers had sent to the escrow, now the treasury's."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "SpecCleaned")
        try:
            (
                thread,
                spec,
                author,
                content_hash,
                sequence,
                swept,
                slot,
                timestamp,
            ) = _SPEC_CLEANED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(spec),
                _key(author),
                content_hash,
                sequence,
                swept,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("SpecCleaned", data, error) from error


_SPEC_DECIDED_0 = Struct("<32s32sQ32sBHHIQq")


@dataclass(frozen=True, slots=True)
class SpecDecided:
    """A co-author decided on a spec."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("dffd01cf74dc2a12")
    thread: Pubkey
    """The thread."""
    spec: Pubkey
    """The spec."""
    sequence: int
    """Which of the thread's submissions it is about."""
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
                sequence,
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
                sequence,
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


_SPEC_SETTLED_0 = Struct("<32s32s32s32sQBQQQQQQQQq")


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
    sequence: int
    """Which of the thread's submissions it was."""
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
                sequence,
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
                sequence,
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


_SPEC_SUBMITTED_0 = Struct("<32s32s32s32sQBQIqQq")


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
    sequence: int
    """Which of the thread's submissions this is, from 0. Decisions name it."""
    privacy: PrivacyLevel
    """The thread's privacy level, which its author has signed."""
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
                sequence,
                privacy,
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
                sequence,
                _PRIVACY_LEVEL[privacy],
                stake,
                author_epoch,
                expires_at,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("SpecSubmitted", data, error) from error


_THREAD_CLOSED_0 = Struct("<32s32sQQQQQq")


@dataclass(frozen=True, slots=True)
class ThreadClosed:
    """A thread was emptied and closed, for good."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("6f458840dafb111c")
    thread: Pubkey
    """The thread."""
    by: Pubkey
    """Its sole co-author, who got what was in it."""
    paid: int
    """What was paid: the balance, the rewards, and whatever strangers had sent to the vault."""
    shares_burned: int
    """The shares that stood for the balance."""
    balance_before: int
    """The thread's balance before."""
    claimable_before: int
    """What the thread owed in rewards before, all of it to its sole co-author."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "ThreadClosed")
        try:
            (
                thread,
                by,
                paid,
                shares_burned,
                balance_before,
                claimable_before,
                slot,
                timestamp,
            ) = _THREAD_CLOSED_0.unpack_from(data, 8)
            return cls(
                _key(thread),
                _key(by),
                paid,
                shares_burned,
                balance_before,
                claimable_before,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("ThreadClosed", data, error) from error


_THREAD_CLOSING_0 = Struct("<32s32sQQQq")


@dataclass(frozen=True, slots=True)
class ThreadClosing:
    """A thread is being wound down, for good."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("1f71dca53d60bb55")
    thread: Pubkey
    """The thread."""
    by: Pubkey
    """Its sole co-author."""
    balance: int
    """Its balance, which shares can still take out."""
    total_claimable: int
    """What it owes to positions besides."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "ThreadClosing")
        try:
            (
                thread,
                by,
                balance,
                total_claimable,
                slot,
                timestamp,
            ) = _THREAD_CLOSING_0.unpack_from(data, 8)
            return cls(_key(thread), _key(by), balance, total_claimable, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("ThreadClosing", data, error) from error


_THREAD_CREATED_0 = Struct("<32s32s")

_THREAD_CREATED_2 = Struct("<32sBQQQQq32sQq")


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
    min_balance: int
    """The highest minimum balance that will ever bind a divestment, base units."""
    divest_cooldown: int
    """The longest divest cooldown that will ever bind, seconds."""
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
                min_balance,
                divest_cooldown,
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
                min_balance,
                divest_cooldown,
                head,
                slot,
                timestamp,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("ThreadCreated", data, error) from error


_TREASURY_APPROVED_0 = Struct("<Q32sHIQq")


@dataclass(frozen=True, slots=True)
class TreasuryApproved:
    """A signer of the treasury approved a proposal."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("e7d8d3121b1a3803")
    index: int
    """Number of the proposal."""
    signer: Pubkey
    """Which signer."""
    approvals: int
    """Bitmap of approvals after."""
    signer_epoch: int
    """The set of signers the bitmap goes by."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "TreasuryApproved")
        try:
            (
                index,
                signer,
                approvals,
                signer_epoch,
                slot,
                timestamp,
            ) = _TREASURY_APPROVED_0.unpack_from(data, 8)
            return cls(index, _key(signer), approvals, signer_epoch, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("TreasuryApproved", data, error) from error


_TREASURY_CANCELLED_0 = Struct("<Q32sQq")


@dataclass(frozen=True, slots=True)
class TreasuryCancelled:
    """A proposal to the treasury was taken back."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("25dfdba42f48557f")
    index: int
    """Number of the proposal."""
    by: Pubkey
    """Its proposer."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "TreasuryCancelled")
        try:
            (
                index,
                by,
                slot,
                timestamp,
            ) = _TREASURY_CANCELLED_0.unpack_from(data, 8)
            return cls(index, _key(by), slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("TreasuryCancelled", data, error) from error


_TREASURY_CLEANED_0 = Struct("<QQq")


@dataclass(frozen=True, slots=True)
class TreasuryCleaned:
    """The account of a proposal that is executed or expired was closed."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("8996b56412b3ffb0")
    index: int
    """Number of the proposal."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "TreasuryCleaned")
        try:
            (
                index,
                slot,
                timestamp,
            ) = _TREASURY_CLEANED_0.unpack_from(data, 8)
            return cls(index, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("TreasuryCleaned", data, error) from error


_TREASURY_EXECUTED_0 = Struct("<Q")

_TREASURY_EXECUTED_2 = Struct("<QQIQq")


@dataclass(frozen=True, slots=True)
class TreasuryExecuted:
    """A proposal to the treasury was executed."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("4821c54f3cfde7d3")
    index: int
    """Number of the proposal."""
    action: TreasuryAction
    """What was done."""
    vault_before: int
    """What the treasury's vault held before."""
    vault_after: int
    """What the treasury's vault holds after."""
    signer_epoch: int
    """The set of signers after."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "TreasuryExecuted")
        try:
            (index,) = _TREASURY_EXECUTED_0.unpack_from(data, 8)
            action, at = read_treasury_action(data, 8 + _TREASURY_EXECUTED_0.size)
            (
                vault_before,
                vault_after,
                signer_epoch,
                slot,
                timestamp,
            ) = _TREASURY_EXECUTED_2.unpack_from(data, at)
            return cls(index, action, vault_before, vault_after, signer_epoch, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("TreasuryExecuted", data, error) from error


_TREASURY_PROPOSED_0 = Struct("<Q32s")

_TREASURY_PROPOSED_2 = Struct("<IqQq")


@dataclass(frozen=True, slots=True)
class TreasuryProposed:
    """Something was proposed to the signers of the treasury."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("8f6073fed430958a")
    index: int
    """Number of the proposal, from 0."""
    proposer: Pubkey
    """Which signer proposed it."""
    action: TreasuryAction
    """What."""
    signer_epoch: int
    """The set of signers."""
    expires_at: int
    """When it expires."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "TreasuryProposed")
        try:
            (
                index,
                proposer,
            ) = _TREASURY_PROPOSED_0.unpack_from(data, 8)
            action, at = read_treasury_action(data, 8 + _TREASURY_PROPOSED_0.size)
            (
                signer_epoch,
                expires_at,
                slot,
                timestamp,
            ) = _TREASURY_PROPOSED_2.unpack_from(data, at)
            return cls(index, _key(proposer), action, signer_epoch, expires_at, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("TreasuryProposed", data, error) from error


_UNPAUSED_0 = Struct("<32sBQq")


@dataclass(frozen=True, slots=True)
class Unpaused:
    """Pauses were ended early."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("9c962fae78d85d75")
    by: Pubkey
    """Who ended them."""
    families: int
    """Of which families, a bit each."""
    slot: int
    """Slot."""
    timestamp: int
    """Time."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Unpaused")
        try:
            (
                by,
                families,
                slot,
                timestamp,
            ) = _UNPAUSED_0.unpack_from(data, 8)
            return cls(_key(by), families, slot, timestamp)
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Unpaused", data, error) from error


Event = (
    AuthorJoined
    | AuthorLeft
    | AuthorRetired
    | AuthorityAccepted
    | AuthorityOffered
    | ConfigApplied
    | ConfigCancelled
    | ConfigProposed
    | Deposited
    | Divested
    | Initialized
    | MessagePosted
    | Paused
    | PositionCleaned
    | PrivacyChanged
    | RewardClaimed
    | SharesRebased
    | SpecCleaned
    | SpecDecided
    | SpecSettled
    | SpecSubmitted
    | ThreadClosed
    | ThreadClosing
    | ThreadCreated
    | TreasuryApproved
    | TreasuryCancelled
    | TreasuryCleaned
    | TreasuryExecuted
    | TreasuryProposed
    | Unpaused
)

BY_DISCRIMINATOR: Final[dict[bytes, type[Event]]] = {
    AuthorJoined.DISCRIMINATOR: AuthorJoined,
    AuthorLeft.DISCRIMINATOR: AuthorLeft,
    AuthorRetired.DISCRIMINATOR: AuthorRetired,
    AuthorityAccepted.DISCRIMINATOR: AuthorityAccepted,
    AuthorityOffered.DISCRIMINATOR: AuthorityOffered,
    ConfigApplied.DISCRIMINATOR: ConfigApplied,
    ConfigCancelled.DISCRIMINATOR: ConfigCancelled,
    ConfigProposed.DISCRIMINATOR: ConfigProposed,
    Deposited.DISCRIMINATOR: Deposited,
    Divested.DISCRIMINATOR: Divested,
    Initialized.DISCRIMINATOR: Initialized,
    MessagePosted.DISCRIMINATOR: MessagePosted,
    Paused.DISCRIMINATOR: Paused,
    PositionCleaned.DISCRIMINATOR: PositionCleaned,
    PrivacyChanged.DISCRIMINATOR: PrivacyChanged,
    RewardClaimed.DISCRIMINATOR: RewardClaimed,
    SharesRebased.DISCRIMINATOR: SharesRebased,
    SpecCleaned.DISCRIMINATOR: SpecCleaned,
    SpecDecided.DISCRIMINATOR: SpecDecided,
    SpecSettled.DISCRIMINATOR: SpecSettled,
    SpecSubmitted.DISCRIMINATOR: SpecSubmitted,
    ThreadClosed.DISCRIMINATOR: ThreadClosed,
    ThreadClosing.DISCRIMINATOR: ThreadClosing,
    ThreadCreated.DISCRIMINATOR: ThreadCreated,
    TreasuryApproved.DISCRIMINATOR: TreasuryApproved,
    TreasuryCancelled.DISCRIMINATOR: TreasuryCancelled,
    TreasuryCleaned.DISCRIMINATOR: TreasuryCleaned,
    TreasuryExecuted.DISCRIMINATOR: TreasuryExecuted,
    TreasuryProposed.DISCRIMINATOR: TreasuryProposed,
    Unpaused.DISCRIMINATOR: Unpaused,
}
