"""Accounts, events and receipts as JSON-ready values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import IntEnum
from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

__all__ = ["jsonable"]


def jsonable(value: Any) -> Any:
    """Keys and signatures as base58, bytes as hexadecimal, enums by name in small letters."""
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Pubkey | Signature | Hash):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name.rstrip("_"): jsonable(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value
