"""The mirror over a Yellowstone stream: a real gRPC server that plays what the real program did."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.indexer.conftest import Bench
from tests.indexer.sources.geyser_server import BAD, CALM, GeyserServer
from tests.indexer.sources.tape import Tape, TapeNode, contents, expected, meta_update, slot_update
from tests.indexer.story import held

from choir.ids import PROGRAM_ID
from choir.testing import ManualClock
from choir_indexer.mirror import Mirror
from choir_indexer.sources import Feed, Forked, SourceLost
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.sources.yellowstone import Endpoint, StreamMetrics, YellowstoneSource
from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.sources.yellowstone.stream import PING_EVERY_S, SILENT_PINGS

SEEDS = 240
PARTS = 8


class Paced(ManualClock):
    """Time stands still between pings until `ping` is called."""

    def __init__(self) -> None:
        super().__init__()
        self._pings = asyncio.Semaphore(0)

    def ping(self) -> None:
        self._pings.release()

    async def sleep(self, seconds: float) -> None:
        if seconds == PING_EVERY_S:
            await self._pings.acquire()
        await super().sleep(seconds)


@dataclass
class Play:
    """A tape, a node and a server that are at the same slot, and a source over both."""

    tape: Tape
    node: TapeNode
    server: GeyserServer
    source: YellowstoneSource
    metrics: StreamMetrics
    clock: Paced

    def on(self, count: int = 1) -> None:
        """The chain goes on by some blocks."""
        for _ in range(count):
            index = self.server.played[-1] + 1
            self.node.slot = self.tape.slots[index]
            self.server.publish(index)

    @property
    def left(self) -> int:
        return len(self.tape.blocks) - 1 - self.server.played[-1]

    def count(self, name: str, **labels: str) -> float:
        metric = getattr(self.metrics, name)
        metric = metric.labels(*labels.values()) if labels else metric
        return float(metric._value.get())


async def _play(
    tape: Tape, start: int, *, seed: int = 0, batch: int = 3, limit: int = 50_000, **server: Any
) -> Play:
    node = TapeNode(tape, tape.slots[start])
    geyser = GeyserServer(tape, seed, **server)
    await geyser.start()
    for index in range(start + 1):
        geyser.publish(index)
    metrics, clock = StreamMetrics(), Paced()
    source = YellowstoneSource(
        Endpoint(geyser.url, server.get("token")),
        RpcSource(node, "ws://nowhere", clock=ManualClock(), batch=batch),
        batch=batch,
        limit=limit,
        clock=clock,
        metrics=metrics,
    )
    return Play(tape, node, geyser, source, metrics, clock)


async def _reached(mirror: Mirror, running: asyncio.Task[None], slot: int) -> None:
    there = asyncio.create_task(mirror.reached(slot))
    await asyncio.wait({there, running}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    there.cancel()
    if running.done():
        running.result()
    assert mirror.state.slot is not None
    assert mirror.state.slot >= slot, mirror.state.trouble


async def _stop(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait({running})


async def _equal(bench: Bench, tape: Tape, through: int) -> None:
    connection = await bench.connect()
    there = await held(connection)
    await connection.close()
    for name, table in expected(tape, through).items():
        if name != "config":  # PostgreSQL writes JSON in its own way; its bytes are compared
            assert there[name] == table, name


async def _follow(feed: Feed) -> None:
    while True:
        await feed.take()


async def _on_and_on(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
    while play.left:
        play.on()
        await _reached(mirror, running, play.node.slot)


async def _until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the state is plain; nothing to wait on
            await asyncio.sleep(0)


def _run(
    bench: Bench, tape: Tape, work: Callable[[Play, Mirror, asyncio.Task[None]], Awaitable[None]],
    start: int = 8, *, overlap: int = 0, **options: Any,
) -> None:  # fmt: skip
    """A mirror that follows, for a test to disturb."""

    async def main() -> None:
        play = await _play(tape, start, **options)
        mirror = bench.mirror(play.source, overlap=overlap)
        running = asyncio.create_task(mirror.run())
        try:
            await _reached(mirror, running, tape.slots[start])
            await work(play, mirror, running)
        finally:
            await _stop(running)
            await play.server.stop()

    bench.run(main())


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=[pytest.mark.slow] if part else []) for part in range(PARTS)]
)
def test_under_any_faults_the_mirror_ends_as_the_chain_is(
    bench: Bench, tape: Tape, part: int
) -> None:
    """Cut streams, lost, repeated, doubled, dead and reordered slots, a server that forgets, a
    node that is behind, little room."""

    async def one(seed: int) -> None:
        chance = random.Random(seed)
        start = chance.randrange(2, len(tape.blocks) // 2)
        await bench.clear()
        play = await _play(
            tape, start, seed=seed, batch=chance.choice([1, 3, 256]),
            limit=chance.choice([1, 8, 50_000]), moods=BAD, keep=chance.choice([2, 6, 1_000]),
        )  # fmt: skip
        play.server.replays = chance.random() < 0.9
        mirror = bench.mirror(play.source, overlap=chance.choice([0, 3, 64]))
        running = asyncio.create_task(mirror.run())
        try:
            while play.left > 4:
                play.on(min(chance.randint(1, 5), play.left - 4))
                play.node.behind = chance.choice([0, 0, 0, 1, 4])
                for _ in range(chance.choice([0, 5, 60])):
                    await asyncio.sleep(0)
                if chance.random() < 0.25:
                    play.server.cut()
            play.server.moods = CALM
            play.on(4)
            await _reached(mirror, running, tape.slots[-1])
            await _equal(bench, tape, tape.slots[-1])
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            await _stop(running)
            await play.server.stop()

    for seed in range(part * SEEDS // PARTS, (part + 1) * SEEDS // PARTS):
        bench.run(one(seed))


def test_a_calm_stream_needs_no_node_after_the_start(bench: Bench, tape: Tape) -> None:
    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        await _until(lambda: play.count("buffered") == 0)
        play.on()
        await _reached(mirror, running, play.node.slot)
        play.node.asked.clear()
        left = play.left
        await _on_and_on(play, mirror, running)
        assert mirror.state.trouble is None, mirror.state.trouble
        assert set(play.node.asked) <= {"getMultipleAccounts", "getSignaturesForAddress"}
        # only to hold the stream against it
        assert play.node.asked.count("getSignaturesForAddress") <= left // 3 + 1
        assert play.count("asked") < 12  # accounts of other programs that are no token accounts
        assert play.count("gaps") == 0
        await _equal(bench, tape, tape.slots[-1])

    _run(bench, tape, work)


def test_a_cut_stream_is_replayed_from_the_watermark(bench: Bench, tape: Tape) -> None:
    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        play.on(3)
        await _reached(mirror, running, play.node.slot)
        stood, asked = play.node.slot, len(play.node.asked)
        play.server.cut()
        play.on(play.left)
        await _reached(mirror, running, play.node.slot)
        first = [request for request in play.server.requests if not request.HasField("ping")][-1]
        assert first.from_slot == stood
        assert "getSignaturesForAddress" not in play.node.asked[asked:]
        await _equal(bench, tape, tape.slots[-1])

    _run(bench, tape, work)


@pytest.mark.parametrize("forgets", [True, False])
def test_what_cannot_be_replayed_comes_from_the_node(
    bench: Bench, tape: Tape, forgets: bool
) -> None:
    """The server has forgotten the slot, or does not replay at all."""

    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        play.on(3)
        await _reached(mirror, running, play.node.slot)
        play.server.keep = 2 if forgets else 1_000
        play.server.replays = forgets
        await play.server.stop()
        port = int(play.server.url.rpartition(":")[2])
        play.on(play.left - 4)
        await play.server.start(port)
        await _until(lambda: play.count("refused") > 0)
        play.on(4)
        await _reached(mirror, running, play.node.slot)
        await _equal(bench, tape, tape.slots[-1])

    _run(bench, tape, work)


def test_a_full_buffer_stops_the_reading_not_the_mirror(bench: Bench, tape: Tape) -> None:
    """While the node does not answer, no more is read than there is room for."""

    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        play.on()
        await _reached(mirror, running, play.node.slot)
        answering = asyncio.Event()
        request = play.node.request

        async def slow(method: str, params: Any = ()) -> Any:
            await answering.wait()
            return await request(method, params)

        play.node.request = slow  # type: ignore[method-assign] # a node that takes its time
        play.server.say(slot_update(1, wire.SLOT_DEAD))  # anything
        last = tape.slots[-1]
        play.on(play.left)
        await _until(lambda: play.count("pauses") > 0)
        held_at = play.count("buffered")
        for _ in range(200):
            await asyncio.sleep(0)
        assert play.count("buffered") <= max(held_at, 40)
        assert mirror.state.slot is not None
        answering.set()
        await _reached(mirror, running, last)
        await _equal(bench, tape, last)

    _run(bench, tape, work, limit=4, overlap=1, batch=1)


def test_pings_are_answered_and_sent(bench: Bench, tape: Tape) -> None:
    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        def pings() -> list[int]:
            return [r.ping.id for r in play.server.requests if r.HasField("ping")]

        before = len(pings())
        play.server.say(wire.SubscribeUpdate(ping=wire.UpdatePing()))
        await _until(lambda: len(pings()) == before + 1)
        play.clock.ping()
        await _until(lambda: len(pings()) == before + 2)

    _run(bench, tape, work)


def test_a_connection_gone_silent_is_given_up(bench: Bench, tape: Tape) -> None:
    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        play.server.frozen = True
        streams = play.count("streams", replay="yes") + play.count("streams", replay="no")
        for _ in range(SILENT_PINGS + 2):
            play.clock.ping()
        await _until(lambda: mirror.state.trouble is not None)
        assert mirror.state.trouble is not None
        assert "has gone silent" in mirror.state.trouble
        play.server.frozen = False
        play.on(play.left)
        await _reached(mirror, running, play.node.slot)
        opened = play.count("streams", replay="yes") + play.count("streams", replay="no")
        assert opened > streams
        await _equal(bench, tape, tape.slots[-1])

    _run(bench, tape, work)


def test_a_slow_pong_is_not_silence(bench: Bench, tape: Tape) -> None:
    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        play.server.frozen = True
        for _ in range(SILENT_PINGS - 1):
            play.clock.ping()
        for _ in range(50):
            await asyncio.sleep(0)
        play.server.frozen = False
        play.on(play.left)
        await _reached(mirror, running, play.node.slot)
        assert mirror.state.trouble is None

    _run(bench, tape, work)


def test_a_transaction_that_comes_too_late_takes_the_mirror_back(bench: Bench, tape: Tape) -> None:
    """The server's promise is broken after the slot was written: the node puts it right."""
    busy = next(n for n in range(12, len(tape.blocks)) if tape.named(tape.blocks[n].block))

    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        play.on(busy - 1 - play.server.played[-1])
        await _reached(mirror, running, play.node.slot)
        closed = tape.blocks[busy]
        late = contents(tape, closed)[0]
        assert late.HasField("transaction")
        play.server.say(*contents(tape, closed)[1:], meta_update(closed.block))
        play.server.played.append(busy)
        await _reached(mirror, running, tape.slots[busy])
        play.node.slot = tape.slots[busy]
        play.server.say(late)
        play.on(2)
        await _reached(mirror, running, play.node.slot)
        await _equal(bench, tape, play.node.slot)
        assert mirror.metrics.rollbacks._value.get() > 0

    _run(bench, tape, work)


