"""The mirror, read: typed queries for the API and for whoever else may only look.

Every function takes an open SQLAlchemy connection or session; what belongs together is read in
one transaction of the caller's. Addresses and hashes are bytes, amounts base units, times
seconds since the epoch, pages newest or lowest first with an explicit place to go on after.
Account rows may be ahead of the events; neither is ever behind :func:`watermark`. What is not
finalized may be taken back; who wants none of that asks for `commitment="finalized"`, or looks at
a row's slot with :meth:`WatermarkRow.commitment_of`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from choir.accounts import PrivacyLevel, SpecStatus, ThreadStatus
from choir_indexer.store import schema as t
from choir_indexer.store.read_programs import (
    ProgramAccountRow,
    ProgramEventRow,
    ProgramMark,
    program_account,
    program_accounts,
    program_accounts_where,
    program_events,
    program_watermarks,
)
from choir_indexer.store.rows import (
    ConfigRow,
    Counts,
    EventRow,
    Head,
    MessageRow,
    PositionRow,
    ProposalRow,
    SpecRow,
    ThreadRow,
    TransactionRow,
    TreasuryRow,
    WatermarkRow,
)

if TYPE_CHECKING:
    from choir.rpc import Commitment

__all__ = [
    "ConfigRow",
    "Counts",
    "EventRow",
    "Head",
    "MessageRow",
    "PositionRow",
    "ProgramAccountRow",
    "ProgramEventRow",
    "ProgramMark",
    "ProposalRow",
    "Queryable",
    "SpecRow",
    "ThreadRow",
    "TransactionRow",
    "TreasuryRow",
    "WatermarkRow",
    "config",
    "counts",
    "events_since",
    "head",
    "message",
    "messages",
    "messages_with_hash",
    "oldest_event",
    "position",
    "positions",
    "positions_of_owner",
    "program_account",
    "program_accounts",
    "program_accounts_where",
    "program_events",
    "program_watermarks",
    "proposals",
    "spec",
    "specs",
    "specs_of_author",
    "thread",
    "thread_by_id",
    "threads",
    "threads_by_key",
    "transaction",
    "treasury",
    "watermark",
]

FIRST_EVENT = "Initialized"
Queryable: TypeAlias = AsyncConnection | AsyncSession


async def watermark(connection: Queryable) -> WatermarkRow | None:
    """How far the mirror is complete; None before it has begun."""
    query = sa.select(
        t.watermark.c.slot,
        t.watermark.c.finalized_slot,
        t.watermark.c.commitment,
        t.watermark.c.updated_at,
        t.meta.c.genesis_hash,
        t.meta.c.program_id,
        t.watermark.c.history_slot,
        # before it is initialized the program does nothing that has events
        sa.and_(
            t.watermark.c.retired_events_slot.is_(None),
            sa.or_(
                t.watermark.c.history_slot.is_(None),
                sa.exists().where(t.thread_events.c.kind == FIRST_EVENT),
            ),
        ),
        t.watermark.c.retired_slot,
        t.watermark.c.retired_events_slot,
    ).select_from(t.watermark.join(t.meta, sa.true()))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return WatermarkRow(row[0], row[1], row[2], row[3].timestamp(), *row[4:])


async def config(connection: Queryable) -> ConfigRow | None:
    """The program's settings; None before `initialize`."""
    row = (await connection.execute(sa.select(t.config))).mappings().one_or_none()
    if row is None:
        return None
    return ConfigRow(**(_only(row, ConfigRow) | {"paused_until": tuple(row["paused_until"])}))


async def treasury(connection: Queryable) -> TreasuryRow | None:
    """The treasury; None before `initialize`."""
    row = (await connection.execute(sa.select(t.treasury))).mappings().one_or_none()
    if row is None:
        return None
    return TreasuryRow(**(_only(row, TreasuryRow) | {"signers": tuple(row["signers"])}))


