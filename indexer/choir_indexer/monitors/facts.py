"""What the rules look at: plain values, read in one snapshot of the mirror."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from choir.accounts import SpecStatus

__all__ = [
    "Act",
    "Link",
    "Pending",
    "Share",
    "ThreadFacts",
    "Vault",
    "acts_since",
    "pending_specs",
    "thread_facts",
]

TAIL = 1000
MOST_ACTS = 100_000
MONEY: Final = (
    "ThreadCreated", "Deposited", "Divested", "SpecSettled", "RewardClaimed", "ThreadClosed",
)  # fmt: skip
# whose doing an event is, in the field of that name
ACTORS: Final = ("owner", "author", "creator", "approver", "by")


@dataclass(frozen=True, slots=True)
class Share:
    """A position: shares, and what is owed to it, base units."""

    shares: int
    owed: int


@dataclass(frozen=True, slots=True)
class Link:
    """A message's place in its thread's hash chain."""

    index: int
    author: bytes
    content_hash: bytes
    previous_head: bytes


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """A thread with what belongs to it, all as of one slot.

    `pending` counts the specs that wait, `messages` the messages that are there; `tail` and
    `money` are the newest of its messages and of its events that move tokens, oldest first.
    """

    pubkey: bytes
    balance: int
    total_claimable: int
    total_shares: int
    pending_specs: int
    message_count: int
    head: bytes
    shares: tuple[Share, ...]
    pending: int
    messages: int
    tail: tuple[Link, ...]
    money: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class Vault:
    """A thread's vault at one slot: what the thread owes and what the vault holds, base units."""

    thread: bytes
    owed: int
    held: int


@dataclass(frozen=True, slots=True)
class Act:
    """An event of a thread within the window. `actor` is the wallet whose doing it is, in
    base58; `fee_payer` who paid for it, None when the transaction is not kept."""

    thread: bytes
    kind: str
    payload: Mapping[str, Any]
    at: int
    actor: str | None
    fee_payer: bytes | None


@dataclass(frozen=True, slots=True)
class Pending:
    """A spec that waits; `decided` says whether any co-author has decided."""

    pubkey: bytes
    thread: bytes
    submitted_at: int
    expires_at: int
    decided: bool


_THREADS: Final = """
    SELECT t.pubkey, t.slot, t.balance, t.total_claimable, t.total_shares, t.pending_specs,
           t.message_count, t.head, t.reward_per_author, t.co_authors, w.slot AS watermark
    FROM chain.threads t, chain.watermark w WHERE t.pubkey = ANY($1::bytea[])
"""
_POSITIONS: Final = """
    SELECT thread, owner, slot, shares, claimable, reward_checkpoint FROM chain.positions
    WHERE thread = ANY($1::bytea[])
"""
_SPECS: Final = """
    SELECT thread, max(slot) AS slot, count(*) FILTER (WHERE status = $2) AS pending
    FROM chain.specs WHERE thread = ANY($1::bytea[]) GROUP BY thread
"""
_MESSAGES: Final = """
    SELECT thread, max(slot) AS slot, count(*) AS messages
    FROM chain.messages WHERE thread = ANY($1::bytea[]) GROUP BY thread
"""
_TAIL: Final = """
    SELECT m.* FROM unnest($1::bytea[]) AS k (thread), LATERAL (
        SELECT thread, index, author, content_hash, previous_head FROM chain.messages
        WHERE thread = k.thread ORDER BY index DESC LIMIT $2) m
    ORDER BY m.thread, m.index
"""
_MONEY: Final = """
    SELECT m.* FROM unnest($1::bytea[]) AS k (thread), LATERAL (
        SELECT e.thread, e.seq, e.kind, e.payload FROM chain.thread_events e
        JOIN chain.thread_heads h USING (thread, epoch)
        WHERE e.thread = k.thread AND e.kind = ANY($2::text[]) ORDER BY e.seq DESC LIMIT $3) m
    ORDER BY m.thread, m.seq
"""
_ACTS: Final = """
    SELECT e.thread, e.kind, e.payload, e.at, t.fee_payer FROM chain.thread_events e
    LEFT JOIN chain.transactions t USING (signature)
    WHERE e.at >= $1 ORDER BY e.at DESC LIMIT $2
"""
_PENDING: Final = """
    SELECT pubkey, thread, submitted_at, expires_at, approvals <> 0 OR denials <> 0
    FROM chain.specs WHERE status = $1 ORDER BY pubkey
"""


