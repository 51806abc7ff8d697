"""`to_legacy`, judged by anchorpy itself and by encodings written out by hand."""

import json
import struct
from hashlib import sha256

import pyheck
import pytest
from anchorpy import Idl, Program, Provider, Wallet
from anchorpy.coder.coder import Coder
from anchorpy.coder.types import TypesCoder
from hypothesis import given, settings
from hypothesis import strategies as st
from solana.rpc.async_api import AsyncClient
from solders.pubkey import Pubkey

from choir.errors import IdlError
from choir.idl import _snake, to_legacy

ADDRESS = "ChonT23wyjxh3cgPfBfpgt4doviH78vJRCcUasYuaZdz"


def discriminator(preimage):
    return list(sha256(preimage.encode()).digest()[:8])


def an_idl(*, types=(), accounts=(), events=(), instructions=(), **more):
    return {
        "address": ADDRESS,
        "metadata": {"name": "sample", "version": "0.1.0", "spec": "0.1.0"},
        "instructions": [
            {"discriminator": discriminator(f"global:{ix['name']}"), **ix} for ix in instructions
        ],
        "accounts": [
            {"name": name, "discriminator": discriminator(f"account:{name}")} for name in accounts
        ],
        "events": [
            {"name": name, "discriminator": discriminator(f"event:{name}")} for name in events
        ],
        "types": list(types),
        **more,
    }


def a_struct(name, *fields, **more):
    rows = [{"name": f, "type": t} for f, t in fields]
    return {"name": name, "type": {"kind": "struct", "fields": rows}, **more}


def zero_copy(*fields, repr=None):
    return a_struct("Raw", *fields, serialization="bytemuckunsafe", repr=repr or {"kind": "c"})


def parsed(idl):
    return Idl.from_json(json.dumps(to_legacy(idl)))


def coder_of_type(ty, *types):
    """A coder for a struct with one field of type `ty`."""
    return TypesCoder(parsed(an_idl(types=[a_struct("Holder", ("held", ty)), *types])))


def round_trip(ty, value, encoded, *types):
    coder = coder_of_type(ty, *types)
    assert coder.encode("Holder", {"held": value}) == encoded
    assert coder.decode("Holder", encoded).held == value


KEY = Pubkey.from_string(ADDRESS)


@pytest.mark.parametrize(
    ("ty", "value", "encoded"),
    [
        ("bool", True, b"\x01"),
        ("u8", 200, b"\xc8"),
        ("i8", -2, b"\xfe"),
        ("u16", 513, b"\x01\x02"),
        ("i16", -2, b"\xfe\xff"),
        ("u32", 1, b"\x01\0\0\0"),
        ("i32", -1, b"\xff" * 4),
        ("f32", 1.5, struct.pack("<f", 1.5)),
        ("u64", 2**64 - 1, b"\xff" * 8),
        ("i64", -(2**63), b"\0" * 7 + b"\x80"),
        ("f64", -0.1, struct.pack("<d", -0.1)),
        ("u128", 2**127, b"\0" * 15 + b"\x80"),
        ("i128", -1, b"\xff" * 16),
        ("bytes", b"abc", b"\x03\0\0\0abc"),
        ("string", "ĉ", b"\x02\0\0\0" + "ĉ".encode()),
        ("pubkey", KEY, bytes(KEY)),
        ({"option": "u8"}, None, b"\0"),
        ({"option": "u8"}, 7, b"\x01\x07"),
        ({"vec": {"vec": "u8"}}, [[1], []], b"\x02\0\0\0\x01\0\0\0\x01\0\0\0\0"),
        ({"array": [{"array": ["u16", 2]}, 2]}, [[1, 2], [3, 4]], struct.pack("<4H", 1, 2, 3, 4)),
        ({"option": {"vec": "string"}}, ["a"], b"\x01\x01\0\0\0\x01\0\0\0a"),
        ({"nonzero": "u32"}, 5, b"\x05\0\0\0"),
    ],
)
def test_simple_and_compound_types(ty, value, encoded):
    round_trip(ty, value, encoded)


@given(st.integers(0, 2**256 - 1))
@settings(max_examples=20)
def test_u256_is_32_little_endian_bytes(number):
    encoded = number.to_bytes(32, "little")
    decoded = coder_of_type("u256").decode("Holder", encoded).held
    assert int.from_bytes(decoded, "little") == number


