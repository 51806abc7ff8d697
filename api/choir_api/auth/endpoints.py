"""``/v1/auth``: nonce, session, refresh, session list, revocation."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request

from choir_api.auth import service
from choir_api.auth.dependencies import Owner, limited
from choir_api.auth.schemas import (
    Challenge,
    NonceRequest,
    RefreshRequest,
    Revoked,
    SessionList,
    SessionRequest,
    SessionView,
    TokenPair,
)
from choir_api.deps import Given
from choir_api.responses import Success, refusals, success

router = APIRouter(prefix="/auth", tags=["identity"])


@router.post(
    "/nonce", responses=refusals(400, 401, 429), dependencies=[Depends(limited("sign_ins"))]
)
async def issue_nonce(request: Request, deps: Given, body: NonceRequest) -> Success[Challenge]:
    """A message for this wallet to sign. It counts once, for one purpose, for a few minutes."""
    issued = await service.issue_nonce(deps, body.address, body.purpose)
    challenge = Challenge(
        message=issued.text(),
        nonce=issued.nonce,
        purpose=body.purpose,
        domain=issued.domain,
        uri=issued.uri,
        chain=issued.chain,
        issued_at=issued.issued_at,
        expires_at=issued.expires_at,
    )
    return success(request, challenge)


@router.post("/session", status_code=201, responses=refusals(400, 401))
async def open_session(
    request: Request,
    deps: Given,
    body: SessionRequest,
    user_agent: Annotated[str, Header(include_in_schema=False)] = "",
) -> Success[TokenPair]:
    """Exchange a signed message for a session."""
    envelope = service.parse_envelope(body.signed_message)
    async with deps.database.write() as session:
        wallet = await service.redeem(
            session,
            deps,
            message=body.message,
            signature=body.signature,
            purpose="session",
            envelope=envelope,
        )
        tokens = await service.open_session(session, deps, wallet, user_agent)
    return success(request, _pair(tokens))


@router.post("/refresh", responses=refusals(400, 401))
async def refresh(request: Request, deps: Given, body: RefreshRequest) -> Success[TokenPair]:
    """New tokens for a refresh token. One that comes a second time ends the session."""
    return success(request, _pair(await service.refresh(deps, body.refresh_token)))


@router.get("/sessions", responses=refusals(401, 403))
async def list_sessions(request: Request, deps: Given, owner: Owner) -> Success[SessionList]:
    """The wallet's living sessions, newest first."""
    async with deps.database.read() as session:
        rows = await service.list_sessions(session, owner.wallet, deps.now())
    items = [
        SessionView(
            session_id=row.id,
            current=row.id == owner.session_id,
            user_agent=row.user_agent,
            created_at=row.created_at,
            refreshed_at=row.refreshed_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]
    return success(request, SessionList(items=items))


@router.delete("/sessions/{session_id}", responses=refusals(400, 401, 403, 404))
async def revoke_session(
    request: Request, deps: Given, owner: Owner, session_id: UUID
) -> Success[Revoked]:
    """End one of the wallet's sessions at once, its live sockets included."""
    async with deps.database.write() as session:
        await service.revoke_session(session, owner.wallet, session_id, deps.now())
    return success(request, Revoked(id=session_id))


def _pair(tokens: service.Tokens) -> TokenPair:
    return TokenPair(
        session_id=tokens.session_id,
        address=tokens.wallet,
        access_token=tokens.access_token,
        expires_at=tokens.access_expires_at,
        refresh_token=tokens.refresh_token,
        refresh_expires_at=tokens.refresh_expires_at,
    )
