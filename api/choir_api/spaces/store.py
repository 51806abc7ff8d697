"""Reading and writing spaces in PostgreSQL.

Writers take the space's row lock first (`lock`), so versions follow one another without a hole
and a committed delta is never overtaken. The channel `CHANNEL` carries hints only: whoever
hears one reads the rows behind the version it knows.
"""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from choir.spaces.engine.merge import Changed
from choir.spaces.engine.state import Change, State, apply
from choir.spaces.models import (
    EntropyField,
    OperatorSet,
    Role,
    SpaceConfig,
    SpacePolicy,
)
from choir_api.auth.liveness import living
from choir_api.db import ReadSession, WriteSession
from choir_api.spaces import rights, tables

CHANNEL = "choir_space"
SNAPSHOT_EVERY = 256
"""Versions between snapshots: what a cold read replays at most."""


@dataclass(frozen=True)
class Row:
    """A space's row."""

    id: str
    owner: bytes
    status: Any
    epoch: int
    epoch_version: int
    version: int
    config: SpaceConfig
    members: int
    created_at: datetime


@dataclass(frozen=True)
class Entry:
    """One version: a row of ``space_deltas``."""

    version: int
    epoch: int
    kind: str
    author: bytes
    stream: str
    counter: int
    digest: bytes
    from_version: int
    cv: tuple[int, ...]
    changes: tuple[Change, ...]
    at: datetime


@dataclass(frozen=True)
class Loaded:
    """A state with what is needed to go on from it."""

    primes: tuple[int, ...]
    state: State
    changed: Changed


def _row(row: Any) -> Row:
    return Row(
        row.id,
        row.owner,
        row.status,
        row.epoch,
        row.epoch_version,
        row.version,
        read_config(row.config),
        row.members,
        row.created_at,
    )


def read_config(stored: Any) -> SpaceConfig:
    """A stored configuration."""
    return SpaceConfig.model_validate_json(orjson.dumps(stored))


def dump_config(config: SpaceConfig) -> Any:
    """A configuration as it is stored."""
    return config.model_dump(mode="json", by_alias=True)


async def get(session: AsyncSession, space_id: str) -> Row | None:
    """The space's row, or None."""
    found = await session.execute(sa.select(tables.spaces).where(tables.spaces.c.id == space_id))
    row = found.one_or_none()
    return _row(row) if row else None


async def lock(session: WriteSession, space_id: str) -> Row | None:
    """The space's row, held against other writers until the transaction ends."""
    query = sa.select(tables.spaces).where(tables.spaces.c.id == space_id).with_for_update()
    row = (await session.execute(query)).one_or_none()
    return _row(row) if row else None


async def versions(session: ReadSession, space_ids: Iterable[str]) -> dict[str, int]:
    """The present version of each space that exists."""
    query = sa.select(tables.spaces.c.id, tables.spaces.c.version).where(
        tables.spaces.c.id.in_(list(space_ids))
    )
    return {row.id: row.version for row in await session.execute(query)}


