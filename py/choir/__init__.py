"""Choir: threads with stakes, approvals and divestment on Solana, from Python.

`import choir` costs nothing: the names below are loaded when they are first used. The pieces
are modules: `choir.client`, `choir.sync`, `choir.accounts`, `choir.instructions`, `choir.events`,
`choir.errors`, `choir.ids`, `choir.money`, `choir.rpc`, `choir.sending`, `choir.fees`,
`choir.simulation`, `choir.batching`, `choir.lookup_tables`, `choir.nonce`, `choir.deploy`,
`choir.subscriptions`, `choir.wallet`, `choir.idl`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Types are in __init__.pyi: an import here, even for checkers alone, would tie the pure modules
# to everything else.
__all__ = ["PROGRAM_ID", "ChoirClient", "ChoirError", "HttpRpc", "SyncChoir", "content_hash"]

_HOME = {
    "ChoirClient": "choir.client",
    "ChoirError": "choir.errors",
    "HttpRpc": "choir.rpc",
    "PROGRAM_ID": "choir.ids",
    "SyncChoir": "choir.sync",
    "content_hash": "choir.ids",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'choir' has no attribute {name!r}")
