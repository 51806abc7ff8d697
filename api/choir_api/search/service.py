"""A search from the question to the page that leaves.

Three steps, each closed on its own: the viewer's threads are read and become the access
filter; candidates come from the store with that filter inside the query; then each is read
again from PostgreSQL, in a snapshot taken after the store answered, and leaves only if its
hash is the chain's and the same filter, made anew, lets the viewer find it *now*.

What the recheck drops is replaced from further down, so that a page's length says nothing
of it, and no total is given anywhere.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from solders.pubkey import Pubkey
from sqlalchemy.exc import DBAPIError

from choir.errors import ChoirError
from choir.privacy import (
    ANONYMOUS,
    AccessFilter,
    Content,
    Level,
    PrivacyLevelMismatch,
    SearchIndexLeak,
    Viewer,
    access_tokens,
    decide,
)
from choir.vectors import Hit, Where
from choir_api.auth.principal import Principal
from choir_api.content.rendering import render
from choir_api.content.store import Body
from choir_api.content.summaries import SUMMARIES
from choir_api.db import ReadSession
from choir_api.deps import Deps
from choir_api.errors import Unavailable
from choir_api.floors import floors
from choir_api.levels import LEVEL_NAMES
from choir_api.mirror import fresh
from choir_api.search.highlight import passage
from choir_api.search.schemas import Highlight, SearchResult
from choir_api.search.text import find_text
from choir_api.threads.views import moment

log = logging.getLogger("choir_api.search")


# candidates read from the tables at a time
PART = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A page of results.

    Attributes:
        results: best first.
        next_offset: where the next page begins among the candidates; None at the end.
        newest: the latest ``created_at`` among all candidates, seconds; 0 for none.
        degraded: why the search was by words alone; None when it was not.
        stale: the mirror has not moved lately; only public content was found.
    """

    results: list[SearchResult]
    next_offset: int | None
    newest: int
    degraded: str | None
    stale: bool


async def search(
    deps: Deps,
    principal: Principal | None,
    question: str,
    where: Where,
    *,
    offset: int,
    limit: int,
) -> Found:
    """The results of ``question`` from candidate ``offset`` on, at most ``limit`` of them."""
    async with deps.database.read() as session:
        viewer = await viewer_of(session, principal)
    access = AccessFilter.for_viewer(viewer)
    hits, degraded = await _candidates(deps, question, viewer, access, where)
    async with deps.database.read() as session:
        now = await viewer_of(session, principal)
        certain = await fresh(session, deps.settings)
        results, following = await _page(
            session,
            now,
            question,
            hits,
            where,
            offset,
            limit,
            certain=certain,
            budget=deps.settings.page_content_bytes,
        )
    newest = max((hit.created_at for hit in hits), default=0)
    return Found(results, following, newest, degraded, stale=not certain)


async def viewer_of(session: ReadSession, principal: Principal | None) -> Viewer:
    """The asking wallet with the threads it co-authors in this snapshot."""
    if principal is None:
        return ANONYMOUS
    rows = await session.execute(_THREADS_OF, {"wallet": [bytes(principal.wallet)]})
    return Viewer(
        wallet=str(principal.wallet),
        premium=principal.premium,
        threads=frozenset(str(Pubkey.from_bytes(row.pubkey)) for row in rows),
    )


async def _candidates(
    deps: Deps, question: str, viewer: Viewer, access: AccessFilter, where: Where
) -> tuple[list[Hit], str | None]:
    """Hits of the vector store; when it does not answer, of the text search, and why."""
    if deps.search is None:
        reason = "no vector store is set up"
    else:
        try:
            return await deps.search.find(question, access, where), None
        except ChoirError as error:
            # its words are for the operator; the viewer hears that it is down
            log.warning("search without vectors: %s", error)
            reason = "the vector store does not answer"
    try:
        async with deps.database.read() as session:
            return await find_text(session, question, access, viewer.threads, where), reason
    except DBAPIError as error:
        raise Unavailable(
            "search is down: the vector store does not answer and the text search took too "
            "long; narrow it by thread or author, or come again"
        ) from error