def test_i256_is_32_little_endian_bytes():
    encoded = (-5).to_bytes(32, "little", signed=True)
    round_trip("i256", list(encoded), encoded)


def test_coption_is_a_tag_and_a_value():
    coder = coder_of_type({"coption": "u64"})
    encoded = struct.pack("<IQ", 1, 9)
    decoded = coder.decode("Holder", encoded).held
    assert (decoded.tag, decoded.value) == (1, 9)
    assert coder.encode("Holder", {"held": {"tag": 1, "value": 9}}) == encoded


def test_an_alias_and_a_defined_type():
    alias = {"name": "Amount", "type": {"kind": "type", "alias": {"vec": "u16"}}}
    round_trip({"defined": {"name": "Amount"}}, [1, 2], b"\x02\0\0\0\x01\0\x02\0", alias)


def test_tuple_and_unit_structs():
    pair = {"name": "Pair", "type": {"kind": "struct", "fields": ["u8", {"option": "u16"}]}}
    coder = coder_of_type({"defined": {"name": "Pair"}}, pair)
    decoded = coder.decode("Holder", b"\x01\x01\x02\0").held
    assert (decoded.field_0, decoded.field_1) == (1, 2)
    unit = {"name": "Unit", "type": {"kind": "struct"}}
    coder = coder_of_type({"defined": {"name": "Unit"}}, unit)
    assert coder.encode("Holder", {"held": {}}) == b""


SHAPE = {
    "name": "Shape",
    "type": {
        "kind": "enum",
        "variants": [
            {"name": "Nothing"},
            {"name": "Empty", "fields": []},
            {"name": "Circle", "fields": [{"name": "radius", "type": "u32"}]},
            {
                "name": "Move",
                "fields": [{"name": "from", "type": "u8"}, {"name": "to", "type": "u8"}],
            },
            {"name": "Pair", "fields": ["u8", {"defined": {"name": "Point"}}]},
        ],
    },
}
POINT = a_struct("Point", ("x", "i16"), ("y", "i16"))


def test_an_enum_with_every_kind_of_variant():
    idl = parsed(an_idl(types=[SHAPE, POINT]))
    coder = TypesCoder(idl)
    program = Program(idl, KEY, Provider(AsyncClient("http://127.0.0.1:1"), Wallet.dummy()))
    shape, point = program.type["Shape"], program.type["Point"]
    cases = [
        (shape.Nothing(), b"\x00"),
        (shape.Empty(), b"\x01"),
        (shape.Circle(radius=258), b"\x02\x02\x01\0\0"),
        (shape.Move(from_field=1, to=2), b"\x03\x01\x02"),
        (shape.Pair((7, point(x=-1, y=1))), b"\x04\x07\xff\xff\x01\0"),
    ]
    for value, encoded in cases:
        assert coder.encode("Shape", value) == encoded
        again = coder.decode("Shape", encoded)
        assert type(again) is type(value)
        assert coder.encode("Shape", again) == encoded


def test_field_names_that_python_or_snake_case_would_break():
    awkward = a_struct(
        "Awkward",
        ("from", "u8"),
        ("_a", "u8"),
        ("a", "u8"),
        ("fooBar", "u8"),
        ("value_1", "u8"),
        ("value1", "u8"),
        ("items", "u8"),
    )
    idl = parsed(an_idl(types=[awkward]))
    coder = TypesCoder(idl)
    decoded = coder.decode("Awkward", bytes(range(7)))
    assert vars(decoded) == {
        "from_field": 0,
        "a": 1,
        "a_2": 2,
        "foo_bar": 3,
        "value_1": 4,
        "value1": 5,
        "items": 6,
    }
    assert coder.encode("Awkward", decoded) == bytes(range(7))


GENERIC = {
    "name": "Ring",
    "generics": [{"kind": "type", "name": "T"}, {"kind": "const", "name": "N", "type": "usize"}],
    "type": {
        "kind": "struct",
        "fields": [
            {"name": "held", "type": {"array": [{"generic": "T"}, {"generic": "N"}]}},
            {"name": "next", "type": {"option": {"generic": "T"}}},
        ],
    },
}


def ring(ty, length):
    arguments = [{"kind": "type", "type": ty}, {"kind": "const", "value": length}]
    return {"defined": {"name": "Ring", "generics": arguments}}


