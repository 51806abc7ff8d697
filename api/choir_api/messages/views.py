"""Messages and specs with their contents, as one viewer may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field
from solders.pubkey import Pubkey

from choir.accounts import PrivacyLevel
from choir.privacy import Viewer
from choir_api.auth.principal import Principal
from choir_api.content.rendering import ContentView, access_to, render, viewer_of
from choir_api.content.store import Body, bodies
from choir_api.content.summaries import SUMMARIES
from choir_api.db import ReadSession
from choir_api.fields import Address, Amount
from choir_api.levels import LEVEL_NAMES, SPEC_STATUS_NAMES, LevelName, SpecStatusName
from choir_api.mirror import keys
from choir_api.responses import Schema
from choir_api.threads.views import moment
from choir_indexer.store.read import MessageRow, SpecRow, ThreadRow


class MessageView(Schema):
    """A message of a thread."""

    address: Address
    index: int
    author: Address
    privacy: LevelName = Field(
        description="the level it was recorded with; it is never more public, nor than its thread"
    )
    content: ContentView
    posted_slot: int
    created_at: datetime


class SpecView(Schema):
    """A spec: a message that asks to join, with a stake."""

    address: Address
    author: Address
    status: SpecStatusName
    stake: Amount
    sequence: int = Field(description="which of the thread's submissions it is; decisions name it")
    privacy: LevelName = Field(description="the level its author has signed")
    content: ContentView
    author_epoch: int = Field(description="the set of co-authors its decisions were made by")
    approvals: int
    denials: int
    approved_by: list[Address] = Field(
        description="while the co-authors are those of `author_epoch`"
    )
    denied_by: list[Address]
    submitted_at: datetime
    expires_at: datetime
    resolved_at: datetime | None
    slot: int


class _Seen:
    """Contents of a thread as one viewer gets them. Each has a level of its own, and that of the
    thread in force where it is stricter."""

    def __init__(
        self,
        viewer: Viewer,
        address: Pubkey,
        thread: ThreadRow,
        found: Mapping[bytes, Body],
        *,
        certain: bool,
    ) -> None:
        self._found = found
        self._levels = {
            level: access_to(viewer, address, max(level, thread.privacy), certain=certain)
            for level in PrivacyLevel
        }

    async def content(self, digest: bytes, level: PrivacyLevel) -> ContentView:
        """One content that was recorded or submitted with a level."""
        access, body = self._levels[level], self._found.get(digest)
        summaries = await SUMMARIES.of({} if body is None else {digest: body}, access.detail)
        return render(digest, body, access, summaries)


async def message_views(
    session: ReadSession,
    thread: ThreadRow,
    rows: Sequence[MessageRow],
    principal: Principal | None,
    *,
    certain: bool,
) -> list[MessageView]:
    """The messages with their contents, in the order given."""
    address = Pubkey.from_bytes(thread.pubkey)
    viewer = viewer_of(principal, address, keys(thread.co_authors))
    found = await bodies(session, address, [row.content_hash for row in rows])
    seen = _Seen(viewer, address, thread, found, certain=certain)
    return [
        MessageView(
            address=Pubkey.from_bytes(row.pubkey),
            index=row.index,
            author=Pubkey.from_bytes(row.author),
            privacy=LEVEL_NAMES[row.privacy],
            content=await seen.content(row.content_hash, row.privacy),
            posted_slot=row.posted_slot,
            created_at=moment(row.created_at),
        )
        for row in rows
    ]


async def spec_views(
    session: ReadSession,
    thread: ThreadRow,
    rows: Sequence[SpecRow],
    principal: Principal | None,
    *,
    certain: bool,
) -> list[SpecView]:
    """The specs with their contents, in the order given."""
    address = Pubkey.from_bytes(thread.pubkey)
    authors = keys(thread.co_authors)
    viewer = viewer_of(principal, address, authors)
    found = await bodies(session, address, [row.content_hash for row in rows])
    seen = _Seen(viewer, address, thread, found, certain=certain)
    return [
        SpecView(
            address=Pubkey.from_bytes(row.pubkey),
            author=Pubkey.from_bytes(row.author),
            status=SPEC_STATUS_NAMES[row.status],
            stake=row.stake,
            sequence=row.sequence,
            privacy=LEVEL_NAMES[row.privacy],
            content=await seen.content(row.content_hash, row.privacy),
            author_epoch=row.author_epoch,
            approvals=row.approvals.bit_count(),
            denials=row.denials.bit_count(),
            approved_by=_named(row.approvals, row, thread, authors),
            denied_by=_named(row.denials, row, thread, authors),
            submitted_at=moment(row.submitted_at),
            expires_at=moment(row.expires_at),
            resolved_at=moment(row.resolved_at) if row.resolved_at else None,
            slot=row.slot,
        )
        for row in rows
    ]


def _named(bits: int, spec: SpecRow, thread: ThreadRow, authors: list[Pubkey]) -> list[Pubkey]:
    if spec.author_epoch != thread.author_epoch:
        return []
    return [author for place, author in enumerate(authors) if bits >> place & 1]
