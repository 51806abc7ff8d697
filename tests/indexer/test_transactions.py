"""The neutral form of a transaction: what it keeps of a node's JSON, and its way through bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from solders.pubkey import Pubkey
from tests.indexer.borsh import encode
from tests.indexer.story import Script, Teller, scripts
from tests.indexer.synthetic import PAYER, Ran, SyntheticChain, key

from choir.events import EVENT_INSTRUCTION
from choir.ids import PROGRAM_ID, event_authority_pda
from choir_indexer.decode import decode_transaction
from choir_indexer.model import SignatureRef
from choir_indexer.sources import BadTransaction
from choir_indexer.transactions import event_data, from_bytes, from_json, to_bytes

REF = SignatureRef(bytes(range(64)), 5, 2)


def _ran(*events: bytes, error: Any = None) -> Ran:
    return Ran(REF, {key("a"): b"1", key("b"): None}, events, error)


@given(scripts)
def test_what_is_kept_as_bytes_decodes_to_the_same_row(script: Script) -> None:
    chain = SyntheticChain()
    Teller(chain).tell(script)
    for ran in chain.transactions:
        raw = from_json(ran.ref, ran.json())
        assert from_bytes(to_bytes(raw)) == raw
        assert decode_transaction(from_bytes(to_bytes(raw))) == decode_transaction(raw)
        assert raw.writable == {PAYER, *ran.writes}
        assert event_data(raw) == [EVENT_INSTRUCTION + event for event in ran.events]


def test_a_dead_letter_can_be_decoded_once_its_events_are_known() -> None:
    row = decode_transaction(from_json(REF, _ran(b"no event of ours").json()))
    (letter,) = row.dead
    assert from_bytes(letter.data).calls[0].data == EVENT_INSTRUCTION + b"no event of ours"
    assert decode_transaction(from_bytes(letter.data)) == row


def test_addresses_from_lookup_tables_follow_and_are_written_where_said() -> None:
    answer = _ran().json()
    loaded = {"writable": [str(Pubkey(key("w")))], "readonly": [str(Pubkey(key("r")))]}
    answer["meta"]["loadedAddresses"] = loaded
    raw = from_json(REF, answer)
    assert raw.keys[-2:] == (key("w"), key("r"))
    assert key("w") in raw.writable
    assert not raw.writable & {key("r"), bytes(PROGRAM_ID)}
    assert from_bytes(to_bytes(raw)) == raw


def test_what_the_program_wrote_to_the_log_is_kept() -> None:
    answer, us = _ran().json(), str(PROGRAM_ID)
    lines = [f"Program {us} invoke [1]", "Program data: AQI=", f"Program {us} success"]
    answer["meta"]["logMessages"] = lines
    raw = from_json(REF, answer)
    assert (raw.logged, raw.log_cut) == ((b"\1\2",), False)
    assert from_bytes(to_bytes(raw)) == raw
    answer["meta"]["logMessages"] = [*lines, "Log truncated"]
    assert from_bytes(to_bytes(from_json(REF, answer))).log_cut
    answer["meta"]["logMessages"] = None
    assert from_json(REF, answer).log_cut
    answer["meta"]["logMessages"] = [lines[0], "Program data: ?"]
    with pytest.raises(BadTransaction, match="base64"):
        from_json(REF, answer)


def test_calls_come_in_the_order_they_ran() -> None:
    answer = _ran(encode("Deposited", amount=1), encode("Deposited", amount=2)).json()
    (group,) = answer["meta"]["innerInstructions"]
    first, second = group["instructions"]
    answer["meta"]["innerInstructions"] = [
        {"index": 1, "instructions": [second]},
        {"index": 0, "instructions": [first]},
    ]
    amounts = [e.payload["amount"] for e in decode_transaction(from_json(REF, answer)).events]
    assert amounts == [1, 2]


def test_only_the_programs_own_authority_emits_and_only_in_success() -> None:
    answer = _ran(encode("Deposited", amount=1)).json()
    assert len(event_data(from_json(REF, answer))) == 1
    failed = from_json(REF, {**answer, "meta": {**answer["meta"], "err": {"Any": 1}}})
    assert event_data(failed) == []
    assert decode_transaction(failed).touched == frozenset()
    accounts = answer["transaction"]["message"]["accountKeys"]
    accounts[accounts.index(str(event_authority_pda()))] = str(Pubkey(key("stranger")))
    assert event_data(from_json(REF, answer)) == []


def test_a_copy_of_the_program_has_events_of_its_own() -> None:
    copy = Pubkey(key("copy"))
    answer = _ran(encode("Deposited", amount=1)).json()
    assert from_json(REF, answer, program=copy).calls == ()
    names = {PROGRAM_ID: copy, event_authority_pda(): event_authority_pda(program_id=copy)}
    accounts = answer["transaction"]["message"]["accountKeys"]
    accounts[:] = [str(names.get(Pubkey.from_string(a), a)) for a in accounts]
    row = decode_transaction(from_json(REF, answer, program=copy), program=copy)
    assert [event.kind for event in row.events] == ["Deposited"]


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("meta", None, "is not a transaction"),
        ("slot", 6, "slot 6"),
        ("transaction", {"signatures": ["1" * 64], "message": {}}, "is not a transaction"),
    ],
)
def test_what_is_not_the_transaction_is_refused(part: str, value: Any, said: str) -> None:
    with pytest.raises(BadTransaction, match=said):
        from_json(REF, {**_ran().json(), part: value})
    with pytest.raises(BadTransaction, match="not a kept transaction"):
        from_bytes(b'{"signature": "1"}')
