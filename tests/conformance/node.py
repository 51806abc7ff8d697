"""The checks written in JavaScript: listed from their files, run by Node in one process a file."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.net import Cluster
from tests.conformance.registry import Result

FOLDER = Path(__file__).resolve().parent
FILES = tuple(sorted((FOLDER / "node").glob("*.check.mjs")))
TIME_LIMIT_S = 400.0
_DECLARED = re.compile(r"""^check\(\s*["']([\w.-]+)["'],\s*(["'])(.*?)\2,""", re.MULTILINE)


def missing() -> str | None:
    """Why these checks cannot run here, or None."""
    if shutil.which("node") is None:
        return "no Node"
    if not (FOLDER / "node_modules").is_dir():
        return "no npm packages; scripts/conformance --install brings them"
    return None


def declared(file: Path) -> dict[str, str]:
    """The checks of a file: ids and titles."""
    return {name: title for name, _, title in _DECLARED.findall(file.read_text())}


async def run_file(file: Path, cluster: Cluster, only: Sequence[str] = ()) -> list[Result]:
    """Run a file's checks, all or the ones named; a process that dies fails those it did not do."""
    wanted = {i: t for i, t in declared(file).items() if not only or i in only}
    if not wanted:
        return []
    environment = {
        **os.environ,
        "CHOIR_CONFORMANCE": json.dumps(
            {
                "rpcUrl": cluster.rpc_url,
                "wsUrl": cluster.ws_url,
                "authority": list(bytes(cluster.authority)),
                "mintAuthority": list(bytes(cluster.mint_authority)),
                "stakeMint": str(cluster.stake_mint),
                "only": list(wanted),
            }
        ),
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        str(file),
        cwd=FOLDER,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), TIME_LIMIT_S)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
    results = {}
    for line in out.decode().splitlines():
        if line.startswith('{"conformance":'):
            one = json.loads(line)["conformance"]
            results[one["id"]] = Result(**one)
    lost = (err.decode().strip().splitlines() or ["Node said nothing"])[-1]
    return [results.get(i) or Result(i, title, False, 0, lost) for i, title in wanted.items()]
