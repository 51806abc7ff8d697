"""The program's IDL, and Anchor's current IDL spec in the shape `anchorpy` reads.

`to_legacy` takes any IDL of spec 0.1.0 (Anchor 0.30 to 1.x) and returns JSON for
`anchorpy.Idl.from_json`, so that `anchorpy.Program`, its coders and its event parser work:

    import json
    from anchorpy import Idl, Program
    from choir.idl import load_idl, to_legacy

    idl = load_idl()
    program = Program(Idl.from_json(json.dumps(to_legacy(idl))), PROGRAM_ID, provider)

What anchorpy 0.21 needs, and what is done about it:

- `isMut`, `isSigner`, `isOptional`; `publicKey`; `defined` as a plain name; the address under
  `metadata`; account and event fields beside their names: moved there.
- It knows no explicit discriminators and hashes names instead, in snake case for instructions.
  Names are therefore left as Rust wrote them (a detour over camel case loses `value_1`), and an
  IDL whose discriminators are not those hashes is refused: anchorpy would call the wrong
  instruction.
- No generics: each use becomes a type of its own (`Pair<u64, 8>` → `Pair__u64__8`).
- No `u256`/`i256` in its coder: they become 32 little-endian bytes
  (`int.from_bytes(value, "little")`), no `coption`: a struct of `tag: u32` and `value`.
- Python's None cannot tell `Some(None)` from `None`: the inner one of two options is a struct of
  `value`.
- Tuple structs get fields `field_0`, `field_1`, …; a variant with an empty field list none.
- Its encoder takes the fields of a variant apart, enums in them included, and then fails. Named
  fields with enums in them become one unnamed field, the struct `<Enum>__<Variant>`; give unnamed
  fields with enums in them as a `collections.UserList`, which it leaves alone.
- It remembers an enum's layout by name for the whole process: two IDLs whose enums look alike while
  the types in them differ (two versions of a program) are not for the same process.
- A field named by a Python keyword breaks its encoder: `from` becomes `from_field`; names that
  its snake case would make equal are numbered. On the wire fields have no names.
- It finds a type in `accounts` and `types` together and wants exactly one: an account type that
  is also used as a value is listed in `types` as `<Name>Value`.
- Its layouts are built eagerly: a recursive type is refused.
- Types Anchor names by their path (`program::state::Level`) get their last part, where that is
  one type.
- Its encoder copies dataclasses, which keys refuse: give values with keys in them as dicts.
- It reads field after field: a zero-copy type with padding between its fields is refused.
- It resolves no addresses: PDA seeds and fixed addresses are for reading, every account must be
  given; an optional one that is left out is given as the program's own id.
- Its event parser reads `emit!` log lines. Events of `emit_cpi!` are inner instructions:
  `program.coder.events.parse(data[8:])`, or `choir.events`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from keyword import iskeyword
from typing import Any, Final

from choir.errors import IdlError

__all__ = ["load_idl", "short_names", "to_legacy"]

Json = Mapping[str, Any]
# What a generic stands for: a type (JSON) or a constant (int).
Bindings = dict[str, Any]

_INTEGERS: Final = ("u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "u128", "i128")
_SIMPLE: Final = frozenset({*_INTEGERS, "bool", "f32", "f64", "bytes", "string"})
_RENAMED: Final = {
    "pubkey": "publicKey",
    "publicKey": "publicKey",
    "u256": {"array": ["u8", 32]},
    "i256": {"array": ["u8", 32]},
}


def load_idl() -> dict[str, Any]:
    """The Choir program's IDL, in Anchor's current spec."""
    from choir.artifact import program_idl

    idl = program_idl()
    if not isinstance(idl, dict):
        raise IdlError("the packaged IDL is not a JSON object")
    return idl


def to_legacy(idl: Json) -> dict[str, Any]:
    """An IDL of Anchor's current spec in the shape `anchorpy.Idl.from_json` reads.

    The argument is not changed; an IDL that is already in the old shape is returned as a copy.
    Raises IdlError, naming the item, for what anchorpy cannot do correctly.
    """
    if "metadata" not in idl or "spec" not in idl["metadata"]:
        if "name" in idl and "version" in idl and "instructions" in idl:
            copied: dict[str, Any] = json.loads(json.dumps(idl))
            return copied
        raise IdlError("this is no Anchor IDL: it has neither metadata.spec nor name and version")
    if (spec := str(idl["metadata"]["spec"])).split(".")[:2] != ["0", "1"]:
        raise IdlError(f"this IDL is of spec {spec}; spec 0.1 is supported")
    try:
        return _Conversion(short_names(idl)).run()
    except (KeyError, TypeError, AttributeError) as error:
        raise IdlError(f"this IDL is malformed: {type(error).__name__}: {error}") from error


def short_names(idl: Json) -> dict[str, Any]:
    """The IDL with types named by the last part of their path, where Anchor wrote the path.

    It does (`program::state::Level`) when it met one name under two paths. Equal types become
    one; where different types share the last part, all of them keep their paths.
    """
    types = idl.get("types", [])
    meant: dict[str, list[Any]] = {}
    for definition in types:
        last = definition["name"].rsplit("::", 1)[-1]
        bare = {**definition, "name": last}
        if bare not in meant.setdefault(last, []):
            meant[last].append(bare)
    short = {
        t["name"]: last
        for t in types
        if len(meant[last := t["name"].rsplit("::", 1)[-1]]) == 1 and t["name"] != last
    }

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        made = {key: renamed(item) for key, item in value.items()}
        if isinstance(made.get("defined"), dict):
            name = made["defined"]["name"]
            made["defined"] = {**made["defined"], "name": short.get(name, name)}
        return made

    whole: dict[str, Any] = renamed(idl)
    for key in ("types", "accounts", "events"):
        for item in whole.get(key, []):
            item["name"] = short.get(item["name"], item["name"])
    merged: list[Any] = []
    for definition in whole.get("types", []):
        if definition["name"] not in short.values() or definition not in merged:
            merged.append(definition)
    return {**whole, "types": merged}


class _Conversion:
    """One IDL on its way."""

    def __init__(self, idl: Json) -> None:
        self.idl = idl
        self.definitions: dict[str, Json] = {}
        for definition in idl.get("types", []):
            if definition["name"] in self.definitions:
                raise IdlError(f"the type {definition['name']!r} is defined twice")
            self.definitions[definition["name"]] = definition
        self.account_names = {account["name"] for account in idl.get("accounts", [])}
        self.types: dict[str, dict[str, Any]] = {}
        self.building: list[str] = []

    def run(self) -> dict[str, Any]:
        idl, metadata = self.idl, self.idl["metadata"]
        self._check_discriminators()
        legacy: dict[str, Any] = {
            "version": metadata["version"],
            "name": metadata["name"],
            "instructions": [self._instruction(ix) for ix in idl["instructions"]],
            "accounts": [self._account(account) for account in idl.get("accounts", [])],
            "events": [self._event(event) for event in idl.get("events", [])],
            "errors": [
                _without_none(code=e["code"], name=e["name"], msg=e.get("msg"))
                for e in idl.get("errors", [])
            ],
            "constants": [
                {
                    "name": constant["name"],
                    "type": self._type(constant["type"], {}, f"constant {constant['name']}"),
                    "value": constant["value"],
                }
                for constant in idl.get("constants", [])
            ],
            "metadata": {"address": idl["address"]},
        }
        if docs := idl.get("docs"):
            legacy["docs"] = list(docs)
        events = {event["name"] for event in idl.get("events", [])}
        for name, definition in self.definitions.items():
            if not definition.get("generics") and name not in self.account_names | events:
                self._define(name, (), name)
        legacy["types"] = list(self.types.values())
        return legacy

    def _check_discriminators(self) -> None:
        """Every explicit discriminator is the one anchorpy will compute."""
        wrong: list[str] = []
        for kind, space in (("instruction", "global"), ("account", "account"), ("event", "event")):
            for item in self.idl.get(f"{kind}s", []):
                explicit = item.get("discriminator")
                name = _snake(item["name"]) if kind == "instruction" else item["name"]
                computed = list(sha256(f"{space}:{name}".encode()).digest()[:8])
                if explicit is not None and list(explicit) != computed:
                    wrong.append(f"{kind} {item['name']!r} has {list(explicit)}")
        if wrong:
            raise IdlError(
                "anchorpy computes discriminators from names and cannot use these: "
                + "; ".join(wrong)
            )

    # ---- instructions

    def _instruction(self, ix: Json) -> dict[str, Any]:
        where = f"instruction {ix['name']!r}"
        legacy: dict[str, Any] = {
            "name": ix["name"],
            "accounts": [self._account_item(item, ix) for item in ix["accounts"]],
            "args": [
                {
                    "name": arg["name"],
                    "type": self._type(arg["type"], {}, f"{where}, argument {arg['name']!r}"),
                }
                for arg in ix["args"]
            ],
        }
        if docs := ix.get("docs"):
            legacy["docs"] = list(docs)
        if (returns := ix.get("returns")) is not None:
            legacy["returns"] = self._type(returns, {}, f"{where}, return value")
        return legacy

    def _account_item(self, item: Json, ix: Json) -> dict[str, Any]:
        if "accounts" in item:
            return {
                "name": item["name"],
                "accounts": [self._account_item(inner, ix) for inner in item["accounts"]],
            }
        legacy: dict[str, Any] = {
            "name": item["name"],
            "isMut": bool(item.get("writable", False)),
            "isSigner": bool(item.get("signer", False)),
        }
        if item.get("optional"):
            legacy["isOptional"] = True
        if docs := item.get("docs"):
            legacy["docs"] = list(docs)
        if (pda := item.get("pda")) is not None and (seeds := self._pda(pda, ix)) is not None:
            legacy["pda"] = seeds
        if relations := item.get("relations"):
            legacy["relations"] = list(relations)
        return legacy

    def _pda(self, pda: Json, ix: Json) -> dict[str, Any] | None:
        """The seeds with their types, or None where a type cannot be told from the IDL."""
        seeds = [self._seed(seed, ix) for seed in pda["seeds"]]
        program = self._seed(pda["program"], ix) if pda.get("program") else None
        if any(seed is None for seed in seeds) or (pda.get("program") and program is None):
            return None
        return _without_none(seeds=seeds, programId=program)

    def _seed(self, seed: Json, ix: Json) -> dict[str, Any] | None:
        kind = seed["kind"]
        if kind == "const":
            value = list(seed["value"])
            return {"kind": "const", "type": {"array": ["u8", len(value)]}, "value": value}
        parts = str(seed["path"]).split(".")
        if kind == "arg":
            found = self._path_type({a["name"]: a["type"] for a in ix["args"]}, parts)
            return None if found is None else {"kind": "arg", "type": found, "path": seed["path"]}
        found = {"kind": "account", "type": "publicKey", "path": seed["path"]}
        if account := seed.get("account"):
            fields = self._field_types(account)
            inner = self._path_type(fields, parts[1:])
            if inner is None:
                return None
            found |= {"type": inner, "account": account}
        elif len(parts) > 1:
            return None
        return found

    def _field_types(self, name: str) -> dict[str, Any]:
        fields = self.definitions.get(name, {}).get("type", {}).get("fields") or []
        return {f["name"]: f["type"] for f in fields if isinstance(f, Mapping) and "name" in f}

    def _path_type(self, scope: Mapping[str, Any], parts: list[str]) -> Any | None:
        if not parts or parts[0] not in scope:
            return None
        ty = scope[parts[0]]
        if len(parts) > 1:
            defined = ty.get("defined") if isinstance(ty, Mapping) else None
            if defined is None or defined.get("generics"):
                return None
            return self._path_type(self._field_types(defined["name"]), parts[1:])
        return self._type(ty, {}, f"seed {parts[0]!r}")

    # ---- accounts and events

    def _account(self, account: Json) -> dict[str, Any]:
        name = account["name"]
        return self._definition(name, self._found(name, f"account {name!r}"), {}, as_name=name)

    def _event(self, event: Json) -> dict[str, Any]:
        name = event["name"]
        definition = self._definition(name, self._found(name, f"event {name!r}"), {}, as_name=name)
        body = definition["type"]
        if body["kind"] != "struct":
            raise IdlError(f"event {name!r} is not a struct")
        return {"name": name, "fields": [{**f, "index": False} for f in body["fields"]]}

    def _found(self, name: str, where: str) -> Json:
        if name not in self.definitions:
            raise IdlError(f"{where}: the type {name!r} is not in the IDL's types")
        return self.definitions[name]

    # ---- types

    def _define(self, name: str, arguments: tuple[Any, ...], where: str) -> str:
        """The legacy name of a type with its generic arguments, defined if it was not yet."""
        definition = self._found(name, where)
        generics = definition.get("generics", [])
        if len(generics) != len(arguments):
            raise IdlError(
                f"{where}: {name!r} takes {len(generics)} generic arguments, "
                f"{len(arguments)} are given"
            )
        as_name = f"{name}Value" if name in self.account_names else name
        if arguments:
            as_name = "__".join([as_name, *(_label(argument) for argument in arguments)])
        elif as_name != name and as_name in self.definitions:
            raise IdlError(f"{where}: both {name!r} and {as_name!r} exist; rename one")
        if as_name in self.types:
            return as_name
        if as_name in self.building:
            cycle = " → ".join([*self.building[self.building.index(as_name) :], as_name])
            raise IdlError(f"{where}: recursive types are not possible in anchorpy: {cycle}")
        if len(self.building) > 64:
            raise IdlError(f"{where}: types are nested more than 64 deep")
        self.building.append(as_name)
        bindings = {g["name"]: a for g, a in zip(generics, arguments, strict=True)}
        made = self._definition(name, definition, bindings, as_name=as_name)
        self.building.pop()
        self.types[as_name] = made
        return as_name

    def _definition(
        self, name: str, definition: Json, bindings: Bindings, *, as_name: str
    ) -> dict[str, Any]:
        self._check_serialization(name, definition, bindings)
        body = definition["type"]
        where = f"type {name!r}"
        legacy: dict[str, Any]
        if body["kind"] == "struct":
            legacy = {
                "kind": "struct",
                "fields": self._fields(body.get("fields") or [], bindings, where),
            }
        elif body["kind"] == "enum":
            legacy = {
                "kind": "enum",
                "variants": [self._variant(v, bindings, where) for v in body["variants"]],
            }
        elif body["kind"] in ("type", "alias"):
            aliased = body["alias"] if "alias" in body else body["value"]
            legacy = {"kind": "alias", "value": self._type(aliased, bindings, where)}
        else:
            raise IdlError(f"{where} is of unknown kind {body['kind']!r}")
        docs = definition.get("docs")
        return _without_none(name=as_name, docs=list(docs) if docs else None, type=legacy)

    def _check_serialization(self, name: str, definition: Json, bindings: Bindings) -> None:
        """Field after field without gaps is all that anchorpy reads."""
        serialization = definition.get("serialization", "borsh")
        if serialization in ("borsh", "bytemuck"):  # bytemuck's Pod has no padding
            return
        representation = definition.get("repr") or {}
        if serialization == "bytemuckunsafe" and (
            representation.get("packed") or self._layout(definition, bindings) is not None
        ):
            return
        why = "with padding between its fields, " if serialization == "bytemuckunsafe" else ""
        raise IdlError(
            f"type {name!r} is serialized as {serialization!r}, {why}which anchorpy cannot read"
        )

    def _layout(self, ty: Any, bindings: Bindings) -> tuple[int, int] | None:
        """Size and alignment of a `repr(C)` type in bytes; None with padding or when not known."""
        if isinstance(ty, str):
            if ty in ("pubkey", "publicKey"):
                return 32, 1
            bits = {"bool": 8, "f32": 32, "f64": 64}.get(ty) or (
                int(ty[1:]) if ty in _INTEGERS and ty[1:] != "128" else 0
            )  # the alignment of 128 bits depends on the compiler
            return (bits // 8, bits // 8) if bits else None
        if "array" in ty:
            inner = self._layout(ty["array"][0], bindings)
            return inner and (inner[0] * _length(ty["array"][1], bindings, "array"), inner[1])
        if "defined" in ty:
            inner_definition = self._found(ty["defined"]["name"], "layout")
            return None if ty["defined"].get("generics") else self._layout(inner_definition, {})
        body = ty.get("type")
        if not isinstance(body, Mapping) or body.get("kind") != "struct":
            return None
        if (ty.get("repr") or {}).get("kind") not in ("c", "transparent"):
            return None
        size, widest = 0, 1
        for field in body.get("fields") or []:
            named = isinstance(field, Mapping) and "type" in field
            layout = self._layout(field["type"] if named else field, bindings)
            if layout is None or size % (align := 1 if ty["repr"].get("packed") else layout[1]):
                return None
            size, widest = size + layout[0], max(widest, align)
        return None if size % widest else (size, widest)

    def _fields(self, fields: Any, bindings: Bindings, where: str) -> list[dict[str, Any]]:
        """Named fields; those of a tuple are named by their place."""
        named: list[dict[str, Any]] = []
        taken: set[str] = set()
        for place, field in enumerate(fields):
            if isinstance(field, Mapping) and "name" in field and "type" in field:
                name, ty, docs = field["name"], field["type"], field.get("docs")
            else:
                name, ty, docs = f"field_{place}", field, None
            name = _field_name(name, taken)
            named.append(
                _without_none(
                    name=name,
                    docs=list(docs) if docs else None,
                    type=self._type(ty, bindings, f"{where}, field {name!r}"),
                )
            )
        return named

    def _variant(self, variant: Json, bindings: Bindings, where: str) -> dict[str, Any]:
        fields = variant.get("fields")
        if not fields:
            return {"name": variant["name"]}
        where = f"{where}, variant {variant['name']!r}"
        if isinstance(fields[0], Mapping) and "name" in fields[0] and "type" in fields[0]:
            named = self._fields(fields, bindings, where)
            if any(self._holds_enum(field["type"]) for field in named):
                struct = f"{self.building[-1] if self.building else where}__{variant['name']}"
                body = {"kind": "struct", "fields": named}
                self.types.setdefault(struct, {"name": struct, "type": body})
                return {"name": variant["name"], "fields": [{"defined": struct}]}
            return {"name": variant["name"], "fields": named}
        return {
            "name": variant["name"],
            "fields": [self._type(field, bindings, where) for field in fields],
        }

    def _holds_enum(self, ty: Any) -> bool:
        """Whether a value of this legacy type can have an enum's value in it."""
        if isinstance(ty, str):
            return False
        ((kind, inner),) = ty.items()
        if kind == "array":
            return self._holds_enum(inner[0])
        if kind != "defined":
            return self._holds_enum(inner)
        body = self.types[inner]["type"]
        if body["kind"] == "alias":
            return self._holds_enum(body["value"])
        return body["kind"] == "enum" or any(self._holds_enum(f["type"]) for f in body["fields"])

    def _type(self, ty: Any, bindings: Bindings, where: str) -> Any:
        if isinstance(ty, str):
            if ty in _SIMPLE:
                return ty
            if ty in _RENAMED:
                return _RENAMED[ty]
            raise IdlError(f"{where}: unknown type {ty!r}")
        ((kind, inner),) = ty.items()
        if kind == "vec":
            return {"vec": self._type(inner, bindings, where)}
        if kind == "option":
            held = self._type(inner, bindings, where)
            if isinstance(held, dict) and "option" in held:
                held = {"defined": self._wrapper("Maybe", held, [("value", held)])}
            return {"option": held}
        if kind == "coption":
            held = self._type(inner, bindings, where)
            return {"defined": self._wrapper("COption", held, [("tag", "u32"), ("value", held)])}
        if kind == "nonzero":
            return self._type(inner, bindings, where)
        if kind == "array":
            element, length = inner
            return {
                "array": [self._type(element, bindings, where), _length(length, bindings, where)]
            }
        if kind == "generic":
            bound = bindings.get(inner)
            if bound is None or isinstance(bound, int):
                raise IdlError(f"{where}: the generic {inner!r} stands for no type here")
            return bound
        if kind == "defined":
            if isinstance(inner, str):
                return {"defined": self._define(inner, (), where)}
            arguments = tuple(
                self._argument(argument, bindings, where) for argument in inner.get("generics", [])
            )
            return {"defined": self._define(inner["name"], arguments, where)}
        raise IdlError(f"{where}: unknown type {kind!r}")

    def _argument(self, argument: Json, bindings: Bindings, where: str) -> Any:
        """A generic argument: the legacy type, or the number of a constant."""
        if argument["kind"] == "const":
            return _length(argument["value"], bindings, where)
        ty = argument["type"]
        if isinstance(ty, Mapping) and isinstance(bindings.get(ty.get("generic", "")), int):
            return bindings[ty["generic"]]
        return self._type(ty, bindings, where)

    def _wrapper(self, name: str, held: Any, fields: list[tuple[str, Any]]) -> str:
        name = f"{name}__{_label(held)}"
        body = {"kind": "struct", "fields": [{"name": n, "type": t} for n, t in fields]}
        self.types.setdefault(name, {"name": name, "type": body})
        return name


