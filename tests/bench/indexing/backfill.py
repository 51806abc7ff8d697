"""What a first fill, and a comparison, cost for each account, and how much memory they take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
# getrusage would count the parent in, whose memory a new process shares for a moment
RUN = """
import sys, time
from choir_indexer.cli import app
sys.argv[0] = "choir-indexer"
began = time.perf_counter()
try:
    app()
finally:
    print(time.perf_counter() - began)
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            print(line.split()[1])
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds an account, and the peak resident size of the process, MiB."""

    us: float
    mb: float


def backfill(url: str, count: int) -> tuple[Cost, Cost]:
    """A first fill, and a comparison of what it made.

    Runs `choir-indexer backfill` on an empty database against a node that lists `count` accounts,
    then `choir-indexer reconcile`, which must find nothing wrong.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    node = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.indexing.node", str(count)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
    )
    try:
        assert node.stdout is not None
        ready: dict[str, Any] = json.loads(node.stdout.readline())
        environment |= {
            "CHOIR_DATABASE_URL": url,
            "CHOIR_RPC_URL": ready["rpc_url"],
            "CHOIR_WS_URL": ready["ws_url"],
        }
        _, filled = _run("backfill", environment)
        call = {"jsonrpc": "2.0", "id": 1, "method": "bench_seconds", "params": []}
        seconds: float = httpx.post(ready["rpc_url"], json=call).json()["result"]
        took, compared = _run("reconcile", environment)
    finally:
        node.terminate()
        node.wait()
    return Cost(seconds / count * 1e6, filled), Cost(took / count * 1e6, compared)


def _run(command: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds, and the peak resident size, MiB."""
    ran = subprocess.run(
        [sys.executable, "-c", RUN, command, "--json"],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    seconds, peak_kb = ran.stdout.splitlines()[-2:]
    return float(seconds), int(peak_kb) / 1024
