"""Faults to order: what the localnet does wrong on purpose, so that clients can be tested.

A fault waits for its call. Which calls it hits is said by `methods`, `skip`, `count` and
`chance`; the dice are seeded, so that a run can be repeated. Calls of `localnet_*` are spared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from choir.localnet.errors import invalid_params

TRANSPORT = ("status", "delay", "drop", "stall")
NODE = ("behind",)
CHAIN = ("fork", "expire", "advance")
SEND = ("loseSend", "delaySend", "duplicateSend")

SOCKET = (
    "loseMessage",
    "delayMessage",
    "duplicateMessage",
    "reorderMessage",
    "stallSocket",
    "cutSocket",
)
STATUSES = (429, 500, 502, 503, 504)
MAX_SLOTS = 10_000
MAX_MESSAGES = 1_000
_COMMON = {"kind", "count", "skip", "chance", "methods"}
# What each kind can be told beside the common members.
KINDS: dict[str, frozenset[str]] = {
    "status": frozenset({"status", "retryAfter"}),
    "delay": frozenset({"seconds", "jitter"}),
    "drop": frozenset({"before"}),
    "stall": frozenset(),
    "behind": frozenset({"slots"}),
    "fork": frozenset({"slots", "reland", "before"}),
    "expire": frozenset({"before"}),
    "advance": frozenset({"slots", "before"}),
    "loseSend": frozenset(),
    "delaySend": frozenset({"slots"}),
    "duplicateSend": frozenset({"slots"}),
    "loseMessage": frozenset(),
    "delayMessage": frozenset({"seconds", "jitter"}),
    "duplicateMessage": frozenset(),
    "reorderMessage": frozenset({"messages"}),
    "stallSocket": frozenset(),
    "cutSocket": frozenset({"before"}),
}
Reland = bool | tuple[str, ...]


@dataclass(slots=True)
class Fault:
    """One fault.

    It lets the first `skip` calls pass, hits each later one with probability `chance`, and is
    spent after `count` hits (None: it stays until it is cleared). What the other members mean
    depends on `kind`: see docs/localnet.md.
    """

    kind: str
    count: int | None = 1
    skip: int = 0
    chance: float = 1.0
    methods: tuple[str, ...] = ()
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    jitter: float = 0.0
    before: bool = False
    slots: int = 1
    messages: int = 2
    reland: Reland = False


class Faults:
    """The faults waiting to happen, in the order they were asked for.

    Whoever keeps something back because of a fault puts a function into `cleared`.
    """

    def __init__(self, seed: int = 0) -> None:
        self._waiting: list[Fault] = []
        self.cleared: list[Callable[[], None]] = []
        self._dice = random.Random(seed)  # noqa: S311 - for tests to repeat, not for secrets

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def inject(self, fault: Fault) -> None:
        """Let a fault wait for its call."""
        self._waiting.append(fault)

    def clear(self) -> int:
        """Forget them; answers how many there were."""
        count = len(self._waiting)
        self._waiting.clear()
        for told in self.cleared:
            told()
        return count

    def seed(self, seed: int) -> None:
        """Begin the dice again from `seed`."""
        self._dice.seed(seed)

    def wait(self, fault: Fault) -> float:
        """How long a delaying fault delays this time, in seconds."""
        return fault.seconds + self._dice.uniform(0, fault.jitter)

    def pick(self, below: int) -> int:
        """A number from 0 to `below` - 1, from the same dice."""
        return self._dice.randrange(below)

    def take(self, kinds: Sequence[str], methods: Sequence[str]) -> Fault | None:
        """The fault of one of these kinds that hits a request with these methods."""
        if any(method.startswith("localnet_") for method in methods):
            return None
        for fault in self._waiting:
            if fault.kind not in kinds:
                continue
            if fault.methods and not any(method in fault.methods for method in methods):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.chance < 1 and self._dice.random() >= fault.chance:
                continue
            if fault.count is not None:
                fault.count -= 1
                if not fault.count:
                    self._waiting.remove(fault)
            return fault
        return None


def parse_fault(value: Any) -> Fault:
    """A fault from its JSON. Raises RpcError with -32602."""
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise invalid_params(f'a fault is {{"kind": one of {", ".join(KINDS)}, …}}')
    kind = value["kind"]
    known = KINDS[kind] | _COMMON
    unknown = sorted(set(value) - known)
    if unknown:
        raise invalid_params(
            f"a {kind} fault has no {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    status = value.get("status", 503)
    if status not in STATUSES:
        raise invalid_params(f"status must be one of {STATUSES}, not {status!r}")
    return Fault(
        kind=kind,
        count=None if value.get("count", 1) is None else _whole(value, "count", 1, least=1),
        skip=_whole(value, "skip", 0),
        chance=_number(value, "chance", 1.0, most=1.0),
        methods=_names(value, "methods"),
        status=status,
        retry_after=None if value.get("retryAfter") is None else _number(value, "retryAfter", 0),
        seconds=_number(value, "seconds", 0.0),
        jitter=_number(value, "jitter", 0.0),
        before=bool(value.get("before", False)),
        slots=_whole(value, "slots", 1, least=1, most=MAX_SLOTS),
        messages=_whole(value, "messages", 2, least=2, most=MAX_MESSAGES),
        reland=parse_reland(value.get("reland", False)),
    )


def parse_reland(value: Any) -> Reland:
    """Which transactions lost in a fork land again: all, none, or these. Raises RpcError."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise invalid_params("reland must be true, false or a list of signatures")


def _whole(
    value: dict[str, Any], name: str, default: int, least: int = 0, most: int = 2**53
) -> int:
    given = value.get(name, default)
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise invalid_params(f"{name} must be a whole number from {least} to {most}, not {given!r}")
    return given


def _number(value: dict[str, Any], name: str, default: float, most: float = 3600) -> float:
    given = value.get(name, default)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= most:
        raise invalid_params(f"{name} must be a number from 0 to {most:g}, not {given!r}")
    return float(given)


def _names(value: dict[str, Any], name: str) -> tuple[str, ...]:
    given = value.get(name, [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise invalid_params(f"{name} must be a list of method names")
    return tuple(given)
