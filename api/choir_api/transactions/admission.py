"""How many signed transactions are being sent at once, and each of them by one effort only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature

from choir_api.errors import RateLimited, Unavailable

T = TypeVar("T")
RETRY_AFTER_S = 5


class Admission:
    """The efforts that are under way in this process.

    Args:
        of_wallet: how many a wallet may have at once.
        in_all: how many there may be at once.
    """

    def __init__(self, *, of_wallet: int, in_all: int) -> None:
        self._of_wallet = of_wallet
        self._in_all = in_all
        self._running: dict[Signature, asyncio.Task[Any]] = {}
        self._wallets: Counter[Pubkey] = Counter()

    async def one(
        self, signature: Signature, wallet: Pubkey, effort: Callable[[], Awaitable[T]]
    ) -> T:
        """What `effort` ends with; somebody who asks meanwhile gets the same end.

        It goes on when who asked has gone: the transaction is on its way then.

        Raises:
            RateLimited: the wallet has as many under way as it may.
            Unavailable: everybody together has.
        """
        task = self._running.get(signature)
        if task is None:
            task = self._begin(signature, wallet, effort)
        answer: T = await asyncio.shield(task)
        return answer

    def _begin(
        self, signature: Signature, wallet: Pubkey, effort: Callable[[], Awaitable[T]]
    ) -> asyncio.Task[T]:
        if self._wallets[wallet] >= self._of_wallet:
            raise RateLimited(
                f"{self._of_wallet} of your transactions are being sent already; "
                "wait for one of them to end",
                code="too_many_in_flight",
                retry_after_s=RETRY_AFTER_S,
            )
        if len(self._running) >= self._in_all:
            raise Unavailable(
                "as many transactions are being sent as can be; try again shortly",
                code="busy",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )

        async def run() -> T:
            return await effort()

        task = asyncio.create_task(run(), name=f"send {signature}")
        self._running[signature] = task
        self._wallets[wallet] += 1
        task.add_done_callback(lambda done: self._ended(signature, wallet, done))
        return task

    def _ended(self, signature: Signature, wallet: Pubkey, task: asyncio.Task[Any]) -> None:
        del self._running[signature]
        self._wallets[wallet] -= 1
        if not self._wallets[wallet]:
            del self._wallets[wallet]
        if not task.cancelled():
            task.exception()  # whoever asked may have gone
