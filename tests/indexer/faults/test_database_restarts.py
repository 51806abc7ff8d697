"""PostgreSQL stopped, cut off and killed in the middle of a history, and started again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest
from tests.indexer.faults.recording import record
from tests.indexer.faults.run import Run, Tally

from choir.stack.postgres import EmbeddedPostgres
from choir_indexer.store import migrate

ROUNDS = 3
HOW = {"stopped": signal.SIGINT, "cut off": signal.SIGQUIT, "killed": signal.SIGKILL}


class Server:
    """A server of one's own, that keeps what it has committed, and its port."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running = EmbeddedPostgres(directory)
        self._running.start()
        self._port = self._running.port

    @property
    def url(self) -> str:
        return self._running.url("postgres")

    def restart(self, how: signal.Signals) -> None:
        """End it like that, and start it again."""
        pid = int((self._running.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, how)
        self._running.stop()
        self._running = EmbeddedPostgres(self._directory, port=self._port)
        self._running.start()

    def stop(self) -> None:
        self._running.stop()


@pytest.mark.slow
@pytest.mark.parametrize("how", HOW)
async def test_a_database_that_is_started_again_loses_and_repeats_nothing(
    how: str, reachable_dir: Path
) -> None:
    server = Server(reachable_dir)

    async def restart() -> None:
        await asyncio.to_thread(server.restart, HOW[how])

    try:
        migrate(server.url)
        for number in range(ROUNDS):
            history = record(f"restarts {number}").surviving()
            await Run(server.url, history, random.Random(number), Tally()).play(restart)
    finally:
        server.stop()
