"""A local copy of a space, kept the same bit for bit by snapshots and deltas. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from choir.spaces.engine import turns
from choir.spaces.engine.state import Change, State, apply, from_snapshot
from choir.spaces.models import Snapshot

__all__ = ["Gap", "Replica"]


class Gap(Exception):
    """A delta that does not start where the replica stands: versions in between are missing."""


class Replica:
    """The state that a subscriber has pieced together."""

    def __init__(self) -> None:
        self._state: State | None = None

    @property
    def state(self) -> State | None:
        """The state, or None before the first snapshot."""
        return self._state

    @property
    def version(self) -> int:
        """The version reached; -1 before the first snapshot."""
        return -1 if self._state is None else self._state.version

    @property
    def position(self) -> tuple[int, int] | None:
        """(epoch, version), to resume from."""
        return None if self._state is None else (self._state.epoch, self._state.version)

    def reset(self, snapshot: Mapping[str, Any]) -> None:
        """Takes a snapshot frame's content for the state.

        Raises:
            InvalidInput: it contradicts itself.
        """
        self._state = from_snapshot(Snapshot.model_validate(snapshot))

    def advance(self, delta: Mapping[str, Any]) -> bool:
        """Applies a delta frame; False for one that the replica has already.

        Raises:
            Gap: there is none to apply it to.
        """
        state = self._state
        if state is None:
            raise Gap("a delta before the first snapshot")
        if delta["toVersion"] <= state.version:
            return False
        if delta["fromVersion"] != state.version:
            raise Gap(f"a delta from version {delta['fromVersion']} at {state.version}")
        changes = [Change.from_json(each) for each in delta["ops"]]
        self._state = apply(state, changes, version=delta["toVersion"])
        return True

    def digest(self) -> str:
        """SHA-256 of epoch, version and exact phases: equal in all copies that agree."""
        if self._state is None:
            return ""
        state = self._state
        text = f"{state.epoch}:{state.version}:{turns.to_base64(state.phases)}"
        return hashlib.sha256(text.encode()).hexdigest()