async def _page(
    session: ReadSession,
    viewer: Viewer,
    question: str,
    hits: Sequence[Hit],
    where: Where,
    offset: int,
    limit: int,
    *,
    certain: bool,
    budget: int,
) -> tuple[list[SearchResult], int | None]:
    results: list[SearchResult] = []
    place = offset
    spent = 0
    while place < len(hits) and len(results) < limit:
        part = hits[place : place + min(limit, PART)]
        rows = await _current(session, [hit.message for hit in part])
        laid = await floors(session, {row.thread for row in rows.values()})
        for hit in part:
            if len(results) == limit:
                break
            place += 1
            row = rows.get(hit.message)
            if row is None:
                continue
            level = max(Level(row.privacy), laid.get(row.thread, Level.PUBLIC))
            if level is not Level.PUBLIC and not certain:
                continue
            if _may_leave(viewer, hit, row, level, where):
                spent += len(row.text.encode())
                if results and spent > budget:
                    return results, place - 1
                results.append(await _result(hit, row, viewer, question, level))
    return results, place if place < len(hits) else None


def _may_leave(viewer: Viewer, hit: Hit, row: Any, level: Level, where: Where) -> bool:
    """Whether the message, as it is now, may be shown to this viewer as a result."""
    if row.text is None or hashlib.sha256(row.text.encode()).digest() != row.content_hash:
        return False
    tokens = access_tokens(Content(_thread_of(row), level))
    if not AccessFilter.for_viewer(viewer).matches(tokens):
        if level is hit.level:
            leak = SearchIndexLeak(f"the index offered {hit.message} to one who may not find it")
            log.error("%s; to do: %s", leak, ", ".join(leak.recovery))
        else:
            lag = PrivacyLevelMismatch(
                f"{hit.message} is {level.label}, the index still has {hit.level.label}"
            )
            log.info("%s; to do: %s", lag, ", ".join(lag.recovery))
        return False
    return where.level is None or where.level is level


async def _result(hit: Hit, row: Any, viewer: Viewer, question: str, level: Level) -> SearchResult:
    access = decide(viewer, Content(_thread_of(row), level))
    body = Body(text=row.text)
    # who may search may read, so there is nothing to summarise; this keeps it true
    summaries = await SUMMARIES.of({row.content_hash: body}, access.detail)
    shown = passage(row.text, question)
    return SearchResult(
        thread_id=row.thread_id,
        thread=Pubkey.from_bytes(row.thread),
        message=Pubkey.from_bytes(row.pubkey),
        message_index=int(row.index),
        author=Pubkey.from_bytes(row.author),
        level=LEVEL_NAMES[level],
        content=render(row.content_hash, body, access, summaries),
        highlight=Highlight(text=shown.text, spans=list(shown.spans)),
        score=hit.score,
        created_at=moment(row.created_at),
    )


def _thread_of(row: Any) -> str:
    """The thread by the tables; an index may be wrong about it."""
    return str(Pubkey.from_bytes(row.thread))


async def _current(session: ReadSession, messages: Sequence[str]) -> dict[str, Any]:
    """Messages with thread and content as this snapshot has them, by address."""
    keys = [bytes(Pubkey.from_string(message)) for message in messages]
    rows = await session.execute(_CURRENT, {"keys": keys})
    return {str(Pubkey.from_bytes(row.pubkey)): row for row in rows}


_THREADS_OF = sa.text("SELECT pubkey FROM chain.threads WHERE co_authors @> :wallet").bindparams(
    sa.bindparam("wallet", type_=sa.ARRAY(sa.LargeBinary))
)
_CURRENT = sa.text(
    """
    SELECT m.pubkey, m.thread, m.index, m.author, m.content_hash, m.created_at,
           t.thread_id, greatest(m.privacy, t.privacy) AS privacy, c.text
    FROM chain.messages m
    JOIN chain.threads t ON t.pubkey = m.thread
    JOIN app.contents c ON c.thread = m.thread AND c.content_hash = m.content_hash
    WHERE m.pubkey = ANY(:keys)
    """
).bindparams(sa.bindparam("keys", type_=sa.ARRAY(sa.LargeBinary)))
