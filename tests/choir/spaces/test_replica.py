"""A replica follows frames exactly, skips what it has, and notices what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from choir.errors import InvalidInput
from choir.spaces.engine import turns
from choir.spaces.engine.state import State, apply, normalise, snapshot
from choir.spaces.models import EntropyField, Op, OperatorSet, SpacePolicy
from choir.spaces.replica import Gap, Replica

START = State(1, 5, turns.turns([0, 7]), OperatorSet(), EntropyField(), SpacePolicy())


def _frame(state: State) -> dict[str, Any]:
    return snapshot("sp", state).model_dump(mode="json", by_alias=True)


def _delta(state: State, value: float) -> tuple[State, dict[str, Any]]:
    changes = normalise([Op(op="shift_phase", path="/state/phases/0", value=value)], 2)
    after = apply(state, changes)
    ops = [change.to_json() for change in changes]
    return after, {"fromVersion": state.version, "toVersion": after.version, "ops": ops}


def test_it_follows_to_the_bit() -> None:
    replica, state = Replica(), START
    assert (replica.version, replica.position, replica.digest()) == (-1, None, "")
    replica.reset(_frame(state))
    for value in (0.1, -2.0, 3e5):
        state, frame = _delta(state, value)
        assert replica.advance(frame)
        assert not replica.advance(frame)  # a repeat
    assert replica.state == state
    other = Replica()
    other.reset(_frame(state))
    assert (other.digest(), other.position) == (replica.digest(), (1, 8))


def test_one_frame_may_cover_several_versions() -> None:
    replica = Replica()
    replica.reset(_frame(START))
    one, first = _delta(START, 0.1)
    two, second = _delta(one, 0.2)
    both = {"fromVersion": 5, "toVersion": 7, "ops": first["ops"] + second["ops"]}
    assert replica.advance(both)
    assert replica.state == two


def test_a_missing_version_is_noticed() -> None:
    replica = Replica()
    _, first = _delta(START, 0.1)
    with pytest.raises(Gap, match="before the first snapshot"):
        replica.advance(first)
    replica.reset(_frame(START))
    _, second = _delta(apply(START, []), 0.1)
    with pytest.raises(Gap, match="from version 6 at 5"):
        replica.advance(second)
    assert replica.version == 5


def test_a_snapshot_that_contradicts_itself_is_refused() -> None:
    frame = _frame(START)
    frame["state"]["phases"] = [0.0]
    with pytest.raises(InvalidInput):
        Replica().reset(frame)


def test_turns_travel_as_text_and_are_believed() -> None:
    """The exact turns count, not the radians beside them."""
    replica = Replica()
    replica.reset(_frame(START))
    _, frame = _delta(START, 0.1)
    frame["ops"][0]["meta"]["turns"] = str(2**64 - 1)
    replica.advance(frame)
    assert replica.state is not None
    assert replica.state.phases[0] == 2**64 - 1
