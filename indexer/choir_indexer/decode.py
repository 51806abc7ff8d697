"""From what a source gave to rows: accounts and transactions of the Choir program.

What cannot be decoded becomes a dead letter with its bytes; the rest goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, get_type_hints

from solders.pubkey import Pubkey

from choir import accounts as layouts
from choir._json import ACTIONS, action_kind
from choir.accounts import decode_account
from choir.errors import DecodeError
from choir.events import decode_event
from choir.ids import PROGRAM_ID
from choir_indexer.delta import AccountRow, DeadLetter, EventRow, TransactionRow
from choir_indexer.model import AccountUpdate, RawTransaction
from choir_indexer.transactions import event_data, to_bytes

__all__ = ["decode_transaction", "decode_update", "plain"]

NOBODY: Final = bytes(32)


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
    """
    ref = raw.ref
    events: tuple[EventRow, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    try:
        events = _events(raw, program)
    except (DecodeError, ValueError, KeyError, TypeError) as problem:
        reason = str(problem) or type(problem).__name__
        dead = (DeadLetter("transaction", ref.signature, ref.slot, 0, to_bytes(raw), reason),)
    return TransactionRow(
        signature=ref.signature,
        slot=ref.slot,
        position=ref.position,
        fee_payer=raw.keys[0],
        fee=raw.fee,
        error=raw.error,
        block_time=raw.block_time,
        events=events,
        touched=raw.writable if raw.error is None else frozenset(),
        dead=dead,
    )


def plain(value: Any) -> Any:
    """A decoded value as JSON: addresses in base58, bytes in hexadecimal, enums by name,
    integers as they are. An action of the treasury has its `kind` beside its fields.

    Raises ValueError for text that PostgreSQL cannot hold.
    """
    known = _PLAIN.get(type(value))
    if known is not None:
        return known(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": action_kind(value)} if isinstance(value, ACTIONS) else {}
        return kind | _members(value)
    return value


def _members(value: Any) -> dict[str, Any]:
    """The fields of a dataclass."""
    kind: Any = type(value)
    keys, values, ways = _fields(kind)
    return {
        key: each if way is None else way(each)
        for key, way, each in zip(keys, ways, values(value), strict=True)
    }


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("text with U+0000, which PostgreSQL cannot hold")
    return value


# the same addresses come again and again
_PLAIN: Final[dict[type, Callable[[Any], Any]]] = {
    Pubkey: lru_cache(maxsize=1 << 14)(str),
    bytes: bytes.hex,
    str: _text,
}


@lru_cache(maxsize=256)
def _fields(
    kind: Any,
) -> tuple[
    tuple[str, ...], Callable[[Any], tuple[Any, ...]], tuple[Callable[[Any], Any] | None, ...]
]:
    """What the fields are in JSON, where one whose name Python reserves has no underscore after
    it; what gives their values; and what makes JSON of each, None for those that are JSON."""
    names = [field.name for field in fields(kind)]
    read = attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
    types = get_type_hints(kind)
    ways = [
        None if types[name] in (int, bool) else _PLAIN.get(types[name], plain) for name in names
    ]
    return tuple(name.rstrip("_") for name in names), read, tuple(ways)


def _events(raw: RawTransaction, program: Pubkey) -> tuple[EventRow, ...]:
    rows = []
    for ordinal, data in enumerate(event_data(raw, program=program)):
        event = decode_event(data)
        thread = getattr(event, "thread", program)
        rows.append(
            EventRow(
                thread=bytes(thread),
                slot=raw.ref.slot,
                position=raw.ref.position,
                signature=raw.ref.signature,
                ordinal=ordinal,
                kind=type(event).__name__,
                payload=_members(event),
                at=getattr(event, "timestamp", None),
            )
        )
    return tuple(rows)


def _refuse_nul(values: tuple[Any, ...]) -> None:
    for value in values:
        if type(value) is str:
            _text(value)


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
