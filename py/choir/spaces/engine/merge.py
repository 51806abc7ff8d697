"""When a proposed delta may be merged, though the space moved on since its proposer looked.

The server orders. A delta proposed at version v merges into the present version when

- its epoch is the present one: a change of basis renumbers the phases;
- no path that it *sets* has changed since v (shifts always merge: they commute);
- it depends on no version (`cv`) that the space has not reached;
- its counter is the next of its session. An earlier counter is a repeat, and is answered as the
  first was; a later one means that deltas were lost on the way, and is refused with the one
  expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from choir.errors import ChoirError
from choir.spaces.engine.state import Change, State, apply, paths

__all__ = ["Changed", "Conflict", "CounterGap", "Proposal", "check_counter", "merge", "touched"]


class Conflict(ChoirError):
    """The space changed in a way that the delta cannot be merged over: look again, propose anew.

    `code` is ``epoch_changed``, ``path_changed`` or ``ahead``.
    """

    def __init__(
        self, message: str, *, code: str, expected: int, actual: int, at: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.expected = expected
        """The version the delta was made for."""
        self.actual = actual
        """The version the space has."""
        self.at = tuple(at)
        """Paths that changed in between."""


class CounterGap(ChoirError):
    """A session's counter skipped: earlier deltas of it have not arrived."""

    def __init__(self, *, expected: int, got: int) -> None:
        super().__init__(
            f"the session's next counter is {expected}, got {got}: send what is between first"
        )
        self.expected = expected
        self.got = got


@dataclass(frozen=True, slots=True)
class Proposal:
    """A normalised delta, as its proposer saw the space."""

    from_version: int
    changes: tuple[Change, ...]
    epoch: int | None = None
    cv: tuple[int, ...] = ()

    @property
    def sets(self) -> frozenset[str]:
        """The paths it replaces."""
        return frozenset(c.path for c in self.changes if c.op != "shift_phase")


@dataclass(slots=True)
class Changed:
    """At which version each path last changed, complete for versions after `floor`."""

    floor: int
    epoch_version: int
    """The version with which the present epoch began."""
    at: dict[str, int] = field(default_factory=dict)

    def record(self, changes: Iterable[Change], version: int) -> None:
        """A delta that made `version` touched these paths."""
        for change in changes:
            self.at[change.path] = version

    def since(self, wanted: Iterable[str], version: int) -> list[str]:
        """Those of `wanted` that changed after `version`, sorted; needs `version` ≥ `floor`."""
        return sorted(path for path in wanted if self.at.get(path, 0) > version)


def check_counter(last: int, given: int | None) -> int | None:
    """The counter that a delta takes, or None when it is a repeat.

    Raises:
        CounterGap: some in between are missing.
    """
    if given is None:
        return last + 1
    if given <= last:
        return None
    if given > last + 1:
        raise CounterGap(expected=last + 1, got=given)
    return given


def merge(state: State, changed: Changed, proposal: Proposal) -> State:
    """The state with the proposal merged at the next version; `changed` is not written to.

    Raises:
        Conflict: it cannot be merged.
        InvalidOp: a value that its setting does not take.
    """
    seen = proposal.from_version
    ahead = max((seen, *proposal.cv))
    if ahead > state.version:
        raise Conflict(
            f"the delta depends on version {ahead}, the space is at {state.version}",
            code="ahead",
            expected=ahead,
            actual=state.version,
        )
    if seen < changed.epoch_version or (
        proposal.epoch is not None and proposal.epoch != state.epoch
    ):
        raise Conflict(
            f"the basis changed: the space is in epoch {state.epoch} since version "
            f"{changed.epoch_version}; read the snapshot and propose again",
            code="epoch_changed",
            expected=seen,
            actual=state.version,
        )
    stale = changed.since(proposal.sets, seen)
    if stale:
        raise Conflict(
            f"{', '.join(stale[:5])} changed since version {seen}; read the snapshot and "
            "propose again",
            code="path_changed",
            expected=seen,
            actual=state.version,
            at=stale,
        )
    return apply(state, proposal.changes)


def touched(changes: Sequence[Change]) -> list[str]:
    """The paths of a delta, sorted, as they are stored."""
    return sorted(paths(changes))
