"""Our own program by its IDL alone: the generic decoder says what the typed ones say."""

from dataclasses import fields, is_dataclass
from enum import Enum

import base58
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from tests.choir.test_generated import TYPES, values

from choir import accounts, events, ids
from choir.errors import DecodeError
from choir.event_data import EVENT_INSTRUCTION, called_event_data, logged_data
from choir.idl import load_idl, short_names
from choir.idl_decoder import IdlDecoder

IDL = short_names(load_idl())
DECODER = IdlDecoder(IDL)
OTHER = Pubkey.new_unique()


def plain(value):
    """A typed value as the generic decoder gives it."""
    if isinstance(value, Pubkey):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return "".join(word.capitalize() for word in value.name.split("_"))
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str) and "\0" in value:
        return {"utf8": value.encode().hex()}
    if is_dataclass(value):
        held = {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in fields(value)}
        action = type(value).__name__.removeprefix("TreasuryAction")
        return held if action == type(value).__name__ else {action: held}
    return value


@pytest.mark.parametrize(
    ("module", "name"),
    [(m, i["name"]) for m, k in ((accounts, "accounts"), (events, "events")) for i in IDL[k]],
)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_both_decoders_say_the_same(module, name, data):
    kind = getattr(module, name)
    parts = [data.draw(values(f["type"]))[2] for f in TYPES[name]["type"]["fields"]]
    raw = kind.DISCRIMINATOR + b"".join(parts)
    found = DECODER.account(raw) if module is accounts else DECODER.event(raw)
    found.value.pop("reserved", None)
    assert found == (name, plain(kind.decode(raw)))


def test_it_knows_every_account_and_event():
    assert set(DECODER.accounts) == {i["name"] for i in IDL["accounts"]}
    assert set(DECODER.events) == {i["name"] for i in IDL["events"]}
    assert DECODER.address == str(ids.PROGRAM_ID)


def transaction(calls, err=None):
    keys = [str(key) for key in (OTHER, ids.PROGRAM_ID, ids.event_authority_pda())]
    inner = [
        {"programIdIndex": 1, "accounts": [2], "data": base58.b58encode(data).decode()}
        for data in calls
    ]
    return {
        "transaction": {"message": {"accountKeys": keys}},
        "meta": {
            "err": err,
            "innerInstructions": [{"index": 0, "instructions": inner}],
        },
    }


def test_logged_events_are_the_programs_own():
    us, them = str(ids.PROGRAM_ID), str(OTHER)
    lines = (
        f"Program {them} invoke [1]",
        "Program data: AA==",  # theirs
        f"Program {us} invoke [2]",
        "Program log: Program data: AQ==",  # text
        "Program data: Ag==",
        f"Program {them} invoke [3]",
        "Program data: Aw==",
        f"Program {them} failed: custom program error: 0x1",
        "Program data: BA== BQ==",
        f"Program {us} success",
        "Program data: Bg==",
        f"Program {them} success",
    )
    found = logged_data(lines, program_id=ids.PROGRAM_ID)
    assert found.data == (b"\2", b"\4\5")
    assert not found.cut
    cut = logged_data((*lines[:5], "Log truncated"), program_id=ids.PROGRAM_ID)
    assert (cut.data, cut.cut) == ((b"\2",), True)
    with pytest.raises(DecodeError, match="base64"):
        logged_data((f"Program {us} invoke [1]", "Program data: ???"), program_id=ids.PROGRAM_ID)


def test_called_events_are_bytes_from_their_discriminator_on():
    found = called_event_data(transaction([EVENT_INSTRUCTION + b"abc", b"other"]))
    assert found == [b"abc"]
    assert called_event_data(transaction([EVENT_INSTRUCTION], err={"x": 1})) == []
