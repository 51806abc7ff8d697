"""Reading JSON-RPC parameters: by position, typed, with messages that say what is wrong."""

from __future__ import annotations

from typing import Any

import orjson
from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.localnet.commitment import NAMES, Commitment
from choir.localnet.encoding import ENCODINGS, DataSlice
from choir.localnet.errors import INVALID_PARAMS, RpcError, invalid_params

_BASE58 = frozenset("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
_OURS = "localnet_"


class Config:
    """The configuration object that most methods take last."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def __contains__(self, name: str) -> bool:
        return self._value.get(name) is not None

    def raw(self, name: str) -> Any:
        """The member as it came."""
        return self._value.get(name)

    def commitment(
        self, default: Commitment = Commitment.FINALIZED, name: str = "commitment"
    ) -> Commitment:
        """The `commitment` member, or another one with such a value."""
        return commitment(self._value.get(name), default)

    def boolean(self, name: str, default: bool = False) -> bool:
        """A boolean member."""
        value = self._value.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong_type(value, "a boolean")
        return value

    def integer(self, name: str) -> int | None:
        """A u64 member."""
        value = self._value.get(name)
        return None if value is None else u64(value)

    def choice(self, name: str, known: tuple[str, ...], default: str) -> str:
        """A member that is one of a few words."""
        value = self._value.get(name)
        return default if value is None else choice(value, known)

    def account_encoding(self, default: str = "binary") -> str:
        """The `encoding` member for accounts."""
        return self.choice("encoding", ENCODINGS, default)

    def data_slice(self) -> DataSlice | None:
        """The `dataSlice` member."""
        value = self._value.get("dataSlice")
        if value is None:
            return None
        if not isinstance(value, dict):
            raise wrong_type(value, "struct UiDataSliceConfig")
        return DataSlice(
            u64(value.get("offset")),
            u64(value.get("length")),
        )


class Params:
    """The parameters of one call."""

    def __init__(self, method: str, value: Any, most: int, least: int = 0) -> None:
        if value is None:
            value = []
        if isinstance(value, dict):
            if value:
                raise invalid_params(f"{method} takes its parameters by position, in a list")
            value = []
        if not isinstance(value, list):
            raise invalid_params(f"params of {method} must be a list")
        if len(value) > most:
            span = f"from {least} to {most}" if least < most else f"{most}"
            message = f"Expected {span} parameters." if most else "No parameters were expected"
            raise RpcError(INVALID_PARAMS, f"Invalid parameters: {message}", f'"Got: {len(value)}"')
        self.method = method
        self._value: list[Any] = value

    def raw(self, index: int) -> Any:
        """A parameter as it came, None when absent."""
        return self._value[index] if index < len(self._value) else None

    def required(self, index: int, name: str) -> Any:
        """A parameter that must be there."""
        if index >= len(self._value):
            # Only our own methods go beyond a validator's words.
            more = f": {self.method} needs {name}" if self.method.startswith(_OURS) else ""
            raise invalid_params(f"`params` should have at least {index + 1} argument(s){more}")
        return self._value[index]

    def config(self, index: int) -> Config:
        """The configuration object at `index`; an absent one is empty."""
        value = self.raw(index)
        if value is None:
            return Config({})
        if not isinstance(value, dict):
            raise wrong_type(value, "a configuration object")
        return Config(value)

    def pubkey(self, index: int, name: str) -> Pubkey:
        """A base58 address."""
        return pubkey(self.required(index, name))

    def signature(self, index: int, name: str = "a signature") -> str:
        """A base58 signature, as its canonical text."""
        return signature(self.required(index, name))

    def u64(self, index: int, name: str) -> int:
        """A whole number from 0 to 2^64-1."""
        return u64(self.required(index, name))

    def text(self, index: int, name: str) -> str:
        """A string."""
        value = self.required(index, name)
        if not isinstance(value, str):
            raise wrong_type(value, "a string")
        return value

    def list(self, index: int, name: str, most: int) -> list[Any]:
        """A list of at most `most` things."""
        value = self.required(index, name)
        if not isinstance(value, list):
            raise wrong_type(value, "a sequence")
        if len(value) > most:
            raise invalid_params(f"Too many inputs provided; max {most}")
        return value


def choice(value: Any, known: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string")
    if value not in known:
        words = ", ".join(f"`{each}`" for each in known)
        raise invalid_params(f"Invalid params: unknown variant `{value}`, expected one of {words}.")
    return value


def commitment(value: Any, default: Commitment) -> Commitment:
    """A commitment's name."""
    if value is None:
        return default
    if isinstance(value, str) and value in NAMES:
        return NAMES[value]
    return NAMES[choice(value, tuple(each.label for each in Commitment))]


def pubkey(value: Any) -> Pubkey:
    """A base58 address of 32 bytes."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string")
    try:
        return Pubkey.from_string(value)
    except ValueError as error:
        raise invalid_params(f"Invalid param: {_fault(value, 32)}") from error


def signature(value: Any) -> str:
    """A base58 signature of 64 bytes."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string")
    try:
        return str(Signature.from_string(value))
    except ValueError as error:
        raise invalid_params(f"Invalid param: {_fault(value, 64)}") from error


def blockhash(value: Any) -> Hash:
    """A base58 blockhash of 32 bytes."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string")
    try:
        return Hash.from_string(value)
    except (ValueError, ParseHashError) as error:
        raise invalid_params(_fault(value, 32)) from error


def u64(value: Any) -> int:
    """A whole number from 0 to 2^64-1."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, "u64")
    if not 0 <= value < 2**64:
        raise invalid_params(f"Invalid params: invalid value: {_seen(value)}, expected u64.")
    return value


def wrong_type(value: Any, expected: str) -> RpcError:
    """The words of a validator's parser for a value of another type than expected."""
    return invalid_params(f"Invalid params: invalid type: {_seen(value)}, expected {expected}.")


def _seen(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value!r}`"
    if isinstance(value, str):
        return f"string {orjson.dumps(value).decode()}"
    return "sequence" if isinstance(value, list) else "map"


def _fault(text: str, size: int) -> str:
    # Longer than any such value: the size is wrong whatever the characters.
    longest = -(-size * 137 // 100)
    return "Invalid" if len(text) <= longest and not _BASE58.issuperset(text) else "WrongSize"


__all__ = [
    "Config",
    "Params",
    "RpcError",
    "blockhash",
    "commitment",
    "pubkey",
    "signature",
    "u64",
]
