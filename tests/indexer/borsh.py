"""Accounts and events of the program as bytes, written from its IDL: what a chain would hold."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

from solders.pubkey import Pubkey

from choir.idl import load_idl

_INTEGERS = {"u8": "B", "i8": "b", "u16": "H", "u32": "I", "u64": "Q", "i64": "q"}


@lru_cache
def _types() -> dict[str, Any]:
    return {item["name"]: item["type"] for item in load_idl()["types"]}


@lru_cache
def _discriminators() -> dict[str, bytes]:
    idl = load_idl()
    return {i["name"]: bytes(i["discriminator"]) for i in (*idl["accounts"], *idl["events"])}


def encode(name: str, **values: Any) -> bytes:
    """An account or event called `name`; what is not given is zero, empty or the first variant."""
    fields = {field["name"] for field in _types()[name]["fields"]}
    assert set(values) <= fields, set(values) - fields
    return _discriminators()[name] + _value({"defined": {"name": name}}, values)


def _value(kind: Any, value: Any) -> bytes:
    if isinstance(kind, str) and kind in _INTEGERS:
        return struct.pack("<" + _INTEGERS[kind], value or 0)
    if kind == "pubkey":
        return bytes(value or Pubkey.default())
    if kind == "string":
        raw = (value or "").encode()
        return struct.pack("<I", len(raw)) + raw
    if "vec" in kind:
        items = value or ()
        return struct.pack("<I", len(items)) + b"".join(_value(kind["vec"], i) for i in items)
    if "array" in kind:
        return bytes(value) if value is not None else bytes(kind["array"][1])
    definition = _types()[kind["defined"]["name"]]
    if definition["kind"] == "enum":
        return bytes([value or 0])
    given = value or {}
    return b"".join(_value(f["type"], given.get(f["name"])) for f in definition["fields"])
