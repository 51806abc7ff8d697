"""The filters of `getProgramAccounts` and `programSubscribe`: reading them, and matching. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

import base58

from choir.localnet import tokens
from choir.localnet.encoding import base58_fault
from choir.localnet.errors import invalid_params
from choir.localnet.model import TOKEN_PROGRAMS, AccountState

MAX_FILTERS = 4
MAX_MEMCMP_BYTES = 128


class Memcmp(NamedTuple):
    """The data holds `bytes` at `offset`."""

    offset: int
    bytes: bytes


class DataSize(NamedTuple):
    """The data is `size` bytes long."""

    size: int


class TokenAccountState(NamedTuple):
    """The account is an initialised token account."""


Filter = Memcmp | DataSize | TokenAccountState


def matches(filters: tuple[Filter, ...], state: AccountState) -> bool:
    """Whether the account passes every filter."""
    data = state.data
    for each in filters:
        if isinstance(each, Memcmp):
            if data[each.offset : each.offset + len(each.bytes)] != each.bytes:
                return False
            # An empty pattern past the end would match a slice of nothing.
            if each.offset > len(data):
                return False
        elif isinstance(each, DataSize):
            if len(data) != each.size:
                return False
        elif state.owner not in TOKEN_PROGRAMS or tokens.token_account(state) is None:
            return False
    return True


def parse_filters(value: Any) -> tuple[Filter, ...]:
    """The `filters` member of a configuration. Raises RpcError with -32602."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise invalid_params(f"filters must be a list, not {_kind(value)}")
    if len(value) > MAX_FILTERS:
        raise invalid_params(f"Too many filters provided; max {MAX_FILTERS}")
    return tuple(_parse_filter(i, each) for i, each in enumerate(value))


def _parse_filter(index: int, value: Any) -> Filter:
    where = f"filters[{index}]"
    if value == "tokenAccountState":
        return TokenAccountState()
    if not isinstance(value, dict) or len(value) != 1:
        raise invalid_params(
            f'{where} must be {{"memcmp": …}}, {{"dataSize": …}} or "tokenAccountState"'
        )
    [(name, detail)] = value.items()
    if name == "dataSize":
        return DataSize(_u64(detail, f"{where}.dataSize"))
    if name == "tokenAccountState":
        return TokenAccountState()
    if name != "memcmp":
        raise invalid_params(
            f"{where}: unknown filter {name!r}; known are memcmp, dataSize, tokenAccountState"
        )
    if not isinstance(detail, dict) or "bytes" not in detail:
        raise invalid_params(f'{where}.memcmp must be {{"offset": …, "bytes": …}}')
    offset = _u64(detail.get("offset"), f"{where}.memcmp.offset")
    return Memcmp(offset, _memcmp_bytes(detail, where))


def _memcmp_bytes(detail: dict[str, Any], where: str) -> bytes:
    given = detail["bytes"]
    encoding = detail.get("encoding")
    try:
        if isinstance(given, list):
            raw = bytes(given)
        elif not isinstance(given, str):
            raise invalid_params(f"{where}.memcmp.bytes must be text, not {_kind(given)}")
        elif encoding in (None, "base58", "binary"):
            raw = base58.b58decode(given)
        elif encoding == "base64":
            raw = base64.b64decode(given, validate=True)
        else:
            raise invalid_params(
                f"{where}.memcmp.encoding {encoding!r} is neither base58 nor base64"
            )
    except (ValueError, TypeError, binascii.Error) as error:
        if isinstance(given, str) and encoding != "base64":
            reason = f"Base58DecodeError({base58_fault(given)})"
        else:
            reason = f"Base64DecodeError({error})"
        raise invalid_params(f"Invalid param: {reason}") from error
    if len(raw) > MAX_MEMCMP_BYTES:
        raise invalid_params("Invalid param: DataTooLarge")
    return raw


def _u64(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise invalid_params(f"{where} must be a whole number from 0 to 2^64-1, not {value!r}")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(
        type(value), "a number"
    )
