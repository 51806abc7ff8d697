"""IDLs of every kind, decoded: against Borsh written out by hand, against C's own layout, against
the typed decoders of our own program, and against bytes that nobody meant well with."""

import ctypes
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from tests.choir.idls import ADDRESS, Makers, an_idl, discriminator

from choir.errors import DecodeError, IdlError, WrongDiscriminator
from choir.idl_decoder import Decoded, IdlDecoder

STATE = bytes(discriminator("account:State"))
HAPPENED = bytes(discriminator("event:Happened"))


class Sample:
    """An IDL by chance with one account and one event type."""

    def __init__(self, seed):
        self.makers = Makers(seed)
        self.account, self.event = self.a_record("State"), self.a_record("Happened")
        idl = an_idl(self.makers, accounts=["State"], events=["Happened"])
        self.types = {t["name"]: t for t in json.loads(json.dumps(idl["types"]))}
        self.decoder = IdlDecoder(idl)

    def a_record(self, name):
        rows, names, makers = self.makers.fields(3)
        self.makers.define(name, {"kind": "struct", "fields": rows})
        return self.makers.record(names, makers)

    def judge(self):
        value, body = self.account()
        wanted = self.plain({"defined": {"name": "State"}}, value)
        found = self.decoder.account(STATE + body)
        assert found == Decoded("State", wanted)
        assert json.loads(json.dumps(found.value, allow_nan=False)) == wanted
        assert self.decoder.account(STATE + body + b"\xff" * 9).value == wanted  # spare room
        value, event = self.event()
        wanted = self.plain({"defined": {"name": "Happened"}}, value)
        assert self.decoder.event(HAPPENED + event) == Decoded("Happened", wanted)
        with pytest.raises(DecodeError):
            self.decoder.event(HAPPENED + event + b"\0")
        for cut in range(len(body)):
            with pytest.raises(DecodeError, match=r"^State"):
                self.decoder.account((STATE + body)[: 8 + cut])

    # ---- what a value of these tests is in JSON, by its type

    def plain(self, ty, value, bindings=None):
        ty = self.resolved(ty, bindings or {})
        if isinstance(ty, str):
            return simple(ty, value)
        ((kind, inner),) = ty.items()
        if kind == "nonzero":
            return value
        if kind == "option":
            if value is None:
                return None
            if isinstance(self.resolved(inner, bindings or {}), dict) and "option" in inner:
                return {"some": self.plain(inner, value["value"], bindings)}
            made = self.plain(inner, value, bindings)
            return {"some": made} if self.nullable(inner, bindings or {}) else made
        if kind == "coption":
            return self.plain(inner, value["value"], bindings) if value["tag"] else None
        if kind in ("vec", "array"):
            element = inner if kind == "vec" else inner[0]
            if self.resolved(element, bindings or {}) == "u8":
                return bytes(value).hex()
            return [self.plain(element, each, bindings) for each in value]
        definition = self.types[inner["name"]]
        given = [a.get("type", a.get("value")) for a in inner.get("generics", [])]
        names = [g["name"] for g in definition.get("generics", [])]
        given = [self.resolved(g, bindings or {}) for g in given]
        return self.body(definition["type"], value, dict(zip(names, given, strict=True)))

    def body(self, body, value, bindings):
        if body["kind"] == "enum":
            (variant,) = [v for v in body["variants"] if v["name"] == value.name]
            if not variant.get("fields"):
                return value.name
            return {value.name: self.fields(variant["fields"], value.value, bindings)}
        return self.fields(body.get("fields", []), value, bindings)

    def fields(self, fields, value, bindings):
        held = value.values() if isinstance(value, dict) else value
        if fields and not (isinstance(fields[0], dict) and "name" in fields[0]):
            return [self.plain(t, v, bindings) for t, v in zip(fields, held, strict=True)]
        return {
            f["name"]: self.plain(f["type"], v, bindings) for f, v in zip(fields, held, strict=True)
        }

    def resolved(self, ty, bindings):
        """Aliases and generics seen through, at the outermost."""
        while isinstance(ty, dict):
            if "generic" in ty:
                ty = bindings[ty["generic"]]
            elif "defined" in ty and self.types[ty["defined"]["name"]]["type"]["kind"] == "type":
                ty = self.types[ty["defined"]["name"]]["type"]["alias"]
            else:
                break
        return ty

    def nullable(self, ty, bindings):
        ty = self.resolved(ty, bindings)
        return isinstance(ty, dict) and ("option" in ty or "coption" in ty)


