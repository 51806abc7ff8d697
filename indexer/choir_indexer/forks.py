"""Where the mirror and the chain part: two views of the same slots, compared. Pure.

Slots up to a final one are as they were; after it, slots may have gone with a fork. What differs
there says from where on the mirror's view is not the chain's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from solders.signature import Signature

__all__ = ["Dispute", "disputes"]


@dataclass(frozen=True, slots=True)
class Dispute:
    """A slot that is not final and of which the two say different things.

    `proven` says that the mirror's view of the slot is wrong. Otherwise a transaction is not
    listed, and its slot has gone or the list is wrong: that is to be asked.
    """

    slot: int
    proven: bool
    reason: str


def disputes(
    known: Mapping[bytes, int],
    listed: Mapping[bytes, int],
    *,
    unknown: Collection[bytes],
    final: int,
    later: Mapping[bytes, int],
) -> list[Dispute]:
    """Where the transactions that the mirror has differ from those that the chain lists, in the
    slots after `final`, oldest first.

    Args:
        known: slots of what the mirror has and the list should hold.
        listed: slots of what the chain lists at or below the watermark.
        unknown: those of them that the mirror does not have.
        final: the newest slot that cannot change.
        later: slots of what the chain lists above the watermark.
    """
    found = [
        Dispute(listed[s], True, f"transaction {Signature(s)} is in slot {listed[s]} now")
        for s in unknown
        if listed[s] > final
    ]
    for signature, slot in known.items():
        elsewhere = listed.get(signature, later.get(signature))
        if slot <= final or elsewhere == slot:
            continue
        what = "is not listed now" if elsewhere is None else f"is in slot {elsewhere} now"
        reason = f"transaction {Signature(signature)} of slot {slot} {what}"
        found.append(Dispute(slot, elsewhere is not None, reason))
    return sorted(found, key=lambda dispute: (dispute.slot, not dispute.proven))
