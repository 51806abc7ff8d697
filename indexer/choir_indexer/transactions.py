"""From a node's JSON of a transaction to the neutral form, and what of it speaks of the program.

The form keeps what rows are made of: who pays, what may be written, how it ended, and the
instructions that other instructions sent to the program, among them its events. It can be kept
as bytes and read again, so that a transaction that was not understood can be decoded later.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir._base58 import b58decode
from choir.errors import DecodeError
from choir.event_data import EVENT_INSTRUCTION, logged_data
from choir.ids import PROGRAM_ID, event_authority_pda
from choir_indexer.model import Call, RawTransaction, SignatureRef
from choir_indexer.sources.port import BadTransaction

__all__ = ["event_data", "from_bytes", "from_json", "name_of", "to_bytes", "writable_keys"]


def from_json(
    ref: SignatureRef, answer: Mapping[str, Any], *, program: Pubkey = PROGRAM_ID
) -> RawTransaction:
    """A `getTransaction` answer, encoding `json`.

    Raises:
        BadTransaction: it is not a transaction with this signature and slot.
    """
    try:
        message, meta = answer["transaction"]["message"], answer["meta"]
        signed, slot = answer["transaction"]["signatures"][0], int(answer["slot"])
        static = message["accountKeys"]
        loaded = meta.get("loadedAddresses") or {}
        writable, readonly = loaded.get("writable", ()), loaded.get("readonly", ())
        keys = tuple(map(_key, (*static, *writable, *readonly)))
        header = message["header"]
        lines = meta.get("logMessages")
        log = logged_data(lines or (), program_id=program)
        raw = RawTransaction(
            ref,
            int(meta["fee"]),
            meta["err"],
            answer.get("blockTime"),
            keys,
            writable_keys(
                keys,
                static=len(static),
                loaded=len(writable),
                signed=header["numRequiredSignatures"],
                signed_readonly=header["numReadonlySignedAccounts"],
                unsigned_readonly=header["numReadonlyUnsignedAccounts"],
            ),
            tuple(_calls(meta, keys, bytes(program))),
            log.data,
            log.cut or lines is None,
        )
    except (
        KeyError, IndexError, TypeError, ValueError, AttributeError, DecodeError,
    ) as problem:  # fmt: skip
        raise BadTransaction(
            f"the node's answer for {name_of(ref)} is not a transaction: {problem!r}"
        ) from problem
    if not keys:
        raise BadTransaction(f"the node's answer for {name_of(ref)} names no account")
    if (signed, slot) != (name_of(ref), ref.slot):
        raise BadTransaction(
            f"asked for {name_of(ref)} of slot {ref.slot},"
            f" the node answered {signed} of slot {slot}"
        )
    return raw


def name_of(ref: SignatureRef) -> str:
    """Its signature in base58."""
    return ref.name or str(Signature.from_bytes(ref.signature))


def event_data(raw: RawTransaction, *, program: Pubkey = PROGRAM_ID) -> list[bytes]:
    """The program's events as bytes, in the order it emitted them; a failed transaction has none.

    The program accepts event instructions from its own event authority alone.
    """
    if raw.error is not None:
        return []
    authority = _authority(program)
    return [
        call.data
        for call in raw.calls
        if call.data[:8] == EVENT_INSTRUCTION and call.accounts[:1] == (authority,)
    ]


def writable_keys(
    keys: tuple[bytes, ...],
    *,
    static: int,
    loaded: int,
    signed: int,
    signed_readonly: int,
    unsigned_readonly: int,
) -> frozenset[bytes]:
    """What a message may write to: its header counts the static keys that sign and those that
    are read-only; of the keys from lookup tables the first `loaded` are writable."""
    return frozenset(
        keys[: signed - signed_readonly]
        + keys[signed : static - unsigned_readonly]
        + keys[static : static + loaded]
    )


def to_bytes(raw: RawTransaction) -> bytes:
    """The form as JSON, for a dead letter."""
    return orjson.dumps(
        {
            "signature": str(Signature(raw.ref.signature)),
            "slot": raw.ref.slot,
            "position": raw.ref.position,
            "fee": raw.fee,
            "error": raw.error,
            "block_time": raw.block_time,
            "keys": [key.hex() for key in raw.keys],
            "writable": [n for n, key in enumerate(raw.keys) if key in raw.writable],
            "calls": [
                {
                    "accounts": [raw.keys.index(key) for key in call.accounts],
                    "data": call.data.hex(),
                }
                for call in raw.calls
            ],
            "logged": [data.hex() for data in raw.logged],
            "log_cut": raw.log_cut,
        }
    )


def from_bytes(data: bytes) -> RawTransaction:
    """What :func:`to_bytes` made.

    Raises:
        BadTransaction: these bytes are not from there.
    """
    try:
        kept = orjson.loads(data)
        signature = bytes(Signature.from_string(kept["signature"]))
        keys = tuple(bytes.fromhex(key) for key in kept["keys"])
        return RawTransaction(
            ref=SignatureRef(signature, kept["slot"], kept["position"]),
            fee=kept["fee"],
            error=kept["error"],
            block_time=kept["block_time"],
            keys=keys,
            writable=frozenset(keys[n] for n in kept["writable"]),
            calls=tuple(
                Call(tuple(keys[n] for n in call["accounts"]), bytes.fromhex(call["data"]))
                for call in kept["calls"]
            ),
            logged=tuple(bytes.fromhex(data) for data in kept.get("logged", ())),
            log_cut=kept.get("log_cut", False),
        )
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise BadTransaction(f"not a kept transaction: {problem!r}") from problem


@lru_cache(maxsize=1 << 14)
def _key(name: str) -> bytes:
    return bytes(Pubkey.from_string(name))  # half of what transactions name is the same in all


@lru_cache(maxsize=16)
def _authority(program: Pubkey) -> bytes:
    return bytes(event_authority_pda(program_id=program))


def _calls(meta: Mapping[str, Any], keys: tuple[bytes, ...], program: bytes) -> list[Call]:
    groups = meta.get("innerInstructions") or ()
    if len(groups) > 1:
        groups = sorted(groups, key=lambda group: int(group["index"]))
    return [
        Call(tuple([keys[n] for n in instruction["accounts"]]), b58decode(instruction["data"]))
        for group in groups
        for instruction in group["instructions"]
        if keys[instruction["programIdIndex"]] == program
    ]
