"""What one transaction does to a space: the deltas that wait are merged one after the other."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from choir.errors import ChoirError
from choir.spaces.engine.merge import Changed, Conflict, Proposal, check_counter, merge
from choir.spaces.engine.state import State, normalise
from choir.spaces.models import Delta, Role, SpaceConfig
from choir_api.db import WriteSession
from choir_api.errors import ApiError, Forbidden, NotFound
from choir_api.errors import Conflict as Refused
from choir_api.realtime import Outgoing
from choir_api.spaces import rights, store
from choir_api.spaces.frames import KEY_STREAM, delta_frame
from choir_api.spaces.store import Entry, Row

LOOKBACK: Final = 10_000
"""How many versions behind a `set_` may have been proposed."""


@dataclass(frozen=True)
class Author:
    """Who proposes: a wallet, and the most its credential lets it be."""

    wallet: bytes
    cap: Role = "owner"


@dataclass(frozen=True)
class Accepted:
    """A delta that is committed."""

    entry: Entry
    state: State | None
    """The state with it; None for a repeat whose state is no longer at hand."""
    repeated: bool = False

    def frame(self) -> Outgoing:
        """Its ``delta`` frame, the same for everybody."""
        return delta_frame(self.entry)


@dataclass(frozen=True)
class Pending:
    """A delta that waits for its transaction."""

    author: Author
    stream: str
    delta: Delta
    digest: bytes
    done: asyncio.Future[Accepted]


@dataclass
class Draft:
    """What a transaction is about to make true of a space."""

    row: Row
    primes: tuple[int, ...]
    state: State
    changed: Changed
    config: SpaceConfig
    made: list[tuple[Entry, State]] = field(default_factory=list)

    def add(self, entry: Entry, state: State) -> None:
        """One more version."""
        self.made.append((entry, state))
        self.state = state
        if entry.kind == "basis":
            self.changed = Changed(floor=entry.version, epoch_version=entry.version)
        else:
            self.changed.record(entry.changes, entry.version)

    def entry(
        self,
        kind: str,
        author: bytes,
        now: datetime,
        *,
        stream: str = "",
        counter: int = 0,
        **more: Any,
    ) -> Entry:
        """The next version's row."""
        made = Entry(
            version=self.state.version + 1,
            epoch=self.state.epoch,
            kind=kind,
            author=author,
            stream=stream,
            counter=counter,
            digest=bytes(32),
            from_version=self.state.version,
            cv=(),
            changes=(),
            at=now,
        )
        return replace(made, **more)


def no_such_space(space_id: str) -> NotFound:
    """The same for a space that does not exist and one the caller may not see."""
    return NotFound(f"there is no space {space_id!r} for you", code="unknown_space")


def digest_of(delta: Delta) -> bytes:
    """What a repeated delta must be the same in."""
    made = delta.model_dump(
        mode="json", by_alias=True, include={"from_version", "epoch", "cv", "ops"}
    )
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).digest()


async def merge_all(
    session: WriteSession, draft: Draft, batch: Sequence[Pending], now: datetime
) -> list[Accepted | Exception]:
    """Merges each of the batch that can be, in order; what each came to."""
    space_id = draft.row.id
    roles = await store.roles(session, space_id, {p.author.wallet for p in batch})
    last = await _last_counters(session, space_id, batch)
    began = dict(last)
    results: list[Accepted | Exception] = []
    for pending in batch:
        try:
            results.append(await _merge(session, draft, roles, last, pending, now))
        except (ChoirError, ApiError) as error:
            results.append(error)
    moved = {
        (author, stream): value
        for (author, stream), value in last.items()
        if value != began[author, stream] and not stream.startswith(KEY_STREAM)
    }
    await store.set_counters(session, space_id, moved)
    return results


async def _last_counters(
    session: WriteSession, space_id: str, batch: Sequence[Pending]
) -> dict[tuple[bytes, str], int]:
    streams = {(p.author.wallet, p.stream) for p in batch}
    # an Idempotency-Key names one delta: whether there is one is in the deltas themselves
    named = {each for each in streams if each[1].startswith(KEY_STREAM)}
    last = await store.counters(session, space_id, streams - named) if streams - named else {}
    for author, stream in named:
        known = await store.entry_of(session, space_id, author, stream, 1)
        last[author, stream] = 0 if known is None else 1
    return last


async def _merge(
    session: WriteSession,
    draft: Draft,
    roles: dict[bytes, Role],
    last: dict[tuple[bytes, str], int],
    pending: Pending,
    now: datetime,
) -> Accepted:
    row, delta, author = draft.row, pending.delta, pending.author
    role = rights.visible_as(roles.get(author.wallet), allow_guest=draft.state.policy.allow_guest)
    if role is None:
        raise no_such_space(row.id)
    key = (author.wallet, pending.stream)
    counter = check_counter(last[key], delta.counter)
    if counter is None:
        return await _repeat(session, draft, pending)
    role = rights.lesser(role, author.cap)
    needed = rights.needed_for(op.op for op in delta.ops)
    if not rights.allows(role, needed):
        raise Forbidden(
            f"this takes the role {needed}, yours is {role}",
            code="role_too_low",
            details={"needed": needed, "role": role},
        )
    if row.status != "active":
        raise Refused(f"the space is {row.status}", code=f"space_{row.status}")
    changes = normalise(delta.ops, len(draft.state.phases))
    proposal = Proposal(delta.from_version, changes, delta.epoch, delta.cv)
    if proposal.sets:
        await _look_back(session, draft, proposal.from_version)
    state = merge(draft.state, draft.changed, proposal)
    entry = draft.entry(
        "delta",
        author.wallet,
        now,
        stream=pending.stream,
        counter=counter,
        digest=pending.digest,
        from_version=delta.from_version,
        cv=delta.cv,
        changes=changes,
    )
    draft.add(entry, state)
    last[key] = counter
    return Accepted(entry, state)


async def _repeat(session: WriteSession, draft: Draft, pending: Pending) -> Accepted:
    """The answer of a delta that was accepted before."""
    counter = pending.delta.counter
    assert counter is not None, "only a given counter can repeat"
    wallet, stream = pending.author.wallet, pending.stream
    for entry, state in draft.made:
        if (entry.author, entry.stream, entry.counter) == (wallet, stream, counter):
            found: Accepted | None = Accepted(entry, state, repeated=True)
            break
    else:
        stored = await store.entry_of(session, draft.row.id, wallet, stream, counter)
        found = Accepted(stored, None, repeated=True) if stored else None
    if found is None or found.entry.digest != pending.digest:
        raise Refused(
            f"counter {counter} of this session was used for another delta",
            code="counter_reused",
            details={"counter": counter},
        )
    return found


async def _look_back(session: WriteSession, draft: Draft, version: int) -> None:
    """Makes `draft.changed` complete for versions after `version`."""
    changed = draft.changed
    floor = changed.floor
    if not changed.epoch_version <= version < floor:
        return
    if floor - version > LOOKBACK:
        raise Conflict(
            f"version {version} is too long ago to set something; read the snapshot",
            code="too_old",
            expected=version,
            actual=draft.state.version,
        )
    for entry in await store.entries(session, draft.row.id, after=version, until=floor):
        for change in entry.changes:
            changed.at[change.path] = max(changed.at.get(change.path, 0), entry.version)
    changed.floor = version
