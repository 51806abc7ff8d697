"""Who takes part in a space: members, their roles, and their sessions."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from solders.pubkey import Pubkey
from sqlalchemy.ext.asyncio import AsyncSession

from choir.spaces.models import Member, Role
from choir_api.auth.principal import Principal
from choir_api.db import WriteSession
from choir_api.deps import Deps
from choir_api.errors import Conflict, Forbidden, NotFound
from choir_api.spaces import rights, store, tables
from choir_api.spaces.commit import Draft, no_such_space
from choir_api.spaces.hub import SpaceHub
from choir_api.spaces.schemas import SessionMade, SessionRequest
from choir_api.spaces.service import member_of, need, new_uuid, role_of
from choir_api.spaces.store import Row
from choir_api.spaces.tokens import TTL_S


async def put_member(
    deps: Deps, hub: SpaceHub, principal: Principal, space_id: str, wallet: Pubkey, role: Role
) -> Member:
    """Makes `wallet` a member, or changes its role.

    Raises:
        Conflict: the space is full, or would be left without an owner.
        Forbidden: not an admin; or not an owner, where owners are made or unmade.
        NotFound: no such space, or not for this wallet.
    """

    async def work(session: WriteSession, draft: Draft) -> Member:
        mine = await role_of(session, draft.row, principal.wallet)
        key = bytes(wallet)
        before = (await store.roles(session, space_id, [key])).get(key)
        need(mine, "owner" if "owner" in (role, before) else "admin")
        if before == "owner" and role != "owner":
            await _another_owner(session, space_id, key)
        if before is None:
            _room_for_one(draft.row)
        made = await store.put_member(session, space_id, key, role, new_uuid(deps), deps.now())
        await store.hint(session, space_id, "rights")
        return member_of(made)

    member = await hub.change(space_id, work)
    await hub.check_rights(space_id)
    return member


async def drop_member(
    deps: Deps, hub: SpaceHub, principal: Principal, space_id: str, wallet: Pubkey
) -> None:
    """Takes a member out; anybody may leave. Its sockets close at once.

    Raises:
        Conflict: the last owner stays.
        Forbidden: another member, and not an admin (an owner for owners).
        NotFound: no such space or member.
    """

    async def work(session: WriteSession, draft: Draft) -> None:
        mine = await role_of(session, draft.row, principal.wallet)
        key = bytes(wallet)
        before = (await store.roles(session, space_id, [key])).get(key)
        if before is None:
            raise NotFound(f"{wallet} is not a member", code="unknown_member")
        if wallet != principal.wallet:
            need(mine, "owner" if before == "owner" else "admin")
        if before == "owner":
            await _another_owner(session, space_id, key)
        await store.drop_member(session, space_id, key)
        await store.hint(session, space_id, "rights")

    await hub.change(space_id, work)
    await hub.check_rights(space_id)


def _room_for_one(row: Row) -> None:
    most = row.config.policy.max_members
    if row.members >= most:
        raise Conflict(
            f"the space has its {most} members; raise policy.maxMembers or let somebody go",
            code="space_full",
            details={"max_members": most},
        )


async def _another_owner(session: AsyncSession, space_id: str, wallet: bytes) -> None:
    t = tables.members
    query = sa.select(sa.func.count()).where(
        t.c.space_id == space_id, t.c.role == "owner", t.c.wallet != wallet
    )
    if not (await session.execute(query)).scalar_one():
        raise Conflict(
            "a space keeps at least one owner; make another member owner first",
            code="last_owner",
        )


async def open_session(
    session: WriteSession, deps: Deps, principal: Principal, space_id: str, body: SessionRequest
) -> SessionMade:
    """A session for the caller; a guest joins as a reader by this.

    Raises:
        Conflict: the space is full.
        Forbidden: a role above the caller's own.
        NotFound: no such space, or not for this wallet.
    """
    row = await store.lock(session, space_id)
    if row is None:
        raise no_such_space(space_id)
    role = await role_of(session, row, principal.wallet)
    wanted = body.role or role
    if not rights.allows(role, wanted):
        raise Forbidden(
            f"your role is {role}; a session cannot be {wanted}",
            code="role_too_low",
            details={"needed": wanted, "role": role},
        )
    now, wallet = deps.now(), bytes(principal.wallet)
    if wallet not in await store.roles(session, space_id, [wallet]):
        _room_for_one(row)
        await store.put_member(session, space_id, wallet, "reader", new_uuid(deps), now)
    made = SessionMade(
        session_id=new_uuid(deps),
        role=wanted,
        expires_at=(now + timedelta(seconds=TTL_S)).timestamp(),
    )
    await session.execute(sa.delete(tables.sessions).where(tables.sessions.c.expires_at <= now))
    await session.execute(
        sa.insert(tables.sessions).values(
            id=made.session_id,
            space_id=space_id,
            wallet=wallet,
            role=wanted,
            display_name=body.display_name,
            auth_session_id=principal.session_id,
            api_key_id=principal.key_id,
            created_at=now,
            expires_at=now + timedelta(seconds=TTL_S),
        )
    )
    return made
