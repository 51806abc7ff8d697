"""What the source did not give: on record from when it was found until the watermark passed it.

The mirror walks one way, so that one gap at most is open. Whether it is filled is read from the
watermark alone: a gap outlives the process that found it, and whichever run gets past it ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import asyncpg

__all__ = ["GapRow", "end_filled", "note", "open_gap"]

_COLUMNS: Final = "from_slot, to_slot, reason, extract(epoch FROM found_at)"
_NOTE: Final = f"""
    INSERT INTO chain.gaps AS g (from_slot, to_slot, reason) VALUES ($1, $2, $3)
    ON CONFLICT ((filled_at IS NULL)) WHERE filled_at IS NULL DO UPDATE SET
        from_slot = excluded.from_slot, to_slot = greatest(g.to_slot, excluded.to_slot),
        reason = excluded.reason, last_seen_at = now()
    RETURNING {_COLUMNS}
"""  # noqa: S608 - names of columns only
_END: Final = f"""
    UPDATE chain.gaps g SET filled_at = now() FROM chain.watermark w
    WHERE g.filled_at IS NULL AND g.to_slot <= w.slot RETURNING {_COLUMNS}
"""  # noqa: S608 - names of columns only


@dataclass(frozen=True, slots=True)
class GapRow:
    """Slots `from_slot` to `to_slot`, both included, are not in the mirror yet, although the
    source must have them; `found_at` is seconds since the epoch."""

    from_slot: int
    to_slot: int
    reason: str
    found_at: float


async def note(
    connection: asyncpg.Connection[Any], from_slot: int, to_slot: int, reason: str
) -> GapRow:
    """Open the gap, or say of the open one how far it reaches now and why."""
    return _gap(await connection.fetchrow(_NOTE, from_slot, to_slot, reason))


async def end_filled(connection: asyncpg.Connection[Any]) -> list[GapRow]:
    """Close what the watermark has passed; returns it."""
    return [_gap(row) for row in await connection.fetch(_END)]


async def open_gap(connection: asyncpg.Connection[Any]) -> GapRow | None:
    """The gap that the mirror stands before, None when there is none."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM chain.gaps WHERE filled_at IS NULL"  # noqa: S608 - as above
    )
    return None if row is None else _gap(row)


def _gap(row: asyncpg.Record | None) -> GapRow:
    assert row is not None
    return GapRow(int(row[0]), int(row[1]), row[2], float(row[3]))
