"""The chain's history: blocks, transactions by signature, signatures by address. Bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from solders.pubkey import Pubkey

from choir.localnet.model import Block, TransactionRecord


class Ledger:
    """Closed blocks and the transactions in them, newest kept up to the given limits."""

    def __init__(self, max_transactions: int, max_slots: int) -> None:
        self._max_transactions = max_transactions
        self._max_slots = max_slots
        self._blocks: dict[int, Block] = {}
        self._by_signature: dict[str, TransactionRecord] = {}
        self._by_address: dict[Pubkey, deque[TransactionRecord]] = {}

    @property
    def first_slot(self) -> int:
        """The oldest slot still kept."""
        return next(iter(self._blocks), 0)

    def add_transaction(self, record: TransactionRecord) -> None:
        """Take in a transaction of the open slot."""
        self._by_signature[record.signature] = record
        for key in record.account_keys:
            self._by_address.setdefault(key, deque()).append(record)

    def add_block(self, block: Block, root: int) -> list[Block]:
        """Take in a closed block (its transactions are known already); answers those dropped.

        Blocks from `root` on are kept whatever the limits.
        """
        self._blocks[block.slot] = block
        dropped = []
        while self.first_slot < root and (
            len(self._by_signature) > self._max_transactions or len(self._blocks) > self._max_slots
        ):
            oldest = self._blocks.pop(self.first_slot)
            for record in oldest.transactions:
                self._forget(record)
            dropped.append(oldest)
        return dropped

    def block(self, slot: int) -> Block | None:
        """The block of a closed slot; None when skipped, dropped or not there yet."""
        return self._blocks.get(slot)

    def latest_at(self, slot: int) -> Block:
        """The newest block at or before `slot`, else the oldest kept."""
        newest_first = (block for kept, block in reversed(self._blocks.items()) if kept <= slot)
        return next(newest_first, None) or self._blocks[self.first_slot]

    def slots(self, start: int, end: int) -> list[int]:
        """The kept slots from `start` to `end`, both included."""
        if end - start > len(self._blocks):
            return [s for s in self._blocks if start <= s <= end]
        return [s for s in range(start, end + 1) if s in self._blocks]

    def transaction(self, signature: str) -> TransactionRecord | None:
        """The transaction with this signature."""
        return self._by_signature.get(signature)

    def of_address(self, address: Pubkey) -> Iterator[TransactionRecord]:
        """The transactions that name `address`, newest first."""
        return reversed(self._by_address.get(address, deque()))

    def rollback(self, slot: int, open_records: list[TransactionRecord]) -> list[Block]:
        """Drop every block after `slot`, and the open slot's transactions; answers the blocks."""
        dropped = [self._blocks.pop(s) for s in [s for s in self._blocks if s > slot]]
        lost = [*open_records, *(r for block in dropped for r in block.transactions)]
        for record in lost:
            self._by_signature.pop(record.signature, None)
            for key in record.account_keys:
                records = self._by_address.get(key)
                while records and records[-1].slot > slot:
                    records.pop()
                if not records:
                    self._by_address.pop(key, None)
        return dropped

    def _forget(self, record: TransactionRecord) -> None:
        self._by_signature.pop(record.signature, None)
        for key in record.account_keys:
            records = self._by_address.get(key)
            if records and records[0] is record:
                records.popleft()
                if not records:
                    del self._by_address[key]
