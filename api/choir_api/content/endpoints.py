"""``POST /v1/content``: bring content whose hash is, or will be, on the chain."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from choir_api.auth.dependencies import Writer, limited
from choir_api.chain.facts import gather
from choir_api.content.schemas import ContentKept, ContentRequest, body_for
from choir_api.content.store import store
from choir_api.db import WriteSession
from choir_api.deps import Given
from choir_api.idempotency import IdempotencyKey, once
from choir_api.responses import Success, refusals, success

router = APIRouter(prefix="/content", tags=["content"])


@router.post(
    "",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def keep_content(
    request: Request,
    deps: Given,
    writer: Writer,
    body: ContentRequest,
    idempotency_key: IdempotencyKey = None,
) -> Success[ContentKept]:
    """Keep a content under its hash. Bringing the same content again changes nothing."""
    facts = await gather(deps.sender.rpc, writer.wallet, body.thread_id)
    content = body_for(body.content, facts.the_thread().privacy)
    digest = content.checked(body.content_hash)

    async def effect(session: WriteSession) -> ContentKept:
        await store(
            session,
            thread_id=body.thread_id,
            author=writer.wallet,
            body=content,
            now=deps.now(),
            quota_bytes=deps.settings.unlanded_content_bytes,
        )
        return ContentKept(thread_id=body.thread_id, content_hash=digest)

    kept = await once(request, deps, writer, idempotency_key, body, ContentKept, effect)
    return success(request, kept)
