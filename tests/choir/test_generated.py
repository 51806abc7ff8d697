"""The typed view of the program does not drift from its IDL, and decodes what Borsh says."""

import struct
import subprocess
import sys
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from choir import accounts, events, ids, instructions, program_errors
from choir._program import instructions as raw
from choir.accounts import OFFSETS, Decision, Params, PrivacyLevel, SpecStatus, ThreadStatus
from choir.errors import (
    ChoirProgramError,
    DecodeError,
    InvalidInput,
    WrongDiscriminator,
    WrongOwner,
)
from choir.events import EVENT_INSTRUCTION, decode_event, events_of_transaction
from choir.idl import load_idl, short_names

ROOT = Path(__file__).parents[2]
IDL = short_names(load_idl())
TYPES = {t["name"]: t for t in IDL["types"]}
NUMBERS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "i64": -64}


def test_the_generator_gives_the_committed_files():
    script = ROOT / "scripts" / "generate-python"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_address_is_the_idls():
    assert str(ids.PROGRAM_ID) == IDL["address"]


@pytest.mark.parametrize(("key", "module"), [("accounts", accounts), ("events", events)])
def test_every_type_has_the_idls_fields_in_order(key, module):
    assert len(module.BY_DISCRIMINATOR) == len(IDL[key])
    for item in IDL[key]:
        kind = getattr(module, item["name"])
        assert bytes(item["discriminator"]) == kind.DISCRIMINATOR
        wanted = [f["name"] for f in TYPES[item["name"]]["type"]["fields"]]
        have = [f.name.rstrip("_") for f in fields(kind)]
        assert have == [name for name in wanted if name != "reserved"]


@pytest.mark.parametrize("kind", [PrivacyLevel, ThreadStatus, SpecStatus, Decision])
def test_every_enum_has_the_idls_variants_in_order(kind):
    variants = TYPES[kind.__name__]["type"]["variants"]
    assert [m.name.replace("_", "").lower() for m in kind] == [v["name"].lower() for v in variants]
    assert [m.value for m in kind] == list(range(len(variants)))


def test_every_error_has_a_class_with_its_code_and_message():
    assert {e["code"] for e in IDL["errors"]} == set(program_errors.BY_CODE)
    for error in IDL["errors"]:
        kind = program_errors.BY_CODE[error["code"]]
        assert (kind.__name__, kind.NAME, kind.MESSAGE) == (
            error["name"],
            error["name"],
            error["msg"],
        )
        assert issubclass(kind, ChoirProgramError)
        assert str(kind()) == error["msg"]


def test_every_instruction_has_a_builder_with_the_idls_accounts_and_flags():
    assert (
        {ix["name"] for ix in IDL["instructions"]} == set(raw.__all__) == set(instructions.__all__)
    )
    for ix in IDL["instructions"]:
        keys, given = {}, {}
        for account in ix["accounts"]:
            name = account["name"]
            if name == "event_authority":
                keys[name] = ids.event_authority_pda()
            elif name == "program":
                keys[name] = ids.PROGRAM_ID
            elif "address" in account:
                keys[name] = Pubkey.from_string(account["address"])
            else:
                keys[name] = given[name] = Pubkey.new_unique()
        body = b""
        for arg in ix["args"]:
            _, value, encoded = an_example(arg["type"])
            given[arg["name"]] = value
            body += encoded
        built = getattr(raw, ix["name"])(**given)
        assert built.data == bytes(ix["discriminator"]) + body
        assert [(m.pubkey, m.is_signer, m.is_writable) for m in built.accounts] == [
            (keys[a["name"]], bool(a.get("signer")), bool(a.get("writable")))
            for a in ix["accounts"]
        ]


def an_example(ty):
    """One value of a type and its Borsh bytes, straight from the IDL; always the same."""
    found = []

    @settings(max_examples=1, database=None, derandomize=True)
    @given(values(ty))
    def draw(value):
        found.append(value)

    draw()
    return found[-1]


