"""The compiled interface is that of the .proto file, and the .proto file that of the public one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.sources.yellowstone.stream import METHOD

ROOT = Path(__file__).resolve().parents[3]

# as the public interface numbers them, to be read off beside it
NUMBERS = {
    "SubscribeRequest": {
        "accounts": 1, "slots": 2, "transactions": 3, "blocks_meta": 5, "commitment": 6,
        "ping": 9, "from_slot": 11,
    },
    "SubscribeUpdate": {
        "filters": 1, "account": 2, "slot": 3, "transaction": 4, "ping": 6, "block_meta": 7,
        "pong": 9,
    },
    "AccountInfo": {
        "pubkey": 1, "lamports": 2, "owner": 3, "data": 6, "write_version": 7, "txn_signature": 8,
    },
    "TransactionInfo": {"signature": 1, "is_vote": 2, "transaction": 3, "meta": 4, "index": 5},
    "UpdateBlockMeta": {
        "slot": 1, "blockhash": 2, "block_time": 4, "parent_slot": 6, "parent_blockhash": 7,
        "executed_transaction_count": 8,
    },
    "TransactionMeta": {
        "err": 1, "fee": 2, "post_balances": 4, "inner_instructions": 5,
        "log_messages": 6,
        "post_token_balances": 8, "inner_instructions_none": 10,
        "log_messages_none": 11,
        "loaded_writable_addresses": 12, "loaded_readonly_addresses": 13,
    },
}  # fmt: skip


def test_compiling_again_changes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/generate-proto", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NUMBERS)
def test_fields_have_the_public_numbers(name: str) -> None:
    descriptor = wire.DESCRIPTOR.message_types_by_name[name]
    assert {f.name: f.number for f in descriptor.fields} == NUMBERS[name]


def test_the_method_is_the_public_one() -> None:
    service = wire.DESCRIPTOR.services_by_name["Geyser"]
    assert f"/{service.full_name}/Subscribe" == METHOD


def test_filters_ask_for_both_when_they_do_not_say() -> None:
    """An absent `failed` is not `failed = false`."""
    field = wire.DESCRIPTOR.message_types_by_name["TransactionsFilter"].fields_by_name["failed"]
    assert field.has_presence
    assert field.type == FieldDescriptor.TYPE_BOOL
