"""The gap that the mirror stands before: recorded, counted and said, until it is filled."""

from __future__ import annotations

import structlog

from choir_indexer.store.gaps import GapRow
from choir_indexer.store.ledger import Ledger
from choir_indexer.telemetry import Metrics, State

__all__ = ["Gaps"]


class Gaps:
    """Keeps the ledger, `/health` and the metrics saying the same."""

    def __init__(self, state: State, metrics: Metrics) -> None:
        self._state = state
        self._metrics = metrics
        self._log = structlog.get_logger("choir_indexer.gaps")

    async def load(self, ledger: Ledger) -> None:
        """Take over what an earlier run left, and end it if the watermark has passed it."""
        self._show(await ledger.open_gap())
        await self.end_filled(ledger)

    async def note(self, ledger: Ledger, from_slot: int, to_slot: int, reason: str) -> None:
        """The source does not give these slots, though it must have them."""
        await self.end_filled(ledger)
        if self._state.gap is None:
            self._metrics.gaps.inc()
        gap = await ledger.note_gap(from_slot, to_slot, reason)
        self._show(gap)
        self._log.error(
            "gap", from_slot=gap.from_slot, to_slot=gap.to_slot, reason=reason,
            found_at=gap.found_at,
        )  # fmt: skip

    async def end_filled(self, ledger: Ledger) -> None:
        """End the gap if the watermark has passed it."""
        if self._state.gap is None:
            return
        for gap in await ledger.end_filled_gaps():
            self._show(None)
            self._log.info("gap filled", from_slot=gap.from_slot, to_slot=gap.to_slot)

    def _show(self, gap: GapRow | None) -> None:
        self._state.gap = gap
        self._metrics.gaps_open.set(0 if gap is None else 1)
