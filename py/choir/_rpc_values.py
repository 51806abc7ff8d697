"""The values of `choir.rpc`: what a node answers, frozen and typed, and the errors it names."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from choir.errors import MethodNotServed, NodeBehind, RateLimited, RpcError

__all__ = [
    "Account",
    "Blockhash",
    "Commitment",
    "Filter",
    "SignatureInfo",
    "SignatureStatus",
    "Simulation",
    "Slotted",
    "account_from_json",
    "account_or_none",
    "commitment_reached",
    "discriminator_filter",
    "error_from_json",
    "memcmp",
    "signature_info",
    "simulation_from_json",
    "status_or_none",
]

T = TypeVar("T")
Commitment = Literal["processed", "confirmed", "finalized"]
Filter = Mapping[str, Any]
# The node's own codes (rpc-client-api, custom_error.rs) and the usual ones of gateways.
_NODE_BEHIND = frozenset({-32005, -32016})
_RATE_LIMITED = frozenset({429, -32429, -32029})
_RANK: dict[str, int] = {"processed": 0, "confirmed": 1, "finalized": 2}


def commitment_reached(actual: str | None, wanted: Commitment) -> bool:
    """Whether a status's confirmation is at least as strong as `wanted`."""
    return actual is not None and _RANK.get(actual, -1) >= _RANK[wanted]


@dataclass(frozen=True, slots=True)
class Slotted(Generic[T]):
    """An answer and the slot of the bank that gave it."""

    slot: int
    value: T


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is on the chain. `lamports` in lamports, `data` undecoded."""

    lamports: int
    owner: Pubkey
    data: bytes
    executable: bool = False
    rent_epoch: int = 0


@dataclass(frozen=True, slots=True)
class Blockhash:
    """A recent blockhash and the last block height at which it can still be used."""

    hash: Hash
    last_valid_block_height: int


@dataclass(frozen=True, slots=True)
class SignatureStatus:
    """What became of a transaction. `err` is None only when it succeeded."""

    slot: int
    err: Any
    confirmation: str | None

    def reached(self, commitment: Commitment) -> bool:
        """Whether this is at least as strong as `commitment`."""
        return commitment_reached(self.confirmation, commitment)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A transaction run without effect.

    `units` are compute units consumed, `accounts` the states after it of those asked for.
    """

    err: Any
    logs: tuple[str, ...]
    units: int
    return_data: bytes | None = None
    return_program: str | None = None
    accounts: Mapping[Pubkey, Account | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignatureInfo:
    """A line of an address's history, newest first. `time` in seconds since the epoch."""

    signature: Signature
    slot: int
    err: Any
    time: int | None
    confirmation: str | None


def memcmp(offset: int, data: bytes) -> Filter:
    """A `getProgramAccounts` filter: the account's bytes at `offset` are `data`."""
    encoded = base64.b64encode(data).decode()
    return {"memcmp": {"offset": offset, "bytes": encoded, "encoding": "base64"}}


def discriminator_filter(discriminator: bytes) -> Filter:
    """Only accounts of one Anchor type."""
    return memcmp(0, discriminator)


def account_from_json(value: Mapping[str, Any]) -> Account:
    """An account from a node's JSON with base64 data. Raises RpcError when it is not."""
    try:
        data, encoding = value["data"]
        if encoding == "base64":
            raw = base64.b64decode(data)
        elif encoding == "base64+zstd":
            import zstandard

            raw = zstandard.ZstdDecompressor().decompress(
                base64.b64decode(data), max_output_size=16 << 20
            )
        else:
            raise RpcError(f"the node answered with account data in {encoding!r}")
        return Account(
            lamports=int(value["lamports"]),
            owner=Pubkey.from_string(value["owner"]),
            data=raw,
            executable=bool(value["executable"]),
            rent_epoch=int(value.get("rentEpoch", 0)),
        )
    except (KeyError, ValueError, TypeError, binascii.Error) as error:
        raise RpcError(f"the node's answer is not an account: {error}") from error


def account_or_none(value: Any) -> Account | None:
    """An account from a node's JSON, None for null."""
    return None if value is None else account_from_json(value)


def status_or_none(value: Any) -> SignatureStatus | None:
    """A status from a node's JSON, None for null."""
    if value is None:
        return None
    confirmation = value.get("confirmationStatus")
    if confirmation is None:  # nodes before 1.4 count confirmations only
        confirmation = "finalized" if value.get("confirmations") is None else "processed"
    return SignatureStatus(int(value["slot"]), value["err"], confirmation)


def simulation_from_json(value: Any, accounts: Sequence[Pubkey] = ()) -> Simulation:
    """A simulation from a node's JSON; `accounts` are those asked for, in order."""
    returned = value.get("returnData")
    told = value.get("accounts") or []
    if accounts and value["err"] is None and len(told) != len(accounts):
        raise RpcError(f"asked for {len(accounts)} accounts, the node answered {len(told)}")
    return Simulation(
        err=value["err"],
        logs=tuple(value.get("logs") or ()),
        units=int(value.get("unitsConsumed") or 0),
        return_data=base64.b64decode(returned["data"][0]) if returned else None,
        return_program=returned["programId"] if returned else None,
        accounts={
            address: account_or_none(account)
            for address, account in zip(accounts, told, strict=False)
        },
    )


def signature_info(row: Any) -> SignatureInfo:
    """A line of a history from a node's JSON."""
    return SignatureInfo(
        signature=Signature.from_string(row["signature"]),
        slot=int(row["slot"]),
        err=row["err"],
        time=row.get("blockTime"),
        confirmation=row.get("confirmationStatus"),
    )


def error_from_json(method: str, error: Any) -> RpcError:
    """The typed error for the `error` member of a JSON-RPC answer."""
    if not isinstance(error, Mapping):
        return RpcError(f"{method}: {error}")
    code = error.get("code")
    data = error.get("data")
    text = f"{method}: {error.get('message', 'no message')} (code {code})"
    if code in _NODE_BEHIND:
        behind = data.get("numSlotsBehind") if isinstance(data, Mapping) else None
        return NodeBehind(text, slots_behind=behind, code=code, data=data)
    if code in _RATE_LIMITED:
        after = data.get("retryAfter") if isinstance(data, Mapping) else None
        return RateLimited(text, retry_after=after, code=code, data=data)
    if code == -32601:
        return MethodNotServed(text, code=code, data=data)
    return RpcError(text, code=code, data=data)
