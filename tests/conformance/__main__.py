"""`scripts/conformance`: runs every check against clusters and shows the results side by side."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.conformance import checks as _registered  # noqa: F401 - registers them
from tests.conformance import node, table, targets
from tests.conformance.differences import DIFFERENT
from tests.conformance.net import Cluster, Net
from tests.conformance.registry import CHECKS, Result, run_all


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="scripts/conformance",
        description="Stock Solana clients, check by check, against our localnet and others.",
    )
    add = parser.add_argument
    add(
        "--against",
        action="append",
        metavar="CLUSTER",
        help="localnet, validator or an RPC URL; may be repeated (default: localnet)",
    )
    add("--ws-url", help="pub/sub of a cluster given by URL")
    add("--authority", type=Path, help="key file of the program's upgrade authority there")
    add("--mint-authority", type=Path, help="key file of the stake mint's authority there")
    add("--only", default="", help="run the checks whose id contains this")
    add("--at-once", type=int, default=6, help="checks at once (default: %(default)s)")
    add("--slot-ms", type=int, default=400, help="the localnet's slots (default: %(default)s)")
    add("--json", action="store_true", help="one JSON object at the end instead of a table")
    add("--write", type=Path, help="write the table to this page, between its marks")
    add("--list", action="store_true", help="only say which checks there are")
    return parser.parse_args()


async def run_cluster(cluster: Cluster, only: str, at_once: int) -> list[Result]:
    """Every check that was asked for, against one cluster."""
    async with Net(cluster) as net:
        results = await run_all([c for c in CHECKS.values() if only in c.id], net, at_once)
    for file in node.FILES:
        wanted = [name for name in node.declared(file) if only in name]
        if wanted:
            results += await node.run_file(file, cluster, wanted)
    return results


def target(name: str, asked: argparse.Namespace) -> AbstractAsyncContextManager[Cluster]:
    """The cluster of a name. Raises TargetError."""
    if name == "localnet":
        return targets.localnet(asked.slot_ms)
    if name == "validator":
        return targets.validator()
    if not (asked.ws_url and asked.authority):
        raise targets.TargetError(f"{name}: give --ws-url and --authority with a URL")
    keys = targets.Keys(asked.authority, asked.mint_authority or asked.authority)
    return targets.running(name, asked.ws_url, keys)


async def run(asked: argparse.Namespace) -> list[table.Column]:
    """One cluster after the other."""
    columns = []
    for name in asked.against or ["localnet"]:
        async with target(name, asked) as cluster:
            results = await run_cluster(cluster, asked.only, asked.at_once)
            columns.append(table.Column(cluster.name, cluster.version, tuple(results)))
    return columns


def main() -> int:
    """0: every check holds, or is known not to on our localnet; 1: not; 3: something is missing."""
    asked = arguments()
    if asked.list:
        titles = {c.id: c.title for c in CHECKS.values()}
        for file in node.FILES:
            titles |= node.declared(file)
        print("\n".join(f"{name}  {title}" for name, title in titles.items()))
        return 0
    if why := node.missing():
        print(f"conformance: {why}", file=sys.stderr)
        return 3
    try:
        columns = asyncio.run(run(asked))
    except targets.TargetError as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 3
    if asked.json:
        print(json.dumps([column.to_json() for column in columns]))
    else:
        print(table.for_terminal(columns))
    if asked.write:
        table.write_into(asked.write, columns)
    return 0 if _all_hold(columns) else 1


def _all_hold(columns: Sequence[table.Column]) -> bool:
    return all(
        result.ok or (column.name == "localnet" and result.id in DIFFERENT)
        for column in columns
        for result in column.results
    )


if __name__ == "__main__":
    sys.exit(main())
