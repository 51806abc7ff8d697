"""The frames that every subscriber of a space gets alike, built once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from choir.spaces.engine.state import State, snapshot
from choir_api.realtime import Outgoing
from choir_api.spaces.store import Entry

SESSION_STREAM = "s:"
"""Begins the streams whose counters belong to a space session."""
KEY_STREAM = "k:"
"""Begins the streams of one delta, named by an Idempotency-Key."""


def delta_frame(entry: Entry) -> Outgoing:
    """A committed delta as every replica gets it."""
    stream = entry.stream
    return Outgoing(
        {
            "type": "delta",
            "fromVersion": entry.version - 1,
            "toVersion": entry.version,
            "epoch": entry.epoch,
            "ops": [change.to_json() for change in entry.changes],
            "cv": list(entry.cv),
            "sessionId": (
                stream.removeprefix(SESSION_STREAM) if stream.startswith(SESSION_STREAM) else None
            ),
            "counter": entry.counter,
        }
    )


def snapshot_frame(space_id: str, state: State) -> Outgoing:
    """A state as a frame."""
    made = snapshot(space_id, state).model_dump(mode="json", by_alias=True)
    return Outgoing({"type": "snapshot", "snapshot": made})


def event_frame(name: str, at: datetime, **more: Any) -> Outgoing:
    """Something that happened to the space as a whole."""
    return Outgoing({"type": "event", "name": name, "at": moment(at), **more})


def moment(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
