"""Rows a second: this pipeline, raw COPY of the same rows (the limit), and the obvious way."""

from __future__ import annotations

import asyncio
import io
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from tests.bench.indexing.history import Answers, History

from choir_indexer.mirror import Mirror
from choir_indexer.model import Hint
from choir_indexer.runner import collect_seldom
from choir_indexer.sources import Feed
from choir_indexer.sources.rpc import RpcSource
from choir_indexer.store.schema import metadata
from choir_indexer.store.writer import Writer

BATCH = 512
TABLES = [table.name for table in metadata.sorted_tables]


class Silence:
    """Announces nothing."""

    async def take(self) -> Sequence[Hint]:
        await asyncio.Event().wait()
        return []


class Quiet(RpcSource):
    """The source over a node without a socket."""

    def feed(self, *, after: int | None = None) -> AbstractAsyncContextManager[Feed]:
        @asynccontextmanager
        async def silence() -> AsyncIterator[Feed]:
            yield Silence()

        return silence()


async def empty(url: str) -> None:
    """Truncate every table, and let the server write out what it owes."""
    connection = await asyncpg.connect(url)
    names = ", ".join(f"chain.{name}" for name in TABLES)
    await connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    await connection.execute("CHECKPOINT")
    await connection.close()


@dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of processor time here and in the server's process for us."""

    wall: float
    client: float
    server: float


class Watch:
    """Measures from its making to `took`."""

    def __init__(self) -> None:
        self._wall, self._client = time.perf_counter(), time.process_time()
        self.server = 0.0

    async def served(self, connection: asyncpg.Connection[Any]) -> None:
        """Count what the connection's process has used; before it is closed."""
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        self.server += processor_seconds(pid)

    def took(self) -> Took:
        return Took(
            time.perf_counter() - self._wall, time.process_time() - self._client, self.server
        )


def processor_seconds(pid: int) -> float:
    """What a process has used of a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


class Counted(Writer):
    """The writer, whose connection's time is counted when it is closed."""

    watch: Watch

    async def close(self) -> None:
        await self.watch.served(self.connection)
        await super().close()


async def mirrored(url: str, history: History, *, snapshot: bool) -> Took:
    """What it took from an empty database to a whole mirror.

    With `snapshot` the accounts come in one list; without, the list is empty and each batch of
    history asks for what it touched.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))

    async def open_writer() -> Writer:
        writer = await Counted.open(url)
        writer.watch = watch
        return writer

    collect_seldom()  # as the process does
    node = Answers(history, snapshot=snapshot)
    mirror = Mirror(Quiet(node, "ws://nowhere", batch=BATCH), open_writer)
    watch = Watch()
    slot = await mirror.catch_up()
    if slot < history.tip:  # the first walk went to the empty snapshot
        await mirror.catch_up()
    return watch.took()


class Copied:
    """Every row of a mirror, decoded in memory, and as PostgreSQL's own bytes."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        self.columns: dict[str, list[str]] = {}
        self.encoded: dict[str, bytes] = {}

    @classmethod
    async def of(cls, url: str) -> Copied:
        made = cls()
        connection = await asyncpg.connect(url)
        for table in TABLES:
            records = await connection.fetch(f"SELECT * FROM chain.{table}")
            if not records:
                continue
            made.rows[table] = [tuple(record) for record in records]
            made.columns[table] = list(records[0].keys())
            out = io.BytesIO()
            await connection.copy_from_table(
                table, schema_name="chain", output=out, format="binary"
            )
            made.encoded[table] = out.getvalue()
        await connection.close()
        return made

    @property
    def count(self) -> int:
        return sum(map(len, self.rows.values()))

    async def again(self, url: str, *, encoded: bool) -> Took:
        """What it took to COPY all of it into the empty tables, in one transaction."""
        watch = Watch()
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            for table, rows in self.rows.items():
                if encoded:
                    await connection.copy_to_table(
                        table,
                        schema_name="chain",
                        source=bytearray(self.encoded[table]),  # type: ignore[arg-type]  # any buffer will do
                        format="binary",
                    )
                else:
                    await connection.copy_records_to_table(
                        table, schema_name="chain", records=rows, columns=self.columns[table]
                    )
        await watch.served(connection)
        taken = watch.took()
        await connection.close()
        return taken


async def measure(url: str, history: History, *, rounds: int) -> dict[str, float]:
    """Medians of `rounds`, each of which takes all ways in turn."""
    times: dict[str, list[Took]] = {"whole": [], "followed": [], "copy": [], "bytes": []}
    rows = 0
    for _ in range(rounds):
        await empty(url)
        times["followed"].append(await mirrored(url, history, snapshot=False))
        await empty(url)
        times["whole"].append(await mirrored(url, history, snapshot=True))
        copied = await Copied.of(url)
        rows = copied.count
        for name, encoded in (("copy", False), ("bytes", True)):
            await empty(url)
            times[name].append(await copied.again(url, encoded=encoded))
    wall = {name: statistics.median(t.wall for t in each) for name, each in times.items()}
    found: dict[str, float] = {
        "rows": rows,
        "rows_per_s": rows / wall["whole"],
        "followed_rows_per_s": rows / wall["followed"],
        "copy_rows_per_s": rows / wall["copy"],
        "copy_bytes_rows_per_s": rows / wall["bytes"],
    }
    for name in ("whole", "followed", "copy"):
        client = statistics.median(t.client for t in times[name])
        server = statistics.median(t.server for t in times[name])
        found[f"{name}_client_cpu_us"] = client / rows * 1e6
        found[f"{name}_server_cpu_us"] = server / rows * 1e6
    return found
