"""Generated from the program's IDL by scripts/generate-python. Do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import unpack_from

from solders.pubkey import Pubkey

from choir._borsh import integer, pubkeys, read_pubkeys

__all__ = [
    "ConfigChange",
    "Decision",
    "Params",
    "PrivacyLevel",
    "SpecStatus",
    "ThreadStatus",
    "TreasuryAction",
    "TreasuryActionMint",
    "TreasuryActionSetSigners",
    "TreasuryActionSpend",
    "read_treasury_action",
]


class Decision(IntEnum):
    """A co-author's answer to a spec."""

    APPROVE = 0
    DENY = 1


class PrivacyLevel(IntEnum):
    """Who may read a message's content, each level stricter than the one before. Content is off
    the chain; whoever serves it honours this.
    """

    PUBLIC = 0
    PREMIUM = 1
    THREAD_ONLY = 2
    ENCRYPTED = 3


class SpecStatus(IntEnum):
    """What became of a spec."""

    PENDING = 0
    APPROVED = 1
    DENIED = 2
    SPLIT = 3
    EXPIRED = 4
    WITHDRAWN = 5


class ThreadStatus(IntEnum):
    """Whether a thread can still be used."""

    OPEN = 0
    CLOSED = 1
    CLOSING = 2


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What the authority may change, after the timelock. All of it is given, also what stays."""

    params: Params
    """The settings."""
    guardian: Pubkey
    """Who may pause, besides the authority."""
    parameter_timelock: int
    """How long later changes must wait before they are applied, seconds, 1 to 90 days."""

    def pack(self) -> bytes:
        """The Borsh bytes. Raises InvalidInput."""
        return b"".join(
            (
                self.params.pack(),
                bytes(self.guardian),
                integer("q", self.parameter_timelock, "parameter_timelock"),
            )
        )


@dataclass(frozen=True, slots=True)
class Params:
    """What the authority may tune. Amounts in base units of the stake mint, spans in seconds."""

    min_stake: int
    """Smallest stake of a spec, base units, at least 1."""
    min_thread_balance: int
    """What a thread must be opened with and may not be divested below, base units, at least
    1000.
    """
    approval_window: int
    """How long a spec waits for decisions, seconds. Applies to specs submitted later."""
    divest_cooldown: int
    """How long after a deposit or a divestment the next divestment must wait, seconds."""
    inactivity_window: int
    """After how many seconds without any action a co-author may be retired by another."""
    messages_per_hour: int
    """How many messages a co-author may post within one hour, at least 1."""

    def pack(self) -> bytes:
        """The Borsh bytes. Raises InvalidInput."""
        return b"".join(
            (
                integer("Q", self.min_stake, "min_stake"),
                integer("Q", self.min_thread_balance, "min_thread_balance"),
                integer("q", self.approval_window, "approval_window"),
                integer("q", self.divest_cooldown, "divest_cooldown"),
                integer("q", self.inactivity_window, "inactivity_window"),
                integer("H", self.messages_per_hour, "messages_per_hour"),
            )
        )


@dataclass(frozen=True, slots=True)
class TreasuryActionSpend:
    """Spend"""

    amount: int
    """How much, base units of the stake mint."""
    destination: Pubkey
    """A token account of the stake mint. Trap: what counts is who owns it when the proposal is
    executed.
    """

    def pack(self) -> bytes:
        """The Borsh bytes. Raises InvalidInput."""
        return b"".join(
            (
                b"\x00",
                integer("Q", self.amount, "amount"),
                bytes(self.destination),
            )
        )


@dataclass(frozen=True, slots=True)
class TreasuryActionMint:
    """Mint"""

    amount: int
    """How much, base units of the stake mint."""
    destination: Pubkey
    """A token account of the stake mint, as above."""

    def pack(self) -> bytes:
        """The Borsh bytes. Raises InvalidInput."""
        return b"".join(
            (
                b"\x01",
                integer("Q", self.amount, "amount"),
                bytes(self.destination),
            )
        )


@dataclass(frozen=True, slots=True)
class TreasuryActionSetSigners:
    """SetSigners"""

    signers: tuple[Pubkey, ...]
    """Who may propose, approve and execute, 1 to 11, none twice."""
    threshold: int
    """How many of them must approve a proposal."""

    def pack(self) -> bytes:
        """The Borsh bytes. Raises InvalidInput."""
        return b"".join(
            (
                b"\x02",
                pubkeys(self.signers, "signers"),
                integer("B", self.threshold, "threshold"),
            )
        )


TreasuryAction = TreasuryActionSpend | TreasuryActionMint | TreasuryActionSetSigners
"""What can be proposed to the signers of the treasury. Variants are only ever appended."""


def read_treasury_action(data: bytes, at: int) -> tuple[TreasuryAction, int]:
    """The value that begins at `at`, and where it ends.

    Raises struct.error, IndexError, ValueError.
    """
    variant, at = data[at], at + 1
    if variant == 0:
        (amount,) = unpack_from("<Q", data, at)
        at += 8
        (destination,) = unpack_from("<32s", data, at)
        at += 32
        return TreasuryActionSpend(amount, Pubkey.from_bytes(destination)), at
    if variant == 1:
        (amount,) = unpack_from("<Q", data, at)
        at += 8
        (destination,) = unpack_from("<32s", data, at)
        at += 32
        return TreasuryActionMint(amount, Pubkey.from_bytes(destination)), at
    if variant == 2:
        signers, at = read_pubkeys(data, at)
        (threshold,) = unpack_from("<B", data, at)
        at += 1
        return TreasuryActionSetSigners(signers, threshold), at
    raise ValueError(f"TreasuryAction has no variant {variant}")