def values(ty):
    """(type, Python value, Borsh bytes) for any type of the IDL."""
    if isinstance(ty, str) and ty in NUMBERS:
        bits = NUMBERS[ty]
        low, high = (0, 2**bits - 1) if bits > 0 else (-(2 ** (-bits - 1)), 2 ** (-bits - 1) - 1)
        size = abs(bits) // 8
        return st.integers(low, high).map(
            lambda n: (ty, n, n.to_bytes(size, "little", signed=bits < 0))
        )
    if ty == "pubkey":
        return st.binary(min_size=32, max_size=32).map(lambda b: (ty, Pubkey(b), b))
    if ty == "string":
        return st.text(max_size=20).map(
            lambda s: (ty, s, struct.pack("<I", len(s.encode())) + s.encode())
        )
    if ty == {"vec": "pubkey"}:
        return st.lists(st.binary(min_size=32, max_size=32), max_size=16).map(
            lambda ks: (ty, tuple(map(Pubkey, ks)), struct.pack("<I", len(ks)) + b"".join(ks))
        )
    if "array" in ty and ty["array"][0] != "u8":
        return st.tuples(*[values(ty["array"][0])] * ty["array"][1]).map(
            lambda row: (ty, tuple(p[1] for p in row), b"".join(p[2] for p in row))
        )
    if "array" in ty:
        size = ty["array"][1]
        return st.binary(min_size=size, max_size=size).map(lambda b: (ty, b, b))
    defined = TYPES[ty["defined"]["name"]]
    if any("fields" in v for v in defined["type"].get("variants", [])):
        return st.one_of(
            variant_values(ty, defined["name"], place, variant)
            for place, variant in enumerate(defined["type"]["variants"])
        )
    if defined["type"]["kind"] == "enum":
        kind = getattr(accounts, defined["name"])
        return st.sampled_from(list(kind)).map(lambda v: (ty, v, bytes([v])))
    inner = [values(f["type"]) for f in defined["type"]["fields"]]
    names = [f["name"] for f in defined["type"]["fields"]]
    kind = getattr(accounts, defined["name"])
    return st.tuples(*inner).map(
        lambda parts: (
            ty,
            kind(**{n: p[1] for n, p in zip(names, parts, strict=True)}),
            b"".join(p[2] for p in parts),
        )
    )


def variant_values(ty, name, place, variant):
    """As `values`, of one variant with fields of an enum."""
    kind = getattr(accounts, name + variant["name"])
    names = [f["name"] for f in variant["fields"]]
    return st.tuples(*[values(f["type"]) for f in variant["fields"]]).map(
        lambda parts: (
            ty,
            kind(**{n: p[1] for n, p in zip(names, parts, strict=True)}),
            bytes([place]) + b"".join(p[2] for p in parts),
        )
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [(m, i["name"]) for m, k in ((accounts, "accounts"), (events, "events")) for i in IDL[k]],
)
@given(data=st.data(), padding=st.binary(max_size=8))
@settings(max_examples=25, deadline=None)
def test_decoding_is_the_inverse_of_borsh_by_the_idl(module, name, data, padding):
    kind, rows = getattr(module, name), TYPES[name]["type"]["fields"]
    encoded, expected, at = kind.DISCRIMINATOR, {}, {}
    for field in rows:
        at[field["name"]] = len(encoded)
        _, value, part = data.draw(values(field["type"]))
        encoded += part
        expected[field["name"]] = value
    expected.pop("reserved", None)
    decoded = kind.decode(encoded + padding)
    assert {f.name.rstrip("_"): getattr(decoded, f.name) for f in fields(kind)} == expected
    if module is accounts:
        assert accounts.decode_account(encoded) == decoded
        assert OFFSETS[kind] == {key: at[key] for key in OFFSETS[kind]}
    else:
        assert decode_event(EVENT_INSTRUCTION + encoded) == decoded
    with pytest.raises(DecodeError):
        kind.decode(encoded[:-1])


def a_thread():
    body = b"".join(an_example(f["type"])[2] for f in TYPES["Thread"]["type"]["fields"])
    return accounts.Thread.DISCRIMINATOR + body


def test_owner_and_type_are_checked():
    data = a_thread()
    assert accounts.decode_owned(accounts.Thread, data, owner=ids.PROGRAM_ID)
    with pytest.raises(WrongOwner):
        accounts.decode_owned(accounts.Thread, data, owner=Pubkey.new_unique())
    with pytest.raises(WrongDiscriminator, match="not a Spec"):
        accounts.decode_owned(accounts.Spec, data, owner=ids.PROGRAM_ID)
    with pytest.raises(WrongDiscriminator):
        accounts.decode_account(b"")
    with pytest.raises(DecodeError):
        accounts.Thread.decode(data[:11] + b"\x09" + data[12:])


@given(st.binary(max_size=700))
def test_no_bytes_make_a_decoder_raise_anything_else(data):
    for kind in (*accounts.BY_DISCRIMINATOR.values(), *events.BY_DISCRIMINATOR.values()):
        try:
            kind.decode(kind.DISCRIMINATOR + data)
        except DecodeError:
            continue


