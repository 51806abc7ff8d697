"""What the REST routes of spaces do. Deltas are `hub.SpaceHub.propose`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from solders.pubkey import Pubkey
from sqlalchemy.ext.asyncio import AsyncSession

from choir.errors import InvalidInput
from choir.spaces.engine import turns
from choir.spaces.engine.merge import Changed
from choir.spaces.engine.seeding import basis_primes, initial_phases
from choir.spaces.engine.state import Change, State, apply
from choir.spaces.models import (
    Basis,
    Member,
    OpName,
    PhaseProfile,
    Role,
    Space,
    SpaceConfig,
)
from choir_api.auth.principal import Principal
from choir_api.db import WriteSession
from choir_api.deps import Deps
from choir_api.errors import Conflict, Forbidden, Unprocessable, ValidationFailed
from choir_api.spaces import rights, store
from choir_api.spaces.commit import Draft, no_such_space
from choir_api.spaces.frames import KEY_STREAM
from choir_api.spaces.hub import SpaceHub
from choir_api.spaces.schemas import (
    SpacePatch,
)
from choir_api.spaces.store import Loaded, Row


@dataclass(frozen=True)
class Seen:
    """A space as its viewer may see it."""

    row: Row
    role: Role


def space_of(row: Row) -> Space:
    """The space without its state."""
    return Space(
        id=row.id,
        created_at=row.created_at,
        owner_org=str(Pubkey.from_bytes(row.owner)),
        epoch=row.epoch,
        version=row.version,
        config=row.config,
        members=row.members,
        status=row.status,
    )


def member_of(row: Any) -> Member:
    """A member's row as it travels."""
    return Member(
        id=str(row.id),
        user_id=str(Pubkey.from_bytes(row.wallet)),
        role=row.role,
        joined_at=row.joined_at,
    )


async def see(session: AsyncSession, space_id: str, wallet: Pubkey) -> Seen:
    """The space and the viewer's role.

    Raises:
        NotFound: there is none, or none for this wallet.
    """
    row = await store.get(session, space_id)
    if row is None:
        raise no_such_space(space_id)
    return Seen(row, await role_of(session, row, wallet))


async def role_of(session: AsyncSession, row: Row, wallet: Pubkey) -> Role:
    """The viewer's role.

    Raises:
        NotFound: the space is not for this wallet.
    """
    key = bytes(wallet)
    role = rights.visible_as(
        (await store.roles(session, row.id, [key])).get(key),
        allow_guest=row.config.policy.allow_guest,
    )
    if role is None:
        raise no_such_space(row.id)
    return role


def need(role: Role, needed: Role) -> None:
    """Refuses a role that does not reach.

    Raises:
        Forbidden: it does not.
    """
    if not rights.allows(role, needed):
        raise Forbidden(
            f"this takes the role {needed}, yours is {role}",
            code="role_too_low",
            details={"needed": needed, "role": role},
        )


# making spaces


def _seed(config: SpaceConfig) -> Loaded:
    try:
        primes = basis_primes(config.basis)
        phases = initial_phases(config.phases, primes)
    except InvalidInput as error:
        raise ValidationFailed(str(error), field=f"body.{str(error).partition(':')[0]}") from None
    state = State(0, 0, phases, config.operators, config.entropy, config.policy)
    return Loaded(primes, state, Changed(floor=0, epoch_version=0))


async def create(
    session: WriteSession, deps: Deps, principal: Principal, config: SpaceConfig
) -> Space:
    """A new space, owned by who asks.

    Raises:
        ValidationFailed: a basis that is none, or phases that do not fit it.
    """
    loaded = _seed(config)
    wallet = bytes(principal.wallet)
    row = Row(
        id=store.new_id(deps.entropy.token(15)),
        owner=wallet,
        status="active",
        epoch=0,
        epoch_version=0,
        version=0,
        config=config,
        members=1,
        created_at=deps.now(),
    )
    await store.create(session, row, loaded)
    await store.put_member(session, row.id, wallet, "owner", new_uuid(deps), row.created_at)
    return space_of(row)


def new_uuid(deps: Deps) -> UUID:
    """An id of the API's own randomness."""
    return UUID(bytes=deps.entropy.token(16), version=4)


# changing spaces

_OPERATIONS: Mapping[str, OpName] = {
    "operators": "set_operator",
    "entropy": "set_entropy",
    "policy": "set_policy",
}


