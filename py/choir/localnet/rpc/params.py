"""Reading JSON-RPC parameters: by position, typed, with messages that say what is wrong."""

from __future__ import annotations

from typing import Any

from solders.hash import Hash, ParseHashError
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.localnet.commitment import NAMES, Commitment
from choir.localnet.encoding import ENCODINGS, DataSlice
from choir.localnet.errors import RpcError, invalid_params


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
            raise invalid_params(f"Invalid params: {name} must be true or false, not {value!r}")
        return value

    def integer(self, name: str) -> int | None:
        """A u64 member."""
        value = self._value.get(name)
        return None if value is None else u64(value, name)

    def choice(self, name: str, known: tuple[str, ...], default: str) -> str:
        """A member that is one of a few words."""
        value = self._value.get(name)
        if value is None:
            return default
        if value not in known:
            raise invalid_params(
                f"Invalid params: unknown variant `{value}` of {name}, expected one of"
                f" {', '.join(known)}"
            )
        return str(value)

    def account_encoding(self, default: str = "binary") -> str:
        """The `encoding` member for accounts."""
        return self.choice("encoding", ENCODINGS, default)

    def data_slice(self) -> DataSlice | None:
        """The `dataSlice` member."""
        value = self._value.get("dataSlice")
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid_params('Invalid params: dataSlice must be {"offset", "length"}')
        return DataSlice(
            u64(value.get("offset"), "dataSlice.offset"),
            u64(value.get("length"), "dataSlice.length"),
        )


class Params:
    """The parameters of one call."""

    def __init__(self, method: str, value: Any, most: int) -> None:
        if value is None:
            value = []
        if isinstance(value, dict):
            if value:
                raise invalid_params(f"{method} takes its parameters by position, in a list")
            value = []
        if not isinstance(value, list):
            raise invalid_params(f"params of {method} must be a list")
        if len(value) > most:
            raise invalid_params(
                f"Expected from 0 to {most} parameters, not {len(value)} ({method})"
                if most
                else f"No parameters should be passed to {method}"
            )
        self.method = method
        self._value: list[Any] = value

    def raw(self, index: int) -> Any:
        """A parameter as it came, None when absent."""
        return self._value[index] if index < len(self._value) else None

    def required(self, index: int, name: str) -> Any:
        """A parameter that must be there."""
        if index >= len(self._value):
            raise invalid_params(
                f"`params` should have at least {index + 1} argument(s): {self.method} needs {name}"
            )
        return self._value[index]

    def config(self, index: int) -> Config:
        """The configuration object at `index`; an absent one is empty."""
        value = self.raw(index)
        if value is None:
            return Config({})
        if not isinstance(value, dict):
            raise invalid_params(
                f"Invalid params: parameter {index + 1} of {self.method} must be an object, not"
                f" {value!r}"
            )
        return Config(value)

    def pubkey(self, index: int, name: str) -> Pubkey:
        """A base58 address."""
        return pubkey(self.required(index, name), name)

    def signature(self, index: int, name: str = "a signature") -> str:
        """A base58 signature, as its canonical text."""
        return signature(self.required(index, name))

    def u64(self, index: int, name: str) -> int:
        """A whole number from 0 to 2^64-1."""
        return u64(self.required(index, name), name)

    def text(self, index: int, name: str) -> str:
        """A string."""
        value = self.required(index, name)
        if not isinstance(value, str):
            raise invalid_params(f"Invalid params: {name} must be text, not {value!r}")
        return value

    def list(self, index: int, name: str, most: int) -> list[Any]:
        """A list of at most `most` things."""
        value = self.required(index, name)
        if not isinstance(value, list):
            raise invalid_params(f"Invalid params: {name} must be a list, not {value!r}")
        if len(value) > most:
            raise invalid_params(f"Too many inputs provided; max {most}")
        return value


def commitment(value: Any, default: Commitment) -> Commitment:
    """A commitment's name."""
    if value is None:
        return default
    if isinstance(value, str) and value in NAMES:
        return NAMES[value]
    raise invalid_params(
        f"Invalid params: unknown variant `{value}`, expected one of `processed`, `confirmed`,"
        " `finalized`"
    )


def pubkey(value: Any, name: str = "address") -> Pubkey:
    """A base58 address of 32 bytes."""
    if isinstance(value, str):
        try:
            return Pubkey.from_string(value)
        except ValueError as error:
            raise invalid_params(f"Invalid param: {name} {value!r}: {_reason(error)}") from error
    raise invalid_params(f"Invalid params: {name} must be a base58 address, not {value!r}")


def signature(value: Any) -> str:
    """A base58 signature of 64 bytes."""
    if isinstance(value, str):
        try:
            return str(Signature.from_string(value))
        except ValueError as error:
            raise invalid_params(f"Invalid param: signature {value!r}: {_reason(error)}") from error
    raise invalid_params(f"Invalid params: a signature must be base58 text, not {value!r}")


def blockhash(value: Any) -> Hash:
    """A base58 blockhash of 32 bytes."""
    if isinstance(value, str):
        try:
            return Hash.from_string(value)
        except (ValueError, ParseHashError) as error:
            raise invalid_params(f"Invalid param: blockhash {value!r}: {_reason(error)}") from error
    raise invalid_params(f"Invalid params: a blockhash must be base58 text, not {value!r}")


def u64(value: Any, name: str) -> int:
    """A whole number from 0 to 2^64-1."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    raise invalid_params(f"Invalid params: {name} must be a whole number from 0, not {value!r}")


def _reason(error: Exception) -> str:
    text = str(error)
    return "WrongSize" if "wrong size" in text.lower() or "length" in text.lower() else text


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
