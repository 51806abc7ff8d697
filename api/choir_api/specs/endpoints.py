"""``/v1/spec``."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from choir_api.auth.dependencies import Writer, limited
from choir_api.db import WriteSession
from choir_api.deps import Given
from choir_api.idempotency import IdempotencyKey, once
from choir_api.responses import Success, refusals, success
from choir_api.specs import building
from choir_api.specs.building import DecideSpec, NamedSpec, SpecToSign, WithdrawSpec

router = APIRouter(prefix="/spec", tags=["specs"])


@router.post(
    "/approve",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def approve_spec(
    request: Request,
    deps: Given,
    writer: Writer,
    body: DecideSpec,
    idempotency_key: IdempotencyKey = None,
) -> Success[SpecToSign]:
    """The transaction with which a co-author approves or denies a spec."""

    async def effect(_: WriteSession) -> SpecToSign:
        return await building.decide(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, SpecToSign, effect)
    return success(request, answer)


@router.post(
    "/expire",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def expire_spec(
    request: Request,
    deps: Given,
    writer: Writer,
    body: NamedSpec,
    idempotency_key: IdempotencyKey = None,
) -> Success[SpecToSign]:
    """The transaction that gives the stake of an overdue spec back to its author."""

    async def effect(_: WriteSession) -> SpecToSign:
        return await building.expire(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, SpecToSign, effect)
    return success(request, answer)


@router.post(
    "/withdraw",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def withdraw_spec(
    request: Request,
    deps: Given,
    writer: Writer,
    body: WithdrawSpec,
    idempotency_key: IdempotencyKey = None,
) -> Success[SpecToSign]:
    """The transaction with which an author takes back a spec nobody has decided on."""

    async def effect(_: WriteSession) -> SpecToSign:
        return await building.withdraw(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, SpecToSign, effect)
    return success(request, answer)


@router.post(
    "/cleanup",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def cleanup_spec(
    request: Request,
    deps: Given,
    writer: Writer,
    body: NamedSpec,
    idempotency_key: IdempotencyKey = None,
) -> Success[SpecToSign]:
    """The transaction that closes a settled spec, so that its rent goes back to who paid it."""

    async def effect(_: WriteSession) -> SpecToSign:
        return await building.cleanup(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, SpecToSign, effect)
    return success(request, answer)
