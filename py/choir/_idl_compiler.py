"""From an IDL's type definitions to layouts: generics, Borsh, and `repr(C)` memory.

Sizes, depths and the number of types are bounded here, when an IDL is compiled; an IDL may come
from anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from choir._idl_layouts import (
    MAX_DEPTH,
    SLOTS,
    Layout,
    array_of,
    blob,
    coption_of,
    enum_of,
    fieldless,
    nonzero,
    option_of,
    recursive,
    sequence_of,
    struct_of,
    text,
)
from choir.errors import IdlError

__all__ = ["MAX_VALUES", "Compiler", "checked_name"]

Json = Mapping[str, Any]
LARGEST_ACCOUNT: Final = 10 << 20
MAX_VALUES: Final = 2_000_000
"""More than the largest account of 64-bit numbers has."""
MAX_TYPES: Final = 2_000
MAX_NESTED: Final = 64  # definitions within definitions, while they are compiled
LONGEST_NAME: Final = 10_000  # of a type with its arguments written out
_INTEGERS: Final = frozenset(name for name in SLOTS if name[0] in "ui")
_WORD: Final = {8: "as 64-bit numbers are", 16: "to 16 bytes"}


class Compiler:
    """One IDL's type definitions on their way to layouts."""

    def __init__(self, types: Sequence[Json]) -> None:
        self._definitions: dict[str, Json] = {}
        for definition in types:
            if definition["name"] in self._definitions:
                raise IdlError(f"the type {definition['name']!r} is defined twice")
            self._definitions[definition["name"]] = definition
        self._done: dict[str, Layout] = {}
        self._building: dict[str, tuple[Layout, Any] | None] = {}

    def defined(self, name: str, arguments: tuple[Any, ...], where: str) -> Layout:
        """The layout of a defined type with its generic arguments (types without generics left
        in them, or numbers)."""
        key = json.dumps([name, arguments], sort_keys=True)
        if key in self._done:
            return self._done[key]
        definition = self._definition(name, where)
        body = definition["type"]
        if key in self._building:
            there = self._building[key]
            if there is None:
                nullable = body["kind"] not in ("struct", "enum")
                there = self._building[key] = recursive(nullable=nullable)
            return there[0]
        if len(self._done) + len(self._building) >= MAX_TYPES or len(key) > LONGEST_NAME:
            raise IdlError(f"{where}: its generic types go on without end")
        if len(self._building) >= MAX_NESTED:
            raise IdlError(f"{where}: types are nested more than {MAX_NESTED} deep")
        self._building[key] = None
        bindings = self._bindings(definition, arguments, where)
        serialization = definition.get("serialization", "borsh")
        if serialization in ("bytemuck", "bytemuckunsafe"):
            layout = self._in_memory(definition, bindings)
        elif serialization == "borsh":
            layout = self._borsh(name, body, bindings)
        else:
            raise IdlError(f"type {name!r} is serialized as {serialization!r}: nobody can know how")
        _bounded(layout, f"type {name!r}")
        waiting = self._building.pop(key)
        if waiting is not None:
            waiting[1](layout)
        self._done[key] = layout
        return layout

    def _definition(self, name: str, where: str) -> Json:
        if name not in self._definitions:
            raise IdlError(f"{where}: the type {name!r} is not in the IDL's types")
        return self._definitions[name]

    def _bindings(self, definition: Json, arguments: tuple[Any, ...], where: str) -> dict[str, Any]:
        generics = definition.get("generics") or []
        if len(generics) != len(arguments):
            raise IdlError(
                f"{where}: {definition['name']!r} takes {len(generics)} generic arguments,"
                f" {len(arguments)} are given"
            )
        return {g["name"]: a for g, a in zip(generics, arguments, strict=True)}

    # ---- Borsh

    def _borsh(self, name: str, body: Json, bindings: dict[str, Any]) -> Layout:
        where = f"type {name!r}"
        if body["kind"] == "struct":
            return self._fields(body.get("fields"), bindings, where)
        if body["kind"] == "enum":
            variants = _variants(body, where)
            if not any(variant.get("fields") for variant in variants):
                return fieldless([variant["name"] for variant in variants])
            return enum_of(
                [
                    (
                        variant["name"],
                        self._fields(
                            variant["fields"], bindings, f"{where}, variant {variant['name']!r}"
                        )
                        if variant.get("fields")
                        else None,
                    )
                    for variant in variants
                ]
            )
        return self._type(_aliased(body, where), bindings, where)

    def _fields(self, fields: Any, bindings: dict[str, Any], where: str) -> Layout:
        names, types = _named(fields, where)
        layouts = [
            self._type(ty, bindings, f"{where}, field {name!r}")
            for name, ty in zip(names or range(len(types)), types, strict=True)
        ]
        return struct_of(names, layouts)

    def _type(self, ty: Any, bindings: dict[str, Any], where: str) -> Layout:
        """The layout of a type as a field has it."""
        return self._closed(_substituted(ty, bindings, where), where)

    def _closed(self, ty: Any, where: str) -> Layout:
        """The layout of a type without generics in it."""
        kind, inner = _taken_apart(ty, where)
        if kind in SLOTS:
            return SLOTS[kind]
        if kind in ("string", "bytes"):
            return text() if kind == "string" else blob()
        if kind == "defined":
            return self.defined(*_named_type(inner), where)
        if kind == "array":
            layout = array_of(self._closed(inner[0], where), inner[1])
        elif kind == "vec":
            layout = sequence_of(self._closed(inner, where))
        elif kind == "option":
            layout = option_of(self._closed(inner, where))
        elif kind == "coption":
            held = self._closed(inner, where)
            if not held.fixed:
                raise IdlError(f"{where}: a coption holds what is always of one size")
            layout = coption_of(held)
        elif kind == "nonzero" and inner in _INTEGERS:
            layout = nonzero(SLOTS[inner])
        else:
            raise IdlError(f"{where}: unknown type {kind!r}")
        return _bounded(layout, where)

    # ---- memory

    def _in_memory(self, definition: Json, bindings: dict[str, Any]) -> Layout:
        """A type as the program has it in memory: `repr(C)`'s padding, nothing of varying size.

        Compilers differ in how they align 128-bit integers; where that matters, nothing is
        guessed.
        """
        where = f"type {definition['name']!r}"
        one, other = (self._placed(definition, bindings, wide, where) for wide in _WORD)
        if one.shape != other.shape:
            raise IdlError(
                f"{where} is laid out one way when 128-bit integers are aligned"
                f" {_WORD[8]}, and another when {_WORD[16]}; the IDL does not say which"
            )
        return one

    def _placed(self, definition: Json, bindings: dict[str, Any], wide: int, where: str) -> Layout:
        body, dense = definition["type"], definition.get("serialization") == "bytemuck"
        representation = definition.get("repr") or {}
        kind = representation.get("kind", "rust")
        if body["kind"] == "enum":
            variants = _variants(body, where)
            if any(variant.get("fields") for variant in variants):
                raise IdlError(f"{where}: an enum with fields has no known layout in memory")
            return fieldless([v["name"] for v in variants], "I" if kind == "c" else "B")
        if body["kind"] != "struct":
            aliased = _substituted(_aliased(body, where), bindings, where)
            return self._member(aliased, wide, where)
        names, types = _named(body.get("fields"), where)
        packed = bool(representation.get("packed"))
        if kind == "rust" and not packed and not dense and len(types) > 1:
            raise IdlError(f"{where}: without repr(C) the order of its fields is not known")
        layouts, pads, size, widest = [], [], 0, 1
        for name, ty in zip(names or range(len(types)), types, strict=True):
            inside = f"{where}, field {name!r}"
            member = self._member(_substituted(ty, bindings, inside), wide, inside)
            align = 1 if packed else member.align
            # what derives Pod has no padding
            pad = 0 if dense else -size % align
            layouts.append(member)
            pads.append(pad)
            size += pad + member.least
            widest = max(widest, align)
        widest = max(widest, int(representation.get("align") or 1))
        end_pad = 0 if dense else -size % widest
        return struct_of(names, layouts, pads=pads, end_pad=end_pad, align=widest)

    def _member(self, ty: Any, wide: int, where: str) -> Layout:
        kind, inner = _taken_apart(ty, where)
        if kind in ("u128", "i128"):
            return _aligned(SLOTS[kind], wide)
        if kind in SLOTS and kind not in ("u256", "i256"):
            return SLOTS[kind]
        if kind == "nonzero" and inner in _INTEGERS:
            return nonzero(self._member(inner, wide, where))
        if kind == "array":
            return _bounded(array_of(self._member(inner[0], wide, where), inner[1]), where)
        if kind == "defined":
            name, arguments = _named_type(inner)
            definition = self._definition(name, where)
            key = json.dumps([name, arguments, wide], sort_keys=True)
            if key in self._building:
                raise IdlError(f"{where}: {name!r} cannot be inside itself")
            self._building[key] = None
            bindings = self._bindings(definition, arguments, where)
            layout = self._placed(definition, bindings, wide, f"type {name!r}")
            del self._building[key]
            return _bounded(layout, where)
        raise IdlError(f"{where}: {kind!r} has no place in a type that is read from memory")


