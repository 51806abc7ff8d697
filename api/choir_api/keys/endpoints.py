"""``/v1/api-keys``: make, list, revoke."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request

from choir_api.auth.dependencies import Owner
from choir_api.auth.schemas import Revoked
from choir_api.auth.service import tell_revoked
from choir_api.auth.tokens import KEY_PREFIX, digest, new_secret
from choir_api.deps import Given
from choir_api.errors import Conflict, NotFound
from choir_api.keys.schemas import KeyList, KeyRequest, KeyView, NewKey
from choir_api.responses import Success, refusals, success
from choir_api.tables import api_keys, wallets

router = APIRouter(prefix="/api-keys", tags=["identity"])
HINT_SIZE = len(KEY_PREFIX) + 4


@router.post("", status_code=201, responses=refusals(400, 401, 403, 409))
async def make_key(
    request: Request, deps: Given, owner: Owner, body: KeyRequest
) -> Success[NewKey]:
    """A key for the signed-in wallet. Needs a session: a key cannot make keys."""
    secret = new_secret(KEY_PREFIX, deps.entropy)
    now = deps.now()
    expires_at = now + timedelta(seconds=body.expires_in_s) if body.expires_in_s else None
    scopes = sorted(set(body.scopes))
    key = NewKey(
        key_id=UUID(bytes=deps.entropy.token(16), version=4),
        name=body.name,
        hint=secret[:HINT_SIZE],
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
        secret=secret,
    )
    most = deps.settings.api_keys_of_wallet
    async with deps.database.write() as session:
        # one at a time for each wallet, or two could both be the last
        await session.execute(
            sa.select(wallets).where(wallets.c.wallet == bytes(owner.wallet)).with_for_update()
        )
        count = sa.select(sa.func.count()).where(
            api_keys.c.wallet == bytes(owner.wallet),
            api_keys.c.revoked_at.is_(None),
            sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
        )
        if (await session.execute(count)).scalar_one() >= most:
            raise Conflict(
                f"you have {most} API keys, which is the most; revoke one first",
                code="too_many_keys",
                details={"most": most},
            )
        await session.execute(
            sa.insert(api_keys).values(
                id=key.key_id,
                wallet=bytes(owner.wallet),
                name=key.name,
                hint=key.hint,
                hash=digest(secret),
                scopes=[scope.value for scope in scopes],
                created_at=now,
                expires_at=expires_at,
            )
        )
    return success(request, key)


@router.get("", responses=refusals(401, 403))
async def list_keys(request: Request, deps: Given, owner: Owner) -> Success[KeyList]:
    """The wallet's keys that have not been revoked, newest first."""
    query = (
        sa.select(api_keys)
        .where(api_keys.c.wallet == bytes(owner.wallet), api_keys.c.revoked_at.is_(None))
        .order_by(api_keys.c.created_at.desc(), api_keys.c.id)
    )
    async with deps.database.read() as session:
        rows = (await session.execute(query)).all()
    return success(request, KeyList(items=[_view(row) for row in rows]))


@router.delete("/{key_id}", responses=refusals(400, 401, 403, 404))
async def revoke_key(request: Request, deps: Given, owner: Owner, key_id: UUID) -> Success[Revoked]:
    """The key counts no longer; what is open on it closes."""
    statement = (
        sa.update(api_keys)
        .where(
            api_keys.c.id == key_id,
            api_keys.c.wallet == bytes(owner.wallet),
            api_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=deps.now())
        .returning(api_keys.c.id)
    )
    async with deps.database.write() as session:
        if (await session.execute(statement)).one_or_none() is None:
            raise NotFound(f"you have no API key {key_id}", code="unknown_key")
        await tell_revoked(session, key_id)
    return success(request, Revoked(id=key_id))


def _view(row: Any) -> KeyView:
    return KeyView(
        key_id=row.id,
        name=row.name,
        hint=row.hint,
        scopes=row.scopes,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