async def listed(
    session: ReadSession, wallet: bytes, after: tuple[datetime, str] | None, limit: int
) -> list[Row]:
    """The spaces that `wallet` is a member of, newest first, behind `after`."""
    t = tables.spaces
    query = (
        sa.select(t)
        .join(tables.members, tables.members.c.space_id == t.c.id)
        .where(tables.members.c.wallet == wallet)
        .order_by(t.c.created_at.desc(), t.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(t.c.created_at, t.c.id) < sa.tuple_(*after))
    return [_row(row) for row in await session.execute(query)]


async def create(session: WriteSession, row: Row, loaded: Loaded) -> None:
    """A new space with its first snapshot."""
    await session.execute(
        sa.insert(tables.spaces).values(
            id=row.id,
            owner=row.owner,
            status=row.status,
            epoch=row.epoch,
            epoch_version=row.epoch_version,
            version=row.version,
            config=dump_config(row.config),
            members=row.members,
            created_at=row.created_at,
        )
    )
    await put_snapshot(session, row.id, loaded, row.created_at)


async def update(session: WriteSession, space_id: str, **values: Any) -> None:
    """Sets columns of the space's row; `config` as a `SpaceConfig`."""
    if "config" in values:
        values["config"] = dump_config(values["config"])
    await session.execute(
        sa.update(tables.spaces).where(tables.spaces.c.id == space_id).values(**values)
    )


async def put_snapshot(session: WriteSession, space_id: str, loaded: Loaded, now: datetime) -> None:
    """Keeps the state; one that is there already stays."""
    state = loaded.state
    phases = state.phases[:]
    if sys.byteorder == "big":
        phases.byteswap()
    await session.execute(
        insert(tables.snapshots)
        .values(
            space_id=space_id,
            version=state.version,
            epoch=state.epoch,
            epoch_version=loaded.changed.epoch_version,
            primes=list(loaded.primes),
            turns=phases.tobytes(),
            settings={
                "operators": state.operators.model_dump(mode="json", by_alias=True),
                "entropy": state.entropy.model_dump(mode="json", by_alias=True),
                "policy": state.policy.model_dump(mode="json", by_alias=True),
            },
            tick=state.tick,
            at=now,
        )
        .on_conflict_do_nothing()
    )


async def load(
    session: AsyncSession, space_id: str, *, version: int | None = None
) -> Loaded | None:
    """The state at `version` (by default the newest): its last snapshot and the deltas since."""
    t = tables.snapshots
    query = sa.select(t).where(t.c.space_id == space_id).order_by(t.c.version.desc()).limit(1)
    if version is not None:
        query = query.where(t.c.version <= version)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    phases = array("Q", row.turns)
    if sys.byteorder == "big":
        phases.byteswap()
    settings = row.settings
    state = State(
        epoch=row.epoch,
        version=row.version,
        phases=phases,
        operators=OperatorSet.model_validate_json(orjson.dumps(settings["operators"])),
        entropy=EntropyField.model_validate_json(orjson.dumps(settings["entropy"])),
        policy=SpacePolicy.model_validate_json(orjson.dumps(settings["policy"])),
        tick=row.tick,
    )
    changed = Changed(floor=row.version, epoch_version=row.epoch_version)
    for entry in await entries(session, space_id, after=row.version, until=version):
        state = apply(state, entry.changes, version=entry.version)
        changed.record(entry.changes, entry.version)
    return Loaded(tuple(row.primes), state, changed)


async def entries(
    session: AsyncSession,
    space_id: str,
    *,
    after: int,
    until: int | None = None,
    limit: int | None = None,
) -> list[Entry]:
    """Versions after `after` up to `until`, in order."""
    t = tables.deltas
    query = sa.select(t).where(t.c.space_id == space_id, t.c.version > after).order_by(t.c.version)
    if until is not None:
        query = query.where(t.c.version <= until)
    if limit is not None:
        query = query.limit(limit)
    return [_entry(row) for row in await session.execute(query)]


async def entry_of(
    session: AsyncSession, space_id: str, author: bytes, stream: str, counter: int
) -> Entry | None:
    """The version that this delta of its author became, or None."""
    t = tables.deltas
    query = sa.select(t).where(
        t.c.space_id == space_id,
        t.c.author == author,
        t.c.stream == stream,
        t.c.counter == counter,
    )
    row = (await session.execute(query)).one_or_none()
    return _entry(row) if row else None


def _entry(row: Any) -> Entry:
    return Entry(
        row.version,
        row.epoch,
        row.kind,
        row.author,
        row.stream,
        row.counter,
        row.digest,
        row.from_version,
        tuple(row.cv),
        tuple(Change.from_json(each) for each in row.ops),
        row.at,
    )


async def append(session: WriteSession, space_id: str, made: Sequence[Entry]) -> None:
    """Writes new versions."""
    await session.execute(
        sa.insert(tables.deltas),
        [
            {
                "space_id": space_id,
                "version": each.version,
                "epoch": each.epoch,
                "kind": each.kind,
                "author": each.author,
                "stream": each.stream,
                "counter": each.counter,
                "digest": each.digest,
                "from_version": each.from_version,
                "cv": list(each.cv),
                "ops": [change.to_json() for change in each.changes],
                "at": each.at,
            }
            for each in made
        ],
    )


async def counters(
    session: AsyncSession, space_id: str, streams: Iterable[tuple[bytes, str]]
) -> dict[tuple[bytes, str], int]:
    """The last counter of each of the streams; 0 for one that has not begun."""
    wanted = set(streams)
    t = tables.counters
    query = sa.select(t).where(
        t.c.space_id == space_id, sa.tuple_(t.c.author, t.c.stream).in_(sorted(wanted))
    )
    found = {(row.author, row.stream): row.counter for row in await session.execute(query)}
    return {each: found.get(each, 0) for each in wanted}


async def set_counters(
    session: WriteSession, space_id: str, last: dict[tuple[bytes, str], int]
) -> None:
    """Keeps the last counter of each stream."""
    if not last:
        return
    statement = insert(tables.counters).values(
        [
            {"space_id": space_id, "author": author, "stream": stream, "counter": counter}
            for (author, stream), counter in last.items()
        ]
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["space_id", "author", "stream"],
            set_={"counter": statement.excluded.counter},
        )
    )


