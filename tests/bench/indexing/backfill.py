"""What a first fill costs for each account, and how much memory it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[3]
# getrusage would count the parent in, whose memory a new process shares for a moment
RUN = """
import sys
from choir_indexer.cli import app
sys.argv = ["choir-indexer", "backfill", "--json"]
try:
    app()
finally:
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            print(line.split()[1])
"""


def backfill(url: str, count: int) -> tuple[float, float]:
    """Microseconds an account, and the peak resident size of the process, MiB.

    Runs `choir-indexer backfill` on an empty database against a node that lists `count` accounts.
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
        ran = subprocess.run(
            [sys.executable, "-c", RUN], check=True, capture_output=True, text=True, env=environment
        )
        peak_kb = int(ran.stdout.splitlines()[-1])
        call = {"jsonrpc": "2.0", "id": 1, "method": "bench_seconds", "params": []}
        seconds: float = httpx.post(ready["rpc_url"], json=call).json()["result"]
    finally:
        node.terminate()
        node.wait()
    return seconds / count * 1e6, peak_kb / 1024
