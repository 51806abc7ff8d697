"""What the pump reads: outboxes, messages with their thread's level, contents proven by hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg
from solders.pubkey import Pubkey

from choir.privacy import Level

State: TypeAlias = tuple[int, str, str, int]
"""Level, hash, author and time."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the tables have it now; ``text`` only when its sha-256 is the chain's and no
    dead letter says that nothing can be made of it."""

    key: str
    thread: str
    author: str
    level: Level
    created_at: int
    content_hash: str
    text: str | None

    @property
    def searchable(self) -> bool:
        """Whether it should have a point."""
        return self.text is not None and self.level is not Level.ENCRYPTED

    @property
    def state(self) -> State:
        """What a point must agree with. A fork may put another message in one's place."""
        return (int(self.level), self.content_hash, self.author, self.created_at)


async def has_contents(connection: asyncpg.Connection) -> bool:
    """Whether schema ``app`` is there: the API makes it, and may start later."""
    there: bool = await connection.fetchval(
        "SELECT to_regclass('app.contents') IS NOT NULL "
        "AND to_regclass('app.content_outbox') IS NOT NULL"
    )
    return there


async def read_messages(
    connection: asyncpg.Connection, keys: Sequence[bytes], contents: bool
) -> list[Message]:
    """Those of these messages whose thread is mirrored, as the tables have them now."""
    rows = await connection.fetch(_READ if contents else _READ_WITHOUT_CONTENTS, list(keys))
    return [
        Message(
            key=str(Pubkey.from_bytes(row["pubkey"])),
            thread=str(Pubkey.from_bytes(row["thread"])),
            author=str(Pubkey.from_bytes(row["author"])),
            level=Level(row["privacy"]),
            created_at=row["created_at"],
            content_hash=row["content_hash"].hex(),
            text=_proven(row["text"], row["content_hash"]),
        )
        for row in rows
    ]


def _proven(text: str | None, content_hash: bytes) -> str | None:
    """The text, if it is the one whose hash is on the chain."""
    if text is None or hashlib.sha256(text.encode()).digest() != content_hash:
        return None
    return text


TAKE_CHAIN: Final = """
    SELECT id, kind, thread, message FROM chain.outbox
    ORDER BY kind NOT IN ('privacy', 'removed'), id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
# what must leave the index, or be hidden in it, before anything else is done
URGENT: Final = """
    SELECT o.id, o.kind, o.thread, o.message,
           -- as strict as the strictest of its messages: those which are not come again one by one
           CASE WHEN t.pubkey IS NOT NULL THEN greatest(t.privacy, (
               SELECT max(m.privacy) FROM chain.messages m
               WHERE m.thread = o.thread AND m.privacy < 3)) END AS privacy,
           EXISTS (SELECT FROM chain.messages m WHERE m.pubkey = o.message) AS there
    FROM chain.outbox o LEFT JOIN chain.threads t ON t.pubkey = o.thread
    WHERE o.kind IN ('privacy', 'removed') AND o.id <> ALL ($1::bigint[]) ORDER BY o.id
"""
# another one whenever the mirror is made anew
GENERATION: Final = "SELECT to_regclass('chain.messages')::oid::bigint"
KEEP_LETTER: Final = """
    INSERT INTO chain.dead_letters (kind, key, ordinal, slot, data, reason)
    SELECT 'message', pubkey, 0, slot, content_hash, $2 FROM chain.messages WHERE pubkey = $1
    ON CONFLICT (kind, key, ordinal, slot)
    DO UPDATE SET data = excluded.data, reason = excluded.reason
"""
TAKE_APP: Final = """
    SELECT id, thread, content_hash FROM app.content_outbox
    ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
"""
DROP_CHAIN: Final = "DELETE FROM chain.outbox WHERE id = ANY($1::bigint[])"
DROP_APP: Final = "DELETE FROM app.content_outbox WHERE id = ANY($1::bigint[])"
MESSAGES_WITH_CONTENT: Final = """
    SELECT m.pubkey FROM chain.messages m
    JOIN unnest($1::bytea[], $2::bytea[]) AS w (thread, content_hash)
      ON m.thread = w.thread AND m.content_hash = w.content_hash
"""
KEYS_OF_THREAD: Final = "SELECT pubkey FROM chain.messages WHERE thread = $1"
MESSAGES_OF_THREAD: Final = """
    SELECT pubkey, index FROM chain.messages
    WHERE thread = $1 AND index > $2 ORDER BY index LIMIT $3
"""
ALL_MESSAGES: Final = """
    SELECT pubkey FROM chain.messages WHERE pubkey > $1 ORDER BY pubkey LIMIT $2
"""
# a message is never more public than it was recorded, nor than its thread is now
_READ: Final = """
    SELECT m.pubkey, m.thread, m.author, m.content_hash, m.created_at,
           greatest(m.privacy, t.privacy) AS privacy, c.text
    FROM chain.messages m
    JOIN chain.threads t ON t.pubkey = m.thread
    LEFT JOIN app.contents c ON c.thread = m.thread AND c.content_hash = m.content_hash
      AND NOT EXISTS (SELECT FROM chain.dead_letters d WHERE d.kind = 'message'
                      AND d.key = m.pubkey AND d.data = m.content_hash)
    WHERE m.pubkey = ANY($1::bytea[])
"""
_READ_WITHOUT_CONTENTS: Final = """
    SELECT m.pubkey, m.thread, m.author, m.content_hash, m.created_at,
           greatest(m.privacy, t.privacy) AS privacy,
           NULL::text AS text
    FROM chain.messages m JOIN chain.threads t ON t.pubkey = m.thread
    WHERE m.pubkey = ANY($1::bytea[])
"""
EXPECTED: Final = """
    SELECT count(*) FROM chain.messages m
    JOIN chain.threads t ON t.pubkey = m.thread
    JOIN app.contents c ON c.thread = m.thread AND c.content_hash = m.content_hash
    WHERE greatest(m.privacy, t.privacy) <> $1 AND c.text IS NOT NULL
      AND sha256(convert_to(c.text, 'UTF8')) = m.content_hash
      AND NOT EXISTS (SELECT FROM chain.dead_letters d WHERE d.kind = 'message'
                      AND d.key = m.pubkey AND d.data = m.content_hash)
"""
