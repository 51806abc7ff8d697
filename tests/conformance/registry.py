"""Checks: what they are, how one is run, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.conformance.net import Net

TIME_LIMIT_S = 150.0
"""A check waits for a cluster; one that waits longer than this has failed."""

Body = Callable[[Net], Awaitable[None]]


@dataclass(frozen=True)
class Check:
    """One thing a client relies on."""

    id: str
    """``client.topic.name``; never changes its meaning."""
    title: str
    run: Body


@dataclass(frozen=True)
class Result:
    """What came of one check on one cluster."""

    id: str
    title: str
    ok: bool
    seconds: float
    error: str | None = None

    @property
    def client(self) -> str:
        """Which client did it."""
        return self.id.partition(".")[0]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


class Mismatch(AssertionError):
    """The cluster answered otherwise; the message says what and how."""


CHECKS: dict[str, Check] = {}


def check(check_id: str, title: str) -> Callable[[Body], Body]:
    """Register a check."""

    def register(body: Body) -> Body:
        assert check_id not in CHECKS, f"two checks are called {check_id}"
        CHECKS[check_id] = Check(check_id, title, body)
        return body

    return register


def equal(actual: object, wanted: object, what: str) -> None:
    """Fail unless both are equal."""
    if actual != wanted:
        raise Mismatch(f"{what}: got {actual!r}, expected {wanted!r}")


def true(condition: object, what: str) -> None:
    """Fail unless the condition holds."""
    if not condition:
        raise Mismatch(what)


async def run(one: Check, net: Net) -> Result:
    """Run a check; a failure of any kind becomes its result."""
    started = time.monotonic()
    error = None
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            await one.run(net)
    except TimeoutError:
        error = f"not done within {TIME_LIMIT_S:.0f} s"
    except Exception as failure:  # noqa: BLE001 - whatever a stock client raises is the result
        error = describe(failure)
    return Result(one.id, one.title, error is None, round(time.monotonic() - started, 2), error)


def describe(failure: BaseException) -> str:
    """An error on one line."""
    text = " ".join(str(failure).split()) or repr(failure)
    return text if isinstance(failure, Mismatch) else f"{type(failure).__name__}: {text}"


async def run_all(checks: Sequence[Check], net: Net, at_once: int) -> list[Result]:
    """Run checks, some at once; the results in the checks' order."""
    free = asyncio.Semaphore(at_once)

    async def guarded(one: Check) -> Result:
        async with free:
            return await run(one, net)

    return list(await asyncio.gather(*(guarded(one) for one in checks)))