async def proposals(
    connection: Queryable, *, limit: int, before: int | None = None
) -> list[ProposalRow]:
    """Proposals to the treasury's signers, newest first; `before` is the index of the last seen.

    Those whose accounts are closed are not here; their events are.
    """
    c = t.treasury_proposals.c
    query = sa.select(t.treasury_proposals).order_by(c.index.desc()).limit(limit)
    if before is not None:
        query = query.where(c.index < before)
    rows = (await connection.execute(query)).mappings()
    return [ProposalRow(**_only(row, ProposalRow)) for row in rows]


async def thread(connection: Queryable, pubkey: bytes) -> ThreadRow | None:
    """A thread by its address."""
    return (await threads_by_key(connection, [pubkey])).get(pubkey)


async def thread_by_id(connection: Queryable, thread_id: str) -> ThreadRow | None:
    """A thread by its id."""
    if "\0" in thread_id:  # PostgreSQL's text cannot hold it, so no such thread is here
        return None
    query = sa.select(t.threads).where(t.threads.c.thread_id == thread_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _thread(row)


async def threads_by_key(
    connection: Queryable, pubkeys: Collection[bytes]
) -> dict[bytes, ThreadRow]:
    """Those of these threads that exist, by address."""
    query = sa.select(t.threads).where(t.threads.c.pubkey.in_(list(pubkeys)))
    rows = (await connection.execute(query)).mappings()
    return {row["pubkey"]: _thread(row) for row in rows}


async def threads(
    connection: Queryable,
    *,
    limit: int,
    after: tuple[int, bytes] | None = None,
    co_author: bytes | None = None,
    status: ThreadStatus | None = None,
) -> list[ThreadRow]:
    """Threads, newest first.

    Args:
        limit: at most this many.
        after: `(created_at, pubkey)` of the last one seen.
        co_author: only those this wallet is a co-author of.
        status: only those.
    """
    c = t.threads.c
    query = sa.select(t.threads).order_by(c.created_at.desc(), c.pubkey.desc()).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(c.created_at, c.pubkey) < sa.tuple_(*after))
    if co_author is not None:
        query = query.where(c.co_authors.contains([co_author]))
    if status is not None:
        query = query.where(c.status == int(status))
    return [_thread(row) for row in (await connection.execute(query)).mappings()]


async def position(connection: Queryable, thread: bytes, owner: bytes) -> PositionRow | None:
    """One wallet's position in a thread."""
    c = t.positions.c
    found = await _positions(connection, sa.and_(c.thread == thread, c.owner == owner), 1, None)
    return found[0] if found else None


async def positions(
    connection: Queryable, thread: bytes, *, limit: int, after: bytes | None = None
) -> list[PositionRow]:
    """A thread's positions by address; `after` is the last one seen."""
    return await _positions(connection, t.positions.c.thread == thread, limit, after)


async def positions_of_owner(
    connection: Queryable, owner: bytes, *, limit: int, after: bytes | None = None
) -> list[PositionRow]:
    """A wallet's positions in all threads by address; `after` is the last one seen."""
    return await _positions(connection, t.positions.c.owner == owner, limit, after)


async def spec(connection: Queryable, pubkey: bytes) -> SpecRow | None:
    """A spec by its address."""
    query = sa.select(t.specs).where(t.specs.c.pubkey == pubkey)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _spec(row)


async def specs(
    connection: Queryable,
    thread: bytes,
    *,
    limit: int,
    after: tuple[int, bytes] | None = None,
    status: SpecStatus | None = None,
) -> list[SpecRow]:
    """A thread's specs, newest first; `after` is `(submitted_at, pubkey)` of the last seen."""
    return await _specs(connection, t.specs.c.thread == thread, limit, after, status)


async def specs_of_author(
    connection: Queryable,
    author: bytes,
    *,
    limit: int,
    after: tuple[int, bytes] | None = None,
    status: SpecStatus | None = None,
) -> list[SpecRow]:
    """A wallet's specs, newest first; `after` is `(submitted_at, pubkey)` of the last seen."""
    return await _specs(connection, t.specs.c.author == author, limit, after, status)