def test_generics_become_a_type_for_each_use():
    nested = {
        "name": "Rings",
        "generics": [{"kind": "const", "name": "M", "type": "usize"}],
        "type": {
            "kind": "struct",
            "fields": [{"name": "inner", "type": ring({"vec": "u16"}, "M")}],
        },
    }
    use = {"defined": {"name": "Rings", "generics": [{"kind": "const", "value": "2"}]}}
    legacy = to_legacy(
        an_idl(types=[a_struct("Use", ("a", ring("u8", "3")), ("b", use)), GENERIC, nested])
    )
    assert {t["name"] for t in legacy["types"]} == {
        "Use",
        "Ring__u8__3",
        "Rings__2",
        "Ring__vec_u16__2",
    }
    coder = TypesCoder(Idl.from_json(json.dumps(legacy)))
    encoded = bytes([1, 2, 3, 1, 9]) + b"\x01\0\0\0\x05\0" + b"\0\0\0\0" + b"\0"
    decoded = coder.decode("Use", encoded)
    assert list(decoded.a.held) == [1, 2, 3]
    assert decoded.a.next == 9
    assert [list(v) for v in decoded.b.inner.held] == [[5], []]


def test_a_generic_with_the_wrong_number_of_arguments_is_refused():
    with pytest.raises(IdlError, match="'Ring' takes 2 generic arguments, 0 are given"):
        to_legacy(an_idl(types=[a_struct("Use", ("a", {"defined": {"name": "Ring"}})), GENERIC]))


def test_a_recursive_type_is_refused_by_name():
    loop = a_struct("Node", ("next", {"option": {"defined": {"name": "Node"}}}))
    with pytest.raises(IdlError, match="Node → Node"):
        to_legacy(an_idl(types=[loop]))


INSTRUCTION = {
    "name": "do_it_2",
    "docs": ["Does it."],
    "args": [
        {"name": "id", "type": "u64"},
        {"name": "from", "type": "string"},
        {"name": "what", "type": {"defined": {"name": "Point"}}},
        {"name": "state", "type": {"defined": {"name": "State"}}},
    ],
    "returns": {"option": "u64"},
    "accounts": [
        {"name": "payer", "writable": True, "signer": True},
        {
            "name": "inner",
            "accounts": [
                {"name": "a", "writable": True},
                {"name": "deeper", "accounts": [{"name": "b", "signer": True}]},
            ],
        },
        {"name": "maybe", "optional": True, "relations": ["payer"]},
        {
            "name": "state",
            "pda": {
                "seeds": [
                    {"kind": "const", "value": [115, 116]},
                    {"kind": "arg", "path": "id"},
                    {"kind": "arg", "path": "what.x"},
                    {"kind": "account", "path": "payer"},
                    {"kind": "account", "path": "state.point.y", "account": "State"},
                ],
                "program": {"kind": "const", "value": list(bytes(KEY))},
            },
        },
        {"name": "unknown", "pda": {"seeds": [{"kind": "arg", "path": "nowhere"}]}},
        {"name": "system_program", "address": "11111111111111111111111111111111"},
    ],
}
STATE = a_struct("State", ("count", "u64"), ("point", {"defined": {"name": "Point"}}))
HAPPENED = a_struct(
    "Happened", ("who", "pubkey"), ("from", "u8"), ("state", {"defined": {"name": "State"}})
)


@pytest.fixture
def sample():
    return an_idl(
        types=[POINT, STATE, HAPPENED],
        accounts=["State"],
        events=["Happened"],
        instructions=[INSTRUCTION],
        errors=[{"code": 6000, "name": "No", "msg": "not so"}, {"code": 6001, "name": "Bare"}],
        constants=[
            {"name": "SEED", "type": "bytes", "value": "[115, 116]"},
            {"name": "LIMIT", "type": "u256", "value": "1"},
        ],
        docs=["A sample."],
    )


