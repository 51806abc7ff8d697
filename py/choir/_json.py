"""Accounts, events and receipts as JSON-ready values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir._program.types import (
    TreasuryActionMint,
    TreasuryActionSetSigners,
    TreasuryActionSpend,
)

__all__ = ["ACTIONS", "action_kind", "jsonable"]

_ACTIONS: dict[type, str] = {
    TreasuryActionSpend: "spend",
    TreasuryActionMint: "mint",
    TreasuryActionSetSigners: "set_signers",
}
ACTIONS = tuple(_ACTIONS)
"""The types of the treasury's actions."""


def action_kind(action: object) -> str:
    """What kind of action a treasury's proposal is, in small letters."""
    return _ACTIONS[type(action)]


def jsonable(value: Any) -> Any:
    """Keys and signatures as base58, bytes as hexadecimal, enums by name in small letters.

    An action of the treasury has its `kind` beside its fields.
    """
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Pubkey | Signature | Hash):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        made = {f.name.rstrip("_"): jsonable(getattr(value, f.name)) for f in fields(value)}
        kind = _ACTIONS.get(type(value))
        return made if kind is None else {"kind": kind, **made}
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value
