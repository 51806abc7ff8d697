"""The indexer: rows a second beside raw COPY and the obvious way, lag, and what a first fill costs.

    scripts/bench indexer [--rows N] [--rounds N] [--full]

What is measured, and how, in one run against one embedded PostgreSQL with its usual settings
(durable: fsync and synchronous commit are on):

- Rows: the life of a thread is run once with the real program on a localnet and then multiplied
  (other addresses, signatures and slots, all else as the program wrote it). A node that answers
  from memory, in bytes, gives it to the pipeline, and the time runs from an empty database to a
  mirror that is complete: accounts raw and typed, transactions, events with their numbers, outbox,
  heads, watermark. `rows_per_s` is a first fill (a list of all accounts, then the history);
  `followed_rows_per_s` has an empty list, so that each batch of transactions asks for the
  accounts it touched and writes them again and again. Rows are those in the tables at the end.
- COPY: those very rows, read back and decoded in memory, by asyncpg's `copy_records_to_table` into
  the same empty tables with the same indexes and constraints, in one transaction. That is the
  limit. `copy_bytes_rows_per_s` is the same from PostgreSQL's own bytes: no client at all.
  `…_cpu_us` are microseconds of processor time a row, here and in the server's process for the
  connection. They do not change with other work on the machine as the clock does; `cpu_vs_copy`
  holds the busier of the pipeline's two processes, which work at the same time, against both of
  COPY's, which wait for one another: what the ratio would be with a core for each.
- The obvious way: the same answers decoded by anchorpy (through `choir.idl.to_legacy`), one object
  a row into a SQLAlchemy session, committed in the same batches; of the oldest transactions only.
- Lag: three processes (tests/bench/indexing/lag.py): from the localnet's announcement that a
  deposit is confirmed until another connection to PostgreSQL reads what it did. `lag_…` is until
  the thread's row is as of that slot, which may be ahead of the watermark; `event_lag_…` until the
  deposit's event is there, with its number, its transaction and the watermark.
- First fill: `choir-indexer backfill` in its own process from a node in another one that lists
  10,000, 100,000 and (--full) 1,000,000 accounts: microseconds an account, from the question to
  the node until the next one, and the process's peak resident size. Then `choir-indexer
  reconcile` on it: microseconds an account with the start of the process, and the same.

All figures but the lag are medians of --rounds. Other work on the machine lowers all of them;
compare those of one run. Under a minute on two free cores; --full takes several.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.indexing.backfill import backfill
from tests.bench.indexing.history import Story, multiplied, told
from tests.bench.indexing.lag import lags
from tests.bench.indexing.obvious import Obvious
from tests.bench.indexing.pipeline import BATCH, empty, measure

from choir.stack.postgres import EmbeddedPostgres
from choir_indexer.store import migrate

ROWS_A_COPY = 53
SAMPLE = 300
GOALS = {"rows_vs_copy": 0.4, "rows_vs_orm": 25.0, "lag_p50_ms": 50.0, "lag_p99_ms": 200.0}


def rows(url: str, story: Story, count: int, rounds: int) -> dict[str, float]:
    history = multiplied(story, max(count // ROWS_A_COPY, 8))
    found = asyncio.run(measure(url, history, rounds=rounds))
    rates = []
    for _ in range(rounds):
        asyncio.run(empty(url))
        obvious = Obvious(url)
        seconds = obvious.run(history, SAMPLE)
        obvious.close()
        rates.append(obvious.rows / seconds)
    found["orm_rows_per_s"] = statistics.median(rates)
    found["rows_vs_copy"] = found["rows_per_s"] / found["copy_rows_per_s"]
    found["followed_vs_copy"] = found["followed_rows_per_s"] / found["copy_rows_per_s"]
    busier = max(found["whole_client_cpu_us"], found["whole_server_cpu_us"])
    copying = found["copy_client_cpu_us"] + found["copy_server_cpu_us"]
    found["cpu_vs_copy"] = copying / busier
    found["rows_vs_copy_bytes"] = found["rows_per_s"] / found["copy_bytes_rows_per_s"]
    found["rows_vs_orm"] = found["rows_per_s"] / found["orm_rows_per_s"]
    return found


def first_fill(url: str, counts: list[int], rounds: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for count in counts:
        ran = []
        for _ in range(rounds if count < 1_000_000 else 1):
            asyncio.run(empty(url))
            ran.append(backfill(url, count))
        name = f"{count // 1_000}k" if count < 1_000_000 else f"{count // 1_000_000}m"
        for what, costs in zip(("backfill", "reconcile"), zip(*ran, strict=True), strict=True):
            found[f"{what}_cost_us_{name}"] = statistics.median(cost.us for cost in costs)
            found[f"{what}_rss_mb_{name}"] = max(cost.mb for cost in costs)
    for what in ("backfill", "reconcile"):
        found[f"{what}_rss_mb"] = max(v for k, v in found.items() if k.startswith(f"{what}_rss"))
    return found


def lag(url: str, count: int) -> dict[str, float]:
    asyncio.run(empty(url))
    found = asyncio.run(lags(url, count=count, a_second=10))
    result: dict[str, float] = {"lag_samples": count}
    for name, seconds in (("lag", found.rows), ("event_lag", found.events)):
        cuts = statistics.quantiles(seconds, n=100)
        result[f"{name}_p50_ms"] = cuts[49] * 1e3
        result[f"{name}_p99_ms"] = cuts[98] * 1e3
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=20_000, help="of the mirror that is made")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("rows", "lag", "backfill"), help="one part alone")
    parser.add_argument("--full", action="store_true", help="more of everything: several minutes")
    options = parser.parse_args()
    full, only = options.full, options.only
    result: dict[str, Any] = {"bench": "indexer", "batch": BATCH}
    with tempfile.TemporaryDirectory(prefix="choir-bench-") as folder:
        Path(folder).chmod(0o711)  # root's server runs as another user
        with EmbeddedPostgres(Path(folder) / "postgres") as server:
            url = server.url()
            migrate(url)
            if only in (None, "rows"):
                story = asyncio.run(told())
                result |= rows(url, story, 200_000 if full else options.rows, options.rounds)
            if only in (None, "lag"):
                result |= lag(url, 600 if full else 80)
            if only in (None, "backfill"):
                counts = [10_000, 100_000, *([1_000_000] if full else [])]
                result |= first_fill(url, counts, options.rounds if full else 1)
    result["load_average"] = os.getloadavg()[0]
    result = {k: round(v, 3) if isinstance(v, float) else v for k, v in result.items()}
    for name, value in result.items():
        goal = GOALS.get(name)
        print(f"{name:28}{value:>14}{'' if goal is None else f'   goal {goal:g}'}")
    result["ok"] = all(
        result[name] >= goal if "vs" in name else result[name] < goal
        for name, goal in GOALS.items()
        if name in result
    )
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
