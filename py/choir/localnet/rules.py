"""Rules of a cluster that LiteSVM leaves out: rent without data, nonces, missing programs. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from solders.hash import Hash
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from choir.localnet.message import NonceUse, Resolved
from choir.localnet.model import SYSTEM_PROGRAM, UPGRADEABLE_LOADER, AccountState

States = Mapping[Pubkey, AccountState | None]
_NONCE_SIZE = 80
# Of the upgradeable loader: its instruction, and which of that one's accounts is the program.
_CLOSE = b"\x05\x00\x00\x00"
_CLOSED_PROGRAM = 3
_CURRENT_INITIALIZED = b"\x01\x00\x00\x00\x01\x00\x00\x00"


def rent_error(
    keys: list[Pubkey], writable: list[int], before: States, after: States, least: int
) -> object:
    """The error of a transaction that leaves an account without data below `least` lamports.

    An account that was below already may stay there, as long as it does not grow. LiteSVM looks
    at accounts with data only.
    """
    for index in writable:
        state = after.get(keys[index])
        if state is None or state.lamports >= least or state.data:
            continue
        earlier = before[keys[index]]
        had = 0 if earlier is None else earlier.lamports
        if not 0 < had < least or state.lamports > had:
            return {"InsufficientFundsForRent": {"account_index": index}}
    return None


def nonce_valid(state: AccountState | None, use: NonceUse, blockhash: Hash) -> bool:
    """Whether `blockhash` is the value of the nonce account, and its authority has signed."""
    if state is None or state.owner != SYSTEM_PROGRAM or len(state.data) != _NONCE_SIZE:
        return False
    data = state.data
    if data[:8] != _CURRENT_INITIALIZED or data[40:72] != bytes(blockhash):
        return False
    return Pubkey.from_bytes(data[8:40]) in use.authorities


def advanced_nonce(state: AccountState, used: Hash) -> AccountState:
    """The nonce account after a failed transaction, which uses the nonce up all the same."""
    fresh = hashlib.sha256(b"DURABLE_NONCE" + bytes(used)).digest()
    return state._replace(data=state.data[:40] + fresh + state.data[72:])


def refusal(err: object, resolved: Resolved, before: States) -> object:
    """A cluster's error for one of LiteSVM's: it tells a missing program from a wrong one."""
    if err == "InvalidProgramForExecution":
        programs = {resolved.static[i.program_id_index] for i in resolved.instructions}
        if any(before[program] is None for program in programs):
            return "ProgramAccountNotFound"
    return err


def with_blockhash(transaction: VersionedTransaction, blockhash: Hash) -> VersionedTransaction:
    """The transaction with another blockhash; its signatures no longer fit."""
    message = transaction.message
    if isinstance(message, MessageV0):
        changed: Message | MessageV0 = MessageV0(
            message.header,
            message.account_keys,
            blockhash,
            message.instructions,
            message.address_table_lookups,
        )
    else:
        header = message.header
        changed = Message.new_with_compiled_instructions(
            header.num_required_signatures,
            header.num_readonly_signed_accounts,
            header.num_readonly_unsigned_accounts,
            message.account_keys,
            blockhash,
            message.instructions,
        )
    return VersionedTransaction.populate(changed, transaction.signatures)


def data_account(program: AccountState) -> Pubkey | None:
    """Where the code of an upgradeable program is; None for any other account."""
    if not program.executable or program.owner != UPGRADEABLE_LOADER or len(program.data) < 36:
        return None
    return Pubkey.from_bytes(program.data[4:36])


def closed_programs(resolved: Resolved) -> list[Pubkey]:
    """The upgradeable programs a transaction asks to close."""
    if UPGRADEABLE_LOADER not in resolved.static:
        return []
    keys, closed = resolved.keys, []
    for each in resolved.instructions:
        accounts = bytes(each.accounts)
        if (
            keys[each.program_id_index] == UPGRADEABLE_LOADER
            and bytes(each.data)[:4] == _CLOSE
            and len(accounts) > _CLOSED_PROGRAM
        ):
            closed.append(keys[accounts[_CLOSED_PROGRAM]])
    return closed
