"""What turns a source's values into rows: the one thing that differs from program to program."""

from __future__ import annotations

from typing import Protocol

from solders.pubkey import Pubkey

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_transaction, decode_update
from choir_indexer.delta import AccountRow, TransactionRow
from choir_indexer.model import AccountUpdate, RawTransaction

__all__ = ["ChoirDecoding", "Decoding"]


class Decoding(Protocol):
    """A program's accounts and events. Neither method raises for what it does not understand:
    that is a dead letter in the row."""

    def account(self, update: AccountUpdate) -> AccountRow:
        """The row of an account."""
        ...

    def transaction(self, raw: RawTransaction) -> TransactionRow:
        """The row of a transaction, with its events."""
        ...


class ChoirDecoding:
    """The Choir program's own types, at whatever address it is deployed."""

    def __init__(self, program: Pubkey = PROGRAM_ID) -> None:
        self._program = program

    def account(self, update: AccountUpdate) -> AccountRow:
        """A row of a typed table."""
        return decode_update(update)

    def transaction(self, raw: RawTransaction) -> TransactionRow:
        """With events that are numbered per thread."""
        return decode_transaction(raw, program=self._program)
