"""A thread as the API shows it. All of it is public on the chain; contents are not in it."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field
from solders.pubkey import Pubkey

from choir_api.fields import Address, Amount, ContentHash
from choir_api.levels import (
    LEVEL_NAMES,
    THREAD_STATUS_NAMES,
    LevelName,
    ThreadStatusName,
)
from choir_api.mirror import keys
from choir_api.responses import Schema
from choir_indexer.store.read import ThreadRow


class ThreadView(Schema):
    """A thread as of `slot`. Amounts in base units of the stake token."""

    thread_id: str
    address: Address
    status: ThreadStatusName
    privacy: LevelName
    creator: Address
    co_authors: list[Address]
    author_epoch: int = Field(description="counts changes of the set of co-authors")
    vault: Address
    balance: Amount
    total_shares: Amount
    total_claimable: Amount
    message_count: int
    pending_specs: int
    head: ContentHash = Field(description="of the hash chain over all messages")
    created_at: datetime
    updated_at: datetime
    slot: int


def thread_view(row: ThreadRow) -> ThreadView:
    """The mirror's row as an answer."""
    return ThreadView(
        thread_id=row.thread_id,
        address=Pubkey.from_bytes(row.pubkey),
        status=THREAD_STATUS_NAMES[row.status],
        privacy=LEVEL_NAMES[row.privacy],
        creator=Pubkey.from_bytes(row.creator),
        co_authors=keys(row.co_authors),
        author_epoch=row.author_epoch,
        vault=Pubkey.from_bytes(row.vault),
        balance=row.balance,
        total_shares=row.total_shares,
        total_claimable=row.total_claimable,
        message_count=row.message_count,
        pending_specs=row.pending_specs,
        head=row.head,
        created_at=moment(row.created_at),
        updated_at=moment(row.updated_at),
        slot=row.slot,
    )


def moment(seconds: int) -> datetime:
    """The program's seconds since the epoch as a UTC time."""
    return datetime.fromtimestamp(seconds, UTC)