def _named_type(inner: Any) -> tuple[str, tuple[Any, ...]]:
    """Name and arguments of a defined type whose generics are substituted."""
    if isinstance(inner, str):
        return inner, ()
    return inner["name"], tuple(inner.get("generics") or ())


def _taken_apart(ty: Any, where: str) -> tuple[str, Any]:
    """A type's kind and what is in it."""
    if isinstance(ty, str):
        return ty, None
    if not isinstance(ty, Mapping) or len(ty) != 1:
        raise IdlError(f"{where}: {ty!r} is not a type")
    ((kind, inner),) = ty.items()
    if not isinstance(kind, str) or kind in SLOTS or kind in ("string", "bytes"):
        raise IdlError(f"{where}: {ty!r} is not a type")
    return kind, inner


def _substituted(ty: Any, bindings: dict[str, Any], where: str, depth: int = 0) -> Any:
    """The type with what its generics stand for in their places, lengths as numbers."""
    if depth > MAX_DEPTH:
        raise IdlError(f"{where}: types are nested more than {MAX_DEPTH} deep")
    kind, inner = _taken_apart(ty, where)
    if kind == "generic":
        bound = bindings.get(inner)
        if bound is None or isinstance(bound, int):
            raise IdlError(f"{where}: the generic {inner!r} stands for no type here")
        return bound
    if kind == "array":
        element, length = inner
        return {
            "array": [
                _substituted(element, bindings, where, depth + 1),
                _length(length, bindings, where),
            ]
        }
    if kind == "defined" and not isinstance(inner, str):
        given = [_argument(a, bindings, where, depth) for a in inner.get("generics") or ()]
        return {"defined": {"name": inner["name"], "generics": given}}
    if kind in ("vec", "option", "coption"):
        return {kind: _substituted(inner, bindings, where, depth + 1)}
    return ty