def simple(ty, value):
    if ty in ("u256", "i256"):
        return int.from_bytes(bytes(value), "little", signed=ty == "i256")
    if ty == "string":
        return {"utf8": value.encode().hex()} if "\0" in value else value
    if ty == "bytes":
        return value.hex()
    return str(value) if isinstance(value, Pubkey) else value


@pytest.mark.parametrize("block", range(3))
def test_any_idl_decodes_as_borsh_says(block):
    for seed in range(block * 300, block * 300 + 300):
        try:
            Sample(seed).judge()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error


@given(st.integers(min_value=10_000))
@settings(max_examples=100, deadline=None)
def test_nor_does_any_other_idl_differ(seed):
    Sample(seed).judge()


@given(st.integers(0, 500), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_decoded_or_refused(seed, data):
    decoder = Sample(seed).decoder
    for decode, mark in ((decoder.account, STATE), (decoder.event, HAPPENED)):
        try:
            json.dumps(decode(mark + data).value, allow_nan=False)
        except DecodeError:
            continue


# ---- single types


def decoder(ty, *types, max_values=1_000, **more):
    """For an account `State { x: ty }`."""
    state = {"name": "State", "type": {"kind": "struct", "fields": [{"name": "x", "type": ty}]}}
    return IdlDecoder(an_idl_of([state | more, *types]), max_values=max_values)


def an_idl_of(types, *, accounts=None):
    return {
        "address": ADDRESS,
        "metadata": {"name": "sample", "version": "0.1.0", "spec": "0.1.0"},
        "instructions": [],
        "accounts": accounts or [{"name": "State", "discriminator": list(STATE)}],
        "types": types,
    }


def x_of(decoder, body):
    return decoder.account(STATE + body).value["x"]


def struct_type(name, *fields, **more):
    rows = [{"name": n, "type": t} for n, t in fields]
    return {"name": name, "type": {"kind": "struct", "fields": rows}, **more}


@pytest.mark.parametrize(
    ("ty", "body", "value"),
    [
        ("u64", b"\xff" * 8, 2**64 - 1),
        ("i128", b"\xff" * 16, -1),
        ("u256", b"\xff" * 32, 2**256 - 1),
        ("i256", b"\0" * 31 + b"\x80", -(2**255)),
        ("f64", struct.pack("<d", float("nan")), "NaN"),
        ("f64", struct.pack("<d", float("inf")), "Infinity"),
        ("f32", struct.pack("<f", float("-inf")), "-Infinity"),
        ("f32", struct.pack("<f", 0.5), 0.5),
        ("string", b"\x03\0\0\0a\0b", {"utf8": "610062"}),
        ("string", b"\x02\0\0\0\xc3\xa9", "é"),
        ("pubkey", bytes(32), "11111111111111111111111111111111"),
        ({"option": {"option": "u8"}}, b"\0", None),
        ({"option": {"option": "u8"}}, b"\1\0", {"some": None}),
        ({"option": {"option": "u8"}}, b"\1\1\7", {"some": 7}),
        ({"coption": "u32"}, b"\0\0\0\0\7\0\0\0", None),
        ({"coption": "u32"}, b"\1\0\0\0\7\0\0\0", 7),
        ({"array": ["u8", 3]}, b"abc", "616263"),
        ({"array": ["u8", 0]}, b"", ""),
        ({"vec": "u8"}, b"\2\0\0\0ab", "6162"),
        ({"vec": {"nonzero": "u8"}}, b"\2\0\0\0ab", [97, 98]),
        ({"array": [{"array": ["u16", 2]}, 2]}, bytes(range(8)), [[256, 770], [1284, 1798]]),
    ],
)
def test_what_a_value_is_in_json(ty, body, value):
    found = x_of(decoder(ty), body)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("ty", "body", "why"),
    [
        ("bool", b"\2", "State.x: a bool is 0 or 1, not 2"),
        ("u32", b"\0\0", "State.x: takes 4 bytes, 2 are left"),
        ({"option": "u8"}, b"\2\0", "State.x: an option's tag is 0 or 1, not 2"),
        ({"coption": "u8"}, b"\2\0\0\0\0", "State.x: an option's tag is 0 or 1, not 2"),
        ({"nonzero": "u16"}, b"\0\0", "State.x: a number that is never 0 is 0"),
        ("string", b"\1\0\0\0\xff", "State.x: text that is not UTF-8 (invalid start byte)"),
        (
            "string", b"\xff\xff\xff\xff",
            "State.x: 4294967295 elements of 1 bytes or more do not fit in the 0 bytes that are"
            " left",
        ),
        ({"vec": "bool"}, b"\3\0\0\0\0\1\7", "State.x[2]: a bool is 0 or 1, not 7"),
        ({"vec": {"vec": "u64"}}, b"\1\0\0\0\1\0\0\0", "State.x[0]: 1 elements of 8 bytes"),
        ({"defined": {"name": "E"}}, b"\2", "State.x: variant 2 of an enum of 2"),
        ({"defined": {"name": "E"}}, b"\1\5\0", "State.x.B.y: takes 4 bytes, 2 are left"),
    ],
)  # fmt: skip
def test_an_error_names_the_field(ty, body, why):
    variants = [{"name": "A"}, {"name": "B", "fields": [{"name": "y", "type": "u32"}]}]
    enum = {"name": "E", "type": {"kind": "enum", "variants": variants}}
    with pytest.raises(DecodeError) as said:
        decoder(ty, enum).account(STATE + body)
    assert str(said.value).startswith(why)


