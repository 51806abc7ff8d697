"""What a node sees of a chain: the heads it answers by, or those of some slots ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from solders.hash import Hash

from choir.localnet.blockhashes import MAX_PROCESSING_AGE
from choir.localnet.commitment import Commitment, Heads
from choir.localnet.model import Block, TransactionRecord

if TYPE_CHECKING:
    from choir.localnet.chain import Chain

# A node further behind than this calls itself unhealthy (Agave's --health-check-slot-distance).
HEALTHY_SLOTS_BEHIND = 128


@dataclass(frozen=True, slots=True)
class LatestBlockhash:
    """A blockhash as of `slot`, and the last block height a transaction with it can land at."""

    blockhash: str
    last_valid_block_height: int
    slot: int


class View:
    """A chain at its own heads, or at the heads it had `behind` slots ago.

    Accounts older than the root are not kept: a view from before it shows them as of the root.
    """

    def __init__(self, chain: Chain, behind: int = 0) -> None:
        self._chain = chain
        self.behind = behind

    @property
    def heads(self) -> Heads:
        """The newest slots at each commitment."""
        heads, behind = self._chain.heads, self.behind
        if not behind:
            return heads
        return Heads(
            max(0, heads.processed - behind),
            max(0, heads.confirmed - behind),
            max(0, heads.finalized - behind),
        )

    def block_at(self, commitment: Commitment) -> Block:
        """The newest closed block at a commitment (processed: the newest of all)."""
        slot = self.heads.slot(commitment)
        if commitment is Commitment.PROCESSED:
            slot = min(slot, self._chain.bank.parent_slot)
        block = self._chain.ledger.block(slot)
        return self._chain.ledger.latest_at(slot) if block is None else block

    def block_height(self, commitment: Commitment) -> int:
        """The height of the newest slot at a commitment."""
        if commitment is Commitment.PROCESSED and not self.behind:
            return self._chain.bank.height
        return self.block_at(commitment).height

    def transaction_count(self, commitment: Commitment) -> int:
        """How many transactions there have been up to the newest slot at a commitment."""
        bank, slot = self._chain.bank, self.heads.slot(commitment)
        if slot >= bank.slot:
            return bank.transaction_count
        later = self._chain.ledger.slots(slot + 1, bank.parent_slot)
        blocks = [self._chain.ledger.block(each) for each in later]
        after = sum(len(block.transactions) for block in blocks if block is not None)
        return bank.transaction_count - len(bank.records) - after

    def latest_blockhash(self, commitment: Commitment) -> LatestBlockhash:
        """The newest blockhash at a commitment."""
        block = self.block_at(commitment)
        return LatestBlockhash(
            block.blockhash, block.height + MAX_PROCESSING_AGE, self.heads.slot(commitment)
        )

    def blockhash_valid(self, blockhash: Hash, commitment: Commitment) -> bool:
        """Whether a transaction with this blockhash could land, as seen at `commitment`."""
        now = self.block_height(commitment)
        height = self._chain.bank.queue.height(blockhash, now)
        return height is not None and height <= now

    def transaction(
        self, signature: str, commitment: Commitment = Commitment.PROCESSED
    ) -> TransactionRecord | None:
        """The transaction with this signature, if its slot has reached `commitment`."""
        record = self._chain.ledger.transaction(signature)
        if record is None or record.slot > self.heads.slot(commitment):
            return None
        return record
