"""From what a source gave to rows: accounts and transactions of the Choir program.

What cannot be decoded becomes a dead letter with its bytes; the rest goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

from solders.pubkey import Pubkey
from solders.signature import Signature

from choir import accounts as layouts
from choir._json import ACTIONS, action_kind
from choir.accounts import decode_account
from choir.errors import DecodeError
from choir.events import events_of_transaction
from choir.ids import PROGRAM_ID
from choir_indexer.delta import AccountRow, DeadLetter, EventRow, TransactionRow
from choir_indexer.model import AccountUpdate, RawTransaction

__all__ = ["BadTransaction", "decode_transaction", "decode_update", "plain"]

NOBODY: Final = bytes(32)


class BadTransaction(ValueError):
    """A node's answer that is not a transaction, or not the one that was asked for."""


def decode_update(update: AccountUpdate) -> AccountRow:
    """The typed row of an account, or a row with a dead letter when its data is not understood."""
    if update.data is None:
        return AccountRow(update)
    try:
        account = decode_account(update.data)
        kind, columns = _ROWS[type(account)](account)
        _refuse_nul(columns)
    except (DecodeError, ValueError, KeyError) as error:
        reason = str(error) or type(error).__name__
        dead = DeadLetter("account", update.pubkey, update.slot, 0, update.data, reason)
        return AccountRow(update, dead=dead)
    return AccountRow(update, kind, columns)