def test_what_hostile_bytes_can_cost_is_bounded():
    unit = {"name": "Unit", "type": {"kind": "struct"}}
    nothing = {"defined": {"name": "Unit"}}
    many = decoder({"vec": nothing}, unit)
    assert x_of(many, b"\3\0\0\0") == [{}, {}, {}]
    with pytest.raises(DecodeError, match="more values than one decoding may make"):
        x_of(many, b"\xff\xff\xff\xff")  # elements without bytes: four billion for free
    wide = decoder({"vec": {"array": [nothing, 400]}}, unit)
    with pytest.raises(DecodeError, match="more values"):
        x_of(wide, b"\3\0\0\0")
    assert len(x_of(decoder({"vec": {"array": [nothing, 400]}}, unit), b"\2\0\0\0")) == 2


def test_types_inside_themselves_are_read_to_a_depth():
    node = struct_type("Node", ("next", {"option": {"defined": {"name": "Node"}}}))
    lists = decoder({"defined": {"name": "Node"}}, node)
    assert x_of(lists, b"\1\1\0") == {"next": {"next": {"next": None}}}
    x_of(lists, b"\1" * 100 + b"\0")
    with pytest.raises(DecodeError, match="nested more than 128 deep"):
        x_of(lists, b"\1" * 10_000)
    tree = struct_type("Tree", ("kids", {"vec": {"defined": {"name": "Tree"}}}))
    trees = decoder({"defined": {"name": "Tree"}}, tree)
    assert x_of(trees, b"\2\0\0\0" + bytes(8)) == {"kids": [{"kids": []}, {"kids": []}]}
    json.dumps(x_of(trees, b"\1\0\0\0" * 60 + bytes(4)))
    endless = struct_type("Endless", ("more", {"defined": {"name": "Endless"}}))
    with pytest.raises(DecodeError, match="nested more than"):
        x_of(decoder({"defined": {"name": "Endless"}}, endless), b"")


# ---- discriminators


