"""Encodes and decodes Borsh by the types of the program's IDL.

Independent of the library's own codecs on purpose: what the tests read is what the IDL says.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from solders.pubkey import Pubkey

from choir.artifact import program_idl

IDL = program_idl()
_TYPES: dict[str, Any] = {definition["name"]: definition["type"] for definition in IDL["types"]}
_NUMBERS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i64": "q", "bool": "?"}


def encode(kind: Any, value: Any) -> bytes:
    """Bytes of a value of an IDL type.

    Enums are given by the name of their variant; a variant with fields as ``{name: fields}``.
    """
    if isinstance(kind, str):
        if kind in _NUMBERS:
            return struct.pack(f"<{_NUMBERS[kind]}", value)
        if kind == "pubkey":
            return bytes(value)
        if kind == "string":
            raw: bytes = value.encode()
            return struct.pack("<I", len(raw)) + raw
    elif "array" in kind:
        inner, count = kind["array"]
        assert len(value) == count
        return b"".join(encode(inner, item) for item in value)
    elif "vec" in kind:
        return struct.pack("<I", len(value)) + b"".join(encode(kind["vec"], item) for item in value)
    elif "defined" in kind:
        definition = _TYPES[kind["defined"]["name"]]
        if definition["kind"] == "enum":
            names = [variant["name"] for variant in definition["variants"]]
            name: str
            fields: dict[str, Any]
            name, fields = (value, {}) if isinstance(value, str) else next(iter(value.items()))
            place = names.index(name)
            return bytes([place]) + b"".join(
                encode(field["type"], fields[field["name"]])
                for field in definition["variants"][place].get("fields", [])
            )
        return b"".join(
            encode(field["type"], value[field["name"]]) for field in definition["fields"]
        )
    raise TypeError(f"no encoding for {kind}")


def decode(kind: Any, data: bytes, offset: int = 0) -> tuple[Any, int]:
    """A value of an IDL type and the offset after it."""
    if isinstance(kind, str):
        if kind in _NUMBERS:
            (number,) = struct.unpack_from(f"<{_NUMBERS[kind]}", data, offset)
            return number, offset + struct.calcsize(f"<{_NUMBERS[kind]}")
        if kind == "pubkey":
            return Pubkey.from_bytes(data[offset : offset + 32]), offset + 32
        if kind == "string":
            (length,) = struct.unpack_from("<I", data, offset)
            return data[offset + 4 : offset + 4 + length].decode(), offset + 4 + length
    elif "array" in kind:
        inner, count = kind["array"]
        if inner == "u8":
            return data[offset : offset + count], offset + count
        return _decode_many(inner, count, data, offset)
    elif "vec" in kind:
        (count,) = struct.unpack_from("<I", data, offset)
        return _decode_many(kind["vec"], count, data, offset + 4)
    elif "defined" in kind:
        definition = _TYPES[kind["defined"]["name"]]
        if definition["kind"] == "enum":
            variant = definition["variants"][data[offset]]
            fields, offset = _decode_fields(variant.get("fields", []), data, offset + 1)
            return ({variant["name"]: fields} if fields else variant["name"]), offset
        return _decode_fields(definition["fields"], data, offset)
    raise TypeError(f"no decoding for {kind}")


def _decode_fields(members: list[Any], data: bytes, offset: int) -> tuple[dict[str, Any], int]:
    fields = {}
    for field in members:
        fields[field["name"]], offset = decode(field["type"], data, offset)
    return fields, offset


def _decode_many(kind: Any, count: int, data: bytes, offset: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(count):
        item, offset = decode(kind, data, offset)
        items.append(item)
    return items, offset


SHRINKING = {"Thread", "Treasury"}
"""Accounts that end with a list that may get shorter; what it leaves behind means nothing."""


def decode_account(name: str, data: bytes) -> dict[str, Any]:
    """Fields of an account of a type; checks its discriminator, and the rest, which is zeros."""
    entry = next(account for account in IDL["accounts"] if account["name"] == name)
    assert data[:8] == bytes(entry["discriminator"]), f"not a {name}"
    fields, end = decode({"defined": {"name": name}}, data, 8)
    assert name in SHRINKING or not any(data[end:]), f"bytes after the {name}"
    assert isinstance(fields, dict)
    return fields


def decode_event(data: bytes) -> tuple[str, dict[str, Any]]:
    """Name and fields of an event, from its discriminator on."""
    entry = next(event for event in IDL["events"] if bytes(event["discriminator"]) == data[:8])
    fields, end = decode({"defined": {"name": entry["name"]}}, data, 8)
    assert end == len(data)
    return entry["name"], fields


def discriminator(space: str, name: str) -> bytes:
    """Anchor's discriminator: sha256 of ``space:name``, eight bytes."""
    return hashlib.sha256(f"{space}:{name}".encode()).digest()[:8]