def test_arguments_that_do_not_fit_are_named():
    key = Pubkey.new_unique()
    some = {"owner": key, "thread": key, "stake_mint": key, "min_shares": 0}
    for amount in (-1, 2**64):
        with pytest.raises(InvalidInput, match="amount must be from 0 to"):
            instructions.deposit(**some, amount=amount)
    with pytest.raises(InvalidInput, match="whole number"):
        instructions.deposit(**some, amount=1.5)
    with pytest.raises(InvalidInput, match="32 bytes, not 3"):
        instructions.post_message(
            author=key,
            thread=key,
            content_hash=b"abc",
            privacy=PrivacyLevel.PUBLIC,
            message_index=0,
        )
    with pytest.raises(InvalidInput, match="at most 64 bytes"):
        instructions.create_thread(creator=key, thread_id="ĉ" * 33, deposit=1, stake_mint=key)


def test_the_program_stands_for_a_destination_there_is_none_of():
    key, index = Pubkey.new_unique(), 7
    signers = accounts.TreasuryActionSetSigners((key,), 1)
    spend = accounts.TreasuryActionSpend(5, key)
    for action, destination in ((signers, ids.PROGRAM_ID), (spend, key)):
        for built in (
            instructions.propose_treasury(proposer=key, index=index, action=action, stake_mint=key),
            instructions.execute_treasury(signer=key, index=index, action=action, stake_mint=key),
        ):
            (ix,) = [
                i
                for i in IDL["instructions"]
                if bytes(built.data).startswith(bytes(i["discriminator"]))
            ]
            place = [a["name"] for a in ix["accounts"]].index("destination")
            assert built.accounts[place].pubkey == destination


def test_addresses_follow_from_the_documented_seeds():
    program, thread, owner = ids.PROGRAM_ID, Pubkey.new_unique(), Pubkey.new_unique()

    def pda(*seeds):
        return Pubkey.find_program_address(list(seeds), program)[0]

    digest = sha256(b"x").digest()
    assert ids.config_pda() == pda(b"config")
    assert ids.treasury_pda() == pda(b"treasury")
    assert ids.proposal_pda(258) == pda(b"treasury", bytes([2, 1, 0, 0, 0, 0, 0, 0]))
    assert ids.treasury_vault_pda() == pda(b"treasury_vault")
    assert ids.thread_pda("x") == pda(b"thread", digest)
    assert ids.vault_pda(thread) == pda(b"vault", bytes(thread))
    assert ids.position_pda(thread, owner) == pda(b"position", bytes(thread), bytes(owner))
    assert ids.spec_pda(thread, owner, digest) == pda(b"spec", bytes(thread), bytes(owner), digest)
    assert ids.escrow_pda(thread) == pda(b"escrow", bytes(thread))
    assert ids.message_pda(thread, 258) == pda(b"message", bytes(thread), b"\x02\x01" + bytes(6))
    assert ids.config_pda(program_id=owner) != ids.config_pda()
    for wrong in (-1, 2**64):
        with pytest.raises(InvalidInput):
            ids.message_pda(thread, wrong)
    with pytest.raises(InvalidInput, match="not an address"):
        ids.as_pubkey("me")


def test_events_are_not_taken_from_failed_or_foreign_instructions():
    import base58

    happened = events.AuthorJoined.DISCRIMINATOR + bytes(32 + 32 + 4 + 8 + 8)
    authority, other = str(ids.event_authority_pda()), str(Pubkey.new_unique())
    data = base58.b58encode(EVENT_INSTRUCTION + happened).decode()

    def transaction(err=None, program=2, first=1):
        inner = {"programIdIndex": program, "accounts": [first], "data": data}
        return {
            "transaction": {"message": {"accountKeys": [other]}},
            "meta": {
                "err": err,
                "innerInstructions": [{"index": 0, "instructions": [inner]}],
                "loadedAddresses": {"writable": [authority], "readonly": [str(ids.PROGRAM_ID)]},
            },
        }

    assert len(events_of_transaction(transaction())) == 1
    assert events_of_transaction(transaction(err={"InstructionError": [0, "X"]})) == []
    assert events_of_transaction(transaction(program=0)) == []
    assert events_of_transaction(transaction(first=0)) == []
    with pytest.raises(DecodeError, match="metadata"):
        events_of_transaction({})


def test_params_are_packed_as_borsh():
    assert Params(1, 2, 3, 4, 5, 6).pack() == struct.pack("<QQqqqH", 1, 2, 3, 4, 5, 6)
