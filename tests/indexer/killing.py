"""What `kill -9` does to a coroutine, between any two of its awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

__all__ = ["Killed"]


class Killed:
    """Runs a coroutine and kills it at its `at`-th suspension: its database connection is cut
    and nothing it would still have done in the open is done.

    Args:
        work: what is to die.
        at: how many suspensions from now; 0 for never, unless `die_in` says otherwise later.
        cut: cuts its connections.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], at: int, cut: Callable[[], None]) -> None:
        self._work = work.__await__()
        self._left = at
        self._cut = cut
        self.died = False

    def die_in(self, suspensions: int) -> None:
        """Die so many suspensions from now."""
        self._left = suspensions

    def __await__(self) -> Generator[Any, Any, None]:
        throw: BaseException | None = None
        while True:
            try:
                waiting_for = self._work.send(None) if throw is None else self._work.throw(throw)
            except StopIteration:
                return
            except BaseException:
                if not self.died:
                    raise
                return  # whatever the dying said
            throw = None
            self._left -= 1
            if self._left == 0:
                self.died = True
                self._cut()
            if self.died:  # whatever it makes of that, it gets no further
                if hasattr(waiting_for, "cancel"):
                    waiting_for.cancel()
                yield None  # what was waited for lets go of its socket first
                throw = asyncio.CancelledError()
                continue
            try:
                yield waiting_for
            except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
                throw = error
