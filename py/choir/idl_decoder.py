"""Accounts and events of any Anchor program, decoded by its IDL into plain values.

`IdlDecoder(idl)` takes an IDL of Anchor's current spec (0.1, Anchor 0.30 to 1.x) and compiles
every type once:

    decoder = IdlDecoder(load_idl())
    kind, value = decoder.account(data)
    kind, value = decoder.event(data)

Values are what JSON can hold, and lose nothing but the sign of a zero:

| type | value |
|---|---|
| integers to 256 bits, `nonzero` | a number, exact (Python's, PostgreSQL's jsonb) |
| `f32`, `f64` | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` |
| `pubkey` | base58 |
| `bytes`, arrays and vectors of `u8` | hexadecimal |
| `string` | text; with U+0000 in it, which jsonb cannot hold, `{"utf8": hexadecimal}` |
| `option`, `coption` | null or the value; where that can be null itself, `{"some": value}` |
| vectors, arrays, tuple structs | a list |
| structs | an object by the IDL's names |
| enums | the variant's name; with fields `{name: fields}` |

Borsh and memory layouts (`bytemuck`, `bytemuckunsafe` with `repr(C)`, `transparent` or `packed`)
are read, padding left out. Bytes after an account's value are its spare room and are ignored, as
Anchor does; bytes after an event's mean another layout and are refused. What a hostile account
can cost is bounded: numbers of elements are held against the bytes that are left before anything
is made, nesting ends at 128, and one decoding makes at most `max_values` values.

This module is pure: no network, no files.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from choir._idl_compiler import MAX_VALUES, Compiler, checked_name
from choir._idl_layouts import Layout, Malformed, Room
from choir.errors import DecodeError, IdlError, WrongDiscriminator

__all__ = ["Decoded", "IdlDecoder"]

Json = Mapping[str, Any]


class Decoded(NamedTuple):
    """The IDL's name of an account or event type, and the value: what JSON can hold."""

    kind: str
    value: Any


class IdlDecoder:
    """One program's types, compiled.

    Args:
        idl: Anchor's current spec, as JSON has it. It is not kept.
        accounts: the account types to compile; None for all.
        max_values: how many values one account or event may decode to.

    Raises:
        IdlError: it is not such an IDL, or a type cannot be read; says which and why.
    """

    address: str
    """The program's address as the IDL has it; empty where it has none."""
    fingerprint: str
    """A hash of what decoding depends on: IDLs that decode differently differ in it."""

    def __init__(
        self,
        idl: Json,
        *,
        accounts: Collection[str] | None = None,
        max_values: int = MAX_VALUES,
    ) -> None:
        try:
            spec = str(idl["metadata"]["spec"])
        except (KeyError, TypeError):
            raise IdlError(
                "this is no IDL of Anchor's current spec: it has no metadata.spec"
                " (convert an older one with `anchor idl convert`)"
            ) from None
        if spec.split(".")[:2] != ["0", "1"]:
            raise IdlError(f"this IDL is of spec {spec}; spec 0.1 is supported")
        try:
            compiler = Compiler(idl.get("types") or ())
            self._accounts = _Table(idl.get("accounts") or (), "account", compiler, accounts)
            self._events = _Table(idl.get("events") or (), "event", compiler)
            self.address = str(idl.get("address", ""))
            self.fingerprint = _fingerprint(idl)
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise IdlError(f"this IDL is malformed: {type(error).__name__}: {error}") from error
        self._max_values = max_values

    @property
    def accounts(self) -> tuple[str, ...]:
        """Names of the account types it knows."""
        return self._accounts.names

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the event types it knows."""
        return self._events.names

    def account_kind(self, data: bytes) -> str | None:
        """The account type that `data` begins like; None when it is none of them."""
        found = self._accounts.find(data)
        return None if found is None else found[0]

    def event_kind(self, data: bytes) -> str | None:
        """The event type that `data` begins like; None when it is none of them."""
        found = self._events.find(data)
        return None if found is None else found[0]

    def account(self, data: bytes) -> Decoded:
        """An account by its discriminator; bytes after its value are ignored.

        Raises WrongDiscriminator, DecodeError (naming the field).
        """
        decoded, _ = self._decoded(self._accounts, data)
        return decoded

    def event(self, data: bytes) -> Decoded:
        """An event by its discriminator.

        Raises WrongDiscriminator, DecodeError (naming the field; also for bytes left over).
        """
        decoded, end = self._decoded(self._events, data)
        if end != len(data):
            raise DecodeError(f"{decoded.kind}: {len(data) - end} bytes more than it has fields")
        return decoded

    def _decoded(self, table: _Table, data: bytes) -> tuple[Decoded, int]:
        found = table.find(data)
        if found is None:
            raise WrongDiscriminator(
                f"no {table.what} of the IDL begins with {bytes(data[:8]).hex() or 'nothing'}"
            )
        name, at, layout = found
        room = Room(self._max_values)
        try:
            room.take(layout.weight)
            value, end = layout.read(bytes(data), at, room)
        except Malformed as error:
            raise DecodeError(error.at(name)) from None
        return Decoded(name, value), end


class _Table:
    """Types of one kind by their discriminators; the longest that fits is meant."""

    def __init__(
        self,
        items: Sequence[Json],
        what: str,
        compiler: Compiler,
        wanted: Collection[str] | None = None,
    ) -> None:
        self.what = what
        self._by_length: dict[int, dict[bytes, tuple[str, int, Layout]]] = {}
        missing = set(wanted or ()) - {item["name"] for item in items}
        if missing:
            known = ", ".join(item["name"] for item in items) or "none"
            raise IdlError(f"the IDL has no {what} {min(missing)!r}; it has: {known}")
        for item in items:
            name = checked_name(item["name"], f"{what} {item['name']!r}")
            if wanted is not None and name not in wanted:
                continue
            where = f"{what} {name!r}"
            try:
                mark = bytes(item["discriminator"])
            except (KeyError, TypeError, ValueError):
                raise IdlError(f"{where} has no discriminator that is a list of bytes") from None
            same = self._by_length.setdefault(len(mark), {})
            if mark in same:
                raise IdlError(f"{where} has the discriminator of {same[mark][0]!r}")
            same[mark] = (name, len(mark), compiler.defined(name, (), where))
        self._lengths = sorted(self._by_length, reverse=True)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for same in self._by_length.values() for name, _, _ in same.values())

    def find(self, data: bytes) -> tuple[str, int, Layout] | None:
        """The type's name, where its value begins, and its layout."""
        for length in self._lengths:
            found = self._by_length[length].get(bytes(data[:length]))
            if found is not None:
                return found
        return None


def _fingerprint(idl: Json) -> str:
    parts = [idl.get(key) or [] for key in ("types", "accounts", "events")]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
