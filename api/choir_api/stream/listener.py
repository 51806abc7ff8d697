"""PostgreSQL's NOTIFY as hints: whoever listens reads the tables for the truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg

log = logging.getLogger(__name__)

RETRY_S = (0.1, 0.5, 2.0, 5.0)


class Listener:
    """One connection that listens, for as long as it runs.

    Args:
        url: ``postgresql://`` URL.
        channels: what to call with each payload, by channel.
        on_gap: called when hints may have been missed: after every (re)connection.
        poll_s: calls `on_gap` this often too; a hint can be lost with its connection.
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
        self._channels = channels
        self._on_gap = on_gap
        self._poll_s = poll_s
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; reconnects by itself."""
        failures = 0
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("listening for changes failed, trying again: %s", error)
            except Exception:  # whatever it is: who does not listen would serve stale rights
                log.exception("listening for changes failed, trying again")
            if self.connected.is_set():
                failures = 0
            self.connected.clear()
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def _listen(self) -> None:
        lost = asyncio.Event()
        connection = await asyncpg.connect(self._url)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            for channel, callback in self._channels.items():
                await connection.add_listener(channel, _adapted(callback))
            self.connected.set()
            self._on_gap()
            while not lost.is_set():
                try:
                    async with asyncio.timeout(self._poll_s):
                        await lost.wait()
                except TimeoutError:
                    self._on_gap()
        finally:
            connection.terminate()


def _adapted(callback: Callable[[str], None]) -> Callable[..., None]:
    def called(_connection: Any, _pid: int, _channel: str, payload: Any) -> None:
        callback(str(payload))

    return called
