"""Field types that schemas share: addresses, hashes, amounts, thread ids."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.ids import MAX_THREAD_ID_BYTES

U64_MAX = (1 << 64) - 1
# every u64 but those above 17,999…, which have to come as numbers
_DIGITS = re.compile("(?:[0-9]{1,19}|1[0-7][0-9]{18})", re.ASCII)
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
EXAMPLE_ADDRESS = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
EXAMPLE_HASH = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"


def _address(value: Any) -> Pubkey:
    if isinstance(value, Pubkey):
        return value
    if isinstance(value, bytes):
        return Pubkey.from_bytes(value)
    try:
        return Pubkey.from_string(value)
    except (ValueError, TypeError):
        raise ValueError("must be an address: base58 of 32 bytes") from None


def _signature(value: Any) -> Signature:
    if isinstance(value, Signature):
        return value
    try:
        return Signature.from_string(value)
    except (ValueError, TypeError):
        raise ValueError("must be a signature: base58 of 64 bytes") from None


def _hash(value: Any) -> bytes:
    if isinstance(value, bytes) and len(value) == 32:
        return value
    if isinstance(value, str) and len(value) == 64:
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    raise ValueError("must be a hash: 64 hexadecimal digits")


def _amount(value: Any) -> int:
    """JSON numbers above 2^53 lose digits in many clients, so digits in a string count too."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number of base units")  # noqa: TRY004 (pydantic's)
    if not 0 <= value <= U64_MAX:
        raise ValueError(f"must be between 0 and {U64_MAX}")
    return value


def _thread_id(value: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ValueError("must be text that UTF-8 can hold") from None
    if not 1 <= size <= MAX_THREAD_ID_BYTES:
        raise ValueError(f"must be 1 to {MAX_THREAD_ID_BYTES} bytes of UTF-8, not {size}")
    if "\0" in value:
        raise ValueError("must not hold the character NUL")
    return value


def _storable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be text that UTF-8 can hold") from None
    if "\0" in value:
        raise ValueError("must not hold the character NUL")
    return value


Address = Annotated[
    Pubkey,
    PlainValidator(_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "description": "base58 of 32 bytes",
            "pattern": f"^{_BASE58}{{32,44}}$",
            "examples": [EXAMPLE_ADDRESS],
        }
    ),
]
TransactionSignature = Annotated[
    Signature,
    PlainValidator(_signature),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "description": "base58 of 64 bytes",
            "pattern": f"^{_BASE58}{{64,88}}$",
        }
    ),
]
ContentHash = Annotated[
    bytes,
    PlainValidator(_hash),
    PlainSerializer(bytes.hex, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "description": "SHA-256 of the content's UTF-8, hexadecimal",
            "pattern": "^[0-9a-fA-F]{64}$",
            "examples": [EXAMPLE_HASH],
        }
    ),
]
Amount = Annotated[
    int,
    PlainValidator(_amount),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "description": "base units of the stake token (u64), as digits in a string",
            "pattern": "^[0-9]{1,20}$",
            "examples": ["1000000"],
        },
        mode="serialization",
    ),
    WithJsonSchema(
        {
            "description": "base units of the stake token (u64), as a number or as digits",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": U64_MAX},
                {"type": "string", "pattern": f"^{_DIGITS.pattern}$"},
            ],
            "examples": [1_000_000],
        },
        mode="validation",
    ),
]
ThreadId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_THREAD_ID_BYTES,
        description=f"the thread's own name, at most {MAX_THREAD_ID_BYTES} bytes of UTF-8",
        examples=["choir-design"],
    ),
    AfterValidator(_thread_id),
]
Text = Annotated[
    str,
    Field(min_length=1, max_length=100_000, examples=["A thread is a room for one question."]),
    AfterValidator(_storable),
]
