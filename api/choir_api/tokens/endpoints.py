"""``/v1/token``."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from choir_api.auth.dependencies import Writer, limited
from choir_api.db import WriteSession
from choir_api.deps import Given
from choir_api.idempotency import IdempotencyKey, once
from choir_api.responses import Success, refusals, success
from choir_api.tokens import building
from choir_api.tokens.building import ClaimRewards, MoveTokens, TokensToSign

router = APIRouter(
    prefix="/token",
    tags=["tokens"],
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)


@router.post("/divest")
async def divest(
    request: Request,
    deps: Given,
    writer: Writer,
    body: MoveTokens,
    idempotency_key: IdempotencyKey = None,
) -> Success[TokensToSign]:
    """The transaction that takes tokens out of a thread, once the cooldown has passed."""

    async def effect(_: WriteSession) -> TokensToSign:
        return await building.divest(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, TokensToSign, effect)
    return success(request, answer)


@router.post("/deposit")
async def deposit(
    request: Request,
    deps: Given,
    writer: Writer,
    body: MoveTokens,
    idempotency_key: IdempotencyKey = None,
) -> Success[TokensToSign]:
    """The transaction that adds to a co-author's stake."""

    async def effect(_: WriteSession) -> TokensToSign:
        return await building.deposit(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, TokensToSign, effect)
    return success(request, answer)


@router.post("/claim")
async def claim(
    request: Request,
    deps: Given,
    writer: Writer,
    body: ClaimRewards,
    idempotency_key: IdempotencyKey = None,
) -> Success[TokensToSign]:
    """The transaction that pays out the caller's rewards."""

    async def effect(_: WriteSession) -> TokensToSign:
        return await building.claim(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, TokensToSign, effect)
    return success(request, answer)
