"""The mirror in PostgreSQL: its tables, the one writer, and the queries others read it with.

Only :mod:`choir_indexer.store.read` and what is named here is for other packages.
"""

from choir_indexer.store.errors import (
    DatabaseUnreachable,
    Incomplete,
    MirrorError,
    NotMigrated,
    WrongChain,
)
from choir_indexer.store.migrations import migrate, rebuild

__all__ = [
    "DatabaseUnreachable",
    "Incomplete",
    "MirrorError",
    "NotMigrated",
    "WrongChain",
    "migrate",
    "rebuild",
]
