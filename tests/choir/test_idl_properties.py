"""Thousands of IDLs by chance, through `to_legacy` and anchorpy, against borsh written out here."""

import json
from collections import Counter, UserList

import pytest
from anchorpy import Idl, Program, Provider, Wallet
from hypothesis import given, settings
from hypothesis import strategies as st
from solana.rpc.async_api import AsyncClient
from solders.pubkey import Pubkey
from tests.choir.idls import ADDRESS, Makers, Variant, an_idl, discriminator, legacy_names

from choir.idl import to_legacy

KEY = Pubkey.from_string(ADDRESS)
PROVIDER = Provider(AsyncClient("http://127.0.0.1:1"), Wallet.dummy())


class Sample:
    """An IDL with an instruction, an account and an event of types by chance."""

    def __init__(self, seed):
        self.makers = Makers(seed)
        chance = self.makers.chance
        self.arguments = [
            self.makers.any_type(chance.randrange(4)) for _ in range(chance.randrange(4))
        ]
        self.account = self.a_record("State")
        self.event = self.a_record("Happened")
        constant, _ = self.makers.any_type(0)
        self.idl = an_idl(
            self.makers,
            accounts=["State"],
            events=["Happened"],
            instructions=[
                {
                    "name": "do_it",
                    "discriminator": discriminator("global:do_it"),
                    "accounts": [{"name": "payer", "signer": True, "writable": True}],
                    "args": [
                        {"name": f"arg{i}", "type": ty} for i, (ty, _) in enumerate(self.arguments)
                    ],
                }
            ],
            constants=[{"name": "SOME", "type": constant, "value": "1"}],
        )
        self.legacy = to_legacy(self.idl)
        self.program = Program(Idl.from_json(json.dumps(self.legacy)), KEY, PROVIDER)

    def a_record(self, name):
        rows, names, makers = self.makers.fields(2)
        self.makers.define(name, {"kind": "struct", "fields": rows})
        return names, self.makers.record(names, makers)

    def real(self, value):
        """The value with anchorpy's own classes for enums."""
        if isinstance(value, Variant):
            variant = getattr(self.program.type[value.type_name], value.name)
            held = self.real(value.value)
            if isinstance(held, dict):
                one_struct = {"defined": f"{value.type_name}__{value.name}"}
                if one_struct not in self.fields_of(value):
                    return variant(**held)
                held = (held,)
            # not a tuple: anchorpy would take enums in it apart
            return variant(UserList(held)) if held else variant()
        if isinstance(value, dict):
            return {name: self.real(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.real(inner) for inner in value)
        return value

    def fields_of(self, value):
        (definition,) = [t for t in self.legacy["types"] if t["name"] == value.type_name]
        (variant,) = [v for v in definition["type"]["variants"] if v["name"] == value.name]
        return variant["fields"]

    def judge(self):
        program = self.program
        values = [make() for _, make in self.arguments]
        given = {f"arg{i}": self.real(value) for i, (value, _) in enumerate(values)}
        body = b"".join(encoded for _, encoded in values)
        built = program.coder.instruction.encode("do_it", given)
        assert built == bytes(discriminator("global:do_it")) + body
        parsed = program.coder.instruction.parse(built)
        for name, value in given.items():
            same(getattr(parsed.data, name), value)

        names, make = self.account
        value, body = make()
        raw = bytes(discriminator("account:State")) + body
        account = program.coder.accounts.decode(raw)
        for name in names:
            same(getattr(account, name), self.real(value[name]))

        names, make = self.event
        value, body = make()
        event = program.coder.events.parse(bytes(discriminator("event:Happened")) + body)
        assert event.name == "Happened"
        for name in names:
            same(getattr(event.data, name), self.real(value[name]))


def same(found, given):
    """Decoded values are objects where dicts were given."""
    if isinstance(given, dict):
        held = found if isinstance(found, dict) else vars(found)
        for name, value in given.items():
            same(held[name], value)
    elif isinstance(given, list | tuple | UserList):
        assert len(found) == len(given)
        for one, other in zip(found, given, strict=True):
            same(one, other)
    elif isinstance(given, bytes):
        assert bytes(found) == given
    elif attributes := getattr(given, "__attrs_attrs__", None) or getattr(given, "_sum", None):
        assert type(found) is type(given)
        for attribute in attributes if isinstance(attributes, tuple) else ():
            same(getattr(found, attribute.name), getattr(given, attribute.name))
    else:
        assert found == given
        assert type(found) is type(given)


@pytest.mark.parametrize("block", range(6))
def test_any_idl_encodes_and_decodes_as_borsh_says(block):
    kinds = Counter()
    for seed in range(block * 500, block * 500 + 500):
        try:
            sample = Sample(seed)
            sample.judge()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
        text = json.dumps(sample.idl)
        kinds.update(
            kind
            for kind in (
                '"enum"',
                '"option"',
                '"vec"',
                '"array"',
                '"coption"',
                '"generic"',
                '"alias"',
                '"u256"',
                '"i256"',
                '"u128"',
                '"i128"',
                '"f32"',
                '"f64"',
                '"bytes"',
                '"string"',
                '"pubkey"',
                '"bool"',
                '"nonzero"',
                '"const"',
                '"Tuple',
                '"Unit',
            )
            if kind in text
        )
    assert len(kinds) == 21
    assert min(kinds.values()) > 20, kinds


@given(st.integers(min_value=10_000))
@settings(max_examples=100, deadline=None)
def test_nor_does_any_other_idl_differ(seed):
    Sample(seed).judge()


def test_the_names_in_these_tests_are_those_of_the_conversion():
    assert legacy_names(["from", "fooBar", "HTTPServer", "x"]) == [
        "from_field",
        "foo_bar",
        "http_server",
        "x",
    ]
