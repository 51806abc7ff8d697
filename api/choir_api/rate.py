"""Allowances an hour, per API key, wallet or address; shared between processes through Redis.

Every answer of a limited route carries ``RateLimit``/``RateLimit-Policy``
(draft-ietf-httpapi-ratelimit-headers) and ``X-RateLimit-*``; a refusal adds ``Retry-After``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Literal, TypeAlias

from limits import RateLimitItemPerHour
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from choir_api.errors import RateLimited
from choir_api.settings import Settings

Activity: TypeAlias = Literal["threads", "messages", "searches", "actions", "sign_ins", "lookups"]
HOUR_S = 3600

_NAMES = {
    "threads": "new threads",
    "messages": "messages and specs",
    "searches": "searches",
    "actions": "actions",
    "sign_ins": "sign-ins",
    "lookups": "look-ups of transactions",
}


class Limiter:
    """Counts what each caller did in the last hour.

    Args:
        allowances: how many of each activity an hour.
        redis_url: ``redis://…`` to share the counts; None counts in this process.
    """

    def __init__(self, allowances: Mapping[Activity, int], *, redis_url: str | None = None) -> None:
        self._items = {
            name: RateLimitItemPerHour(amount, namespace="choir")
            for name, amount in allowances.items()
        }
        storage = (
            RedisStorage(f"async+{redis_url}", implementation="redispy")
            if redis_url
            else MemoryStorage()
        )
        self._window = MovingWindowRateLimiter(storage)

    @classmethod
    def from_settings(cls, settings: Settings) -> Limiter:
        """The limiter that the settings describe."""
        return cls(
            {
                "threads": settings.threads_per_hour,
                "messages": settings.messages_per_hour,
                "searches": settings.searches_per_hour,
                "actions": settings.actions_per_hour,
                "sign_ins": settings.sign_ins_per_hour,
                "lookups": settings.lookups_per_hour,
            },
            redis_url=settings.redis_url,
        )

    async def spend(self, activity: Activity, caller: str) -> dict[str, str]:
        """Take one from the caller's allowance; the headers that say what is left.

        Raises:
            RateLimited: nothing is left.
        """
        item = self._items[activity]
        allowed = await self._window.hit(item, activity, caller)
        stats = await self._window.get_window_stats(item, activity, caller)
        wait_s = max(0, math.ceil(stats.reset_time - time.time()))
        headers = {
            "RateLimit-Policy": f'"{activity}";q={item.amount};w={HOUR_S}',
            "RateLimit": f'"{activity}";r={stats.remaining};t={wait_s}',
            "X-RateLimit-Limit": str(item.amount),
            "X-RateLimit-Remaining": str(stats.remaining),
            "X-RateLimit-Reset": str(math.ceil(stats.reset_time)),
        }
        if not allowed:
            raise RateLimited(
                f"{item.amount} {_NAMES[activity]} an hour are allowed; "
                f"the next one in {max(1, wait_s)} s",
                retry_after_s=max(1, wait_s),
                headers=headers,
            )
        return headers