def test_a_program_with_everything(sample):
    before = json.dumps(sample)
    idl = parsed(sample)
    assert json.dumps(sample) == before
    program = Program(idl, KEY, Provider(AsyncClient("http://127.0.0.1:1"), Wallet.dummy()))

    keys = [Pubkey.new_unique() for _ in range(7)]
    accounts = {
        "payer": keys[0],
        "inner": {"a": keys[1], "deeper": {"b": keys[2]}},
        "maybe": keys[3],
        "state": keys[4],
        "unknown": keys[5],
        "system_program": keys[6],
    }
    builder = program.methods["do_it_2"].args(
        [1, "me", {"x": 2, "y": 3}, {"count": 4, "point": {"x": 5, "y": 6}}]
    )
    built = builder.accounts(accounts).instruction()
    point = struct.pack("<hh", 2, 3)
    state = struct.pack("<Qhh", 4, 5, 6)
    body = struct.pack("<Q", 1) + b"\x02\0\0\0me" + point + state
    assert built.data == bytes(discriminator("global:do_it_2")) + body
    assert [(m.pubkey, m.is_writable, m.is_signer) for m in built.accounts] == [
        (keys[0], True, True),
        (keys[1], True, False),
        (keys[2], False, True),
        *[(key, False, False) for key in keys[3:]],
    ]
    coder = program.coder.instruction
    assert coder.parse(built.data).data["from"] == "me"

    account = program.coder.accounts.decode(bytes(discriminator("account:State")) + state)
    assert (account.count, account.point.y) == (4, 6)
    event = program.coder.events.parse(
        bytes(discriminator("event:Happened")) + bytes(keys[0]) + b"\x07" + state
    )
    assert (event.name, event.data.who, event.data.from_field) == ("Happened", keys[0], 7)
    assert event.data.state.count == 4
    assert {e.code: (e.name, e.msg) for e in idl.errors} == {
        6000: ("No", "not so"),
        6001: ("Bare", None),
    }
    assert idl.instructions[0].docs == ["Does it."]
    assert json.loads(idl.to_json())["instructions"][0]["returns"] == {"option": "u64"}
    pda = {item.name: item.pda for item in idl.instructions[0].accounts if hasattr(item, "pda")}
    assert len(pda["state"].seeds) == 5
    assert pda["unknown"] is None
    assert idl.metadata["address"] == ADDRESS


def test_explicit_discriminators_that_anchorpy_cannot_compute_are_refused(sample):
    sample["instructions"][0]["discriminator"] = [1]
    sample["accounts"][0]["discriminator"] = [0] * 8
    with pytest.raises(IdlError, match=r"instruction 'do_it_2' has \[1\]; account 'State' has"):
        to_legacy(sample)


@pytest.mark.parametrize(
    ("fields", "representation"),
    [
        ((("a", "u8"), ("b", "u64")), {"kind": "c", "packed": True}),
        ((("b", "u64"), ("a", {"array": ["u8", 8]})), {"kind": "c"}),
        ((("k", "pubkey"), ("b", "u32"), ("c", "i32")), {"kind": "c"}),
        ((("n", {"defined": {"name": "Inner"}}), ("b", "u16")), {"kind": "c"}),
    ],
)
def test_zero_copy_types_without_padding_are_read(fields, representation):
    inner = a_struct("Inner", ("x", "u16"), serialization="bytemuckunsafe", repr={"kind": "c"})
    legacy = to_legacy(an_idl(types=[zero_copy(*fields, repr=representation), inner]))
    coder = TypesCoder(Idl.from_json(json.dumps(legacy)))
    size = coder._get_layout("Raw").sizeof()
    raw = bytes(range(size))
    assert coder.encode("Raw", vars(coder.decode("Raw", raw))) == raw


def test_types_named_by_their_path_get_short_names_where_that_is_one_type():
    point = a_struct("Point", ("x", "u8"))
    same = a_struct("sample::geometry::Point", ("x", "u8"))
    level, other = a_struct("a::Level", ("n", "u8")), a_struct("b::Level", ("n", "u16"))
    use = a_struct(
        "sample::Use",
        ("p", {"defined": {"name": "Point"}}),
        ("q", {"vec": {"defined": {"name": "sample::geometry::Point"}}}),
        ("r", {"defined": {"name": "b::Level"}}),
    )
    legacy = to_legacy(an_idl(types=[point, same, level, other, use]))
    assert sorted(t["name"] for t in legacy["types"]) == ["Point", "Use", "a::Level", "b::Level"]
    coder = TypesCoder(Idl.from_json(json.dumps(legacy)))
    decoded = coder.decode("Use", b"\x01\x01\0\0\0\x02\x03\0")
    assert (decoded.p.x, decoded.q[0].x, decoded.r.n) == (1, 2, 3)


