"""One child process of the stack: started, awaited until ready, stopped by its own handle."""

from __future__ import annotations

import asyncio
import ctypes
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from choir.errors import ChoirError

READY_TIMEOUT_S = 180.0
"""A service that is alive is given the time it takes on a machine that is busy with other work."""
STOP_TIMEOUT_S = 10.0
LOG_TAIL_LINES = 12


class StackError(ChoirError):
    """The stack cannot start or has lost a part; the message says which, why and what to do."""


def die_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """A hook for the child, before it executes: on Linux, end when the parent ends.

    Args:
        with_signal: what the child gets when its parent is gone, however it went.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    set_parent_death_signal = 1

    def ask() -> None:
        prctl(set_parent_death_signal, with_signal)

    return ask


class Service:
    """A child that prints one JSON line ``{"ready": true, …}`` on stdout when it is ready.

    Its stderr goes to a log file. It runs in the process group of its parent, so that one
    signal to the group reaches the whole stack.

    Args:
        name: for messages and the log's file name.
        command: argument vector.
        environment: the whole environment of the child.
        log: file that its stderr is appended to.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._command = tuple(command)
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None

    async def start(self, timeout_s: float = READY_TIMEOUT_S) -> dict[str, Any]:
        """Start, and return what the ready line said.

        Raises:
            StackError: it ended before it was ready, or was not ready within ``timeout_s``.
        """
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        try:
            ready = await asyncio.wait_for(self._read_ready_line(), timeout_s)
        except TimeoutError:
            raise StackError(
                f"{self.name} was not ready after {timeout_s:.0f} s{self._tail()}"
            ) from None
        self._drain = asyncio.create_task(self._drain_stdout())
        return ready

    async def _read_ready_line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            with suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict) and said.get("ready") is True:
                    return said
        code = await self._process.wait()
        raise StackError(f"{self.name} ended with exit code {code} while starting{self._tail()}")

    async def _drain_stdout(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while await self._process.stdout.read(65536):
            pass

    async def ended(self) -> int:
        """Wait until the child ends; its exit code."""
        if self._process is None:
            raise StackError(f"{self.name} was not started")
        return await self._process.wait()

    def failure(self, code: int) -> StackError:
        """The error of a child that ended by itself, with the end of its log."""
        return StackError(f"{self.name} ended with exit code {code}{self._tail()}")

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after ten seconds; returns when the child is gone."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if self._drain is not None:
            await self._drain

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        if not lines:
            return f" (nothing in {self.log})"
        return f"; {self.log} ends with:\n" + "\n".join(f"  {line}" for line in lines)
