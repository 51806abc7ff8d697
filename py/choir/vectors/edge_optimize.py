"""``python -m choir.vectors.edge_optimize DIRECTORY``: builds the graph of a closed store."""

from __future__ import annotations

import sys

from qdrant_edge import EdgeShard


def main(arguments: list[str]) -> int:
    """Opens, optimises, flushes and closes the store in the one directory named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m choir.vectors.edge_optimize DIRECTORY\n")
        return 2
    try:
        shard = EdgeShard.load(arguments[0])
        shard.optimize()
        shard.flush()
        shard.close()
    except Exception as error:  # noqa: BLE001 -- the engine raises nothing more exact
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
