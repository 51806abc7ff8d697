"""Generated from the program's IDL by scripts/generate-python. Do not edit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from solders.pubkey import Pubkey

from choir._borsh import check_discriminator, malformed, read_pubkeys, read_string
from choir._program.types import (
    ConfigChange,
    Params,
    PrivacyLevel,
    SpecStatus,
    ThreadStatus,
    TreasuryAction,
    read_treasury_action,
)

__all__ = [
    "Account",
    "Config",
    "Message",
    "Position",
    "Spec",
    "Thread",
    "Treasury",
    "TreasuryProposal",
]

_key = Pubkey.from_bytes

_PRIVACY_LEVEL = tuple(PrivacyLevel)
_SPEC_STATUS = tuple(SpecStatus)
_THREAD_STATUS = tuple(ThreadStatus)

_CONFIG_0 = Struct("<BBB32s32s32sQQqqqH7q32s32s32s32sqQQqqqH32sqq64x")


@dataclass(frozen=True, slots=True)
class Config:
    """Program-wide settings: one account, at `["config"]`. Every instruction reads it, so what
    they need stands first and at fixed offsets.
    """

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("9b0caae01efacc82")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address."""
    mint_decimals: int
    """Decimals of the mint."""
    stake_mint: Pubkey
    """The mint stakes are made in; it never changes. Trap: whoever may freeze its accounts can
    stop every vault, and whoever may mint can make the stakes worth less.
    """
    token_program: Pubkey
    """The token program that owns the mint: SPL Token or Token-2022."""
    treasury_vault: Pubkey
    """The treasury's token account."""
    params: Params
    """The settings in force."""
    paused_until: tuple[int, int, int, int, int, int, int]
    """When the pause of each family of instructions ends or has ended, Unix seconds; 0 when it
    was never paused. By the place of the family's bit. Trap: a time in the past is no pause,
    but the family cannot be paused again within a day of it.
    """
    authority: Pubkey
    """Who may change the settings."""
    pending_authority: Pubkey
    """Who has been offered the authority and not yet accepted it; zeros when nobody."""
    guardian: Pubkey
    """Who may pause, besides the authority."""
    treasury: Pubkey
    """The treasury account."""
    parameter_timelock: int
    """How long a proposed change must wait before it is applied, seconds. Trap: a proposal waits
    as long as this was when it was proposed.
    """
    pending: ConfigChange
    """The proposed change; zeros when `pending_at` is 0."""
    pending_at: int
    """When the proposed change may be applied, Unix seconds; 0 when none is proposed."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Config")
        try:
            (
                version,
                bump,
                mint_decimals,
                stake_mint,
                token_program,
                treasury_vault,
                params_min_stake,
                params_min_thread_balance,
                params_approval_window,
                params_divest_cooldown,
                params_inactivity_window,
                params_messages_per_hour,
                paused_until_0,
                paused_until_1,
                paused_until_2,
                paused_until_3,
                paused_until_4,
                paused_until_5,
                paused_until_6,
                authority,
                pending_authority,
                guardian,
                treasury,
                parameter_timelock,
                pending_params_min_stake,
                pending_params_min_thread_balance,
                pending_params_approval_window,
                pending_params_divest_cooldown,
                pending_params_inactivity_window,
                pending_params_messages_per_hour,
                pending_guardian,
                pending_parameter_timelock,
                pending_at,
            ) = _CONFIG_0.unpack_from(data, 8)
            return cls(
                version,
                bump,
                mint_decimals,
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
                (
                    paused_until_0,
                    paused_until_1,
                    paused_until_2,
                    paused_until_3,
                    paused_until_4,
                    paused_until_5,
                    paused_until_6,
                ),
                _key(authority),
                _key(pending_authority),
                _key(guardian),
                _key(treasury),
                parameter_timelock,
                ConfigChange(
                    Params(
                        pending_params_min_stake,
                        pending_params_min_thread_balance,
                        pending_params_approval_window,
                        pending_params_divest_cooldown,
                        pending_params_inactivity_window,
                        pending_params_messages_per_hour,
                    ),
                    _key(pending_guardian),
                    pending_parameter_timelock,
                ),
                pending_at,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Config", data, error) from error


_MESSAGE_0 = Struct("<BBB32s32s32sQ32s32sQq32x")


@dataclass(frozen=True, slots=True)
class Message:
    """A recorded message, at `["message", thread, index]`. It is never changed."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("6e97176ec6067db5")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address."""
    privacy: PrivacyLevel
    """Who may read it: the thread's level when it was recorded or, for a message that was a
    spec, when that was submitted, whichever is stricter.
    """
    thread: Pubkey
    """The thread."""
    author: Pubkey
    """Who wrote it."""
    rent_payer: Pubkey
    """Who paid this account's rent."""
    index: int
    """Place in the thread, from 0."""
    content_hash: bytes
    """sha256 of the content."""
    previous_head: bytes
    """Head of the hash chain before it. The head after it is sha256(previous head ‖ index, u64
    little endian ‖ author ‖ content hash).
    """
    slot: int
    """Slot it was recorded in."""
    created_at: int
    """When it was recorded, Unix seconds."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Message")
        try:
            (
                version,
                bump,
                privacy,
                thread,
                author,
                rent_payer,
                index,
                content_hash,
                previous_head,
                slot,
                created_at,
            ) = _MESSAGE_0.unpack_from(data, 8)
            return cls(
                version,
                bump,
                _PRIVACY_LEVEL[privacy],
                _key(thread),
                _key(author),
                _key(rent_payer),
                index,
                content_hash,
                previous_head,
                slot,
                created_at,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Message", data, error) from error


_POSITION_0 = Struct("<BB32s32s32sQQQqqqH32x")


@dataclass(frozen=True, slots=True)
class Position:
    """What one wallet has in one thread, at `["position", thread, owner]`. It is created when
    its owner opens the thread or joins it, and can be closed once it is empty and its owner
    is a co-author no more.
    """

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("aabc8fe47a40f7d0")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address."""
    thread: Pubkey
    """The thread."""
    owner: Pubkey
    """The wallet."""
    rent_payer: Pubkey
    """Who paid this account's rent and gets it back."""
    shares: int
    """Shares of the thread's balance."""
    claimable: int
    """Settled rewards, base units. Trap: while its owner is a co-author, what they may claim is
    this plus the rise of the thread's `reward_per_author` since `reward_checkpoint`.
    """
    reward_checkpoint: int
    """The thread's `reward_per_author` up to which rewards are in `claimable`."""
    last_stake_at: int
    """When its owner last deposited or divested, Unix seconds; 0 when never."""
    last_action_at: int
    """When its owner last did anything in the thread, Unix seconds."""
    window_start: int
    """When the current hour of counted messages began, Unix seconds."""
    window_count: int
    """How many messages were posted in that hour."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Position")
        try:
            (
                version,
                bump,
                thread,
                owner,
                rent_payer,
                shares,
                claimable,
                reward_checkpoint,
                last_stake_at,
                last_action_at,
                window_start,
                window_count,
            ) = _POSITION_0.unpack_from(data, 8)
            return cls(
                version,
                bump,
                _key(thread),
                _key(owner),
                _key(rent_payer),
                shares,
                claimable,
                reward_checkpoint,
                last_stake_at,
                last_action_at,
                window_start,
                window_count,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Position", data, error) from error


_SPEC_0 = Struct("<BBBB32s32s32s32sQBQHHIqqq32x")


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec, at `["spec", thread, author, content_hash]`: with the author in the address nobody
    can squat somebody else's content.
    """

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("4e1b24d2838e5b90")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address; it signs for the escrow."""
    escrow_bump: int
    """Bump of the escrow's address."""
    status: SpecStatus
    """Pending, or how it was settled."""
    thread: Pubkey
    """The thread it wants to join."""
    author: Pubkey
    """Who submitted and staked it."""
    rent_payer: Pubkey
    """Who paid the rent of this account, of the escrow and, in advance, of the message and the
    position that an approval creates; gets back what is left. Trap: this account therefore
    holds more lamports than its own rent until it is cleaned up.
    """
    content_hash: bytes
    """sha256 of the content."""
    sequence: int
    """Which of the thread's submissions this is, from 0. The address of a spec that was cleaned
    up can be used again by its author; a decision names this number so that it binds to one.
    """
    privacy: PrivacyLevel
    """The thread's privacy level at submission, which the author has signed. An approved message
    gets the stricter of this and the thread's level at approval.
    """
    stake: int
    """What is at stake, base units."""
    approvals: int
    """Who has approved: bit i is the thread's `co_authors[i]`. Trap: only meaningful together
    with `author_epoch`; under another epoch of the thread these decisions are void.
    """
    denials: int
    """Who has denied, likewise."""
    author_epoch: int
    """The thread's `author_epoch` the decisions were made under."""
    submitted_at: int
    """When it was submitted, Unix seconds."""
    expires_at: int
    """When the window for decisions ends, Unix seconds; from then on it can only be expired."""
    resolved_at: int
    """When it was settled, Unix seconds; 0 while pending."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Spec")
        try:
            (
                version,
                bump,
                escrow_bump,
                status,
                thread,
                author,
                rent_payer,
                content_hash,
                sequence,
                privacy,
                stake,
                approvals,
                denials,
                author_epoch,
                submitted_at,
                expires_at,
                resolved_at,
            ) = _SPEC_0.unpack_from(data, 8)
            return cls(
                version,
                bump,
                escrow_bump,
                _SPEC_STATUS[status],
                _key(thread),
                _key(author),
                _key(rent_payer),
                content_hash,
                sequence,
                _PRIVACY_LEVEL[privacy],
                stake,
                approvals,
                denials,
                author_epoch,
                submitted_at,
                expires_at,
                resolved_at,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Spec", data, error) from error


_THREAD_0 = Struct("<BBBBBIIQ32s32sQQQQQ32sQqqq64x")


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread, at `["thread", sha256(thread_id)]`. Only this program can create an account of
    this type, and it does so at that address alone: an account that deserialises as a
    `Thread` *is* the thread of its id, and is not derived again.
    """

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("ba1b9a6f33249f5a")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address; it signs for the vault."""
    vault_bump: int
    """Bump of the vault's address."""
    status: ThreadStatus
    """Open, being wound down for good, or closed for good."""
    privacy: PrivacyLevel
    """Privacy of the messages to come. Trap: a message keeps the level it was recorded under."""
    author_epoch: int
    """Rises with every change of the co-authors, which voids decisions on pending specs."""
    pending_specs: int
    """How many specs are waiting for decisions."""
    spec_count: int
    """How many specs were ever submitted; the `sequence` of the next one."""
    creator: Pubkey
    """Who opened the thread. Trap: not necessarily a co-author any more."""
    vault: Pubkey
    """The thread's token account, at `["vault", thread]`, owned by this account's address."""
    balance: int
    """What the shares stand for, base units. Trap: not what the vault holds, which also covers
    `total_claimable` and whatever strangers have sent to it.
    """
    total_claimable: int
    """What the vault owes to positions besides their shares, base units."""
    total_shares: int
    """Sum of the shares of all positions."""
    reward_per_author: int
    """What each co-author has been awarded since the thread was opened, base units; only rises.
    A position's share of it is the rise since its checkpoint.
    """
    message_count: int
    """How many messages were recorded; the index of the next one."""
    head: bytes
    """Head of the hash chain over all messages."""
    min_balance: int
    """The minimum thread balance when the thread was opened, base units. A divestment is held to
    this or to the present setting, whichever is lower: an exit never gets harder than it was.
    """
    divest_cooldown: int
    """The divest cooldown when the thread was opened, seconds; likewise."""
    created_at: int
    """When the thread was opened, Unix seconds."""
    updated_at: int
    """When the thread last changed, Unix seconds."""
    thread_id: str
    """The id its opener chose, 1 to 64 bytes of UTF-8."""
    co_authors: tuple[Pubkey, ...]
    """Those who must decide on a spec, 1 to 16, none twice. A spec's bitmaps go by the index
    here.
    """

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Thread")
        try:
            (
                version,
                bump,
                vault_bump,
                status,
                privacy,
                author_epoch,
                pending_specs,
                spec_count,
                creator,
                vault,
                balance,
                total_claimable,
                total_shares,
                reward_per_author,
                message_count,
                head,
                min_balance,
                divest_cooldown,
                created_at,
                updated_at,
            ) = _THREAD_0.unpack_from(data, 8)
            thread_id, at = read_string(data, 8 + _THREAD_0.size)
            co_authors, _ = read_pubkeys(data, at)
            return cls(
                version,
                bump,
                vault_bump,
                _THREAD_STATUS[status],
                _PRIVACY_LEVEL[privacy],
                author_epoch,
                pending_specs,
                spec_count,
                _key(creator),
                _key(vault),
                balance,
                total_claimable,
                total_shares,
                reward_per_author,
                message_count,
                head,
                min_balance,
                divest_cooldown,
                created_at,
                updated_at,
                thread_id,
                co_authors,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Thread", data, error) from error


_TREASURY_0 = Struct("<BBBBIQ32s64x")


@dataclass(frozen=True, slots=True)
class Treasury:
    """The common treasury: one account, at `["treasury"]`."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("eeef7bee5901a8fd")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address; it signs for the vault, and for the mint where it may
    mint.
    """
    vault_bump: int
    """Bump of the vault's address."""
    threshold: int
    """How many signers must approve a proposal."""
    signer_epoch: int
    """Rises with every change of the signers or the threshold, which voids open approvals."""
    proposal_count: int
    """How many proposals were ever made; the index of the next one."""
    vault: Pubkey
    """The treasury's token account, at `["treasury_vault"]`, owned by this account's address."""
    signers: tuple[Pubkey, ...]
    """Who may propose, approve and execute, 1 to 11, none twice. A proposal's bitmap goes by the
    index here.
    """

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "Treasury")
        try:
            (
                version,
                bump,
                vault_bump,
                threshold,
                signer_epoch,
                proposal_count,
                vault,
            ) = _TREASURY_0.unpack_from(data, 8)
            signers, _ = read_pubkeys(data, 8 + _TREASURY_0.size)
            return cls(
                version,
                bump,
                vault_bump,
                threshold,
                signer_epoch,
                proposal_count,
                _key(vault),
                signers,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("Treasury", data, error) from error


_TREASURY_PROPOSAL_0 = Struct("<BBQ32sIHqqq32x")


@dataclass(frozen=True, slots=True)
class TreasuryProposal:
    """A proposal to the signers of the treasury, at `["treasury", index]` (u64, little endian).
    Its account is as large as its action needs, which never changes.
    """

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("132b02103c71d5b0")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address."""
    index: int
    """Its number, from 0; never used again, so that an approval cannot be meant for another."""
    proposer: Pubkey
    """Which signer proposed it; has paid the rent of this account and gets it back. Trap: not
    necessarily a signer any more.
    """
    signer_epoch: int
    """The treasury's `signer_epoch` the approvals were given under."""
    approvals: int
    """Who has approved: bit i is the treasury's `signers[i]`. Trap: only meaningful together
    with `signer_epoch`; under another epoch of the treasury these approvals are void.
    """
    created_at: int
    """When it was proposed, Unix seconds."""
    expires_at: int
    """From when on it can be neither approved nor executed, Unix seconds."""
    executed_at: int
    """When it was executed, Unix seconds; 0 when it was not."""
    action: TreasuryAction
    """What is proposed."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From its bytes, discriminator first; bytes after the last field are left alone.

        Raises WrongDiscriminator, DecodeError.
        """
        check_discriminator(data, cls.DISCRIMINATOR, "TreasuryProposal")
        try:
            (
                version,
                bump,
                index,
                proposer,
                signer_epoch,
                approvals,
                created_at,
                expires_at,
                executed_at,
            ) = _TREASURY_PROPOSAL_0.unpack_from(data, 8)
            action, _ = read_treasury_action(data, 8 + _TREASURY_PROPOSAL_0.size)
            return cls(
                version,
                bump,
                index,
                _key(proposer),
                signer_epoch,
                approvals,
                created_at,
                expires_at,
                executed_at,
                action,
            )
        except (struct.error, ValueError, IndexError) as error:
            raise malformed("TreasuryProposal", data, error) from error


Account = Config | Message | Position | Spec | Thread | Treasury | TreasuryProposal

BY_DISCRIMINATOR: Final[dict[bytes, type[Account]]] = {
    Config.DISCRIMINATOR: Config,
    Message.DISCRIMINATOR: Message,
    Position.DISCRIMINATOR: Position,
    Spec.DISCRIMINATOR: Spec,
    Thread.DISCRIMINATOR: Thread,
    Treasury.DISCRIMINATOR: Treasury,
    TreasuryProposal.DISCRIMINATOR: TreasuryProposal,
}

OFFSETS: Final[dict[type[Account], dict[str, int]]] = {
    Config: {
        "version": 8,
        "bump": 9,
        "mint_decimals": 10,
        "stake_mint": 11,
        "token_program": 43,
        "treasury_vault": 75,
        "params": 107,
        "paused_until": 149,
        "authority": 205,
        "pending_authority": 237,
        "guardian": 269,
        "treasury": 301,
        "parameter_timelock": 333,
        "pending": 341,
        "pending_at": 423,
        "reserved": 431,
    },
    Message: {
        "version": 8,
        "bump": 9,
        "privacy": 10,
        "thread": 11,
        "author": 43,
        "rent_payer": 75,
        "index": 107,
        "content_hash": 115,
        "previous_head": 147,
        "slot": 179,
        "created_at": 187,
        "reserved": 195,
    },
    Position: {
        "version": 8,
        "bump": 9,
        "thread": 10,
        "owner": 42,
        "rent_payer": 74,
        "shares": 106,
        "claimable": 114,
        "reward_checkpoint": 122,
        "last_stake_at": 130,
        "last_action_at": 138,
        "window_start": 146,
        "window_count": 154,
        "reserved": 156,
    },
    Spec: {
        "version": 8,
        "bump": 9,
        "escrow_bump": 10,
        "status": 11,
        "thread": 12,
        "author": 44,
        "rent_payer": 76,
        "content_hash": 108,
        "sequence": 140,
        "privacy": 148,
        "stake": 149,
        "approvals": 157,
        "denials": 159,
        "author_epoch": 161,
        "submitted_at": 165,
        "expires_at": 173,
        "resolved_at": 181,
        "reserved": 189,
    },
    Thread: {
        "version": 8,
        "bump": 9,
        "vault_bump": 10,
        "status": 11,
        "privacy": 12,
        "author_epoch": 13,
        "pending_specs": 17,
        "spec_count": 21,
        "creator": 29,
        "vault": 61,
        "balance": 93,
        "total_claimable": 101,
        "total_shares": 109,
        "reward_per_author": 117,
        "message_count": 125,
        "head": 133,
        "min_balance": 165,
        "divest_cooldown": 173,
        "created_at": 181,
        "updated_at": 189,
        "reserved": 197,
        "thread_id": 261,
    },
    Treasury: {
        "version": 8,
        "bump": 9,
        "vault_bump": 10,
        "threshold": 11,
        "signer_epoch": 12,
        "proposal_count": 16,
        "vault": 24,
        "reserved": 56,
        "signers": 120,
    },
    TreasuryProposal: {
        "version": 8,
        "bump": 9,
        "index": 10,
        "proposer": 18,
        "signer_epoch": 50,
        "approvals": 54,
        "created_at": 56,
        "expires_at": 64,
        "executed_at": 72,
        "reserved": 80,
        "action": 112,
    },
}
"""Offset in bytes of each field up to the first of variable size."""
