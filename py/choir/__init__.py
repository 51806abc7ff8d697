"""Choir: threads with stakes, approvals and divestment on Solana, from Python.

`import choir` costs nothing: the names below are loaded when they are first used. The pieces
are modules: `choir.client`, `choir.sync`, `choir.accounts`, `choir.instructions`, `choir.events`,
`choir.errors`, `choir.ids`, `choir.money`, `choir.rpc`, `choir.sending`, `choir.subscriptions`,
`choir.wallet`, `choir.idl`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from choir.client import ChoirClient
    from choir.errors import ChoirError
    from choir.ids import PROGRAM_ID, content_hash
    from choir.rpc import HttpRpc
    from choir.sync import SyncChoir

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