def _length(length: Any, bindings: Bindings, where: str) -> int:
    if isinstance(length, Mapping):
        length = length["generic"]
    if isinstance(length, str) and length in bindings:
        length = bindings[length]
    if isinstance(length, str) and length in ("true", "false"):
        length = int(length == "true")
    try:
        return int(length)
    except (TypeError, ValueError):
        raise IdlError(f"{where}: {length!r} is not the number of an array's elements") from None


def _label(argument: Any) -> str:
    """A generic argument as part of a type's name."""
    if isinstance(argument, int):
        return str(argument)
    if isinstance(argument, str):
        return argument
    ((kind, inner),) = argument.items()
    if kind == "array":
        return f"array_{_label(inner[0])}_{inner[1]}"
    return str(inner) if kind == "defined" else f"{kind}_{_label(inner)}"


def _field_name(name: str, taken: set[str]) -> str:
    """A name that stays itself through anchorpy: no keyword, and unlike the others."""
    snake = _snake(name)
    if not snake or snake[0].isdigit():
        snake = f"field_{snake}" if snake else "field"
    base = made = f"{snake}_field" if iskeyword(snake) else snake
    count = 2
    while made in taken:
        made = f"{base}_{count}"
        count += 1
    taken.add(made)
    return made


def _snake(name: str) -> str:
    """Snake case as the Rust crate `heck` makes it, which anchorpy uses.

    A word ends before a capital that follows a small letter (digits do not count), and before
    the last of several capitals when a small letter follows it.
    """
    words: list[str] = []
    for chunk in re.split(r"[^0-9A-Za-z]+", name):
        start, case = 0, ""
        for i, (char, after) in enumerate(pairwise(chunk)):
            now = "lower" if char.islower() else "upper" if char.isupper() else case
            if now == "lower" and after.isupper():
                words.append(chunk[start : i + 1])
                start, case = i + 1, ""
            elif case == "upper" and char.isupper() and after.islower():
                words.append(chunk[start:i])
                start, case = i, ""
            else:
                case = now
        words.append(chunk[start:])
    return "_".join(word.lower() for word in words if word)


def _without_none(**items: Any) -> dict[str, Any]:
    return {key: value for key, value in items.items() if value is not None}
