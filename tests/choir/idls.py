"""IDLs by chance: any types of the current spec, with values and their borsh encoding.

The encoder here is written from the borsh specification alone and shares nothing with anchorpy,
borsh-construct or `choir`. A made type is (the IDL's JSON, a way to make a value): a value is
(what anchorpy is given, its encoding).
"""

import random
import struct
from hashlib import sha256

from solders.pubkey import Pubkey

ADDRESS = "ChonT23wyjxh3cgPfBfpgt4doviH78vJRCcUasYuaZdz"
INTEGERS = {f"{sign}{bits}": bits // 8 for sign in "ui" for bits in (8, 16, 32, 64, 128)}
WORDS = [
    *("alpha", "beta", "gamma", "delta", "from", "import", "class", "items", "x"),
    *("value_1", "value1", "fooBar", "HTTPServer"),
]


def discriminator(preimage):
    return list(sha256(preimage.encode()).digest()[:8])


def u32(number):
    return number.to_bytes(4, "little")


class Makers:
    """Draws types; remembers the definitions it made for them."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.seed = seed
        self.types = []
        self.count = 0

    def name(self, kind):
        # anchorpy keeps an enum's layout by its name and own text, whatever its parts have become
        self.count += 1
        return f"{kind}{self.seed}n{self.count}"

    # ---- values and types: each returns (type JSON, function making (value, bytes))

    def any_type(self, depth):
        kinds = ["integer", "integer", "float", "bool", "string", "bytes", "pubkey", "wide"]
        if depth:
            kinds += ["option", "vec", "array", "struct", "tuple", "enum", "generic", "alias"] * 2
            kinds += ["coption", "unit", "nonzero", "constant_generic"]
        return getattr(self, f"a_{self.chance.choice(kinds)}")(depth - 1)

    def a_integer(self, _):
        name = self.chance.choice(list(INTEGERS))
        return name, self.integers(name)

    def integers(self, name, zero=True):
        size, signed = INTEGERS[name], name[0] == "i"
        low, high = (
            (-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1)
            if signed
            else (
                0,
                2 ** (8 * size) - 1,
            )
        )

        def make():
            chosen = self.chance.choice([low, high, 0, 1, self.chance.randint(low, high)])
            number = chosen if chosen or zero else 1
            return number, number.to_bytes(size, "little", signed=signed)

        return make

    def a_nonzero(self, _):
        name = self.chance.choice(list(INTEGERS))
        return {"nonzero": name}, self.integers(name, zero=False)

    def a_float(self, _):
        name, code = self.chance.choice([("f32", "<f"), ("f64", "<d")])

        def make():
            number = self.chance.choice([0.0, -0.0, 1.5, self.chance.uniform(-1e9, 1e9), 2.0**-20])
            encoded = struct.pack(code, number)
            return struct.unpack(code, encoded)[0], encoded

        return name, make

    def a_bool(self, _):
        def make():
            value = self.chance.random() < 0.5
            return value, bytes([value])

        return "bool", make

    def a_string(self, _):
        def make():
            text = "".join(
                self.chance.choice("aZ ß漢🙂\0") for _ in range(self.chance.randrange(6))
            )
            return text, u32(len(text.encode())) + text.encode()

        return "string", make

    def a_bytes(self, _):
        def make():
            data = self.chance.randbytes(self.chance.randrange(9))
            return data, u32(len(data)) + data

        return "bytes", make

    def a_pubkey(self, _):
        def make():
            data = self.chance.randbytes(32)
            return Pubkey(data), data

        return "pubkey", make

    def a_wide(self, _):
        """256 bits: a list of 32 bytes for anchorpy."""

        def make():
            data = self.chance.randbytes(32)
            return list(data), data

        return self.chance.choice(["u256", "i256"]), make

    def a_option(self, depth):
        ty, inner = self.any_type(depth)
        wrapped = isinstance(ty, dict) and "option" in ty

        def make():
            if self.chance.random() < 0.4:
                return None, b"\0"
            value, encoded = inner()
            return {"value": value} if wrapped else value, b"\1" + encoded

        return {"option": ty}, make

    def a_coption(self, _):
        ty, inner = self.chance.choice([self.a_integer, self.a_pubkey])(0)

        def make():
            value, encoded = inner()
            tag = self.chance.randrange(2)
            return {"tag": tag, "value": value}, u32(tag) + encoded

        return {"coption": ty}, make

    def a_vec(self, depth):
        ty, inner = self.any_type(depth)

        def make():
            items = [inner() for _ in range(self.chance.randrange(4))]
            return [v for v, _ in items], u32(len(items)) + b"".join(e for _, e in items)

        return {"vec": ty}, make

    def a_array(self, depth):
        ty, inner = self.any_type(depth)
        length = self.chance.randrange(1, 4)

        def make():
            items = [inner() for _ in range(length)]
            return [v for v, _ in items], b"".join(e for _, e in items)

        return {"array": [ty, length]}, make

    # ---- defined types

    def define(self, name, body, **more):
        self.types.append({"name": name, "type": body, **more})
        return {"defined": {"name": name}}

    def fields(self, depth):
        names = self.chance.sample(WORDS, self.chance.randrange(1, 4))
        made = [self.any_type(depth) for _ in names]
        rows = [{"name": n, "type": ty} for n, (ty, _) in zip(names, made, strict=True)]
        return rows, legacy_names(names), [make for _, make in made]

    def a_struct(self, depth):
        rows, names, makers = self.fields(depth)
        ty = self.define(self.name("Struct"), {"kind": "struct", "fields": rows})
        return ty, self.record(names, makers)

    def record(self, names, makers):
        def make():
            values = [maker() for maker in makers]
            return (
                {name: v for name, (v, _) in zip(names, values, strict=True)},
                b"".join(e for _, e in values),
            )

        return make

    def a_tuple(self, depth):
        made = [self.any_type(depth) for _ in range(self.chance.randrange(1, 4))]
        name = self.name("Tuple")
        ty = self.define(name, {"kind": "struct", "fields": [t for t, _ in made]})
        return ty, self.record([f"field_{i}" for i in range(len(made))], [m for _, m in made])

    def a_unit(self, _):
        return self.define(self.name("Unit"), {"kind": "struct"}), lambda: ({}, b"")

    def a_alias(self, depth):
        ty, inner = self.any_type(depth)
        while isinstance(ty, dict) and "option" in ty:  # Some(None) would hide behind a name
            ty, inner = self.any_type(depth)
        return self.define(self.name("Alias"), {"kind": "type", "alias": ty}), inner

    def a_enum(self, depth):
        """A value is (variant's name, fields) here; `enums` in the test makes anchorpy's."""
        variants, makers = [], []
        for number in range(self.chance.randrange(1, 4)):
            name, kind = f"Variant{number}", self.chance.choice(["unit", "empty", "named", "tuple"])
            if kind == "named":
                rows, names, inner = self.fields(depth)
                variants.append({"name": name, "fields": rows})
                makers.append((name, self.record(names, inner)))
            elif kind == "tuple":
                made = [self.any_type(depth) for _ in range(self.chance.randrange(1, 3))]
                variants.append({"name": name, "fields": [t for t, _ in made]})
                makers.append((name, self.several([m for _, m in made])))
            else:
                variants.append({"name": name} | ({"fields": []} if kind == "empty" else {}))
                makers.append((name, lambda: ((), b"")))
        type_name = self.name("Enum")

        def make():
            index = self.chance.randrange(len(makers))
            name, maker = makers[index]
            value, encoded = maker()
            return Variant(type_name, name, value), bytes([index]) + encoded

        return self.define(type_name, {"kind": "enum", "variants": variants}), make

    def several(self, makers):
        def make():
            values = [maker() for maker in makers]
            return tuple(v for v, _ in values), b"".join(e for _, e in values)

        return make

    # ---- generics

    def a_generic(self, depth):
        """`struct Pair<T> { one: T, many: Vec<T> }`, used with some type."""
        name = self.name("Pair")
        rows = [
            {"name": "one", "type": {"generic": "T"}},
            {"name": "many", "type": {"vec": {"generic": "T"}}},
        ]
        generics = [{"kind": "type", "name": "T"}]
        self.define(name, {"kind": "struct", "fields": rows}, generics=generics)
        ty, inner = self.any_type(depth)

        def make():
            one, encoded = inner()
            many = [inner() for _ in range(self.chance.randrange(3))]
            return (
                {"one": one, "many": [v for v, _ in many]},
                encoded + u32(len(many)) + b"".join(e for _, e in many),
            )

        return {"defined": {"name": name, "generics": [{"kind": "type", "type": ty}]}}, make

    def a_constant_generic(self, depth):
        """`struct Ring<T, const N: usize> { held: [T; N] }`."""
        name, length = self.name("Ring"), self.chance.randrange(1, 4)
        body = {
            "kind": "struct",
            "fields": [{"name": "held", "type": {"array": [{"generic": "T"}, {"generic": "N"}]}}],
        }
        generics = [
            {"kind": "type", "name": "T"},
            {"kind": "const", "name": "N", "type": "usize"},
        ]
        self.define(name, body, generics=generics)
        ty, inner = self.any_type(depth)
        given = [{"kind": "type", "type": ty}, {"kind": "const", "value": str(length)}]

        def make():
            items = [inner() for _ in range(length)]
            return {"held": [v for v, _ in items]}, b"".join(e for _, e in items)

        return {"defined": {"name": name, "generics": given}}, make


class Variant:
    """A value of an enum, until anchorpy's class for it is known."""

    def __init__(self, type_name, name, value):
        self.type_name, self.name, self.value = type_name, name, value


def legacy_names(names):
    """What fields are called in anchorpy: snake case, no keywords."""
    snake = {"fooBar": "foo_bar", "HTTPServer": "http_server"}
    keywords = {"from", "import", "class"}
    return [f"{n}_field" if n in keywords else snake.get(n, n) for n in names]


def an_idl(makers, *, accounts=(), events=(), instructions=(), constants=()):
    return {
        "address": ADDRESS,
        "metadata": {"name": "sample", "version": "0.1.0", "spec": "0.1.0"},
        "instructions": list(instructions),
        "accounts": [
            {"name": name, "discriminator": discriminator(f"account:{name}")} for name in accounts
        ],
        "events": [
            {"name": name, "discriminator": discriminator(f"event:{name}")} for name in events
        ],
        "types": makers.types,
        "constants": list(constants),
    }
