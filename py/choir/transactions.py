"""Transactions as values: compiled, measured, with lookup tables and durable nonces.

Nothing here touches the network. Limits: https://solana.com/docs/core/transactions
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import AdvanceNonceAccountParams, advance_nonce_account
from solders.transaction import VersionedTransaction

from choir.errors import InvalidInput

__all__ = [
    "MAX_ACCOUNTS",
    "MAX_TRANSACTION_BYTES",
    "NEVER",
    "Measure",
    "NonceUse",
    "Receipt",
    "UnsignedTransaction",
    "compute_budget",
    "measure",
    "nonce_of",
    "program_ids",
    "unsigned_transaction",
]

MAX_TRANSACTION_BYTES: Final = 1232
MAX_ACCOUNTS: Final = 64
"""The most accounts a transaction may lock, those from lookup tables included."""
NEVER: Final = 2**64 - 1
"""The `last_valid_block_height` of a transaction that does not expire by the block height."""
_ADVANCE: Final = (4).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class NonceUse:
    """The durable nonce a transaction runs by: its account, who may advance it, its value."""

    account: Pubkey
    authority: Pubkey
    value: Hash


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """A transaction for somebody else to sign.

    `transaction` holds zeroed signatures; it can run until block height
    `last_valid_block_height` (`NEVER` with a durable `nonce`: until that is advanced). `units` is
    its compute-unit limit, `unit_price` the priority fee in micro-lamports per unit.
    """

    transaction: VersionedTransaction
    last_valid_block_height: int
    min_context_slot: int
    units: int
    unit_price: int
    nonce: NonceUse | None = None

    @property
    def message(self) -> MessageV0:
        """What is to be signed."""
        message = self.transaction.message
        assert isinstance(message, MessageV0)
        return message

    @property
    def blockhash(self) -> Hash:
        """The blockhash, or the nonce's value, it was made with."""
        return self.message.recent_blockhash

    @property
    def signers(self) -> list[Pubkey]:
        """Whose signatures it needs, the payer's first."""
        return self.message.account_keys[: self.message.header.num_required_signatures]

    def to_base64(self) -> str:
        """The serialised transaction, as wallets take it."""
        return base64.b64encode(bytes(self.transaction)).decode()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that ran without an error, in `slot`, at the wanted commitment."""

    signature: Signature
    slot: int


@dataclass(frozen=True, slots=True)
class Measure:
    """How much of a transaction's limits something takes."""

    size: int
    accounts: int
    signatures: int

    @property
    def excess(self) -> str | None:
        """Which limit is passed, in words; None when it fits."""
        if self.size > MAX_TRANSACTION_BYTES:
            return f"the transaction has {self.size} bytes; {MAX_TRANSACTION_BYTES} are the most"
        if self.accounts > MAX_ACCOUNTS:
            return f"the transaction locks {self.accounts} accounts; {MAX_ACCOUNTS} are the most"
        return None


def compute_budget(units: int, price: int) -> list[Instruction]:
    """The instructions that set a compute-unit limit and, unless 0, a price."""
    limit = [set_compute_unit_limit(units)]
    return [*limit, set_compute_unit_price(price)] if price else limit


def measure(
    payer: Pubkey,
    instructions: Sequence[Instruction],
    *,
    tables: Sequence[AddressLookupTableAccount] = (),
) -> Measure:
    """What a transaction of these instructions would take, compute budget not included."""
    return _measure(_compiled(payer, instructions, tables, Hash.default()))


def unsigned_transaction(
    payer: Pubkey,
    instructions: Sequence[Instruction],
    blockhash: Hash,
    *,
    tables: Sequence[AddressLookupTableAccount] = (),
    nonce: NonceUse | None = None,
) -> VersionedTransaction:
    """Compiled, with zeroed signatures. Tables are used only where that makes it smaller.

    With a `nonce` the instruction that advances it comes first, as the runtime wants it.
    Raises InvalidInput when it passes a limit of the chain.
    """
    if nonce is not None:
        advance = advance_nonce_account(
            AdvanceNonceAccountParams(nonce_pubkey=nonce.account, authorized_pubkey=nonce.authority)
        )
        instructions, blockhash = [advance, *instructions], nonce.value
    transaction = _compiled(payer, instructions, (), blockhash)
    if tables:
        shorter = _compiled(payer, instructions, tables, blockhash)
        before, after = _measure(transaction), _measure(shorter)
        if after.size < before.size:
            transaction = shorter
    if (excess := _measure(transaction).excess) is not None:
        raise InvalidInput(f"{excess}: send fewer instructions at once")
    return transaction


def nonce_of(transaction: VersionedTransaction) -> NonceUse | None:
    """The durable nonce a transaction runs by, None when it runs by a blockhash."""
    message: Any = transaction.message
    keys = message.account_keys
    if not message.instructions:
        return None
    first = message.instructions[0]
    accounts = bytes(first.accounts)
    if (
        first.program_id_index >= len(keys)
        or keys[first.program_id_index] != SYSTEM_PROGRAM
        or bytes(first.data)[:4] != _ADVANCE
        or len(accounts) < 3
        or max(accounts[0], accounts[2]) >= len(keys)
    ):
        return None
    return NonceUse(keys[accounts[0]], keys[accounts[2]], message.recent_blockhash)


def program_ids(transaction: VersionedTransaction) -> list[str]:
    """The program of each instruction, base58; empty where a lookup table holds it."""
    message: Any = transaction.message
    keys = message.account_keys
    return [
        str(keys[ix.program_id_index]) if ix.program_id_index < len(keys) else ""
        for ix in message.instructions
    ]


def _compiled(
    payer: Pubkey,
    instructions: Sequence[Instruction],
    tables: Sequence[AddressLookupTableAccount],
    blockhash: Hash,
) -> VersionedTransaction:
    try:
        message = MessageV0.try_compile(payer, list(instructions), list(tables), blockhash)
    except Exception as error:  # solders' CompileError is not importable by a stable name
        if type(error).__name__ != "CompileError":
            raise
        raise InvalidInput(
            f"the instructions name more accounts than a message holds: {error}"
        ) from None
    count = message.header.num_required_signatures
    return VersionedTransaction.populate(message, [Signature.default()] * count)


def _measure(transaction: VersionedTransaction) -> Measure:
    message: Any = transaction.message
    looked_up = sum(
        len(bytes(lookup.writable_indexes)) + len(bytes(lookup.readonly_indexes))
        for lookup in message.address_table_lookups
    )
    return Measure(
        size=len(bytes(transaction)),
        accounts=len(message.account_keys) + looked_up,
        signatures=message.header.num_required_signatures,
    )