def test_discriminators_have_any_length_and_the_longest_is_meant():
    types = [struct_type(n, ("x", "u8")) for n in ("None_", "One", "Three")]
    marks = {"None_": [], "One": [7], "Three": [7, 8, 9]}
    accounts = [{"name": n, "discriminator": m} for n, m in marks.items()]
    decoder = IdlDecoder(an_idl_of(types, accounts=accounts))
    assert decoder.account(b"\7\x08\x09\1") == Decoded("Three", {"x": 1})
    assert decoder.account(b"\7\x08") == Decoded("One", {"x": 8})
    assert decoder.account(b"\x08") == Decoded("None_", {"x": 8})
    with pytest.raises(DecodeError, match=r"None_\.x: takes 1 bytes, 0 are left"):
        decoder.account(b"")
    assert decoder.accounts == ("None_", "One", "Three")


def test_what_no_discriminator_fits_is_told_apart():
    only = decoder("u8")
    assert only.account_kind(STATE) == "State"
    assert only.account_kind(STATE[:7]) is None
    for data, found in ((bytes(8), "0000000000000000"), (b"", "nothing")):
        with pytest.raises(WrongDiscriminator, match=f"no account of the IDL begins with {found}"):
            only.account(data)
    with pytest.raises(WrongDiscriminator, match="no event of the IDL"):
        only.event(STATE)


def test_only_the_wanted_accounts_are_compiled():
    types = [struct_type("State", ("x", "u8")), struct_type("Odd", ("x", "HashMap"))]
    accounts = [
        {"name": "State", "discriminator": list(STATE)},
        {"name": "Odd", "discriminator": [1]},
    ]
    idl = an_idl_of(types, accounts=accounts)
    with pytest.raises(IdlError, match="type 'Odd', field 'x': unknown type 'HashMap'"):
        IdlDecoder(idl)
    assert IdlDecoder(idl, accounts=["State"]).accounts == ("State",)
    with pytest.raises(IdlError, match="the IDL has no account 'Stat'; it has: State, Odd"):
        IdlDecoder(idl, accounts=["Stat"])


def test_the_fingerprint_says_whether_decoding_changed():
    one = an_idl_of([struct_type("State", ("x", "u8"))])
    other = an_idl_of([struct_type("State", ("x", "u16"))])
    moved = json.loads(json.dumps(one)) | {"address": "elsewhere", "instructions": [1]}
    assert IdlDecoder(one).fingerprint == IdlDecoder(moved).fingerprint
    assert IdlDecoder(one).fingerprint != IdlDecoder(other).fingerprint


# ---- memory


NATIVE = {
    "u8": ctypes.c_uint8, "i8": ctypes.c_int8, "u16": ctypes.c_uint16, "i16": ctypes.c_int16,
    "u32": ctypes.c_uint32, "i32": ctypes.c_int32, "u64": ctypes.c_uint64,
    "i64": ctypes.c_int64, "f32": ctypes.c_float, "f64": ctypes.c_double,
}  # fmt: skip


def c_struct(draw, depth, made, packed):
    """A `repr(C)` struct by chance: the IDL's types, ctypes' class and the fields' kinds."""
    fields, native = [], []
    for number in range(draw(st.integers(1, 4))):
        kinds = ["simple", "array", "struct"] if depth else ["simple"]
        kind = draw(st.sampled_from(kinds))
        if kind == "struct":
            ty, held = c_struct(draw, depth - 1, made, draw(st.booleans()))
        else:
            ty = draw(st.sampled_from(sorted(NATIVE)))
            held = NATIVE[ty]
            if kind == "array":
                length = draw(st.integers(1, 3))
                ty, held = {"array": [ty, length]}, held * length
        fields.append((f"f{number}", ty))
        native.append((f"f{number}", held))
    name = f"C{len(made)}"
    representation = {"kind": "c"} | ({"packed": True} if packed else {})
    made.append(struct_type(name, *fields, serialization="bytemuckunsafe", repr=representation))
    layout = {"_pack_": 1} if packed else {}
    return (
        {"defined": {"name": name}},
        type(name, (ctypes.LittleEndianStructure,), {**layout, "_fields_": native}),
    )