async def message(connection: Queryable, pubkey: bytes) -> MessageRow | None:
    """A message by its address."""
    query = sa.select(t.messages).where(t.messages.c.pubkey == pubkey)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _message(row)


async def messages(
    connection: Queryable,
    thread: bytes,
    *,
    limit: int,
    after: int | None = None,
    before: int | None = None,
) -> list[MessageRow]:
    """A thread's messages by index: upwards from `after`, or with `before` downwards from it."""
    c = t.messages.c
    query = sa.select(t.messages).where(c.thread == thread).limit(limit)
    if after is not None:
        query = query.where(c.index > after)
    if before is not None:
        query = query.where(c.index < before).order_by(c.index.desc())
    else:
        query = query.order_by(c.index)
    return [_message(row) for row in (await connection.execute(query)).mappings()]


async def messages_with_hash(
    connection: Queryable, content_hashes: Collection[bytes]
) -> list[MessageRow]:
    """Every message whose content has one of these hashes, oldest first."""
    c = t.messages.c
    query = (
        sa.select(t.messages)
        .where(c.content_hash.in_(list(content_hashes)))
        .order_by(c.posted_slot, c.pubkey)
    )
    return [_message(row) for row in (await connection.execute(query)).mappings()]


async def head(
    connection: Queryable, thread: bytes, *, commitment: Commitment = "confirmed"
) -> Head:
    """The newest position of a thread's events, or of those that are finalized. Read it before the
    state it belongs to: what the state has more is then repeated by the events, never missing."""
    h, e = t.thread_heads.c, t.thread_events.c
    newest: Any = h.seq
    if commitment == "finalized":
        mine = sa.and_(e.thread == h.thread, e.epoch == h.epoch)
        kept = sa.select(sa.func.max(e.seq)).where(mine, e.slot <= _final()).scalar_subquery()
        # all that are kept may be newer, when older ones are no longer kept
        older = sa.select(sa.func.min(e.seq) - 1).where(mine).scalar_subquery()
        newest = sa.case((h.slot <= _final(), h.seq), else_=sa.func.coalesce(kept, older, h.seq))
    query = sa.select(h.epoch, newest).where(h.thread == thread)
    row = (await connection.execute(query)).one_or_none()
    if row is not None:
        return Head(row[0], row[1])
    epoch = (await connection.execute(sa.select(t.meta.c.epoch))).scalar_one_or_none()
    return Head(epoch or 0, 0)


async def oldest_event(connection: Queryable, thread: bytes, epoch: int) -> int | None:
    """The lowest seq still kept of a thread's sequence, None when there is none: a reader who
    wants to go on from an older place needs a snapshot."""
    c = t.thread_events.c
    query = sa.select(sa.func.min(c.seq)).where(c.thread == thread, c.epoch == epoch)
    found: int | None = (await connection.execute(query)).scalar_one()
    return found


async def events_since(
    connection: Queryable,
    thread: bytes,
    epoch: int,
    seq: int,
    *,
    limit: int,
    commitment: Commitment = "confirmed",
) -> list[EventRow]:
    """A thread's events after `(epoch, seq)` in order, or those that are finalized. Empty for
    another epoch than the current one: compare with :func:`head` and begin anew from a snapshot.
    So too when the first is not `seq + 1`: what was between is no longer kept.
    """
    c = t.thread_events.c
    query = (
        sa.select(t.thread_events)
        .where(c.thread == thread, c.epoch == epoch, c.seq > seq)
        .order_by(c.seq)
        .limit(limit)
    )
    if commitment == "finalized":
        query = query.where(c.slot <= _final())
    rows = (await connection.execute(query)).mappings()
    return [EventRow(**_only(row, EventRow)) for row in rows]


