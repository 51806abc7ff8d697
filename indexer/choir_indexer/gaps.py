"""The gap that the mirror stands before: recorded, counted and said, until it is filled."""

from __future__ import annotations

from typing import Any

import asyncpg
import structlog

from choir_indexer.store import gaps as table
from choir_indexer.telemetry import Metrics, State

__all__ = ["Gaps"]


class Gaps:
    """Keeps ``chain.gaps``, `/health` and the metrics saying the same."""

    def __init__(self, state: State, metrics: Metrics) -> None:
        self._state = state
        self._metrics = metrics
        self._log = structlog.get_logger("choir_indexer.gaps")

    async def load(self, connection: asyncpg.Connection[Any]) -> None:
        """Take over what an earlier run left, and end it if the watermark has passed it."""
        self._show(await table.open_gap(connection))
        await self.end_filled(connection)

    async def note(
        self, connection: asyncpg.Connection[Any], from_slot: int, to_slot: int, reason: str
    ) -> None:
        """The source does not give these slots, though it must have them."""
        await self.end_filled(connection)
        if self._state.gap is None:
            self._metrics.gaps.inc()
        gap = await table.note(connection, from_slot, to_slot, reason)
        self._show(gap)
        self._log.error(
            "gap", from_slot=gap.from_slot, to_slot=gap.to_slot, reason=reason,
            found_at=gap.found_at,
        )  # fmt: skip

    async def end_filled(self, connection: asyncpg.Connection[Any]) -> None:
        """End the gap if the watermark has passed it."""
        if self._state.gap is None:
            return
        for gap in await table.end_filled(connection):
            self._show(None)
            self._log.info("gap filled", from_slot=gap.from_slot, to_slot=gap.to_slot)

    def _show(self, gap: table.GapRow | None) -> None:
        self._state.gap = gap
        self._metrics.gaps_open.set(0 if gap is None else 1)