def native_plain(value):
    if isinstance(value, ctypes.Structure):
        return {name: native_plain(getattr(value, name)) for name, _ in value._fields_}
    if isinstance(value, ctypes.Array):
        if value._type_ is ctypes.c_uint8:
            return bytes(value).hex()
        return [native_plain(each) for each in value]
    return value


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_memory_is_laid_out_as_c_does(data):
    made = []
    ty, native = c_struct(data.draw, 2, made, data.draw(st.booleans()))
    zeroed = data.draw(st.binary(min_size=ctypes.sizeof(native), max_size=ctypes.sizeof(native)))
    # no NaN: two of them are not equal
    raw = bytes(byte & 0x3F for byte in zeroed)
    decoder_of = decoder(ty, *made)
    assert x_of(decoder_of, raw) == native_plain(native.from_buffer_copy(raw))
    with pytest.raises(DecodeError):
        x_of(decoder_of, raw[:-1])


def test_padding_is_left_out_where_it_is_and_only_there():
    c = {"serialization": "bytemuckunsafe", "repr": {"kind": "c"}}
    fields = (("a", "u8"), ("b", "u32"), ("c", "bool"))
    inside = x_of(
        decoder({"defined": {"name": "In"}}, struct_type("In", *fields, **c)),
        b"\1\xee\xee\xee\2\0\0\0\1\xee\xee\xee",
    )
    assert inside == {"a": 1, "b": 2, "c": True}
    packed = {"serialization": "bytemuckunsafe", "repr": {"kind": "rust", "packed": True}}
    tight = decoder({"defined": {"name": "In"}}, struct_type("In", *fields, **packed))
    assert x_of(tight, b"\1\2\0\0\0\1") == {"a": 1, "b": 2, "c": True}
    wide = {**c, "repr": {"kind": "c", "align": 16}}
    aligned = decoder(
        {"array": [{"defined": {"name": "In"}}, 2]}, struct_type("In", ("a", "u8"), **wide)
    )
    assert x_of(aligned, b"\1" + bytes(15) + b"\2" + bytes(15)) == [{"a": 1}, {"a": 2}]
    enum = {"name": "E", "type": {"kind": "enum", "variants": [{"name": "A"}, {"name": "B"}]}}
    held = struct_type("In", ("e", {"defined": {"name": "E"}}), ("n", "u16"), **c)
    assert x_of(decoder({"defined": {"name": "In"}}, held, enum), b"\1\xee\2\0") == {
        "e": "B",
        "n": 2,
    }
    # the whole account, from after its discriminator
    state = struct_type("State", ("a", "u8"), ("x", "u64"), **c)
    whole = IdlDecoder(an_idl_of([state]))
    assert whole.account(STATE + b"\1" + b"\xee" * 7 + b"\2" + bytes(7)).value == {"a": 1, "x": 2}


def test_128_bits_are_read_where_every_compiler_puts_them():
    c = {"serialization": "bytemuckunsafe", "repr": {"kind": "c"}}
    settled = struct_type("In", ("a", "u64"), ("b", "u64"), ("c", "u128"), **c)
    raw = b"\1" + bytes(7) + b"\2" + bytes(7) + b"\3" + bytes(15)
    assert x_of(decoder({"defined": {"name": "In"}}, settled), raw) == {"a": 1, "b": 2, "c": 3}
    open_ = struct_type("In", ("a", "u64"), ("c", "u128"), **c)
    with pytest.raises(IdlError, match=r"type 'In' is laid out one way when 128-bit .* another"):
        decoder({"defined": {"name": "In"}}, open_)
    dense = struct_type("In", ("a", "u64"), ("c", "u128"), serialization="bytemuck")
    assert x_of(decoder({"defined": {"name": "In"}}, dense), raw[:8] + raw[16:]) == {"a": 1, "c": 3}


# ---- IDLs that are refused