async def transaction(
    connection: Queryable, signature: bytes, *, commitment: Commitment = "confirmed"
) -> TransactionRow | None:
    """A transaction of the program that the mirror has passed, at that commitment or above."""
    final = t.transactions.c.slot <= _final()
    reached = sa.case((final, "finalized"), else_="confirmed").label("commitment")
    query = sa.select(t.transactions, reached).where(t.transactions.c.signature == signature)
    if commitment == "finalized":
        query = query.where(final)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else TransactionRow(**_only(row, TransactionRow))


async def counts(connection: Queryable) -> Counts:
    """Exact counts; reads whole tables."""
    alive = t.accounts.c.closed_slot.is_(None)
    query = sa.select(
        sa.select(sa.func.count()).select_from(t.accounts).where(alive).scalar_subquery(),
        sa.select(sa.func.count()).select_from(t.accounts).where(~alive).scalar_subquery(),
        *(
            sa.select(sa.func.count()).select_from(table).scalar_subquery()
            for table in (
                t.threads, t.positions, t.specs, t.messages, t.transactions, t.thread_events,
                t.outbox, t.dead_letters,
            )
        ),
    )  # fmt: skip
    return Counts(*(await connection.execute(query)).one())


async def _positions(
    connection: Queryable, where: sa.ColumnElement[bool], limit: int, after: bytes | None
) -> list[PositionRow]:
    c = t.positions.c
    author = c.owner == sa.any_(t.threads.c.co_authors)
    pending = sa.case(
        (author, t.threads.c.reward_per_author - c.reward_checkpoint), else_=sa.literal(0)
    )
    query = (
        sa.select(t.positions, sa.func.coalesce(pending, 0).label("pending"))
        .select_from(t.positions.outerjoin(t.threads, t.threads.c.pubkey == c.thread))
        .where(where)
        .order_by(c.pubkey)
        .limit(limit)
    )
    if after is not None:
        query = query.where(c.pubkey > after)
    found = []
    for row in (await connection.execute(query)).mappings():
        # the two rows may be of different slots; what is owed is never negative
        claimable = row["claimable"] + max(int(row["pending"]), 0)
        more = {"claimable": claimable, "settled_claimable": row["claimable"]}
        found.append(PositionRow(**(_only(row, PositionRow) | more)))
    return found


async def _specs(
    connection: Queryable,
    where: sa.ColumnElement[bool],
    limit: int,
    after: tuple[int, bytes] | None,
    status: SpecStatus | None,
) -> list[SpecRow]:
    c = t.specs.c
    query = sa.select(t.specs).where(where).limit(limit)
    query = query.order_by(c.submitted_at.desc(), c.pubkey.desc())
    if after is not None:
        query = query.where(sa.tuple_(c.submitted_at, c.pubkey) < sa.tuple_(*after))
    if status is not None:
        query = query.where(c.status == int(status))
    return [_spec(row) for row in (await connection.execute(query)).mappings()]


def _final() -> sa.ScalarSelect[Any]:
    """The newest slot that cannot be undone."""
    return sa.select(sa.func.coalesce(t.watermark.c.finalized_slot, -1)).scalar_subquery()


def _only(row: Mapping[Any, Any], kind: type) -> dict[str, Any]:
    names: Sequence[str] = list(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    return {name: row[name] for name in names if name in row}


def _thread(row: Mapping[Any, Any]) -> ThreadRow:
    more = {
        "status": ThreadStatus(row["status"]),
        "privacy": PrivacyLevel(row["privacy"]),
        "co_authors": tuple(row["co_authors"]),
    }
    return ThreadRow(**(_only(row, ThreadRow) | more))


def _spec(row: Mapping[Any, Any]) -> SpecRow:
    more = {"status": SpecStatus(row["status"]), "privacy": PrivacyLevel(row["privacy"])}
    return SpecRow(**(_only(row, SpecRow) | more))


def _message(row: Mapping[Any, Any]) -> MessageRow:
    return MessageRow(**(_only(row, MessageRow) | {"privacy": PrivacyLevel(row["privacy"])}))
