"""Other programs' mirrors in the process: started after Choir's, said in `/health` and `/metrics`,
and of no consequence to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from tests.indexer.borsh import encode
from tests.indexer.programs.test_mirror import CONFIG
from tests.indexer.synthetic import SyntheticChain, SyntheticSource, key

from choir.testing import ManualClock
from choir_indexer.http import make_app
from choir_indexer.programs.run import ProgramMirror, beside
from choir_indexer.settings import Settings
from choir_indexer.store import migrate
from choir_indexer.telemetry import Metrics, State


async def test_whatever_ends_one_it_is_started_again_with_growing_pauses(
    empty_database_url: str,
) -> None:
    migrate(empty_database_url)
    chain = SyntheticChain()
    chain.close_slot(({key("p"): encode("Position", shares=5)}, []))
    source = SyntheticSource(chain)
    errors: list[Exception] = [RuntimeError("bug"), OSError("no disk")]

    @asynccontextmanager
    async def opened() -> AsyncIterator[SyntheticSource]:
        if errors:
            raise errors.pop(0)
        yield source

    clock = ManualClock()
    settings = Settings(database_url=empty_database_url)
    mirror = ProgramMirror(CONFIG, settings, opened, clock=clock, jitter=lambda: 1.0)
    running = asyncio.create_task(mirror.run())
    async with asyncio.timeout(30):
        await source.idle.wait()
    assert clock.slept == [1.0, 2.0]
    assert (
        mirror.metrics.registry.get_sample_value(
            "choir_indexer_interruptions_total", {"cause": "stopped"}
        )
        == 2
    )
    assert mirror.state.trouble is None
    assert mirror.state.slot == 1
    running.cancel()
    await asyncio.wait({running})


@dataclass
class Stub:
    """A mirror that stands somewhere."""

    name: str
    state: State
    metrics: Metrics = field(default_factory=Metrics)


async def test_health_and_metrics_tell_programs_apart_and_do_not_fail_for_them() -> None:
    clock = ManualClock()
    ours, metrics = State(clock), Metrics()
    ours.caught_up_at = clock.monotonic()
    broken = Stub("Broken", State(clock, trouble="no such program"))
    fine = Stub("Fine", State(clock))
    fine.metrics.accounts.labels("live").inc(3)
    fine.metrics.watermark.set(7)
    app = make_app(ours, metrics, max_lag_s=10, beside=[broken, fine])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://indexer"
    ) as http:
        answer = await http.get("/health")
        assert answer.status_code == 200
        said = answer.json()["programs"]
        assert said["Broken"]["trouble"] == "no such program"
        assert said["Fine"]["status"] == "behind"
        text = (await http.get("/metrics")).text
    lines = text.splitlines()
    assert 'choir_indexer_program_watermark_slot{program="Fine"} 7.0' in lines
    assert 'choir_indexer_program_watermark_slot{program="Broken"} 0.0' in lines
    assert 'choir_indexer_program_account_updates_total{origin="live",program="Fine"} 3.0' in lines
    assert "choir_indexer_watermark_slot 0.0" in lines


async def test_they_run_in_a_thread_of_their_own_and_end_with_who_started_them() -> None:
    began, over = threading.Event(), threading.Event()
    names: list[str] = []

    class Endless(ProgramMirror):
        def __init__(self) -> None:
            pass

        async def run(self) -> None:
            names.append(threading.current_thread().name)
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                over.set()

    attached = asyncio.Event()
    task = asyncio.create_task(beside([Endless()], after=attached.wait))
    await asyncio.sleep(0)
    assert not began.is_set()  # Choir's mirror comes first
    attached.set()
    assert await asyncio.to_thread(began.wait, 30)
    assert names == ["programs"]
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert over.is_set()
    assert "programs" not in {thread.name for thread in threading.enumerate()}


async def test_an_error_of_the_threads_own_ends_nothing_else() -> None:
    raised = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Broken(ProgramMirror):
        def __init__(self) -> None:
            pass

        async def run(self) -> None:
            loop.call_soon_threadsafe(raised.set)
            raise RuntimeError("bug")

    task = asyncio.create_task(beside([Broken()], after=lambda: asyncio.sleep(0)))
    async with asyncio.timeout(30):
        await raised.wait()
    await asyncio.to_thread(_until_gone, "programs")
    assert not task.done()
    task.cancel()
    await asyncio.wait({task})


def _until_gone(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(30)
