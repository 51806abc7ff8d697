"""The program's events as frozen values, and how to find them in a transaction.

The program emits with Anchor's `emit_cpi!`: an event is the data of an inner instruction that the
program sends to itself, signed by its event authority. Logs can be cut short by a node; inner
instructions cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from solders.pubkey import Pubkey

from choir._program.events import (
    BY_DISCRIMINATOR,
    AuthorityAccepted,
    AuthorityOffered,
    AuthorJoined,
    AuthorLeft,
    AuthorRetired,
    ConfigApplied,
    ConfigCancelled,
    ConfigProposed,
    Deposited,
    Divested,
    Event,
    Initialized,
    MessagePosted,
    Paused,
    PositionCleaned,
    PrivacyChanged,
    RewardClaimed,
    SharesRebased,
    SpecCleaned,
    SpecDecided,
    SpecSettled,
    SpecSubmitted,
    ThreadClosed,
    ThreadClosing,
    ThreadCreated,
    TreasuryApproved,
    TreasuryCancelled,
    TreasuryCleaned,
    TreasuryExecuted,
    TreasuryProposed,
    Unpaused,
)
from choir.errors import WrongDiscriminator
from choir.event_data import EVENT_INSTRUCTION, called_event_data
from choir.ids import PROGRAM_ID

__all__ = [
    "BY_DISCRIMINATOR",
    "EVENT_INSTRUCTION",
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
    "decode_event",
    "events_of_transaction",
]


def decode_event(data: bytes) -> Event:
    """An event from its bytes, beginning with its discriminator or with the event instruction's.

    Raises WrongDiscriminator, DecodeError.
    """
    if data[:8] == EVENT_INSTRUCTION:
        data = data[8:]
    kind = BY_DISCRIMINATOR.get(bytes(data[:8]))
    if kind is None:
        raise WrongDiscriminator(
            f"no event of the program begins with {bytes(data[:8]).hex() or 'nothing'}"
        )
    return kind.decode(data)


def events_of_transaction(
    transaction: Mapping[str, Any], *, program_id: Pubkey = PROGRAM_ID
) -> list[Event]:
    """The program's events in a `getTransaction` answer (encoding `json`), in order.

    Works for transactions sent by anybody, through other programs and with lookup tables. A
    failed transaction has none. Raises DecodeError when the answer lacks what is needed, or when
    an event is of a newer program.
    """
    return [decode_event(data) for data in called_event_data(transaction, program_id=program_id)]
