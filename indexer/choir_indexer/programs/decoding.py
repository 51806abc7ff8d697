"""A program's accounts and events as rows, by its IDL. Pure.

What is not understood keeps its bytes and says why (a dead letter), and is decoded again when the
IDL changes.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from choir.errors import DecodeError
from choir_indexer.delta import AccountRow, DeadLetter, EventRow, TransactionRow
from choir_indexer.model import AccountUpdate, RawTransaction
from choir_indexer.programs.config import ProgramConfig
from choir_indexer.transactions import event_data

__all__ = ["LOG_CUT", "UNKNOWN", "ProgramDecoding", "Understood", "as_json"]

LARGEST_VALUE: Final = 64 << 20
"""Bytes of a value's JSON. jsonb ends at 256 MiB, and nobody reads this much."""
UNKNOWN: Final = ""
"""Kind of what a program logged that is no event of the IDL; it need not be one at all."""
LOG_CUT: Final = "the node cut the transaction's log short: events after this are not known"


class Understood(NamedTuple):
    """What bytes decode to: kind and value; or with no kind the reason why they do not."""

    kind: str | None
    value: Any
    reason: str | None


class ProgramDecoding:
    """One configured program, as the mirror asks (:class:`choir_indexer.decoding.Decoding`)."""

    def __init__(self, config: ProgramConfig) -> None:
        self._config = config
        self._decoder = config.decoder
        self._program = config.program

    def account(self, update: AccountUpdate) -> AccountRow:
        """The row's kind and the value as JSON; an account that is not kept is as if absent."""
        if update.data is None:
            return AccountRow(update)
        if not self.keeps(update.data):
            absent = update._replace(data=None, lamports=0, owner=None, certain=False)
            return AccountRow(absent)
        kind, value, reason = self.of_account(update.data)
        if kind is None:
            dead = DeadLetter("account", update.pubkey, update.slot, 0, update.data, reason or "")
            return AccountRow(update, dead=dead)
        return AccountRow(update, kind, (value,))

    def transaction(self, raw: RawTransaction) -> TransactionRow:
        """Events that the program called itself with, then those in the log; one that is not
        understood is a dead letter, and the others stand."""
        ref = raw.ref
        called = [data[8:] for data in event_data(raw, program=self._program)]
        logged = raw.logged if raw.error is None else ()
        events, dead = [], []
        for ordinal, data in enumerate((*called, *logged)):
            kind, value, reason = self.of_event(data, logged=ordinal >= len(called))
            if kind is None:
                letter = DeadLetter("event", ref.signature, ref.slot, ordinal, data, reason or "")
                dead.append(letter)
                continue
            event = EventRow(
                thread=bytes(self._program), slot=ref.slot, position=ref.position,
                signature=ref.signature, ordinal=ordinal, kind=kind, payload=value,
                at=raw.block_time, data=data,
            )  # fmt: skip
            events.append(event)
        if raw.log_cut and raw.error is None and self._decoder.events:
            ordinal = len(called) + len(logged)
            dead.append(DeadLetter("event", ref.signature, ref.slot, ordinal, b"", LOG_CUT))
        return TransactionRow(
            signature=ref.signature,
            slot=ref.slot,
            position=ref.position,
            fee_payer=raw.keys[0],
            fee=raw.fee,
            error=raw.error,
            block_time=raw.block_time,
            events=tuple(events),
            touched=raw.writable if raw.error is None else frozenset(),
            dead=tuple(dead),
        )

    def keeps(self, data: bytes) -> bool:
        """Whether an account with this data has a row."""
        return self._config.kept is None or self._decoder.account_kind(data) is not None

    def of_account(self, data: bytes) -> Understood:
        """What an account's data says; the value as JSON text."""
        try:
            kind, value = self._decoder.account(data)
        except DecodeError as error:
            return Understood(None, None, str(error))
        text = as_json(value)
        if len(text) > LARGEST_VALUE:
            return Understood(None, None, f"its value takes {len(text)} bytes as JSON")
        return Understood(kind, text, None)

    def of_event(self, data: bytes, *, logged: bool) -> Understood:
        """What an event says; unknown data in the log is of kind `UNKNOWN`."""
        if logged and self._decoder.event_kind(data) is None:
            return Understood(UNKNOWN, None, None)
        try:
            kind, value = self._decoder.event(data)
        except DecodeError as error:
            return Understood(None, None, str(error))
        return Understood(kind, value, None)


def as_json(value: Any) -> str:
    """A decoded value for a `jsonb` column."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
