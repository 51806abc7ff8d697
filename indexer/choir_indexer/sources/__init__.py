"""Where the mirror gets the chain from: the port, and its implementation over Solana's RPC."""

from choir_indexer.sources.port import (
    BadTransaction,
    Feed,
    Forked,
    Gap,
    MissingTransaction,
    NotListed,
    NotServed,
    Pruned,
    Snapshot,
    Source,
    SourceError,
    SourceLost,
)

__all__ = [
    "BadTransaction",
    "Feed",
    "Forked",
    "Gap",
    "MissingTransaction",
    "NotListed",
    "NotServed",
    "Pruned",
    "Snapshot",
    "Source",
    "SourceError",
    "SourceLost",
]
