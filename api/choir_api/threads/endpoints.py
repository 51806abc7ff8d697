"""``/v1/thread`` and ``/v1/threads``."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from choir.accounts import SpecStatus
from choir_api.auth.dependencies import OPTIONAL_AUTH, MaybeReader, Writer, limited
from choir_api.content.budget import fitting
from choir_api.db import WriteSession
from choir_api.deps import Given
from choir_api.fields import Address
from choir_api.idempotency import IdempotencyKey, once
from choir_api.levels import SPEC_STATUS_NAMES, SpecStatusName
from choir_api.messages.views import MessageView, SpecView, message_views, spec_views
from choir_api.mirror import fresh, in_force, mirrored, require_thread
from choir_api.paging import Cursor, Cursors, Limit, Page
from choir_api.responses import Success, refusals, success
from choir_api.threads import building, ending
from choir_api.threads.building import CreateThread, PrivacyToSign, SetPrivacy, ThreadToSign
from choir_api.threads.ending import EndingToSign, NamedThread, RetireAuthor
from choir_api.threads.views import ThreadView, thread_view
from choir_api.tokens.views import PositionView, position_view
from choir_indexer.store import read

router = APIRouter(tags=["threads"])
Named = Annotated[
    str, Path(alias="thread_id", min_length=1, max_length=64, examples=["choir-design"])
]
STATUSES = {name: SpecStatus(number) for number, name in SPEC_STATUS_NAMES.items()}


@router.post(
    "/thread/create",
    responses=refusals(400, 401, 403, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("threads"))],
)
async def create_thread(
    request: Request,
    deps: Given,
    writer: Writer,
    body: CreateThread,
    idempotency_key: IdempotencyKey = None,
) -> Success[ThreadToSign]:
    """The transaction that opens a thread with a deposit, and with a first message if wanted."""

    async def effect(session: WriteSession) -> ThreadToSign:
        return await building.create_thread(session, deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, ThreadToSign, effect)
    return success(request, answer)


@router.post(
    "/thread/privacy",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def set_privacy(
    request: Request,
    deps: Given,
    writer: Writer,
    body: SetPrivacy,
    idempotency_key: IdempotencyKey = None,
) -> Success[PrivacyToSign]:
    """The transaction with which a co-author changes who may read the thread's contents."""

    async def effect(_: WriteSession) -> PrivacyToSign:
        return await building.set_privacy(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, PrivacyToSign, effect)
    return success(request, answer)


