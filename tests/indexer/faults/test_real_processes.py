"""The indexer as a process, killed again and again, on a localnet that fails and forks."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from typing import Any

import pytest
from tests.choir.chain import World
from tests.indexer.test_process import GRACE_S, _environment, _start
from tests.indexer.test_real_chain import compare, people
from tests.indexer.test_real_forks import world

from choir.client import ChoirClient
from choir.ids import content_hash
from choir_indexer.store import migrate

__all__ = ["world"]

ROUNDS = 5
BURST = 5
FORKS = 0.4
ASKED = ["getSignaturesForAddress", "getTransaction", "getBlocks", "getProgramAccounts"]
"""What only the indexer asks."""
FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 429, "retryAfter": 0, "methods": ASKED},
    {"kind": "status", "status": 503, "count": 3, "methods": ASKED},
    {"kind": "drop", "methods": ASKED},
    {"kind": "loseMessage", "count": 5},
    {"kind": "duplicateMessage", "count": 5},
    {"kind": "reorderMessage", "messages": 4},
    {"kind": "stallSocket"},
    {"kind": "cutSocket"},
]


class Indexer:
    """One process after the other on a database; each ends by being killed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """A new process."""
        self._process = await _start(self._environment, "run")

    async def has_written(self, slot: int) -> None:
        """Wait until it says that history to `slot` is committed."""
        assert self._process is not None
        assert self._process.stderr is not None
        while True:
            line = await asyncio.wait_for(self._process.stderr.readline(), GRACE_S)
            assert line, "it ended by itself"
            said = json.loads(line)
            if said["event"] == "history" and said["slot"] >= slot:
                return

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            await self._process.communicate()
            self._process = None


@pytest.mark.slow
async def test_killed_processes_leave_a_mirror_that_is_as_the_chain_is(
    world: World, empty_database_url: str, fault_seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    migrate(empty_database_url)
    dice, counts = random.Random(f"{fault_seed} processes"), Counter[str]()
    indexer = Indexer(_environment(world.localnet, empty_database_url))
    ada, ben = await people(world, 2)
    await ada.create_thread("a", deposit=50_000)
    await world.rpc.request("localnet_seedFaults", [fault_seed])
    try:
        for number in range(ROUNDS):
            await indexer.start()
            since = [await _step(dice, ada, ben, f"{number}")]
            await indexer.has_written(since[0])
            for burst in range(dice.randint(2, BURST)):
                fault = dice.choice(FAULTS)
                await world.rpc.request("localnet_injectFault", [fault])
                counts[fault["kind"]] += 1
                since.append(await _step(dice, ada, ben, f"{number}.{burst}"))
                if dice.random() < FORKS:
                    dropped = dice.randint(1, len(since))
                    again = dice.random() < 0.5
                    await world.rpc.request("localnet_fork", [dropped, {"reland": again}])
                    await world.localnet.advance()
                    counts["fork"] += 1
                    since = []
                    since.append(await _step(dice, ada, ben, f"{number}.{burst} again"))
            await indexer.kill()
            counts["kill"] += 1
            await world.rpc.request("localnet_clearFaults")
        await indexer.start()
        await indexer.has_written(await _step(dice, ada, ben, "last"))
        await compare(world, empty_database_url)
    except BaseException as error:
        error.add_note(f"CHOIR_FAULT_SEED={fault_seed}")
        raise
    finally:
        await indexer.kill()
    with capfd.disabled():
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items()))
        print(f"\nprocesses, seed {fault_seed}: {kinds}", file=sys.stderr)


async def _step(dice: random.Random, ada: ChoirClient, ben: ChoirClient, name: str) -> int:
    """Something happens; returns the slot it happened in."""
    if dice.random() < 0.5:
        return (await ada.deposit("a", dice.randint(1_000, 2_000))).slot
    return (await ben.submit_spec("a", content_hash(name), stake=2_001)).slot
