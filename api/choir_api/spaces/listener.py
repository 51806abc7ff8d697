"""Hearing what other processes commit, over one connection that LISTENs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.exc import SQLAlchemyError

from choir.clock import Clock
from choir_api.auth.service import REVOKED_CHANNEL
from choir_api.spaces.hub import SpaceHub
from choir_api.spaces.store import CHANNEL

log = logging.getLogger(__name__)

SWEEP_S: Final = 5.0
"""Between comparisons with the database, which make up for hints that were lost."""
RETRY_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Waits before connecting again; the last one repeats."""


class Listener:
    """Feeds a hub with hints until it is cancelled.

    Args:
        url: ``postgresql://`` URL.
    """

    def __init__(self, url: str, hub: SpaceHub, clock: Clock) -> None:
        self._url = url
        self._hub = hub
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self.listening = asyncio.Event()
        """Set while hints are heard."""

    async def run(self) -> None:
        """Listens, and connects again when the connection is lost."""
        failures = 0
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("not listening for spaces: %s", type(error).__name__)
            except Exception:  # whatever it is: who does not listen would serve stale rights
                log.exception("not listening for spaces")
            if self.listening.is_set():
                failures = 0
                self.listening.clear()
            wait = RETRY_S[min(failures, len(RETRY_S) - 1)]
            failures += 1
            await self._clock.sleep(wait)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=10, server_settings={"application_name": "choir-spaces"}
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(CHANNEL, self._on_space)
            await connection.add_listener(REVOKED_CHANNEL, self._on_revoked)
            await self._sweep()  # what came while nobody listened
            self.listening.set()
            while not lost.is_set():
                await self._wait(lost)
                await connection.execute("SELECT 1", timeout=5)
                await self._sweep()
        finally:
            await connection.close(timeout=1)

    async def _wait(self, lost: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        waits = {
            loop.create_task(lost.wait()),
            loop.create_task(self._clock.sleep(SWEEP_S)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    async def _sweep(self) -> None:
        try:
            await self._hub.sweep()
            await self._hub.recheck()
        except (SQLAlchemyError, OSError) as error:
            log.warning("could not compare spaces: %s", type(error).__name__)

    def _on_space(self, _c: Any, _pid: int, _channel: str, payload: object) -> None:
        try:
            hint = orjson.loads(str(payload))
            space_id, kind, version = hint["space"], hint["kind"], hint["version"]
        except (ValueError, KeyError, TypeError):
            log.warning("a hint on %s that is none", CHANNEL)
            return
        if kind == "rights":
            self._spawn(self._hub.check_rights(space_id))
        else:
            self._hub.hint(space_id, version)

    def _on_revoked(self, _c: Any, _pid: int, _channel: str, payload: object) -> None:
        try:
            self._hub.end_credential(UUID(str(payload)))
        except ValueError:
            log.warning("a hint on %s that is none", REVOKED_CHANNEL)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("could not read rights anew: %s", type(task.exception()).__name__)