@pytest.mark.parametrize(
    ("ty", "types", "why"),
    [
        ("u9", (), "type 'State', field 'x': unknown type 'u9'"),
        ({"hashmap": "u8"}, (), "field 'x': unknown type 'hashmap'"),
        ({"vec": "u8", "option": "u8"}, (), "is not a type"),
        (7, (), "field 'x': 7 is not a type"),
        ({"defined": {"name": "Gone"}}, (), "field 'x': the type 'Gone' is not in the IDL's types"),
        ({"coption": "string"}, (), "a coption holds what is always of one size"),
        ({"array": ["u8", -1]}, (), "no account holds -1 elements"),
        ({"array": ["u64", 10 << 20]}, (), "takes more than an account holds"),
        ({"array": [{"array": ["bool", 4000]}, 4000]}, (), "takes more than an account holds"),
        ({"array": ["u8", {"generic": "N"}]}, (), "'N' is not the number"),
        ({"generic": "T"}, (), "the generic 'T' stands for no type here"),
        ({"nonzero": "string"}, (), "unknown type 'nonzero'"),
        (
            {"defined": {"name": "G"}},
            (struct_type("G", ("y", "u8"), generics=[{"kind": "type", "name": "T"}]),),
            "'G' takes 1 generic arguments, 0 are given",
        ),
        (
            {"defined": {"name": "G", "generics": [{"kind": "type", "type": "u8"}]}},
            (
                struct_type(
                    "G",
                    ("y", {"option": {"defined": {"name": "G", "generics": [
                        {"kind": "type", "type": {"vec": {"generic": "T"}}}]}}}),
                    generics=[{"kind": "type", "name": "T"}],
                ),
            ),
            "types are nested more than 64 deep",
        ),
        ({"defined": {"name": "D"}}, (struct_type("D", ("a", "u8"), ("a", "u8")),), "twice"),
        ({"defined": {"name": "D"}}, (struct_type("D", ("a\0", "u8")),), "is not a name"),
        ({"defined": {"name": "D"}}, (struct_type("D"), struct_type("D")), "is defined twice"),
        (
            {"defined": {"name": "D"}}, (struct_type("D", serialization={"custom": "mine"}),),
            "nobody can know how",
        ),
        (
            {"defined": {"name": "D"}},
            (struct_type("D", ("a", "u8"), ("b", "u8"), serialization="bytemuckunsafe"),),
            r"without repr\(C\) the order of its fields is not known",
        ),
        (
            {"defined": {"name": "D"}},
            (struct_type("D", ("a", "string"), serialization="bytemuck"),),
            "field 'a': 'string' has no place in a type that is read from memory",
        ),
        ({"defined": {"name": "D"}}, ({"name": "D", "type": {"kind": "union"}},), "unknown kind"),
        ({"defined": {"name": "D"}}, ({"name": "D"},), "this IDL is malformed: KeyError"),
    ],
)  # fmt: skip
def test_an_idl_that_cannot_be_read_is_refused_by_name(ty, types, why):
    with pytest.raises(IdlError, match=why):
        decoder(ty, *types)


@pytest.mark.parametrize(
    ("idl", "why"),
    [
        ([], "no metadata.spec"),
        ({"name": "old", "version": "0.1.0", "instructions": []}, "anchor idl convert"),
        ({"metadata": {"spec": "0.2.0"}}, "of spec 0.2.0"),
        ({"metadata": {"spec": "0.1.0"}, "accounts": [{"name": "A"}]}, "no discriminator"),
        (
            {"metadata": {"spec": "0.1.0"}, "accounts": [{"name": "A", "discriminator": [300]}]},
            "account 'A' has no discriminator that is a list of bytes",
        ),
        (
            an_idl_of(
                [struct_type("A"), struct_type("B")],
                accounts=[{"name": n, "discriminator": [1]} for n in "AB"],
            ),
            "account 'B' has the discriminator of 'A'",
        ),
    ],
)
def test_so_is_what_is_no_idl(idl, why):
    with pytest.raises(IdlError, match=why):
        IdlDecoder(idl)
