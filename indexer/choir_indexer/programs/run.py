"""The mirrors of other programs beside Choir's: started after it, and never able to stop it.

They live on an event loop of their own in one thread: what a program's accounts cost to decode is
not paid by Choir's mirror. Whatever ends one, an error of ours included, is said in `/health`, and
it is started again with growing pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from threading import Thread
from typing import Any

import structlog

from choir.clock import Clock, SystemClock
from choir_indexer.mirror import Mirror
from choir_indexer.programs.config import ProgramConfig
from choir_indexer.programs.decoding import ProgramDecoding
from choir_indexer.programs.redecode import redecode_if_changed
from choir_indexer.programs.writer import ProgramWriter, forget
from choir_indexer.settings import Settings
from choir_indexer.sources import Source
from choir_indexer.telemetry import Metrics, State

__all__ = ["ProgramMirror", "beside"]

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class ProgramMirror:
    """One program's mirror, made anew whenever it ends.

    Args:
        config: the program.
        settings: the process's.
        open_source: opens the chain, seen for this program; closed with the block.
        clock, jitter: time and chance, for the waits.
    """

    def __init__(
        self,
        config: ProgramConfig,
        settings: Settings,
        open_source: Callable[[], contextlib.AbstractAsyncContextManager[Source]],
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.config = config
        self.metrics = Metrics()
        self._settings = settings
        self._open_source = open_source
        self._clock = clock or SystemClock()
        self._jitter = jitter
        self._log = structlog.get_logger("choir_indexer.programs").bind(program=self.name)
        self._state = State(self._clock)

    @property
    def name(self) -> str:
        """The program's address."""
        return str(self.config.program)

    @property
    def state(self) -> State:
        """Where it stands, of whichever mirror is at work now."""
        return self._state

    async def run(self) -> None:
        """Follow until cancelled. Raises nothing else."""
        pause = FIRST_PAUSE_S
        while True:
            started = self._clock.monotonic()
            try:
                async with self._open_source() as source:
                    mirror = self._mirror(source)
                    self._state = mirror.state
                    await mirror.run()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach Choir's mirror
                self._state.phase = "stopped"
                self._state.trouble = str(error) or type(error).__name__
                self.metrics.interruptions.labels("stopped").inc()
                self._log.exception("the program's mirror stopped; starting it again")
            if self._clock.monotonic() - started > LONGEST_PAUSE_S:
                pause = FIRST_PAUSE_S
            await self._clock.sleep(pause * (0.5 + self._jitter() / 2))
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _mirror(self, source: Source) -> Mirror:
        settings, config = self._settings, self.config

        async def waiting() -> None:
            self._log.warning("another indexer mirrors this program; waiting until it ends")

        async def open_writer() -> ProgramWriter:
            writer = await ProgramWriter.open(settings.database_url, config, waiting=waiting)
            try:
                await redecode_if_changed(writer, config)
            except BaseException:
                writer.connection.terminate()
                raise
            return writer

        async def anew() -> None:
            await forget(settings.database_url, config.program)

        return Mirror(
            source,
            open_writer,
            program=config.program,
            decoding=ProgramDecoding(config),
            commitment=settings.commitment,
            rebuild=anew if settings.rebuild_on_new_genesis else None,
            overlap=settings.indexer_overlap_slots,
            patience_s=settings.indexer_patience_s,
            clock=self._clock,
            jitter=self._jitter,
            metrics=self.metrics,
        )


async def beside(mirrors: Sequence[ProgramMirror], *, after: Callable[[], Awaitable[Any]]) -> None:
    """Run the mirrors in a thread once `after` has returned; until cancelled."""
    await after()

    async def all_of_them() -> None:
        await asyncio.gather(*(mirror.run() for mirror in mirrors))

    try:
        await _in_a_thread(all_of_them)
    except Exception:
        log = structlog.get_logger("choir_indexer.programs")
        log.exception("the programs' thread ended; Choir's mirror goes on without it")
    await asyncio.Event().wait()


async def _in_a_thread(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work` on a loop of its own in a thread; cancelled here, it is cancelled there, and
    has ended when this returns."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="programs", daemon=True)
    thread.start()
    try:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), loop))
    finally:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_end_tasks(), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()


async def _end_tasks() -> None:
    """Cancel every other task of this loop and wait for them."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
