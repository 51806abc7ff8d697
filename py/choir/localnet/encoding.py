"""Accounts and byte strings in the encodings of the JSON-RPC."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import base58
from solders.pubkey import Pubkey

from choir.localnet.errors import INVALID_REQUEST, RpcError, invalid_params
from choir.localnet.model import AccountState
from choir.localnet.parsed_accounts import parse_account

MAX_BASE58_BYTES = 128
ENCODINGS = ("binary", "base58", "base64", "jsonParsed", "base64+zstd")
_BASE58 = frozenset("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

AccountReader = Callable[[Pubkey], AccountState | None]


class DataSlice(NamedTuple):
    """The part of an account's data that is asked for."""

    offset: int
    length: int


def encode_account(
    pubkey: Pubkey,
    state: AccountState,
    encoding: str,
    data_slice: DataSlice | None,
    read: AccountReader,
) -> dict[str, Any]:
    """An account as `getAccountInfo` shows it. `read` finds a token account's mint.

    Raises RpcError when the data is too long for base58.
    """
    return {
        "data": encode_data(pubkey, state, encoding, data_slice, read),
        "executable": state.executable,
        "lamports": state.lamports,
        "owner": str(state.owner),
        "rentEpoch": state.rent_epoch,
        "space": len(state.data),
    }


def encode_data(
    pubkey: Pubkey,
    state: AccountState,
    encoding: str,
    data_slice: DataSlice | None,
    read: AccountReader,
) -> Any:
    """The `data` member. Raises RpcError."""
    if encoding == "jsonParsed":
        parsed = parse_account(pubkey, state, read)
        if parsed is not None:
            return parsed
        encoding = "base64"
    data = state.data
    if data_slice is not None:
        data = data[data_slice.offset : data_slice.offset + data_slice.length]
    if encoding == "base64":
        return [base64.b64encode(data).decode("ascii"), "base64"]
    if encoding == "base64+zstd":
        return [base64.b64encode(_compress(data)).decode("ascii"), "base64+zstd"]
    if len(data) > MAX_BASE58_BYTES:
        raise RpcError(
            INVALID_REQUEST,
            f"Encoded binary (base 58) data should be less than {MAX_BASE58_BYTES} bytes, please"
            " use Base64 encoding.",
        )
    text = base58.b58encode(data).decode("ascii")
    return text if encoding == "binary" else [text, "base58"]


def decode_wire(text: str, encoding: str, limit: int, what: str) -> bytes:
    """Bytes sent in a parameter, at most `limit` of them. Raises RpcError."""
    most = -(-limit // 3) * 4 if encoding == "base64" else _most_base58(limit)
    if len(text) > most:
        raise invalid_params(
            f"{encoding} encoded {what} too large: {len(text)} bytes (max: encoded/raw"
            f" {most}/{limit})"
        )
    try:
        if encoding == "base64":
            data = base64.b64decode(text, validate=True)
        else:
            data = base58.b58decode(text)
    except (binascii.Error, ValueError) as error:
        reason = _base64_fault(text) if encoding == "base64" else base58_fault(text)
        raise invalid_params(f"invalid {encoding} encoding: {reason}") from error
    if len(data) > limit:
        raise invalid_params(f"decoded {what} too large: {len(data)} bytes (max: {limit} bytes)")
    return data


def _most_base58(size: int) -> int:
    return math.ceil(size * math.log(256) / math.log(58))


def base58_fault(text: str) -> str:
    """What is wrong with base58 text, in the words of its parser."""
    for index, character in enumerate(text):
        if ord(character) > 127:
            return f"NonAsciiCharacter {{ index: {index} }}"
        if character not in _BASE58:
            return f"InvalidCharacter {{ character: {character!r}, index: {index} }}"
    return "BufferTooSmall"


def _base64_fault(text: str) -> str:
    body = text.rstrip("=")
    for index, byte in enumerate(body.encode()):
        if chr(byte) not in _BASE64:
            return f"InvalidByte({index}, {byte})"
    return f"InvalidLength({len(text)})" if len(body) % 4 == 1 else "InvalidPadding"


def _compress(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=0).compress(data)
