"""The program's events as frozen values, and how to find them in a transaction.

The program emits with Anchor's `emit_cpi!`: an event is the data of an inner instruction that the
program sends to itself, signed by its event authority. Logs can be cut short by a node; inner
instructions cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import base58
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
from choir.errors import DecodeError, WrongDiscriminator
from choir.ids import PROGRAM_ID, event_authority_pda

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

EVENT_INSTRUCTION: Final = bytes.fromhex("e445a52e51cb9a1d")
"""What the data of every event instruction begins with (Anchor's `EVENT_IX_TAG_LE`)."""


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
    meta = transaction.get("meta")
    if not isinstance(meta, Mapping):
        raise DecodeError("the transaction has no metadata; its events cannot be known")
    if meta.get("err") is not None:
        return []
    keys = _account_keys(transaction, meta)
    program = str(program_id)
    authority = str(event_authority_pda(program_id=program_id))
    found: list[Event] = []
    groups = sorted(meta.get("innerInstructions") or (), key=lambda group: int(group["index"]))
    for group in groups:
        for instruction in group["instructions"]:
            called = keys[instruction["programIdIndex"]]
            if called != program:
                continue
            data = base58.b58decode(instruction["data"])
            accounts = [keys[i] for i in instruction["accounts"]]
            # the program only accepts this from its own event authority
            if data[:8] == EVENT_INSTRUCTION and accounts[:1] == [authority]:
                found.append(decode_event(data))
    return found


def _account_keys(transaction: Mapping[str, Any], meta: Mapping[str, Any]) -> Sequence[str]:
    """Static keys, then those loaded from lookup tables: writable first."""
    try:
        keys = [
            key if isinstance(key, str) else key["pubkey"]
            for key in transaction["transaction"]["message"]["accountKeys"]
        ]
    except (KeyError, TypeError) as error:
        raise DecodeError('ask for the transaction with encoding "json"') from error
    loaded = meta.get("loadedAddresses") or {}
    return [*keys, *loaded.get("writable", ()), *loaded.get("readonly", ())]