async def thread_facts(
    connection: asyncpg.Connection[Any], threads: Sequence[bytes]
) -> tuple[list[ThreadFacts], set[bytes]]:
    """Facts of these threads, and which of them cannot be judged now.

    Rows of accounts may run ahead of events; a thread any part of which is newer than the
    watermark is of two slots at once.
    """
    keys = list(threads)
    rows = await connection.fetch(_THREADS, keys)
    newest = {row["pubkey"]: row["slot"] for row in rows}
    authors = {row["pubkey"]: (set(row["co_authors"]), row["reward_per_author"]) for row in rows}
    shares: dict[bytes, list[Share]] = defaultdict(list)
    for row in await connection.fetch(_POSITIONS, keys):
        thread = row["thread"]
        if thread not in newest:
            continue
        newest[thread] = max(newest[thread], row["slot"])
        current, rewards = authors[thread]
        since = rewards - row["reward_checkpoint"] if row["owner"] in current else 0
        shares[thread].append(Share(int(row["shares"]), int(row["claimable"] + since)))
    counts: dict[bytes, dict[str, int]] = defaultdict(dict)
    for query, name, more in (
        (_SPECS, "pending", [int(SpecStatus.PENDING)]),
        (_MESSAGES, "messages", []),
    ):
        for row in await connection.fetch(query, keys, *more):
            if row["thread"] in newest:
                newest[row["thread"]] = max(newest[row["thread"]], row["slot"])
                counts[row["thread"]][name] = row[name]
    tails: dict[bytes, list[Link]] = defaultdict(list)
    for row in await connection.fetch(_TAIL, keys, TAIL):
        link = Link(int(row["index"]), row["author"], row["content_hash"], row["previous_head"])
        tails[row["thread"]].append(link)
    money: dict[bytes, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for row in await connection.fetch(_MONEY, keys, list(MONEY), TAIL):
        money[row["thread"]].append((row["kind"], json.loads(row["payload"])))
    ahead = {row["pubkey"] for row in rows if newest[row["pubkey"]] > row["watermark"]}
    found = [
        ThreadFacts(
            pubkey=row["pubkey"],
            balance=int(row["balance"]),
            total_claimable=int(row["total_claimable"]),
            total_shares=int(row["total_shares"]),
            pending_specs=row["pending_specs"],
            message_count=int(row["message_count"]),
            head=row["head"],
            shares=tuple(shares[row["pubkey"]]),
            pending=counts[row["pubkey"]].get("pending", 0),
            messages=counts[row["pubkey"]].get("messages", 0),
            tail=tuple(tails[row["pubkey"]]),
            money=tuple(money[row["pubkey"]]),
        )
        for row in rows
        if row["pubkey"] not in ahead
    ]
    return found, ahead


async def acts_since(connection: asyncpg.Connection[Any], since: int) -> list[Act]:
    """What happened at or after `since` (seconds since the epoch), oldest first; of very much
    the newest."""
    rows = await connection.fetch(_ACTS, since, MOST_ACTS)
    found = []
    for thread, kind, text, at, fee_payer in reversed(rows):
        payload = json.loads(text)
        actor = next((payload[name] for name in ACTORS if name in payload), None)
        found.append(Act(thread, kind, payload, at, actor, fee_payer))
    return found


async def pending_specs(connection: asyncpg.Connection[Any]) -> list[Pending]:
    """Every spec that waits."""
    rows = await connection.fetch(_PENDING, int(SpecStatus.PENDING))
    return [Pending(*row) for row in rows]
