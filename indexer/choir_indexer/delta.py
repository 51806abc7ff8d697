"""A plain value of everything one database transaction will write, and how two become one.

Merging is commutative, associative and idempotent: the newest version of each account stands,
transactions are a set. What order updates arrive in, and how often, does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from choir_indexer.model import AccountUpdate

__all__ = ["AccountRow", "DeadLetter", "Delta", "EventRow", "TransactionRow", "merge"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Bytes that could not be decoded. `kind` is `account`, `transaction` or `event`; `key` the
    address or signature; `ordinal` counts within a transaction (0 otherwise)."""

    kind: str
    key: bytes
    slot: int
    ordinal: int
    data: bytes
    reason: str


class AccountRow(NamedTuple):
    """An account update and what it decodes to: a row of table `kind`, without its version.

    `kind` is None for a closed account and for one that could not be decoded.
    """

    update: AccountUpdate
    kind: str | None = None
    columns: tuple[Any, ...] = ()
    dead: DeadLetter | None = None


class EventRow(NamedTuple):
    """An event of a transaction. `thread` is the program's address for those of no thread;
    `data` are its bytes, where they are kept."""

    thread: bytes
    slot: int
    position: int
    signature: bytes
    ordinal: int
    kind: str
    payload: dict[str, Any]
    at: int | None
    data: bytes = b""


class TransactionRow(NamedTuple):
    """A transaction with its events. `fee` in lamports, `error` the node's JSON or None.

    `touched` are the addresses it could write to.
    """

    signature: bytes
    slot: int
    position: int
    fee_payer: bytes
    fee: int
    error: Any
    block_time: int | None
    events: tuple[EventRow, ...] = ()
    touched: frozenset[bytes] = frozenset()
    dead: tuple[DeadLetter, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """Accounts by address and transactions by signature."""

    accounts: dict[bytes, AccountRow] = field(default_factory=dict)
    transactions: dict[bytes, TransactionRow] = field(default_factory=dict)

    @staticmethod
    def of(
        accounts: Iterable[AccountRow] = (), transactions: Iterable[TransactionRow] = ()
    ) -> Delta:
        """The merge of single rows."""
        newest: dict[bytes, AccountRow] = {}
        for row in accounts:
            _keep_newest(newest, row)
        return Delta(newest, {row.signature: row for row in transactions})

    def __bool__(self) -> bool:
        return bool(self.accounts or self.transactions)

    def touched_after(self, slot: int) -> set[bytes]:
        """Addresses that transactions newer than `slot` could write to."""
        touched: set[bytes] = set()
        for row in self.transactions.values():
            if row.slot > slot:
                touched |= row.touched
        return touched


def merge(one: Delta, other: Delta) -> Delta:
    """Everything in either."""
    accounts = dict(one.accounts)
    for row in other.accounts.values():
        _keep_newest(accounts, row)
    return Delta(accounts, one.transactions | other.transactions)


def _keep_newest(rows: dict[bytes, AccountRow], row: AccountRow) -> None:
    there = rows.get(row.update.pubkey)
    if there is None or there.update.version < row.update.version:
        rows[row.update.pubkey] = row
