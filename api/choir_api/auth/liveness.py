"""Whether what a live connection was opened with still counts, asked for many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from choir_api.auth.principal import Principal
from choir_api.tables import api_keys, sessions, wallets


async def living(session: AsyncSession, ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Those of the sessions and API keys that are neither revoked nor expired."""
    if not ids:
        return set()
    wanted = list(ids)
    query = sa.union_all(
        sa.select(sessions.c.id).where(
            sessions.c.id.in_(wanted),
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
        ),
        sa.select(api_keys.c.id).where(
            api_keys.c.id.in_(wanted),
            api_keys.c.revoked_at.is_(None),
            sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
        ),
    )
    return set((await session.execute(query)).scalars())


async def as_of_now(
    session: AsyncSession, principals: Iterable[Principal], now: datetime
) -> dict[Principal, Principal | None]:
    """Each principal with the premium it has now; None for one whose credential has ended."""
    asked = set(principals)
    if not asked:
        return {}
    alive = await living(session, {credential_of(each) for each in asked}, now)
    query = sa.select(wallets.c.wallet).where(
        wallets.c.wallet.in_({bytes(each.wallet) for each in asked}),
        wallets.c.premium_until > now,
    )
    premium = set((await session.execute(query)).scalars())
    return {
        each: replace(each, premium=bytes(each.wallet) in premium)
        if credential_of(each) in alive
        else None
        for each in asked
    }


def credential_of(principal: Principal) -> UUID:
    """The id of the session or key that the principal came with."""
    found = principal.session_id or principal.key_id
    assert found is not None, "a principal has a session or a key"
    return found
