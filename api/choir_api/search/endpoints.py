"""``GET /v1/search``."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter
from pydantic import AwareDatetime

from choir.ids import thread_pda
from choir.privacy import Level
from choir.vectors import Where
from choir_api.auth.dependencies import OPTIONAL_AUTH, MaybeSearcher, limited
from choir_api.deps import Given
from choir_api.errors import ValidationFailed
from choir_api.fields import Address, ThreadId
from choir_api.levels import LevelName
from choir_api.paging import Cursor, Cursors, Page
from choir_api.responses import refusals, request_id
from choir_api.search.schemas import SearchAnswer, SearchMetadata
from choir_api.search.service import search
from choir_indexer.store import read

MAX_RESULTS = 50

router = APIRouter(tags=["search"])


@router.get(
    "/search",
    responses=refusals(400, 401, 403, 429, 503),
    dependencies=[Depends(limited("searches"))],
    openapi_extra=OPTIONAL_AUTH,
)
async def search_messages(
    request: Request,
    deps: Given,
    searcher: MaybeSearcher,
    q: Annotated[
        str,
        Parameter(
            min_length=1,
            max_length=1000,
            description="what to look for, in one's own words",
            examples=["how are stakes paid back"],
        ),
    ],
    thread: Annotated[ThreadId | None, Parameter(description="only in this thread")] = None,
    author: Annotated[Address | None, Parameter(description="only by this wallet")] = None,
    after: Annotated[
        AwareDatetime | None, Parameter(description="posted at this time or later (RFC 3339)")
    ] = None,
    before: Annotated[
        AwareDatetime | None, Parameter(description="posted before this time (RFC 3339)")
    ] = None,
    level: Annotated[
        LevelName | None, Parameter(description="only content of this privacy level")
    ] = None,
    limit: Annotated[int, Parameter(ge=1, le=MAX_RESULTS, description="results a page")] = 10,
    cursor: Cursor = None,
) -> SearchAnswer:
    """Messages by meaning and by words, best first.

    Without credentials, public content. With a session or a key of scope `search`, also what
    the wallet may search: its threads, and premium content if it has premium. Encrypted
    content cannot be searched by a server. There is no total, and no trace of what is hidden.
    """
    question = _checked(q)
    where = _where(thread, author, after, before, level)
    cursors = Cursors(deps.settings.signing_secret())
    # a cursor continues one search of one viewer
    asked = [question, str(searcher.wallet) if searcher else "", *map(str, _plain(where))]
    listing = f"search:{hashlib.sha256(orjson.dumps(asked)).hexdigest()}"
    place = cursors.read(listing, cursor)
    offset, as_of = place if place is not None else (0, None)
    if as_of is not None and (where.before is None or where.before > as_of):
        # what came after the first page moves nothing
        where = Where(where.thread, where.author, where.level, where.after, as_of)
    found = await search(deps, searcher, question, where, offset=offset, limit=limit)
    following = None
    if found.next_offset is not None:
        if as_of is None:
            as_of = max(math.ceil(deps.clock.now()), found.newest + 1)
        following = cursors.make(listing, [found.next_offset, as_of])
    async with deps.database.read() as session:
        mark = await read.watermark(session)
    return SearchAnswer(
        data=Page(items=found.results, next_cursor=following),
        metadata=SearchMetadata(
            request_id=request_id(request),
            slot=mark.slot if mark else None,
            commitment=mark.commitment if mark else None,
            stale=found.stale,
            mode="text" if found.degraded else "hybrid",
            degraded=found.degraded,
        ),
    )


def _checked(question: str) -> str:
    stripped = question.strip()
    if not stripped:
        raise ValidationFailed("q holds only spaces; say what to look for", field="query.q")
    if "\0" in stripped:
        raise ValidationFailed("q must not hold the character NUL", field="query.q")
    return stripped


def _where(
    thread: str | None,
    author: Address | None,
    after: datetime | None,
    before: datetime | None,
    level: LevelName | None,
) -> Where:
    if after is not None and before is not None and after >= before:
        raise ValidationFailed(
            f"after ({after.isoformat()}) is not before `before` ({before.isoformat()})",
            field="query.after",
        )
    return Where(
        thread=str(thread_pda(thread)) if thread is not None else None,
        author=str(author) if author is not None else None,
        level=Level.parse(level) if level is not None else None,
        after=math.ceil(after.timestamp()) if after is not None else None,
        before=math.ceil(before.timestamp()) if before is not None else None,
    )


def _plain(where: Where) -> tuple[object, ...]:
    return (where.thread, where.author, where.level, where.after, where.before)