def decode_transaction(raw: RawTransaction, *, program: Pubkey = PROGRAM_ID) -> TransactionRow:
    """A transaction's row, with its events in the order the program emitted them.

    A failed transaction has none. Events that cannot be decoded make one dead letter of the
    transaction.

    Raises:
        BadTransaction: the JSON is not a transaction with this signature and slot.
    """
    ref, answer = raw.ref, raw.json
    try:
        message, meta = answer["transaction"]["message"], answer["meta"]
        signature = bytes(Signature.from_string(answer["transaction"]["signatures"][0]))
        keys = [bytes(Pubkey.from_string(key)) for key in message["accountKeys"]]
        loaded = meta.get("loadedAddresses") or {}
        touched = _writable(keys, message["header"])
        touched |= {bytes(Pubkey.from_string(key)) for key in loaded.get("writable", ())}
        slot, fee, error = int(answer["slot"]), int(meta["fee"]), meta["err"]
        block_time = answer.get("blockTime")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as problem:
        raise BadTransaction(
            f"the node's answer for {Signature(ref.signature)} is not a transaction: {problem!r}"
        ) from problem
    if (signature, slot) != (ref.signature, ref.slot):
        raise BadTransaction(
            f"asked for {Signature(ref.signature)} of slot {ref.slot},"
            f" the node answered {Signature(signature)} of slot {slot}"
        )
    events: tuple[EventRow, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    if error is None:
        try:
            events = _events(raw, program)
        except (DecodeError, ValueError, KeyError, TypeError) as problem:
            data = json.dumps(answer, separators=(",", ":")).encode()
            reason = str(problem) or type(problem).__name__
            dead = (DeadLetter("transaction", signature, slot, 0, data, reason),)
    return TransactionRow(
        signature=signature,
        slot=slot,
        position=ref.position,
        fee_payer=keys[0],
        fee=fee,
        error=error,
        block_time=block_time,
        events=events,
        touched=frozenset(touched) if error is None else frozenset(),
        dead=dead,
    )


def plain(value: Any) -> Any:
    """A decoded value as JSON: addresses in base58, bytes in hexadecimal, enums by name,
    integers as they are. An action of the treasury has its `kind` beside its fields."""
    if isinstance(value, Pubkey):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        # a field whose name Python reserves has an underscore after it
        kind = {"kind": action_kind(value)} if isinstance(value, ACTIONS) else {}
        return kind | {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in fields(value)}
    return value


def _events(raw: RawTransaction, program: Pubkey) -> tuple[EventRow, ...]:
    rows = []
    for ordinal, event in enumerate(events_of_transaction(dict(raw.json))):
        payload = plain(event)
        _refuse_nul(tuple(payload.values()))
        thread = getattr(event, "thread", program)
        rows.append(
            EventRow(
                thread=bytes(thread),
                slot=raw.ref.slot,
                position=raw.ref.position,
                signature=raw.ref.signature,
                ordinal=ordinal,
                kind=type(event).__name__,
                payload=payload,
                at=getattr(event, "timestamp", None),
            )
        )
    return tuple(rows)


def _writable(keys: list[bytes], header: Mapping[str, int]) -> set[bytes]:
    """The static accounts a message may write to: its header counts who signs and who is
    read-only."""
    signed = header["numRequiredSignatures"]
    signed_writable = signed - header["numReadonlySignedAccounts"]
    unsigned_writable = len(keys) - header["numReadonlyUnsignedAccounts"]
    return set(keys[:signed_writable]) | set(keys[signed:unsigned_writable])


def _refuse_nul(values: tuple[Any, ...]) -> None:
    for value in values:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("text with U+0000, which PostgreSQL cannot hold")


def _as_json(value: object) -> str:
    return json.dumps(plain(value))


def _config(account: layouts.Config) -> tuple[Any, ...]:
    pending = bytes(account.pending_authority)
    return (
        bytes(account.authority),
        None if pending == NOBODY else pending,
        bytes(account.guardian),
        bytes(account.stake_mint),
        bytes(account.token_program),
        bytes(account.treasury),
        bytes(account.treasury_vault),
        account.mint_decimals,
        _as_json(account.params),
        account.parameter_timelock,
        _as_json(account.pending) if account.pending_at else None,
        account.pending_at,
        list(account.paused_until),
    )


def _treasury(account: layouts.Treasury) -> tuple[Any, ...]:
    return (
        account.threshold,
        account.signer_epoch,
        account.proposal_count,
        bytes(account.vault),
        [bytes(signer) for signer in account.signers],
    )


def _proposal(account: layouts.TreasuryProposal) -> tuple[Any, ...]:
    return (
        account.index,
        bytes(account.proposer),
        account.signer_epoch,
        account.approvals,
        account.created_at,
        account.expires_at,
        account.executed_at,
        _as_json(account.action),
    )


def _thread(account: layouts.Thread) -> tuple[Any, ...]:
    return (
        account.thread_id,
        int(account.status),
        int(account.privacy),
        account.author_epoch,
        account.pending_specs,
        bytes(account.creator),
        bytes(account.vault),
        account.balance,
        account.total_claimable,
        account.total_shares,
        account.reward_per_author,
        account.message_count,
        bytes(account.head),
        account.created_at,
        account.updated_at,
        account.spec_count,
        account.min_balance,
        account.divest_cooldown,
        [bytes(author) for author in account.co_authors],
    )


def _position(account: layouts.Position) -> tuple[Any, ...]:
    return (
        bytes(account.thread),
        bytes(account.owner),
        bytes(account.rent_payer),
        account.shares,
        account.claimable,
        account.reward_checkpoint,
        account.last_stake_at,
        account.last_action_at,
        account.window_start,
        account.window_count,
    )


def _spec(account: layouts.Spec) -> tuple[Any, ...]:
    return (
        bytes(account.thread),
        bytes(account.author),
        bytes(account.rent_payer),
        bytes(account.content_hash),
        int(account.status),
        account.stake,
        account.approvals,
        account.denials,
        account.author_epoch,
        account.submitted_at,
        account.expires_at,
        account.resolved_at,
        account.sequence,
        int(account.privacy),
    )


def _message(account: layouts.Message) -> tuple[Any, ...]:
    return (
        bytes(account.thread),
        bytes(account.author),
        bytes(account.rent_payer),
        account.index,
        int(account.privacy),
        bytes(account.content_hash),
        bytes(account.previous_head),
        account.slot,
        account.created_at,
    )


# the table of each account type, and its columns after (pubkey, slot, write_version)
_ROWS: Final[dict[type, Callable[[Any], tuple[str, tuple[Any, ...]]]]] = {
    layouts.Config: lambda account: ("config", _config(account)),
    layouts.Treasury: lambda account: ("treasury", _treasury(account)),
    layouts.TreasuryProposal: lambda account: ("treasury_proposals", _proposal(account)),
    layouts.Thread: lambda account: ("threads", _thread(account)),
    layouts.Position: lambda account: ("positions", _position(account)),
    layouts.Spec: lambda account: ("specs", _spec(account)),
    layouts.Message: lambda account: ("messages", _message(account)),
}
