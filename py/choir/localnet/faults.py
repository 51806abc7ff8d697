"""Faults to order: what the localnet does wrong on purpose, so that clients can be tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from choir.localnet.errors import invalid_params

KINDS = ("status", "delay", "drop", "stall")
STATUSES = (429, 500, 502, 503, 504)


@dataclass(slots=True)
class Fault:
    """One fault, for the next `count` calls it applies to.

    `status` answers an HTTP error (with Retry-After seconds when given), `delay` answers
    `seconds` late, `drop` runs the call and closes the connection instead of answering
    (`before` set: without running it), `stall` never answers.
    """

    kind: str
    count: int = 1
    methods: tuple[str, ...] = ()
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    before: bool = False


class Faults:
    """The faults waiting to happen to HTTP calls, in the order they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def inject(self, fault: Fault) -> None:
        """Let a fault wait for its call."""
        self._waiting.append(fault)

    def clear(self) -> int:
        """Forget them; answers how many there were."""
        count = len(self._waiting)
        self._waiting.clear()
        return count

    def take(self, methods: list[str]) -> Fault | None:
        """The fault that hits a request with these methods. `localnet_*` calls are spared."""
        if any(method.startswith("localnet_") for method in methods):
            return None
        for fault in self._waiting:
            if not fault.methods or any(method in fault.methods for method in methods):
                fault.count -= 1
                if fault.count <= 0:
                    self._waiting.remove(fault)
                return fault
        return None


def parse_fault(value: Any) -> Fault:
    """A fault from its JSON. Raises RpcError with -32602."""
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise invalid_params(f'a fault is {{"kind": one of {", ".join(KINDS)}, …}}')
    known = {"kind", "count", "methods", "status", "retryAfter", "seconds", "before"}
    unknown = sorted(set(value) - known)
    if unknown:
        raise invalid_params(f"a fault has no {', '.join(unknown)}; known: {', '.join(known)}")
    count = value.get("count", 1)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise invalid_params(f"count must be a whole number from 1, not {count!r}")
    methods = value.get("methods", [])
    if not isinstance(methods, list) or not all(isinstance(m, str) for m in methods):
        raise invalid_params("methods must be a list of method names")
    status = value.get("status", 503)
    if status not in STATUSES:
        raise invalid_params(f"status must be one of {STATUSES}, not {status!r}")
    return Fault(
        kind=value["kind"],
        count=count,
        methods=tuple(methods),
        status=status,
        retry_after=_seconds(value, "retryAfter", None),
        seconds=_seconds(value, "seconds", 0.0) or 0.0,
        before=bool(value.get("before", False)),
    )


def _seconds(value: dict[str, Any], name: str, default: float | None) -> float | None:
    given = value.get(name, default)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 3600:
        raise invalid_params(f"{name} must be seconds from 0 to 3600, not {given!r}")
    return float(given)