def _changes(patch: SpacePatch, draft: Draft) -> list[Change]:
    """The patch as operations, so that replicas follow it like any delta."""
    changes: list[Change] = []
    if patch.phases is not None:
        try:
            phases = initial_phases(patch.phases, draft.primes)
        except InvalidInput as error:
            raise ValidationFailed(str(error), field="body.phases.custom") from None
        changes += [
            Change(
                "set_phase",
                f"/state/phases/{index}",
                turns.to_radians(turn),
                {"turns": str(turn)},
            )
            for index, turn in enumerate(phases)
        ]
    for section, op in _OPERATIONS.items():
        given: BaseModel | None = getattr(patch, section)
        if given is not None:
            tree = given.model_dump(by_alias=True, exclude_unset=True)
            changes += [Change(op, path, v) for path, v in _flat(f"/state/{section}", tree)]
    return changes


def _flat(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        path = f"{prefix}/{key}"
        found += _flat(path, value) if isinstance(value, Mapping) else [(path, value)]
    return found


async def _replayed(
    session: WriteSession, draft: Draft, wallet: bytes, key: str | None, digest: bytes
) -> bool:
    """Whether this keyed change was made before."""
    if key is None:
        return False
    known = await store.entry_of(session, draft.row.id, wallet, KEY_STREAM + key, 1)
    if known is not None and known.digest != digest:
        raise Unprocessable("this Idempotency-Key was used for another request; take a new one")
    return known is not None


def _digest(body: BaseModel) -> bytes:
    return hashlib.sha256(body.model_dump_json(exclude_unset=True).encode()).digest()


def _stream(draft: Draft, key: str | None) -> dict[str, Any]:
    """Where a change by REST counts: under its key, or under the version it makes."""
    if key is not None:
        return {"stream": KEY_STREAM + key, "counter": 1}
    return {"stream": "config", "counter": draft.state.version + 1}


async def patch(
    deps: Deps,
    hub: SpaceHub,
    principal: Principal,
    space_id: str,
    body: SpacePatch,
    key: str | None = None,
) -> Space:
    """Changes settings, phases or status; everything in `body` or nothing.

    Raises:
        Forbidden: phases, policy and status take an admin, the rest a writer.
        NotFound: no such space, or not for this wallet.
        ValidationFailed: custom phases that do not fit the basis.
    """
    wallet, digest = bytes(principal.wallet), _digest(body)

    async def work(session: WriteSession, draft: Draft) -> None:
        role = await role_of(session, draft.row, principal.wallet)
        above = body.phases is not None or body.policy is not None or body.status is not None
        need(role, "admin" if above else "writer")
        if await _replayed(session, draft, wallet, key, digest):
            return
        changes = _changes(body, draft)
        if changes and draft.row.status != "active" and body.status != "active":
            raise Conflict(f"the space is {draft.row.status}", code=f"space_{draft.row.status}")
        if body.status is not None and body.status != draft.row.status:
            await store.update(session, space_id, status=body.status)
            await store.hint(session, space_id, "rights")
        if body.policy is not None:
            await store.hint(session, space_id, "rights")
        if not changes:
            return
        if body.phases is not None:
            draft.config = draft.config.model_copy(update={"phases": body.phases})
        entry = draft.entry(
            "patch",
            wallet,
            deps.now(),
            digest=digest,
            changes=tuple(changes),
            **_stream(draft, key),
        )
        draft.add(entry, apply(draft.state, changes))

    await hub.change(space_id, work)
    async with deps.database.read() as session:
        return space_of((await see(session, space_id, principal.wallet)).row)


async def replace_basis(
    deps: Deps,
    hub: SpaceHub,
    principal: Principal,
    space_id: str,
    basis: Basis,
    key: str | None = None,
) -> Space:
    """A new basis with new first phases: the next epoch. Deltas of the old one conflict.

    Raises:
        Conflict: the space is locked or archived.
        Forbidden: not an admin.
        NotFound: no such space, or not for this wallet.
        ValidationFailed: a basis that is none.
    """
    wallet, digest = bytes(principal.wallet), _digest(basis)

    async def work(session: WriteSession, draft: Draft) -> None:
        need(await role_of(session, draft.row, principal.wallet), "admin")
        if await _replayed(session, draft, wallet, key, digest):
            return
        if draft.row.status != "active":
            raise Conflict(f"the space is {draft.row.status}", code=f"space_{draft.row.status}")
        profile = draft.config.phases
        if profile.custom is not None:  # made for the old basis
            profile = PhaseProfile(golden=profile.golden, silver=profile.silver)
        config = draft.config.model_copy(
            update={"basis": Basis.model_validate(basis.model_dump()), "phases": profile}
        )
        seeded = _seed(config)
        epoch = draft.state.epoch + 1
        entry = draft.entry(
            "basis", wallet, deps.now(), epoch=epoch, digest=digest, **_stream(draft, key)
        )
        draft.config, draft.primes = config, seeded.primes
        state = replace(
            draft.state, epoch=epoch, version=entry.version, phases=seeded.state.phases, tick=0
        )
        draft.add(entry, state)

    await hub.change(space_id, work)
    async with deps.database.read() as session:
        return space_of((await see(session, space_id, principal.wallet)).row)
