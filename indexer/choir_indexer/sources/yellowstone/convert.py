"""A transaction as the stream carries it, in the pipeline's form, and what it says of accounts.

Nothing here goes through JSON or base58, but for the error of a failed transaction, which is kept
as a node's JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction_status import TransactionStatus

from choir.errors import DecodeError
from choir.event_data import logged_data
from choir_indexer.model import Call, RawTransaction, SignatureRef
from choir_indexer.sources.port import BadTransaction
from choir_indexer.sources.yellowstone import geyser_pb2 as wire
from choir_indexer.transactions import writable_keys

__all__ = ["Streamed", "error_json", "streamed"]

# A `TransactionStatus` in bincode around an error: slot, no confirmations, status Ok; Some(error),
# then no level of confirmation.
_BEFORE: Final = bytes(8) + b"\0" + bytes(4) + b"\1"
_AFTER: Final = b"\0"
# `InstructionError(index, BorshIoError)`: it had a text once, which older readers still expect
_INSTRUCTION_ERROR: Final = (8).to_bytes(4, "little")
_BORSH: Final = (44).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Streamed:
    """A transaction, and what became of the accounts that it could write to.

    `gone` had no lamports after it. `foreign` are accounts that cannot be the program's after it
    unless they are announced: the fee payer, which belongs to the system when a transaction
    begins, and accounts of the token program.
    """

    raw: RawTransaction
    gone: frozenset[bytes]
    foreign: frozenset[bytes]


def streamed(
    info: wire.TransactionInfo,
    ref: SignatureRef,
    *,
    program: Pubkey,
    block_time: int | None,
) -> Streamed:
    """From the wire.

    Raises:
        BadTransaction: keys, balances or inner instructions are missing, or do not fit together.
    """
    message, meta = info.transaction.message, info.meta
    static = tuple(message.account_keys)
    keys = (*static, *meta.loaded_writable_addresses, *meta.loaded_readonly_addresses)
    error = error_json(meta.err.err) if meta.HasField("err") else None
    if list(info.transaction.signatures[:1]) != [ref.signature]:
        raise _bad(ref, "it is signed as another one")
    if not static or any(len(key) != 32 for key in keys) or len(meta.post_balances) != len(keys):
        raise _bad(ref, "its accounts do not fit together")
    if meta.inner_instructions_none and error is None:
        raise _bad(ref, "the server does not keep inner instructions")
    header = message.header
    writable = writable_keys(
        keys,
        static=len(static),
        loaded=len(meta.loaded_writable_addresses),
        signed=header.num_required_signatures,
        signed_readonly=header.num_readonly_signed_accounts,
        unsigned_readonly=header.num_readonly_unsigned_accounts,
    )
    try:
        calls = tuple(_calls(meta, keys, bytes(program)))
        log = logged_data(meta.log_messages, program_id=program)
        tokens = {keys[balance.account_index] for balance in meta.post_token_balances}
    except IndexError:
        raise _bad(ref, "it names accounts that it does not list") from None
    except DecodeError as problem:
        raise _bad(ref, str(problem)) from problem
    raw = RawTransaction(
        ref, meta.fee, error, block_time, keys, writable, calls,
        logged=log.data, log_cut=log.cut or meta.log_messages_none,
    )  # fmt: skip
    balances = zip(keys, meta.post_balances, strict=True)
    return Streamed(
        raw,
        gone=frozenset(key for key, lamports in balances if lamports == 0) & writable,
        foreign=frozenset({keys[0], *tokens}) & writable,
    )


def error_json(data: bytes) -> Any:
    """A runtime error from bincode, as a node's JSON has it; one that is newer than this reader
    is kept in hexadecimal."""
    if data[:4] == _INSTRUCTION_ERROR and data[5:] == _BORSH:
        return {"InstructionError": [data[4], "BorshIoError"]}
    try:
        status = TransactionStatus.from_bytes(_BEFORE + data + _AFTER)
        return orjson.loads(status.to_json())["err"]
    except ValueError:
        return {"Unknown": data.hex()}


def _calls(meta: wire.TransactionMeta, keys: tuple[bytes, ...], program: bytes) -> Iterator[Call]:
    for group in sorted(meta.inner_instructions, key=lambda group: group.index):
        for instruction in group.instructions:
            if keys[instruction.program_id_index] == program:
                yield Call(tuple(keys[n] for n in instruction.accounts), instruction.data)


def _bad(ref: SignatureRef, reason: str) -> BadTransaction:
    return BadTransaction(
        f"the stream's transaction {Signature(ref.signature)} of slot {ref.slot} cannot be read:"
        f" {reason}"
    )
