"""Generated from the program's IDL by scripts/generate-python. Do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from choir._borsh import integer

__all__ = ["Decision", "Params", "PrivacyLevel", "SpecStatus", "ThreadStatus"]


class Decision(IntEnum):
    """A co-author's answer to a spec."""

    APPROVE = 0
    DENY = 1


class PrivacyLevel(IntEnum):
    """Who may read a message's content. Content is off the chain; whoever serves it honours
    this.
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
