"""The state of a space, and the operations that change it.

A state is a value: `apply` makes a new one. Operations are normalised first (`normalise`): paths
become canonical, objects become one operation per leaf, radians become turns. What is stored,
sent to replicas and applied is the normalised form, so every copy computes the same bits.

`shift_phase` adds turns and commutes with every other shift. The `set_` operations replace.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from choir.errors import ChoirError, InvalidInput
from choir.spaces.engine import turns
from choir.spaces.models import (
    MAX_OPS,
    EntropyField,
    Op,
    OperatorSet,
    OpName,
    Snapshot,
    SpacePolicy,
    SpaceState,
)

__all__ = [
    "Change",
    "InvalidOp",
    "NotNext",
    "State",
    "apply",
    "from_snapshot",
    "leaves",
    "normalise",
    "paths",
    "snapshot",
]

MAX_META_BYTES: Final = 1024
MAX_META_DEPTH: Final = 8
_SECTIONS: Final[Mapping[OpName, str]] = {
    "set_phase": "phases",
    "shift_phase": "phases",
    "set_operator": "operators",
    "set_entropy": "entropy",
    "set_policy": "policy",
}


class InvalidOp(InvalidInput):
    """An operation that cannot be applied to this space, whatever its version."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class State:
    """Everything that deltas change.

    `phases` holds k turns and must not be written to; `tick` counts evolution steps.
    """

    epoch: int
    version: int
    phases: array[int]
    operators: OperatorSet
    entropy: EntropyField
    policy: SpacePolicy
    tick: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One normalised operation: what is stored, sent and applied.

    For phases `value` is in radians, as given, and ``meta["turns"]`` the exact turns as decimal
    text (JSON numbers end at 2⁵³); for the rest it is the leaf's new value.
    """

    op: OpName
    path: str
    value: Any
    meta: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The operation as a frame carries it."""
        made = {"op": self.op, "path": self.path, "value": self.value}
        return made if self.meta is None else {**made, "meta": dict(self.meta)}

    @classmethod
    def from_json(cls, made: Mapping[str, Any]) -> Change:
        """The inverse of `to_json`; for what a server wrote, not for a member's proposal."""
        return cls(made["op"], made["path"], made["value"], made.get("meta"))

    @property
    def turns(self) -> int:
        """Of a phase operation: the new phase, or what is added to it."""
        meta = self.meta or {}
        return int(meta["turns"]) if "turns" in meta else turns.to_turns(self.value)


def leaves(model: BaseModel, prefix: str) -> dict[str, Any]:
    """Every leaf of a configuration by its path: ``/state/operators/mixer/beta`` → 0.98."""
    found: dict[str, Any] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                walk(f"{path}/{key}", item)
        else:
            found[path] = value

    walk(prefix, model.model_dump(by_alias=True))
    return found


_LEAVES: Final[Mapping[str, frozenset[str]]] = {
    "operators": frozenset(leaves(OperatorSet(), "/state/operators")),
    "entropy": frozenset(leaves(EntropyField(), "/state/entropy")),
    "policy": frozenset(leaves(SpacePolicy(), "/state/policy")),
}


def normalise(ops: Iterable[Op], size: int) -> tuple[Change, ...]:
    """Operations in the form that is stored and applied, for a basis of `size` primes.

    Raises:
        InvalidOp: a path that does not exist or does not fit the operation, or a value that is
            not of its kind; says which.
    """
    changes: list[Change] = []
    for op in ops:
        section = _SECTIONS[op.op]
        path = op.path if op.path.startswith("/state/") else f"/state{op.path}"
        if op.meta is not None:
            _check_meta(op.meta, op.path)
        if section == "phases":
            changes.append(_phase(op, path, size))
        else:
            changes.extend(_settings(op, section, path))
    if len(changes) > MAX_OPS:
        raise InvalidOp(f"one delta has at most {MAX_OPS} operations", path="/")
    return tuple(changes)


def _check_meta(meta: Mapping[str, Any], path: str) -> None:
    """Refuses what not every encoding of a frame could carry."""

    def depth(value: Any) -> int:
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidOp(f"{path}: numbers in meta must be finite", path=path)
        inside = value.values() if isinstance(value, Mapping) else value
        if isinstance(inside, str) or not isinstance(inside, Iterable):
            return 0
        return 1 + max(map(depth, inside), default=0)

    try:
        fits = depth(meta) <= MAX_META_DEPTH and len(orjson.dumps(meta)) <= MAX_META_BYTES
    except (TypeError, RecursionError):  # no UTF-8, or an integer past 64 bits
        fits = False
    if not fits:
        raise InvalidOp(
            f"{path}: meta is at most {MAX_META_BYTES} bytes of JSON, {MAX_META_DEPTH} levels "
            "deep, with integers of 64 bits",
            path=path,
        )


