"""Generated from the program's IDL by scripts/generate-python. Do not edit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from struct import Struct
from typing import ClassVar, Final, Self

from solders.pubkey import Pubkey

from choir._borsh import check_discriminator, malformed, read_pubkeys, read_string
from choir._program.types import Params, PrivacyLevel, SpecStatus, ThreadStatus

__all__ = ["Account", "Config", "Message", "Position", "Spec", "Thread", "Treasury"]

_key = Pubkey.from_bytes

_PRIVACY_LEVEL = tuple(PrivacyLevel)
_SPEC_STATUS = tuple(SpecStatus)
_THREAD_STATUS = tuple(ThreadStatus)

_CONFIG_0 = Struct("<BB32s32s32s32s32s32s32sBQQqqqHqQQqqqHqBq64x")


@dataclass(frozen=True, slots=True)
class Config:
    """Program-wide settings: one account, at `["config"]`."""

    DISCRIMINATOR: ClassVar[bytes] = bytes.fromhex("9b0caae01efacc82")
    version: int
    """Layout version of this account."""
    bump: int
    """Bump of this account's address."""
    authority: Pubkey
    """Who may change the settings."""
    pending_authority: Pubkey
    """Who has been offered the authority and not yet accepted it; zeros when nobody."""
    guardian: Pubkey
    """Who may pause, besides the authority."""
    stake_mint: Pubkey
    """The mint stakes are made in; it never changes."""
    token_program: Pubkey
    """The token program that owns the mint: SPL Token or Token-2022."""
    treasury: Pubkey
    """The treasury account."""
    treasury_vault: Pubkey
    """The treasury's token account."""
    mint_decimals: int
    """Decimals of the mint."""
    params: Params
    """The settings in force."""
    parameter_timelock: int
    """How long a proposed change must wait before it is applied, seconds."""
    pending_params: Params
    """The proposed settings; meaningless when `pending_params_at` is 0."""
    pending_params_at: int
    """When the proposed settings may be applied, Unix seconds; 0 when none are proposed."""
    pause_bits: int
    """Families of instructions that are paused, a bit each. Trap: the bits stay set after the
    pause has ended; read them together with `paused_until`.
    """
    paused_until: int
    """When the pause ends by itself, Unix seconds; 0 when there never was one."""

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
                authority,
                pending_authority,
                guardian,
                stake_mint,
                token_program,
                treasury,
                treasury_vault,
                mint_decimals,
                params_min_stake,
                params_min_thread_balance,
                params_approval_window,
                params_divest_cooldown,
                params_inactivity_window,
                params_messages_per_hour,
                parameter_timelock,
                pending_params_min_stake,
                pending_params_min_thread_balance,
                pending_params_approval_window,
                pending_params_divest_cooldown,
                pending_params_inactivity_window,
                pending_params_messages_per_hour,
                pending_params_at,
                pause_bits,
                paused_until,
            ) = _CONFIG_0.unpack_from(data, 8)
            return cls(
                version,
                bump,
                _key(authority),
                _key(pending_authority),
                _key(guardian),
                _key(stake_mint),
                _key(token_program),
                _key(treasury),
                _key(treasury_vault),
                mint_decimals,
                Params(
                    params_min_stake,
                    params_min_thread_balance,
                    params_approval_window,
                    params_divest_cooldown,
                    params_inactivity_window,
                    params_messages_per_hour,
                ),
                parameter_timelock,
                Params(
                    pending_params_min_stake,
                    pending_params_min_thread_balance,
                    pending_params_approval_window,
                    pending_params_divest_cooldown,
                    pending_params_inactivity_window,
                    pending_params_messages_per_hour,
                ),
                pending_params_at,
                pause_bits,
                paused_until,
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
    """The thread's privacy level when it was recorded."""
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
    """What one wallet has in one thread, at `["position", thread, owner]`. It exists for
    co-authors, for former ones, and for those who have submitted a spec.
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


_SPEC_0 = Struct("<BBBB32s32s32s32sQHHIqqq32x")


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
    """Who paid the rent of this account, of the escrow and, in advance, of the message that
    approval records; gets back what is left. Trap: this account therefore holds more lamports
    than its own rent while pending.
    """
    content_hash: bytes
    """sha256 of the content."""
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


_THREAD_0 = Struct("<BBBBBII32s32sQQQQQ32sqq64x")


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
    """Open, or closed for good."""
    privacy: PrivacyLevel
    """Privacy of the messages to come. Trap: a message keeps the level it was recorded under."""
    author_epoch: int
    """Rises with every change of the co-authors, which voids decisions on pending specs."""
    pending_specs: int
    """How many specs are waiting for decisions."""
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
                creator,
                vault,
                balance,
                total_claimable,
                total_shares,
                reward_per_author,
                message_count,
                head,
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
                _key(creator),
                _key(vault),
                balance,
                total_claimable,
                total_shares,
                reward_per_author,
                message_count,
                head,
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
    """Bump of this account's address."""
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
    """Who may propose and approve, 1 to 11, none twice."""

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


Account = Config | Message | Position | Spec | Thread | Treasury

BY_DISCRIMINATOR: Final[dict[bytes, type[Account]]] = {
    Config.DISCRIMINATOR: Config,
    Message.DISCRIMINATOR: Message,
    Position.DISCRIMINATOR: Position,
    Spec.DISCRIMINATOR: Spec,
    Thread.DISCRIMINATOR: Thread,
    Treasury.DISCRIMINATOR: Treasury,
}

OFFSETS: Final[dict[type[Account], dict[str, int]]] = {
    Config: {
        "version": 8,
        "bump": 9,
        "authority": 10,
        "pending_authority": 42,
        "guardian": 74,
        "stake_mint": 106,
        "token_program": 138,
        "treasury": 170,
        "treasury_vault": 202,
        "mint_decimals": 234,
        "params": 235,
        "parameter_timelock": 277,
        "pending_params": 285,
        "pending_params_at": 327,
        "pause_bits": 335,
        "paused_until": 336,
        "reserved": 344,
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
        "stake": 140,
        "approvals": 148,
        "denials": 150,
        "author_epoch": 152,
        "submitted_at": 156,
        "expires_at": 164,
        "resolved_at": 172,
        "reserved": 180,
    },
    Thread: {
        "version": 8,
        "bump": 9,
        "vault_bump": 10,
        "status": 11,
        "privacy": 12,
        "author_epoch": 13,
        "pending_specs": 17,
        "creator": 21,
        "vault": 53,
        "balance": 85,
        "total_claimable": 93,
        "total_shares": 101,
        "reward_per_author": 109,
        "message_count": 117,
        "head": 125,
        "created_at": 157,
        "updated_at": 165,
        "reserved": 173,
        "thread_id": 237,
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
}
"""Offset in bytes of each field up to the first of variable size."""
