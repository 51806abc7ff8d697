"""What the API answers, as frozen values. Amounts are base units, times are UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature

T = TypeVar("T")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Challenge:
    """A message for the wallet to sign."""

    message: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """A session."""

    session_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def of(cls, data: Json) -> Tokens:
        """From the server's JSON."""
        return cls(
            data["session_id"],
            data["access_token"],
            data["refresh_token"],
            _time(data["expires_at"]),
        )


@dataclass(frozen=True, slots=True)
class Content:
    """A content as this viewer sees it: `view` is full, summary, ciphertext, existence or
    missing."""

    content_hash: bytes
    view: str
    text: str | None = None
    summary: str | None = None
    ciphertext: str | None = None

    @classmethod
    def of(cls, data: Json) -> Content:
        """From the server's JSON."""
        return cls(
            bytes.fromhex(data["content_hash"]),
            data["view"],
            data.get("text"),
            data.get("summary"),
            data.get("ciphertext"),
        )


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """A thread's state in the mirror, as of `slot`."""

    thread_id: str
    address: Pubkey
    status: str
    privacy: str
    creator: Pubkey
    co_authors: tuple[Pubkey, ...]
    author_epoch: int
    balance: int
    total_shares: int
    total_claimable: int
    message_count: int
    pending_specs: int
    head: bytes
    created_at: datetime
    updated_at: datetime
    slot: int

    @classmethod
    def of(cls, data: Json) -> ThreadInfo:
        """From the server's JSON."""
        return cls(
            thread_id=data["thread_id"],
            address=_key(data["address"]),
            status=data["status"],
            privacy=data["privacy"],
            creator=_key(data["creator"]),
            co_authors=tuple(_key(each) for each in data["co_authors"]),
            author_epoch=data["author_epoch"],
            balance=int(data["balance"]),
            total_shares=int(data["total_shares"]),
            total_claimable=int(data["total_claimable"]),
            message_count=data["message_count"],
            pending_specs=data["pending_specs"],
            head=bytes.fromhex(data["head"]),
            created_at=_time(data["created_at"]),
            updated_at=_time(data["updated_at"]),
            slot=data["slot"],
        )


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """A message of a thread."""

    address: Pubkey
    index: int
    author: Pubkey
    privacy: str
    content: Content
    posted_slot: int
    created_at: datetime

    @classmethod
    def of(cls, data: Json) -> MessageInfo:
        """From the server's JSON."""
        return cls(
            _key(data["address"]),
            data["index"],
            _key(data["author"]),
            data["privacy"],
            Content.of(data["content"]),
            data["posted_slot"],
            _time(data["created_at"]),
        )


@dataclass(frozen=True, slots=True)
class SpecInfo:
    """A spec of a thread."""

    address: Pubkey
    author: Pubkey
    status: str
    stake: int
    sequence: int
    privacy: str
    content: Content
    author_epoch: int
    approvals: int
    denials: int
    submitted_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, data: Json) -> SpecInfo:
        """From the server's JSON."""
        return cls(
            address=_key(data["address"]),
            author=_key(data["author"]),
            status=data["status"],
            stake=int(data["stake"]),
            sequence=data["sequence"],
            privacy=data["privacy"],
            content=Content.of(data["content"]),
            author_epoch=data["author_epoch"],
            approvals=data["approvals"],
            denials=data["denials"],
            submitted_at=_time(data["submitted_at"]),
            expires_at=_time(data["expires_at"]),
        )


@dataclass(frozen=True, slots=True)
class PositionInfo:
    """What a wallet has in a thread; `claimable` is what may be claimed now."""

    address: Pubkey
    thread: Pubkey
    owner: Pubkey
    shares: int
    claimable: int

    @classmethod
    def of(cls, data: Json) -> PositionInfo:
        """From the server's JSON."""
        return cls(
            _key(data["address"]),
            _key(data["thread"]),
            _key(data["owner"]),
            int(data["shares"]),
            int(data["claimable"]),
        )


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that a search found; higher scores first, comparable within one search."""

    thread_id: str
    message: Pubkey
    message_index: int
    author: Pubkey
    content: Content
    score: float
    created_at: datetime

    @classmethod
    def of(cls, data: Json) -> SearchHit:
        """From the server's JSON."""
        return cls(
            data["thread_id"],
            _key(data["message"]),
            data["message_index"],
            _key(data["author"]),
            Content.of(data["content"]),
            data["score"],
            _time(data["created_at"]),
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is None on the last. `slot`: the mirror was there."""

    items: tuple[T, ...]
    next_cursor: str | None
    slot: int | None

    @classmethod
    def of(cls, answer: Json, read: Callable[[Json], T]) -> Page[T]:
        """From the server's envelope."""
        data = answer["data"]
        return cls(
            tuple(read(each) for each in data["items"]),
            data["next_cursor"],
            answer["metadata"]["slot"],
        )


@dataclass(frozen=True, slots=True)
class Built:
    """An unsigned transaction of the server's. `details` has what the route adds, such as
    ``content_hash``, ``account`` or ``thread``. `asked` names Choir's instructions that it was
    asked for, in their order."""

    transaction: str
    fee_payer: Pubkey
    blockhash: str
    last_valid_block_height: int
    min_context_slot: int
    details: Json
    asked: tuple[str, ...]

    @classmethod
    def of(cls, data: Json, asked: tuple[str, ...]) -> Built:
        """From the server's JSON."""
        return cls(
            data["transaction"],
            _key(data["fee_payer"]),
            data["blockhash"],
            data["last_valid_block_height"],
            data["min_context_slot"],
            data,
            asked,
        )


@dataclass(frozen=True, slots=True)
class Landed:
    """A transaction that ran without an error, in `slot`."""

    signature: Signature
    slot: int


@dataclass(frozen=True, slots=True)
class TransactionInfo:
    """What became of a transaction; `mirrored` when reads of the API show it."""

    status: str
    slot: int | None
    error: Any
    mirrored: bool


def _key(text: str) -> Pubkey:
    return Pubkey.from_string(text)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
