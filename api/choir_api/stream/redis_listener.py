"""Redis' pub/sub as hints, in place of PostgreSQL's NOTIFY: the same promise, which is none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from choir_api.stream.listener import RETRY_S

log = logging.getLogger(__name__)

GAP_CHANNEL = "choir_gap"
ANSWER_WITHIN_S = 5.0


class RedisListener:
    """One connection that is subscribed, for as long as it runs.

    Args:
        url: ``redis://`` URL.
        channels: what to call with each payload, by channel.
        on_gap: called when hints may have been missed: after every (re)connection, when whoever
            publishes says so, and before each attempt while there is no connection.
        poll_s: calls `on_gap` this often too, and asks whether Redis still answers.
    """

    def __init__(
        self,
        url: str,
        channels: Mapping[str, Callable[[str], None]],
        *,
        on_gap: Callable[[], None],
        poll_s: float = 15.0,
    ) -> None:
        self._url = url
        self._channels = dict(channels)
        self._on_gap = on_gap
        self._poll_s = poll_s
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; reconnects by itself."""
        failures = 0
        while True:
            try:
                await self._listen()
            except (OSError, RedisError, TimeoutError) as error:
                log.warning("listening to Redis failed, trying again: %s", error)
            except Exception:  # whatever it is: who does not listen would serve stale threads
                log.exception("listening to Redis failed, trying again")
            if self.connected.is_set():
                failures = 0
            self.connected.clear()
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1
            self._on_gap()

    async def _listen(self) -> None:
        # no retries within the client: it would subscribe anew and not say that it was away
        client = redis.from_url(
            self._url,
            socket_connect_timeout=ANSWER_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        heard = client.pubsub()
        try:
            await heard.subscribe(*self._channels, GAP_CHANNEL)
            async with asyncio.timeout(ANSWER_WITHIN_S):
                for _ in (*self._channels, GAP_CHANNEL):  # one answer for each
                    await heard.get_message(timeout=None)
            self.connected.set()
            self._on_gap()
            await self._hear(heard)
        finally:
            await heard.aclose()  # type: ignore[no-untyped-call]  # redis leaves it untyped
            await client.aclose()

    async def _hear(self, heard: Any) -> None:
        answered = True
        while True:
            message = await heard.get_message(timeout=self._poll_s)
            if message is None:
                if not answered:
                    raise TimeoutError("Redis does not answer")
                answered = False
                self._on_gap()
                await heard.ping()
                continue
            answered = True
            if message["type"] != "message":
                continue
            if message["channel"] == GAP_CHANNEL:
                self._on_gap()
            elif (callback := self._channels.get(message["channel"])) is not None:
                callback(str(message["data"]))