@router.post(
    "/thread/leave",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def leave_thread(
    request: Request,
    deps: Given,
    writer: Writer,
    body: NamedThread,
    idempotency_key: IdempotencyKey = None,
) -> Success[EndingToSign]:
    """The transaction with which a co-author without shares leaves a thread."""

    async def effect(_: WriteSession) -> EndingToSign:
        return await ending.leave(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, EndingToSign, effect)
    return success(request, answer)


@router.post(
    "/thread/retire",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def retire_thread(
    request: Request,
    deps: Given,
    writer: Writer,
    body: RetireAuthor,
    idempotency_key: IdempotencyKey = None,
) -> Success[EndingToSign]:
    """The transaction with which a co-author retires another, who has done nothing for long."""

    async def effect(_: WriteSession) -> EndingToSign:
        return await ending.retire(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, EndingToSign, effect)
    return success(request, answer)


@router.post(
    "/thread/wind-down",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def wind_down_thread(
    request: Request,
    deps: Given,
    writer: Writer,
    body: NamedThread,
    idempotency_key: IdempotencyKey = None,
) -> Success[EndingToSign]:
    """The transaction with which the only co-author winds a thread down, for good."""

    async def effect(_: WriteSession) -> EndingToSign:
        return await ending.wind_down(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, EndingToSign, effect)
    return success(request, answer)


@router.post(
    "/thread/close",
    responses=refusals(400, 401, 403, 404, 409, 413, 422, 429, 503),
    dependencies=[Depends(limited("actions"))],
)
async def close_thread(
    request: Request,
    deps: Given,
    writer: Writer,
    body: NamedThread,
    idempotency_key: IdempotencyKey = None,
) -> Success[EndingToSign]:
    """The transaction with which the only co-author closes a thread and takes everything out."""

    async def effect(_: WriteSession) -> EndingToSign:
        return await ending.close(deps, writer, body)

    answer = await once(request, deps, writer, idempotency_key, body, EndingToSign, effect)
    return success(request, answer)


@router.get("/threads", responses=refusals(400))
async def list_threads(
    request: Request,
    deps: Given,
    co_author: Annotated[Address | None, Query(description="only this wallet's threads")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Success[Page[ThreadView]]:
    """Threads, newest first."""
    cursors = Cursors(deps.settings.signing_secret())
    listing = f"threads:{co_author or ''}"
    place = cursors.read(listing, cursor)
    async with deps.database.read() as session:
        rows = await read.threads(
            session,
            limit=limit + 1,
            after=(place[0], bytes.fromhex(place[1])) if place else None,
            co_author=bytes(co_author) if co_author else None,
        )
        more = len(rows) > limit
        rows = rows[:limit]
        last = [rows[-1].created_at, rows[-1].pubkey.hex()] if more else None
        page = Page(
            items=[thread_view(row) for row in await in_force(session, rows)],
            next_cursor=cursors.make(listing, last) if last else None,
        )
        return await mirrored(request, session, page)


@router.get(
    "/thread/{thread_id}",
    response_model=Success[ThreadView],
    responses={
        200: {"headers": {"ETag": {"schema": {"type": "string"}}}},
        304: {"description": "Not changed since the version that `If-None-Match` names."},
        **refusals(400, 404),
    },
)
async def get_thread(
    request: Request,
    response: Response,
    deps: Given,
    thread_id: Named,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Success[ThreadView] | Response:
    """A thread's state in the mirror."""
    async with deps.database.read() as session:
        view = thread_view(await require_thread(session, thread_id))
        answer = await mirrored(request, session, view)
    # weak: the envelope around the state differs from answer to answer
    tag = f'W/"{hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:32]}"'
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-cache"})
    response.headers["ETag"] = tag
    # the same for everybody: caches may keep it, and ask whether it still holds
    response.headers["Cache-Control"] = "no-cache"
    return answer


@router.get(
    "/thread/{thread_id}/messages",
    responses=refusals(400, 401, 403, 404),
    openapi_extra=OPTIONAL_AUTH,
)
async def list_messages(
    request: Request,
    deps: Given,
    reader: MaybeReader,
    thread_id: Named,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Success[Page[MessageView]]:
    """The thread's messages, newest first, with their contents as the viewer may see them."""
    cursors = Cursors(deps.settings.signing_secret())
    listing = f"messages:{thread_id}"
    place = cursors.read(listing, cursor)
    async with deps.database.read() as session:
        thread = await require_thread(session, thread_id)
        certain = await fresh(session, deps.settings)
        rows = await read.messages(
            session, thread.pubkey, limit=limit + 1, before=place[0] if place else 1 << 64
        )
        more = len(rows) > limit
        rows = rows[:limit]
        kept = await fitting(
            session,
            thread.pubkey,
            [row.content_hash for row in rows],
            deps.settings.page_content_bytes,
        )
        rows, more = rows[:kept], more or kept < len(rows)
        page = Page(
            items=await message_views(session, thread, rows, reader, certain=certain),
            next_cursor=cursors.make(listing, [rows[-1].index]) if more else None,
        )
        return await mirrored(request, session, page)


@router.get(
    "/thread/{thread_id}/specs",
    responses=refusals(400, 401, 403, 404),
    openapi_extra=OPTIONAL_AUTH,
)
async def list_specs(
    request: Request,
    deps: Given,
    reader: MaybeReader,
    thread_id: Named,
    status: SpecStatusName | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Success[Page[SpecView]]:
    """The thread's specs, newest first, with their contents as the viewer may see them."""
    cursors = Cursors(deps.settings.signing_secret())
    listing = f"specs:{thread_id}:{status or ''}"
    place = cursors.read(listing, cursor)
    async with deps.database.read() as session:
        thread = await require_thread(session, thread_id)
        certain = await fresh(session, deps.settings)
        rows = await read.specs(
            session,
            thread.pubkey,
            limit=limit + 1,
            after=(place[0], bytes.fromhex(place[1])) if place else None,
            status=STATUSES[status] if status else None,
        )
        more = len(rows) > limit
        rows = rows[:limit]
        kept = await fitting(
            session,
            thread.pubkey,
            [row.content_hash for row in rows],
            deps.settings.page_content_bytes,
        )
        rows, more = rows[:kept], more or kept < len(rows)
        last = [rows[-1].submitted_at, rows[-1].pubkey.hex()] if more else None
        page = Page(
            items=await spec_views(session, thread, rows, reader, certain=certain),
            next_cursor=cursors.make(listing, last) if last else None,
        )
        return await mirrored(request, session, page)


@router.get("/thread/{thread_id}/positions", responses=refusals(400, 404))
async def list_positions(
    request: Request,
    deps: Given,
    thread_id: Named,
    owner: Annotated[Address | None, Query(description="only this wallet's")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Success[Page[PositionView]]:
    """What wallets have in the thread."""
    cursors = Cursors(deps.settings.signing_secret())
    listing = f"positions:{thread_id}:{owner or ''}"
    place = cursors.read(listing, cursor)
    async with deps.database.read() as session:
        thread = await require_thread(session, thread_id)
        if owner is not None:
            one = await read.position(session, thread.pubkey, bytes(owner))
            rows = [one] if one is not None else []
        else:
            rows = await read.positions(
                session,
                thread.pubkey,
                limit=limit + 1,
                after=bytes.fromhex(place[0]) if place else None,
            )
        more = len(rows) > limit
        rows = rows[:limit]
        page = Page(
            items=[position_view(row) for row in rows],
            next_cursor=cursors.make(listing, [rows[-1].pubkey.hex()]) if more else None,
        )
        return await mirrored(request, session, page)
