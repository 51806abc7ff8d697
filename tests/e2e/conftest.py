"""The whole stack as its users start it: by the command, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CHOIR = Path(sys.executable).parent / "choir"
INDEXER = Path(sys.executable).parent / "choir-indexer"


@dataclass
class Command:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def last_json(self) -> dict[str, Any]:
        """The last line of its output, as a script reads it."""
        report: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return report


def environment(state_dir: Path, **more: str) -> dict[str, str]:
    """Ours, without any CHOIR_ setting of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHOIR_")}
    return {**kept, "CHOIR_STATE_DIR": str(state_dir), **more}


def run(*command: str | Path, env: dict[str, str]) -> Command:
    """Run to the end."""
    done = subprocess.run(
        [str(part) for part in command], env=env, capture_output=True, text=True, check=False
    )
    return Command(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def state_dir(reachable_dir: Path) -> Path:
    """The stack's state directory."""
    return reachable_dir


class Running:
    """`choir up --json` in a process group of its own."""

    def __init__(self, state_dir: Path, **more: str) -> None:
        self.env = environment(state_dir, **more)
        ports = [f"--{name}-port=0" for name in ("rpc", "pubsub", "api", "realtime")]
        self.process = subprocess.Popen(
            [str(CHOIR), "up", "--json", *ports],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1])
        self.urls: dict[str, str] = json.loads(line)

    def kill(self) -> None:
        """`kill -9` of everything at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self._close()

    def stop(self) -> int:
        """SIGTERM to the supervisor; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        self._close()
        return self.process.returncode

    def _close(self) -> None:
        self.process.communicate()


@pytest.fixture
def up() -> Iterator[Callable[..., Running]]:
    """Starts stacks, and stops what a test leaves running."""
    started: list[Running] = []

    def start(state_dir: Path, **more: str) -> Running:
        started.append(Running(state_dir, **more))
        return started[-1]

    yield start
    for stack in started:
        stack.stop()
