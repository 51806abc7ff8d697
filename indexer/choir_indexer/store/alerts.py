"""Alerts: what a rule found, from when it was found until it is no longer so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import asyncpg

__all__ = ["close_others", "count_open", "raise_alerts", "subjects_open"]

_RAISE: Final = """
    INSERT INTO chain.alerts AS a (rule, subject, detail, measure, threshold)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[])
    ON CONFLICT (rule, subject) WHERE closed_at IS NULL DO UPDATE SET
        detail = excluded.detail, measure = excluded.measure, threshold = excluded.threshold,
        last_seen_at = now()
    RETURNING rule, subject, xmax = 0 AS fresh
"""
_CLOSE: Final = """
    UPDATE chain.alerts SET closed_at = now()
    WHERE closed_at IS NULL AND rule = $1 AND ($2::text[] IS NULL OR subject = ANY($2))
      AND subject <> ALL($3::text[])
    RETURNING subject
"""


async def raise_alerts(
    connection: asyncpg.Connection[Any], findings: Sequence[tuple[str, str, str, int, int]]
) -> list[tuple[str, str]]:
    """Open an alert for each finding (rule, subject, detail, measure, limit), or say of an open
    one how it stands now; returns (rule, subject) of the new ones."""
    rows = await connection.fetch(_RAISE, *([each[n] for each in findings] for n in range(5)))
    return [(row["rule"], row["subject"]) for row in rows if row["fresh"]]


async def close_others(
    connection: asyncpg.Connection[Any],
    rule: str,
    looked_at: Collection[str] | None,
    still: Collection[str],
) -> list[str]:
    """Close the rule's alerts about what was looked at (None: everything) and is not in
    `still`; returns their subjects."""
    looked = None if looked_at is None else list(looked_at)
    return [row[0] for row in await connection.fetch(_CLOSE, rule, looked, list(still))]


async def subjects_open(connection: asyncpg.Connection[Any], rules: Collection[str]) -> list[str]:
    """What open alerts of these rules are about."""
    rows = await connection.fetch(
        "SELECT DISTINCT subject FROM chain.alerts WHERE closed_at IS NULL AND rule = ANY($1)",
        list(rules),
    )
    return [row[0] for row in rows]


async def count_open(connection: asyncpg.Connection[Any]) -> dict[str, int]:
    """How many alerts are open, by rule."""
    rows = await connection.fetch(
        "SELECT rule, count(*) FROM chain.alerts WHERE closed_at IS NULL GROUP BY rule"
    )
    return {row[0]: row[1] for row in rows}