def test_an_idl_in_the_old_shape_is_returned_as_a_copy(sample):
    old = to_legacy(sample)
    again = to_legacy(old)
    assert again == old
    assert again is not old


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({}, "no Anchor IDL"),
        ({"metadata": {"spec": "2.0.0"}}, "of spec 2.0.0"),
        (an_idl(types=[a_struct("A", ("b", "u7"))]), "type 'A', field 'b': unknown type 'u7'"),
        (an_idl(types=[a_struct("A", ("b", {"defined": {"name": "C"}}))]), "the type 'C' is not"),
        (an_idl(types=[POINT, POINT]), "'Point' is defined twice"),
        (an_idl(types=[a_struct("A", serialization={"custom": "x"})]), "cannot read"),
        (
            an_idl(types=[zero_copy(("a", "u8"), ("b", "u64"))]),
            "type 'Raw' is serialized as 'bytemuckunsafe', with padding",
        ),
        (an_idl(types=[zero_copy(("a", "u64"), ("b", "u8"))]), "padding"),
        (an_idl(types=[zero_copy(("a", "u8"), repr={"kind": "rust"})]), "padding"),
        (an_idl(types=[zero_copy(("a", "u128"))]), "padding"),
        (an_idl(accounts=["Gone"]), "account 'Gone': the type 'Gone' is not"),
        ({**an_idl(), "instructions": [{"name": "x"}]}, "malformed"),
    ],
)
def test_what_cannot_be_converted_is_said(broken, said):
    with pytest.raises(IdlError, match=said):
        to_legacy(broken)


@given(st.text("abAB12_cD", min_size=1, max_size=12))
@settings(max_examples=500)
def test_snake_case_is_that_of_anchorpy(name):
    assert _snake(name) == pyheck.snake(name)


def types_and_values():
    """(type JSON, value, its borsh encoding by hand) for nested types."""
    numbers = [("u8", "B"), ("u16", "H"), ("u32", "I"), ("u64", "Q"), ("i64", "q"), ("i16", "h")]

    def number(row):
        name, code = row
        size = 8 * struct.calcsize(code)
        low, high = (
            (-(2 ** (size - 1)), 2 ** (size - 1) - 1) if code.islower() else (0, 2**size - 1)
        )
        return st.integers(low, high).map(lambda n: (name, n, struct.pack("<" + code, n)))

    leaf = st.one_of(
        st.sampled_from(numbers).flatmap(number),
        st.text(max_size=8).map(
            lambda s: ("string", s, struct.pack("<I", len(s.encode())) + s.encode())
        ),
        st.booleans().map(lambda b: ("bool", b, bytes([b]))),
        st.binary(min_size=32, max_size=32).map(lambda b: ("pubkey", Pubkey(b), b)),
    )

    def some(held):
        ty, value, encoded = held
        nested = isinstance(ty, dict) and "option" in ty
        return {"option": ty}, {"value": value} if nested else value, b"\x01" + encoded

    def wrap(inner):
        return st.one_of(
            inner.map(some),
            inner.map(lambda t: ({"option": t[0]}, None, b"\0")),
            st.tuples(inner, st.integers(0, 3)).map(
                lambda p: (
                    {"vec": p[0][0]},
                    [p[0][1]] * p[1],
                    struct.pack("<I", p[1]) + p[0][2] * p[1],
                )
            ),
            st.tuples(inner, st.integers(1, 3)).map(
                lambda p: ({"array": [p[0][0], p[1]]}, [p[0][1]] * p[1], p[0][2] * p[1])
            ),
        )

    return st.recursive(leaf, wrap, max_leaves=4)


@given(st.lists(types_and_values(), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_instruction_encodes_as_borsh_says(arguments):
    idl = an_idl(
        instructions=[
            {
                "name": "go",
                "accounts": [],
                "args": [{"name": f"a{i}", "type": ty} for i, (ty, _, _) in enumerate(arguments)],
            }
        ]
    )
    coder = Coder(parsed(idl)).instruction
    built = coder.encode("go", {f"a{i}": value for i, (_, value, _) in enumerate(arguments)})
    assert built == bytes(discriminator("global:go")) + b"".join(e for _, _, e in arguments)