async def roles(
    session: AsyncSession, space_id: str, wallets: Iterable[bytes]
) -> dict[bytes, Role]:
    """The role of each wallet that is a member."""
    t = tables.members
    query = sa.select(t.c.wallet, t.c.role).where(
        t.c.space_id == space_id, t.c.wallet.in_(sorted(set(wallets)))
    )
    return {row.wallet: row.role for row in await session.execute(query)}


async def member_rows(session: AsyncSession, space_id: str) -> list[Any]:
    """All members, the first to join first."""
    t = tables.members
    query = sa.select(t).where(t.c.space_id == space_id).order_by(t.c.joined_at, t.c.id)
    return list((await session.execute(query)).all())


async def put_member(
    session: WriteSession, space_id: str, wallet: bytes, role: Role, id_: UUID, now: datetime
) -> Any:
    """Gives `wallet` the role, as a new member if it was none; the member's row."""
    t = tables.members
    statement = insert(t).values(space_id=space_id, wallet=wallet, id=id_, role=role, joined_at=now)
    found = await session.execute(
        statement.on_conflict_do_update(
            index_elements=["space_id", "wallet"], set_={"role": role}
        ).returning(t)
    )
    await _count_members(session, space_id)
    return found.one()


async def drop_member(session: WriteSession, space_id: str, wallet: bytes) -> None:
    """Takes `wallet` out."""
    t = tables.members
    await session.execute(sa.delete(t).where(t.c.space_id == space_id, t.c.wallet == wallet))
    await _count_members(session, space_id)


async def _count_members(session: WriteSession, space_id: str) -> None:
    t = tables.members
    count = sa.select(sa.func.count()).where(t.c.space_id == space_id).scalar_subquery()
    await session.execute(
        sa.update(tables.spaces).where(tables.spaces.c.id == space_id).values(members=count)
    )


async def living_session(session: AsyncSession, id_: UUID, wallet: bytes, now: datetime) -> Any:
    """The space session's row, or None when it, or the sign-in or key behind it, has ended."""
    t = tables.sessions
    query = sa.select(t).where(t.c.id == id_, t.c.wallet == wallet, t.c.expires_at > now)
    row = (await session.execute(query)).one_or_none()
    if row is None or not await living(session, {row.auth_session_id or row.api_key_id}, now):
        return None
    return row


async def standing(
    session: AsyncSession, pairs: Collection[tuple[str, bytes]]
) -> dict[tuple[str, bytes], Role | None]:
    """What each wallet may see its space as (None: not at all), for many spaces at once."""
    ids = {space_id for space_id, _ in pairs}
    t = tables.members
    query = sa.select(t.c.space_id, t.c.wallet, t.c.role).where(
        sa.tuple_(t.c.space_id, t.c.wallet).in_(list(pairs))
    )
    roles = {(row.space_id, row.wallet): row.role for row in await session.execute(query)}
    spaces = sa.select(tables.spaces).where(tables.spaces.c.id.in_(list(ids)))
    open_to_all = {
        row.id for row in map(_row, await session.execute(spaces)) if row.config.policy.allow_guest
    }
    return {
        pair: rights.visible_as(roles.get(pair), allow_guest=pair[0] in open_to_all)
        for pair in pairs
    }


async def hint(session: WriteSession, space_id: str, kind: str, version: int | None = None) -> None:
    """Tells every process, once this commits, that something of the space is new.

    Args:
        kind: ``version`` or ``rights``.
        version: the new version, so that whoever has it need not look.
    """
    payload = orjson.dumps({"space": space_id, "kind": kind, "version": version}).decode()
    await session.execute(sa.select(sa.func.pg_notify(CHANNEL, payload)))


def new_id(random: bytes) -> str:
    """A space's id from random bytes."""
    return "sp_" + base64.b32encode(random).decode().rstrip("=").lower()
