"""The values the localnet passes around: accounts, transactions, blocks. No behaviour, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from solders.pubkey import Pubkey

SYSTEM_PROGRAM = Pubkey.default()
TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022_PROGRAM = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED_TOKEN_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
UPGRADEABLE_LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
COMPUTE_BUDGET_PROGRAM = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
LOOKUP_TABLE_PROGRAM = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
SYSVAR_OWNER = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
TOKEN_PROGRAMS = frozenset({TOKEN_PROGRAM, TOKEN_2022_PROGRAM})

LAMPORTS_PER_SOL = 1_000_000_000
LAMPORTS_PER_SIGNATURE = 5_000


class AccountState(NamedTuple):
    """One account as of some moment; an account with no lamports does not exist."""

    lamports: int
    data: bytes
    owner: Pubkey
    executable: bool = False
    rent_epoch: int = 2**64 - 1


class AccountUpdate(NamedTuple):
    """An account written by a transaction or by hand. `state` is None once it is closed."""

    pubkey: Pubkey
    slot: int
    write_version: int
    state: AccountState | None


class TokenBalance(NamedTuple):
    """A token account's holding at a point of a transaction. `amount` in base units."""

    account_index: int
    mint: Pubkey
    owner: Pubkey
    program: Pubkey
    amount: int
    decimals: int


class InnerCall(NamedTuple):
    """An instruction a program called. `accounts` are account indexes, one byte each."""

    program_index: int
    accounts: bytes
    data: bytes
    stack_height: int


class InnerInstructions(NamedTuple):
    """The calls made under the transaction's instruction number `position`."""

    position: int
    calls: list[InnerCall]


@dataclass(slots=True)
class TransactionRecord:
    """A transaction that landed in a block, successful or failed (`err` set; the fee was taken).

    `err` is in the JSON form of `TransactionError`; balances are lamports by account index;
    `account_keys` are the message's own, then the looked-up `writable` and `readonly` ones.
    """

    signature: str
    slot: int
    index: int
    wire: bytes
    version: int | None
    account_keys: list[Pubkey]
    writable: list[Pubkey]
    readonly: list[Pubkey]
    err: Any
    logs: list[str]
    inner: list[InnerInstructions]
    compute_units: int
    fee: int
    pre_balances: list[int]
    post_balances: list[int]
    pre_tokens: list[TokenBalance]
    post_tokens: list[TokenBalance]
    return_data: tuple[Pubkey, bytes] | None
    block_time: int
    prioritization_fee: int = 0


@dataclass(slots=True)
class Block:
    """A closed slot. `height` counts blocks; skipped slots have none."""

    slot: int
    parent_slot: int
    height: int
    blockhash: str
    previous_blockhash: str
    time: int
    transactions: list[TransactionRecord] = field(default_factory=list)
