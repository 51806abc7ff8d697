"""Other programs' rows, read; part of :mod:`choir_indexer.store.read`, under its rules."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from choir_indexer.store import schema as t

__all__ = [
    "ProgramAccountRow",
    "ProgramEventRow",
    "ProgramMark",
    "program_account",
    "program_accounts",
    "program_accounts_where",
    "program_events",
    "program_watermarks",
]

Queryable: TypeAlias = AsyncConnection | AsyncSession
_STEP: Final = re.compile(r"([^.\[\]]+)((?:\[(?:\d+|\*)\])*)(?:\.|$)")


@dataclass(frozen=True, slots=True)
class ProgramMark:
    """How far a program's mirror is complete, and what it holds. `epoch` rises when events were
    taken back with a fork; `not_understood` counts accounts and events that the IDL does not
    explain; `gap` is what the source has not given, None when nothing is missing."""

    program: bytes
    epoch: int
    slot: int
    snapshot_slot: int | None
    finalized_slot: int | None
    history_slot: int | None
    commitment: str
    fingerprint: str
    gap: dict[str, Any] | None
    accounts: int
    events: int
    not_understood: int


@dataclass(frozen=True, slots=True)
class ProgramAccountRow:
    """An account of another program as of `slot`. `kind` is the IDL's name of its type, `value`
    what it holds, `lamports` as of the slot. Without a kind, `reason` says why. A closed account
    has neither, no `data`, and its `closed_slot`."""

    pubkey: bytes
    slot: int
    kind: str | None
    lamports: int
    data: bytes | None
    value: Any
    reason: str | None
    closed_slot: int | None


@dataclass(frozen=True, slots=True)
class ProgramEventRow:
    """An event of another program, the `ordinal`th of the transaction at `position` in `slot`.
    Without a `kind`: `reason` says why it was not understood, or, where there is none, the program
    logged data that is no event of its IDL. `at` is the block's time."""

    slot: int
    position: int
    ordinal: int
    signature: bytes
    kind: str | None
    payload: Any
    data: bytes | None
    reason: str | None
    at: int | None


async def program_watermarks(connection: Queryable) -> list[ProgramMark]:
    """Every program that is mirrored beside Choir, by address."""
    w, a, e = t.program_watermarks, t.program_accounts.c, t.program_events.c
    live = (a.program == w.c.program, a.closed_slot.is_(None))

    def count(*conditions: Any) -> Any:
        return sa.select(sa.func.count()).where(*conditions).scalar_subquery()

    query = sa.select(
        w.c.program, w.c.epoch, w.c.slot, w.c.snapshot_slot, w.c.finalized_slot,
        w.c.history_slot, w.c.commitment, w.c.fingerprint, w.c.gap,
        count(*live),
        count(e.program == w.c.program, e.kind.is_not(None)),
        count(*live, a.reason.is_not(None))
        + count(e.program == w.c.program, e.reason.is_not(None)),
    ).order_by(w.c.program)  # fmt: skip
    return [ProgramMark(*tuple(row)) for row in await connection.execute(query)]


async def program_account(
    connection: Queryable, program: bytes, pubkey: bytes
) -> ProgramAccountRow | None:
    """An account by its address, closed ones too; None for one that is not known."""
    c = t.program_accounts.c
    query = _account_query().where(c.program == program, c.pubkey == pubkey)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else ProgramAccountRow(*row)


async def program_accounts(
    connection: Queryable,
    program: bytes,
    *,
    kind: str | None = None,
    limit: int,
    after: bytes | None = None,
) -> list[ProgramAccountRow]:
    """Open accounts by address, of one kind or of any; `after` is the address of the last seen."""
    query = _page(program, kind, limit, after)
    return [ProgramAccountRow(*row) for row in await connection.execute(query)]


async def program_accounts_where(
    connection: Queryable,
    program: bytes,
    path: str,
    equals: str | float | bool | None,
    *,
    kind: str | None = None,
    limit: int,
    after: bytes | None = None,
) -> list[ProgramAccountRow]:
    """Open accounts whose value has `equals` at `path`, by address.

    Args:
        path: names of fields with dots between them, `[n]` or `[*]` after those of lists:
            `owner`, `params.min_stake`, `co_authors[*]`, `state.Locked.until`.
        equals: what stands there: text, a number, a truth, or None for null.

    Raises:
        ValueError: `path` is no such path.
    """
    literal = "null" if equals is None else json.dumps(equals, allow_nan=False)
    matches = t.program_accounts.c.value.op("@@")(
        sa.cast(f"{_json_path(path)} == {literal}", sa.dialects.postgresql.JSONPATH)
    )
    query = _page(program, kind, limit, after).where(matches)
    return [ProgramAccountRow(*row) for row in await connection.execute(query)]


async def program_events(
    connection: Queryable,
    program: bytes,
    *,
    kind: str | None = None,
    limit: int,
    after: Sequence[int] | None = None,
) -> list[ProgramEventRow]:
    """Events in chain order, of one kind or of any (those not understood too); `after` is
    (slot, position, ordinal) of the last seen, under the same `epoch` of the program's mark."""
    c = t.program_events.c
    place = (c.slot, c.position, c.ordinal)
    query = (
        sa.select(*place, c.signature, c.kind, c.payload, c.data, c.reason, c.at)
        .where(c.program == program)
        .order_by(*place)
        .limit(limit)
    )
    if kind is not None:
        query = query.where(c.kind == kind)
    if after is not None:
        query = query.where(sa.tuple_(*place) > sa.tuple_(*after))
    return [ProgramEventRow(*row) for row in await connection.execute(query)]


def _account_query() -> sa.Select[Any]:
    c = t.program_accounts.c
    return sa.select(
        c.pubkey, c.slot, c.kind, c.lamports, c.data, c.value, c.reason, c.closed_slot
    )  # fmt: skip


def _page(program: bytes, kind: str | None, limit: int, after: bytes | None) -> sa.Select[Any]:
    c = t.program_accounts.c
    query = _account_query().where(c.program == program, c.closed_slot.is_(None))
    if kind is not None:
        query = query.where(c.kind == kind)
    if after is not None:
        query = query.where(c.pubkey > after)
    return query.order_by(c.pubkey).limit(limit)


def _json_path(path: str) -> str:
    """PostgreSQL's form of a path, with every name quoted."""
    steps, at = [], 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or (found.end() == len(path) and path.endswith(".")):
            break
        steps.append(f".{json.dumps(found[1])}{found[2]}")
        at = found.end()
    if not steps or at < len(path) or "\0" in path:
        raise ValueError(f"{path!r} is not a path of fields, like owner or params.min_stake")
    return "$" + "".join(steps)
