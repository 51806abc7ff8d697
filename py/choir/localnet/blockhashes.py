"""The queue of recent blockhashes, and which transactions have used them. Pure."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from solders.hash import Hash

from choir.localnet.model import Block

K = TypeVar("K")
MAX_PROCESSING_AGE = 150
# A simulation leaves this many blocks for the way to the leader.
FORWARDING_DELAY = 6
# As on a validator, hashes are remembered for longer than they are good.
_KEPT = 300
_SLOT_HASHES = 512


class BlockhashQueue:
    """Recent blockhashes by the height of their block, and the signatures seen since."""

    def __init__(self) -> None:
        self.oldest_height = 0
        self._heights: dict[Hash, int] = {}
        self._slot_hashes: deque[tuple[int, Hash]] = deque(maxlen=_SLOT_HASHES)
        self._signatures: dict[str, int] = {}

    @property
    def slot_hashes(self) -> list[tuple[int, Hash]]:
        """Slots and their hashes, newest first, as the SlotHashes sysvar has them."""
        return list(self._slot_hashes)

    def add(self, block: Block) -> None:
        """Take in a closed block. Heights go up from one call to the next."""
        blockhash = Hash.from_string(block.blockhash)
        self._heights[blockhash] = block.height
        self._slot_hashes.appendleft((block.slot, blockhash))
        for record in block.transactions:
            self._signatures[record.signature] = block.height

    def note(self, signature: str, height: int) -> None:
        """Remember a transaction of the open slot."""
        self._signatures[signature] = height

    def seen(self, signature: str, height: int | None = None) -> bool:
        """Whether a transaction with this signature has landed lately, up to a block height."""
        landed = self._signatures.get(signature)
        return landed is not None and (height is None or landed <= height)

    def height(self, blockhash: Hash, now: int, age: int = MAX_PROCESSING_AGE) -> int | None:
        """The height of the block with this hash, None when unknown or too old at height `now`."""
        height = self._heights.get(blockhash)
        if height is None or height < self.oldest_height or now - height > age:
            return None
        return height

    def prune(self, now: int) -> None:
        """Forget what no transaction at height `now` or later can use."""
        _forget(self._heights, now - _KEPT)
        _forget(self._signatures, now - _KEPT)

    def rollback(self, slot: int, height: int) -> None:
        """Forget what came after the block in `slot` at `height`."""
        self._heights = {h: at for h, at in self._heights.items() if at <= height}
        self._signatures = {s: at for s, at in self._signatures.items() if at <= height}
        kept = [entry for entry in self._slot_hashes if entry[0] <= slot]
        self._slot_hashes = deque(kept, maxlen=_SLOT_HASHES)


def _forget(entries: dict[K, int], oldest: int) -> None:
    # Entries stand in the order of their heights.
    while entries and next(iter(entries.values())) < oldest:
        del entries[next(iter(entries))]
