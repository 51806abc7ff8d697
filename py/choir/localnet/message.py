"""What a transaction's message says: its accounts, who pays, what fee, which nonce. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from solders.hash import Hash
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir.localnet.model import (
    COMPUTE_BUDGET_PROGRAM,
    LAMPORTS_PER_SIGNATURE,
    LOOKUP_TABLE_PROGRAM,
    SYSTEM_PROGRAM,
    AccountState,
)

MAX_TRANSACTION_SIZE = 1232
MAX_COMPUTE_UNITS = 1_400_000
_DEFAULT_UNITS = 200_000
_DEFAULT_BUILTIN_UNITS = 3_000
_TABLE_HEADER = 56
_BUILTINS = frozenset(
    Pubkey.from_string(address)
    for address in (
        "11111111111111111111111111111111",
        "ComputeBudget111111111111111111111111111111",
        "Vote111111111111111111111111111111111111111",
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "LoaderV411111111111111111111111111111111111",
    )
)
PRECOMPILES = frozenset(
    Pubkey.from_string(address)
    for address in (
        "Ed25519SigVerify111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "Secp256r1SigVerify1111111111111111111111111",
    )
)


class TableError(Exception):
    """An address lookup table cannot be used; `err` is the TransactionError's JSON form."""

    def __init__(self, err: str) -> None:
        super().__init__(err)
        self.err = err


@dataclass(slots=True)
class Resolved:
    """A transaction with its lookup tables resolved."""

    transaction: VersionedTransaction
    wire: bytes
    signature: str
    version: int | None
    static: list[Pubkey]
    writable: list[Pubkey]
    readonly: list[Pubkey]
    writable_indexes: list[int]
    blockhash: Hash
    signatures: int

    @property
    def keys(self) -> list[Pubkey]:
        """Every account, in index order."""
        if self.version is None:
            return self.static
        return [*self.static, *self.writable, *self.readonly]

    @property
    def instructions(self) -> list[Any]:
        """The compiled instructions."""
        return self.transaction.message.instructions


def resolve(
    transaction: VersionedTransaction,
    wire: bytes,
    account: Callable[[Pubkey], AccountState | None],
) -> Resolved:
    """Look up the message's tables. Raises TableError."""
    message = transaction.message
    header = message.header
    static = message.account_keys
    signed = header.num_required_signatures
    writable_signed = signed - header.num_readonly_signed_accounts
    writable_unsigned = len(static) - header.num_readonly_unsigned_accounts
    indexes = [
        i for i in range(len(static)) if i < writable_signed or signed <= i < writable_unsigned
    ]
    writable: list[Pubkey] = []
    readonly: list[Pubkey] = []
    version: int | None = None
    if isinstance(message, MessageV0):
        version = 0
        for lookup in message.address_table_lookups:
            addresses = _table(account(lookup.account_key))
            writable += _pick(addresses, bytes(lookup.writable_indexes))
            readonly += _pick(addresses, bytes(lookup.readonly_indexes))
        indexes += range(len(static), len(static) + len(writable))
    return Resolved(
        transaction=transaction,
        wire=wire,
        signature=str(transaction.signatures[0]),
        version=version,
        static=static,
        writable=writable,
        readonly=readonly,
        writable_indexes=indexes,
        blockhash=message.recent_blockhash,
        signatures=signed,
    )


def lookup_table_addresses(data: bytes) -> list[Pubkey]:
    """The addresses in a lookup table account's data."""
    body = data[_TABLE_HEADER:]
    return [Pubkey.from_bytes(body[i : i + 32]) for i in range(0, len(body) - 31, 32)]


def _table(state: AccountState | None) -> list[Pubkey]:
    if state is None:
        raise TableError("AddressLookupTableNotFound")
    if state.owner != LOOKUP_TABLE_PROGRAM:
        raise TableError("InvalidAddressLookupTableOwner")
    if len(state.data) < _TABLE_HEADER or int.from_bytes(state.data[:4], "little") != 1:
        raise TableError("InvalidAddressLookupTableData")
    return lookup_table_addresses(state.data)


def _pick(addresses: list[Pubkey], indexes: bytes) -> list[Pubkey]:
    try:
        return [addresses[i] for i in indexes]
    except IndexError:
        raise TableError("InvalidAddressLookupTableIndex") from None


def signature_fee(resolved: Resolved) -> int:
    """Lamports for the transaction's signatures, those checked by precompiles included."""
    count = resolved.signatures
    if not PRECOMPILES.isdisjoint(resolved.static):
        for instruction in resolved.instructions:
            if resolved.static[instruction.program_id_index] in PRECOMPILES and instruction.data:
                count += instruction.data[0]
    return count * LAMPORTS_PER_SIGNATURE


def prioritization_fee(resolved: Resolved) -> int:
    """Lamports for priority: compute-unit price (micro-lamports) times limit, rounded up."""
    static = resolved.static
    if COMPUTE_BUDGET_PROGRAM not in static:
        return 0
    price = 0
    limit: int | None = None
    default = 0
    for instruction in resolved.instructions:
        program = static[instruction.program_id_index]
        default += _DEFAULT_BUILTIN_UNITS if program in _BUILTINS else _DEFAULT_UNITS
        if program != COMPUTE_BUDGET_PROGRAM:
            continue
        data = bytes(instruction.data)
        if len(data) >= 5 and data[0] == 2:
            limit = int.from_bytes(data[1:5], "little")
        elif len(data) >= 9 and data[0] == 3:
            price = int.from_bytes(data[1:9], "little")
    units = min(default if limit is None else limit, MAX_COMPUTE_UNITS)
    return -(-price * units // 1_000_000)


def duplicate_budget(message: Any) -> int | None:
    """The index of a second compute-budget instruction of the same kind; None: there is none."""
    keys = message.account_keys
    if COMPUTE_BUDGET_PROGRAM not in keys:
        return None
    seen = set()
    for index, instruction in enumerate(message.instructions):
        if keys[instruction.program_id_index] == COMPUTE_BUDGET_PROGRAM:
            kind = bytes(instruction.data)[:1]
            if kind in seen and b"\x01" <= kind <= b"\x04":
                return index
            seen.add(kind)
    return None


@dataclass(frozen=True, slots=True)
class NonceUse:
    """A transaction that lives off a durable nonce instead of a recent blockhash."""

    account: Pubkey
    authorities: tuple[Pubkey, ...]


def nonce_use(resolved: Resolved) -> NonceUse | None:
    """The nonce account, when the first instruction is the system program's AdvanceNonceAccount."""
    instructions = resolved.instructions
    if not instructions:
        return None
    first = instructions[0]
    if resolved.static[first.program_id_index] != SYSTEM_PROGRAM:
        return None
    accounts = bytes(first.accounts)
    if bytes(first.data)[:4] != b"\x04\x00\x00\x00" or not accounts:
        return None
    if accounts[0] not in resolved.writable_indexes:
        return None
    keys = resolved.keys
    signers = tuple(keys[i] for i in accounts if i < resolved.signatures)
    return NonceUse(keys[accounts[0]], signers)
