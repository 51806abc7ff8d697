"""Both roads to a row: a node's JSON and the stream's protobuf."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from solders.pubkey import Pubkey
from tests.indexer.sources.tape import Tape, by_json, error_bytes, transaction_update

from choir.ids import PROGRAM_ID
from choir_indexer.decode import decode_transaction
from choir_indexer.model import RawTransaction, SignatureRef
from choir_indexer.sources import BadTransaction
from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.sources.yellowstone.convert import Streamed, error_json, streamed


def _infos(tape: Tape) -> list[tuple[SignatureRef, wire.TransactionInfo, RawTransaction, int]]:
    found = []
    for ref, record in tape.listed(tape.slots[-1]):
        data = transaction_update(record).SerializeToString()
        info = wire.SubscribeUpdate.FromString(data).transaction.transaction
        found.append((ref, info, by_json(ref, record), record.block_time))
    return found


def _streamed(ref: SignatureRef, info: wire.TransactionInfo, time: int = 0) -> Streamed:
    return streamed(info, ref, program=PROGRAM_ID, block_time=time)


def test_the_recording_has_what_the_tests_are_about(tape: Tape) -> None:
    infos = _infos(tape)
    kinds = {e.kind for _, _, raw, _ in infos for e in decode_transaction(raw).events}
    assert len(infos) > 20
    assert {"ThreadCreated", "SpecDecided", "MessagePosted", "Divested", "ThreadClosed"} <= kinds
    assert any(raw.error is not None for _, _, raw, _ in infos)
    assert tape.closes() >= 2


def test_both_roads_give_the_same_rows(tape: Tape) -> None:
    for ref, info, raw, time in _infos(tape):
        found = _streamed(ref, info, time)
        assert found.raw == raw
        assert decode_transaction(found.raw) == decode_transaction(raw)


def test_what_became_of_accounts_is_as_the_chain_has_it(tape: Tape) -> None:
    """Nothing that is the program's after a transaction is said to be gone or somebody else's."""
    states: dict[bytes, Any] = {}
    by_slot = {closed.block.slot: closed for closed in tape.blocks}
    seen_gone = 0
    for ref, info, _, _ in _infos(tape):
        states |= {bytes(u.pubkey): u.state for u in by_slot[ref.slot].updates}
        found = _streamed(ref, info)
        if found.raw.error is None:
            assert info.transaction.message.account_keys[0] in found.foreign
            seen_gone += len(found.gone)
    assert seen_gone > 0


@pytest.mark.parametrize(
    "error",
    [
        "AccountInUse",
        {"DuplicateInstruction": 3},
        {"InsufficientFundsForRent": {"account_index": 2}},
        {"InstructionError": [0, "InvalidAccountData"]},
        {"InstructionError": [7, {"Custom": 6012}]},
    ],
)
def test_an_error_reads_as_a_node_says_it(error: Any) -> None:
    assert error_json(error_bytes(error)) == error


def test_errors_that_readers_do_not_agree_on() -> None:
    head = struct.pack("<IB", 8, 4)
    assert error_json(head + struct.pack("<I", 44)) == {"InstructionError": [4, "BorshIoError"]}
    newer = struct.pack("<I", 999)
    assert error_json(newer) == {"Unknown": newer.hex()}


def _no_keys(info: wire.TransactionInfo) -> None:
    del info.transaction.message.account_keys[:]


def _short_key(info: wire.TransactionInfo) -> None:
    info.transaction.message.account_keys[0] = b"short"


def _no_balances(info: wire.TransactionInfo) -> None:
    del info.meta.post_balances[:]


def _no_inner(info: wire.TransactionInfo) -> None:
    info.meta.inner_instructions_none = True


def _beyond(info: wire.TransactionInfo) -> None:
    info.meta.inner_instructions.add(index=0).instructions.add(program_id_index=200)


def _another(info: wire.TransactionInfo) -> None:
    info.transaction.signatures[0] = bytes(64)


@pytest.mark.parametrize(
    "break_it", [_no_keys, _short_key, _no_balances, _no_inner, _beyond, _another]
)
def test_what_does_not_fit_together_is_refused(tape: Tape, break_it: Any) -> None:
    ref, info, _, _ = _infos(tape)[0]
    _streamed(ref, info)
    break_it(info)
    with pytest.raises(BadTransaction, match="cannot be read"):
        _streamed(ref, info)


def test_addresses_from_lookup_tables_come_after_the_static_ones(tape: Tape) -> None:
    ref, info, raw, _ = _infos(tape)[0]
    info.meta.loaded_writable_addresses.append(bytes([1]) * 32)
    info.meta.loaded_readonly_addresses.append(bytes([2]) * 32)
    info.meta.post_balances.extend([5, 5])
    found = _streamed(ref, info).raw
    assert found.keys == (*raw.keys, bytes([1]) * 32, bytes([2]) * 32)
    assert found.writable == raw.writable | {bytes([1]) * 32}
    assert Pubkey(bytes([2]) * 32) not in map(Pubkey, found.writable)
