"""``/v1/message``."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from choir_api.auth.dependencies import Writer, limited
from choir_api.db import WriteSession
from choir_api.deps import Given
from choir_api.idempotency import IdempotencyKey, once
from choir_api.messages import building
from choir_api.messages.building import MessageToSign, SubmitMessage
from choir_api.responses import Success, refusals, success

router = APIRouter(prefix="/message", tags=["messages"])


@router.post(
    "/submit",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("messages"))],
)
async def submit_message(
    request: Request,
    deps: Given,
    writer: Writer,
    body: SubmitMessage,
    idempotency_key: IdempotencyKey = None,
) -> Success[MessageToSign]:
    """Keep the content and get the transaction to sign: a co-author's message, else a spec."""

    async def effect(session: WriteSession) -> MessageToSign:
        return await building.submit(session, deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, MessageToSign, effect)
    return success(request, answer)
