"""How settled a slot is: processed (open), confirmed (closed and journaled), finalized (rooted)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Commitment(IntEnum):
    """Levels in rising order of certainty."""

    PROCESSED = 0
    CONFIRMED = 1
    FINALIZED = 2

    @property
    def label(self) -> str:
        """The name in the JSON-RPC."""
        return self.name.lower()


# The older names are still accepted by clients' types.
NAMES = {
    "processed": Commitment.PROCESSED,
    "confirmed": Commitment.CONFIRMED,
    "finalized": Commitment.FINALIZED,
    "recent": Commitment.PROCESSED,
    "single": Commitment.CONFIRMED,
    "singleGossip": Commitment.CONFIRMED,
    "root": Commitment.FINALIZED,
    "max": Commitment.FINALIZED,
}


@dataclass(slots=True)
class Heads:
    """The newest slot at each commitment."""

    processed: int = 0
    confirmed: int = 0
    finalized: int = 0

    def slot(self, commitment: Commitment) -> int:
        """The newest slot at `commitment`."""
        if commitment is Commitment.PROCESSED:
            return self.processed
        if commitment is Commitment.CONFIRMED:
            return self.confirmed
        return self.finalized

    def of(self, slot: int) -> Commitment:
        """How settled `slot` is."""
        if slot <= self.finalized:
            return Commitment.FINALIZED
        if slot <= self.confirmed:
            return Commitment.CONFIRMED
        return Commitment.PROCESSED