def test_the_node_is_asked_whether_the_stream_left_something_out(bench: Bench, tape: Tape) -> None:
    """Every `overlap` slots its list is held against what the stream gave."""
    busy = next(n for n in range(12, len(tape.blocks)) if tape.named(tape.blocks[n].block))

    async def work(play: Play, mirror: Mirror, running: asyncio.Task[None]) -> None:
        play.on(busy - 1 - play.server.played[-1])
        await _reached(mirror, running, play.node.slot)
        closed = tape.blocks[busy]
        play.server.say(*contents(tape, closed)[1:], meta_update(closed.block))
        play.server.played.append(busy)
        await _on_and_on(play, mirror, running)
        await _equal(bench, tape, tape.slots[-1])
        assert mirror.metrics.rollbacks._value.get() > 0

    _run(bench, tape, work, overlap=3)


def test_slots_that_were_given_and_are_replaced_are_said_to_be(bench: Bench, tape: Tape) -> None:
    async def main() -> None:
        play = await _play(tape, 8)
        async with play.source.feed(after=tape.slots[8]) as feed:
            play.on(2)
            while (await play.source.frontier()).slot < tape.slots[10]:
                await feed.take()
            history = play.source.history(tape.slots[8], tape.slots[10])
            assert [batch.through async for batch in history][-1] == tape.slots[10]
            fork = meta_update(tape.blocks[10].block)
            fork.block_meta.blockhash = "another"
            play.server.say(fork)
            with pytest.raises(Forked) as caught:
                await feed.take()
            assert caught.value.back_to == tape.slots[9]
            # told once; then the node is asked, until another stream is opened
            assert (await play.source.frontier()).slot == tape.slots[10]
            with pytest.raises(SourceLost):
                await feed.take()
        # and again, until the mirror has gone back
        stream = play.source.feed(after=tape.slots[10])
        async with stream as feed:
            play.server.say(fork)
            with pytest.raises(Forked):
                await _follow(feed)
        async with play.source.feed(after=tape.slots[9]) as feed:
            play.server.say(fork)
            await feed.take()
        await play.source.close()
        await play.server.stop()

    bench.run(main())


def test_a_token_is_sent_and_a_wrong_one_is_said_to_be(bench: Bench, tape: Tape) -> None:
    async def main() -> None:
        play = await _play(tape, 8, token="secret")
        async with play.source.feed(after=tape.slots[8]):
            pass
        play.server.token = "another"
        with pytest.raises(SourceLost, match=r"No valid auth token|CHOIR_YELLOWSTONE_TOKEN"):
            async with play.source.feed():
                pass
        await play.server.stop()
        with pytest.raises(SourceLost, match=r"127\.0\.0\.1"):
            async with play.source.feed():
                pass
        await play.source.close()

    bench.run(main())


def test_an_endpoint_is_what_its_url_says() -> None:
    assert Endpoint("http://127.0.0.1:10000").address == "127.0.0.1:10000"
    assert Endpoint("https://grpc.example.com/").address == "grpc.example.com:443"
    assert Endpoint("https://[::1]").address == "[::1]:443"
    assert Endpoint("http://[::1]:7").address == "[::1]:7"


def test_the_recording_is_of_the_program(tape: Tape) -> None:
    assert all(PROGRAM_ID in record.account_keys for _, record in tape.listed(tape.slots[-1]))