def _argument(argument: Any, bindings: dict[str, Any], where: str, depth: int) -> Any:
    """A generic argument: a type, or the number of a constant."""
    if not isinstance(argument, Mapping):
        raise IdlError(f"{where}: {argument!r} is not a generic argument")
    if argument["kind"] == "const":
        return _length(argument["value"], bindings, where)
    ty = argument["type"]
    if isinstance(ty, Mapping) and isinstance(bindings.get(str(ty.get("generic"))), int):
        return bindings[ty["generic"]]
    return _substituted(ty, bindings, where, depth + 1)


def _length(length: Any, bindings: dict[str, Any], where: str) -> int:
    """The number of an array's elements, or another constant."""
    name = length["generic"] if isinstance(length, Mapping) else length
    value = bindings.get(name, name) if isinstance(name, str) else name
    if value in ("true", "false"):
        return int(value == "true")
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise IdlError(f"{where}: {name!r} is not the number of an array's elements") from None
    if not 0 <= number <= LARGEST_ACCOUNT:
        raise IdlError(f"{where}: no account holds {number} elements")
    return number


def _named(fields: Any, where: str) -> tuple[list[str] | None, list[Any]]:
    """Names (None for a tuple) and types of fields."""
    fields = fields or []
    by_name = [isinstance(f, Mapping) and "name" in f and "type" in f for f in fields]
    if not all(by_name):
        if any(by_name):
            raise IdlError(f"{where}: only some of its fields have names")
        return None, list(fields)
    names = [checked_name(f["name"], where) for f in fields]
    _once(names, where)
    return names, [f["type"] for f in fields]


def _variants(body: Json, where: str) -> Sequence[Json]:
    variants: Sequence[Json] = body["variants"]
    if len(variants) > 256:
        raise IdlError(f"{where}: its {len(variants)} variants are more than a byte tells apart")
    _once([checked_name(variant["name"], where) for variant in variants], where)
    return variants


def _once(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise IdlError(f"{where}: the name {name!r} stands there twice")
        seen.add(name)


def checked_name(name: Any, where: str) -> str:
    """A name that JSON in PostgreSQL can hold."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise IdlError(f"{where}: {name!r} is not a name")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise IdlError(f"{where}: {name!r} is not a name") from None
    return name


def _aliased(body: Json, where: str) -> Any:
    if body["kind"] not in ("type", "alias"):
        raise IdlError(f"{where} is of unknown kind {body['kind']!r}")
    return body["alias"] if "alias" in body else body["value"]


def _aligned(layout: Layout, align: int) -> Layout:
    return Layout(
        layout.read, layout.least, fixed=True, code=layout.code, convert=layout.convert,
        align=align, shape=layout.shape,
    )  # fmt: skip


def _bounded(layout: Layout, where: str) -> Layout:
    """Raises IdlError for a type that no account can hold."""
    if layout.least > LARGEST_ACCOUNT or layout.weight > MAX_VALUES:
        raise IdlError(f"{where}: takes more than an account holds")
    if layout.height > MAX_DEPTH:
        raise IdlError(f"{where}: its values are nested more than {MAX_DEPTH} deep")
    return layout