def _phase(op: Op, path: str, size: int) -> Change:
    head, _, last = path.rpartition("/")
    if head != "/state/phases" or not _is_index(last):
        raise InvalidOp(f"{op.op} takes /state/phases/<index>, got {op.path!r}", path=op.path)
    index = int(last)
    if index >= size:
        raise InvalidOp(
            f"{op.path!r}: there are {size} phases, the last is /state/phases/{size - 1}",
            path=op.path,
        )
    if isinstance(op.value, bool) or not isinstance(op.value, int | float):
        raise InvalidOp(f"{op.path}: a phase is a number of radians", path=op.path)
    try:
        exact = turns.to_turns(float(op.value))
    except (InvalidInput, OverflowError) as error:
        raise InvalidOp(f"{op.path}: {error}", path=op.path) from None
    meta = {**(op.meta or {}), "turns": str(exact)}
    return Change(op.op, path, float(op.value), meta)


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and len(text) < 6


def _settings(op: Op, section: str, path: str) -> Iterable[Change]:
    known = _LEAVES[section]
    given: dict[str, Any] = {}

    def walk(at: str, value: Any) -> None:
        if at in known:
            given[at] = value
        elif isinstance(value, Mapping) and any(each.startswith(f"{at}/") for each in known):
            for key, item in value.items():
                walk(f"{at}/{key}", item)
        else:
            raise InvalidOp(
                f"{op.op} does not know {at!r}; it takes {', '.join(sorted(known))}", path=op.path
            )

    walk(path, op.value)
    return [Change(op.op, at, value, op.meta) for at, value in given.items()]


def paths(changes: Sequence[Change]) -> frozenset[str]:
    """The paths that these operations touch."""
    return frozenset(change.path for change in changes)


Model = TypeVar("Model", bound=BaseModel)


def apply(state: State, changes: Sequence[Change], *, version: int | None = None) -> State:
    """The state after `changes`, at the next version (or at `version`).

    Raises:
        InvalidOp: a value that its setting does not take.
    """
    phases = state.phases[:]
    settings: dict[str, dict[str, Any]] = {"operators": {}, "entropy": {}, "policy": {}}
    for change in changes:
        section = _SECTIONS[change.op]
        if section == "phases":
            index = int(change.path.rpartition("/")[2])
            start = phases[index] if change.op == "shift_phase" else 0
            phases[index] = turns.shift(start, change.turns)
        else:
            settings[section][change.path] = change.value
    return replace(
        state,
        version=state.version + 1 if version is None else version,
        phases=phases,
        operators=_updated(state.operators, settings["operators"]),
        entropy=_updated(state.entropy, settings["entropy"]),
        policy=_updated(state.policy, settings["policy"]),
    )


def _updated(model: Model, given: Mapping[str, Any]) -> Model:
    if not given:
        return model
    tree = model.model_dump(by_alias=True)
    for path, value in given.items():
        *folders, leaf = path.split("/")[3:]
        node = tree
        for folder in folders:
            node = node[folder]
        node[leaf] = value
    try:
        return type(model).model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        path = next((p for p in given if p.endswith(f"/{where}")), next(iter(given)))
        raise InvalidOp(f"{path}: {first['msg']}", path=path) from None


def snapshot(space_id: str, state: State) -> Snapshot:
    """The state as it travels."""
    return Snapshot(
        space_id=space_id,
        epoch=state.epoch,
        version=state.version,
        state=SpaceState(
            phases=[turns.to_radians(phase) for phase in state.phases],
            turns=turns.to_base64(state.phases),
            operators=state.operators,
            entropy=state.entropy,
            policy=state.policy,
        ),
    )


def from_snapshot(made: Snapshot) -> State:
    """The inverse of `snapshot`, exact.

    Raises:
        InvalidInput: the exact phases are not what the snapshot says in radians.
    """
    phases = turns.from_base64(made.state.turns)
    if len(phases) != len(made.state.phases):
        raise InvalidInput(
            f"the snapshot has {len(made.state.phases)} phases but {len(phases)} exact ones"
        )
    return State(
        epoch=made.epoch,
        version=made.version,
        phases=phases,
        operators=made.state.operators,
        entropy=made.state.entropy,
        policy=made.state.policy,
    )


class NotNext(ChoirError):
    """A delta that does not start where the replica stands."""
