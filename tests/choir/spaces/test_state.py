"""Operations: what they do, that shifts commute to the bit, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choir.errors import InvalidInput
from choir.spaces.engine import turns
from choir.spaces.engine.merge import (
    Changed,
    Conflict,
    CounterGap,
    Proposal,
    check_counter,
    merge,
)
from choir.spaces.engine.state import (
    Change,
    InvalidOp,
    State,
    apply,
    from_snapshot,
    normalise,
    snapshot,
)
from choir.spaces.models import EntropyField, Op, OperatorSet, Snapshot, SpacePolicy

SIZE = 5
VALUES = st.floats(-1e6, 1e6)


def _state(phases: tuple[int, ...] = (0,) * SIZE, version: int = 0, epoch: int = 0) -> State:
    return State(epoch, version, turns.turns(phases), OperatorSet(), EntropyField(), SpacePolicy())


def _change(op: Any, path: str, value: Any) -> Change:
    (made,) = normalise([Op(op=op, path=path, value=value)], SIZE)
    return made


shifts = st.builds(
    lambda index, value: _change("shift_phase", f"/state/phases/{index}", value),
    st.integers(0, SIZE - 1),
    VALUES,
)


@given(
    st.tuples(*[st.integers(0, turns.REVOLUTION - 1)] * SIZE),
    st.lists(shifts, max_size=12),
    st.randoms(use_true_random=False),
)
def test_shifts_in_any_order_and_grouping_give_the_same_bits(
    start: tuple[int, ...], changes: list[Change], random: Any
) -> None:
    once = apply(_state(start), changes)
    shuffled = list(changes)
    random.shuffle(shuffled)
    cut = random.randint(0, len(shuffled))
    twice = apply(apply(_state(start), shuffled[:cut]), shuffled[cut:])
    assert once.phases == twice.phases


def test_set_and_shift_a_phase() -> None:
    state = apply(_state(), [_change("set_phase", "/state/phases/3", 6.0)])
    state = apply(state, [_change("shift_phase", "/phases/3", 1.0)])
    assert state.version == 2
    assert turns.to_radians(state.phases[3]) == pytest.approx(7.0 - 2 * 3.141592653589793)
    assert [*state.phases[:3], state.phases[4]] == [0, 0, 0, 0]


def test_a_state_is_not_changed_by_what_follows_it() -> None:
    first = _state()
    apply(first, [_change("set_phase", "/state/phases/0", 1.0)])
    assert list(first.phases) == [0] * SIZE


def test_settings_one_by_one_or_as_an_object() -> None:
    ops = normalise(
        [
            Op(op="set_operator", path="/state/operators/mixer", value={"gamma0": 1, "beta": 0.5}),
            Op(op="set_entropy", path="/entropy/lambda", value=0.25),
            Op(op="set_policy", path="/state/policy", value={"publishHz": 10}),
        ],
        SIZE,
    )
    assert [c.path for c in ops] == [
        "/state/operators/mixer/gamma0",
        "/state/operators/mixer/beta",
        "/state/entropy/lambda",
        "/state/policy/publishHz",
    ]
    state = apply(_state(), ops)
    assert (state.operators.mixer.gamma0, state.operators.mixer.beta) == (1.0, 0.5)
    assert state.operators.mixer.temperature0 == 1.0
    assert (state.entropy.lambda_, state.policy.publish_hz) == (0.25, 10)


@pytest.mark.parametrize(
    ("op", "path", "value", "message"),
    [
        ("shift_phase", "/state/phases/5", 1.0, "there are 5 phases"),
        ("shift_phase", "/state/phases/-1", 1.0, "takes /state/phases/<index>"),
        ("shift_phase", "/state/phases/01", 1.0, "takes /state/phases/<index>"),
        ("shift_phase", "/state/operators/resonanceTarget", 1.0, "takes /state/phases/<index>"),
        ("set_phase", "/state/phases/0", "1", "a phase is a number"),
        ("set_phase", "/state/phases/0", True, "a phase is a number"),
        ("set_phase", "/state/phases/0", 1e7, "within ±1e"),
        ("set_phase", "/state/phases/0", 10**400, "too large"),
        ("set_operator", "/state/operators/mixer/gamma1", 1.0, "does not know"),
        ("set_operator", "/state/entropy/lambda", 1.0, "does not know"),
        ("set_operator", "/state/operators/mixer", 1.0, "does not know"),
    ],
)
def test_operations_that_do_not_fit_are_refused(
    op: Any, path: str, value: Any, message: str
) -> None:
    with pytest.raises(InvalidOp, match=message):
        _change(op, path, value)


def test_a_setting_out_of_its_range_is_refused_by_name() -> None:
    with pytest.raises(InvalidOp, match=r"/state/operators/resonanceTarget: .*less than"):
        apply(_state(), [_change("set_operator", "/state/operators/resonanceTarget", 1.5)])
    with pytest.raises(InvalidOp, match=r"/state/entropy/plateauT: .*valid integer"):
        apply(_state(), [_change("set_entropy", "/state/entropy/plateauT", "150")])


@given(st.tuples(*[st.integers(0, turns.REVOLUTION - 1)] * SIZE))
def test_a_snapshot_is_exact_through_json(phases: tuple[int, ...]) -> None:
    state = _state(phases, version=7, epoch=2)
    text = snapshot("sp", state).model_dump_json(by_alias=True)
    assert from_snapshot(Snapshot.model_validate_json(text)) == state


def test_a_snapshot_whose_phases_disagree_is_refused() -> None:
    made = snapshot("sp", _state())
    short = made.model_copy(
        update={"state": made.state.model_copy(update={"phases": made.state.phases[1:]})}
    )
    with pytest.raises(InvalidInput, match="4 phases but 5 exact"):
        from_snapshot(short)


def test_a_change_travels_exactly() -> None:
    change = _change("shift_phase", "/state/phases/1", -0.0123)
    assert Change.from_json(change.to_json()) == change
    assert change.turns == turns.to_turns(-0.0123)


# merging


def _proposal(*changes: Change, at: int, epoch: int | None = None, cv: tuple[int, ...] = ()) -> Any:
    return Proposal(at, changes, epoch, cv)


SET = _change("set_phase", "/state/phases/1", 2.0)
SHIFT = _change("shift_phase", "/state/phases/1", 2.0)
ELSEWHERE = _change("set_phase", "/state/phases/2", 2.0)


@pytest.mark.parametrize("before", [SET, SHIFT])
def test_a_set_on_a_changed_path_conflicts(before: Change) -> None:
    changed = Changed(floor=0, epoch_version=0)
    state = merge(_state(), changed, _proposal(before, at=0))
    changed.record([before], state.version)
    with pytest.raises(Conflict) as caught:
        merge(state, changed, _proposal(SET, at=0))
    conflict = caught.value
    assert (conflict.code, conflict.expected, conflict.actual) == ("path_changed", 0, 1)
    assert conflict.at == ("/state/phases/1",)
    assert merge(state, changed, _proposal(SET, at=1)).version == 2


@pytest.mark.parametrize("late", [SHIFT, ELSEWHERE])
def test_shifts_and_untouched_paths_merge_late(late: Change) -> None:
    changed = Changed(floor=0, epoch_version=0)
    state = merge(_state(), changed, _proposal(SET, at=0))
    changed.record([SET], state.version)
    assert merge(state, changed, _proposal(late, at=0)).version == 2


@pytest.mark.parametrize("proposal", [_proposal(SHIFT, at=4), _proposal(SHIFT, at=9, epoch=1)])
def test_another_epoch_conflicts_even_for_shifts(proposal: Proposal) -> None:
    changed = Changed(floor=5, epoch_version=5)
    with pytest.raises(Conflict) as caught:
        merge(_state(version=9, epoch=2), changed, proposal)
    assert caught.value.code == "epoch_changed"


@pytest.mark.parametrize("proposal", [_proposal(SHIFT, at=4), _proposal(SHIFT, at=3, cv=(1, 4))])
def test_what_depends_on_the_future_conflicts(proposal: Proposal) -> None:
    with pytest.raises(Conflict) as caught:
        merge(_state(version=3), Changed(0, 0), proposal)
    assert (caught.value.code, caught.value.expected, caught.value.actual) == ("ahead", 4, 3)


def test_counters() -> None:
    assert check_counter(0, None) == 1
    assert check_counter(4, 5) == 5
    assert check_counter(4, 4) is None
    assert check_counter(4, 1) is None
    with pytest.raises(CounterGap, match="next counter is 5, got 7"):
        check_counter(4, 7)


@pytest.mark.parametrize(
    "meta",
    [
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": 2**64},
        {"a": "\ud800"},
        {"a": "x" * 1025},
        {"a": [[[[[[[[[0]]]]]]]]]},
    ],
)
def test_meta_that_some_encoding_cannot_carry_is_refused(meta: Any) -> None:
    op = Op.model_construct(op="shift_phase", path="/state/phases/0", value=1.0, meta=meta)
    with pytest.raises(InvalidOp, match="meta"):
        normalise([op], SIZE)


def test_meta_is_kept() -> None:
    op = Op(op="shift_phase", path="/state/phases/0", value=1.0, meta={"why": ["x", {"y": 1}]})
    (change,) = normalise([op], SIZE)
    assert change.meta is not None
    assert change.meta["why"] == ["x", {"y": 1}]
