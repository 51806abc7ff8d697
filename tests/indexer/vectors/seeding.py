"""Rows of the mirror and of the contents, written straight into the tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from choir.ids import thread_pda
from choir.privacy import Level

DIMENSION = 32


def address(name: str) -> bytes:
    """An address that is always the same for a name."""
    return hashlib.sha256(name.encode()).digest()


def base58(name: str) -> str:
    return str(Pubkey.from_bytes(address(name)))


def thread_key(name: str) -> bytes:
    """The address that the program gives a thread of this name."""
    return bytes(thread_pda(name))


def thread58(name: str) -> str:
    return str(thread_pda(name))


class WordVectors:
    """A small embedder: the sum of a fixed random vector for each word."""

    name = "word-vectors@1"
    dimension = DIMENSION

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed_query(self, text: str) -> NDArray[np.float32]:
        total = np.full(DIMENSION, 1e-3, np.float32)
        for word in text.casefold().split():
            seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
            total += np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
        unit: NDArray[np.float32] = total / np.linalg.norm(total)
        return unit

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return np.stack([self.embed_query(text) for text in texts])


class Seeder:
    """Writes what the indexer and the API would have written; names stand for addresses."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def thread(
        self, name: str, *, level: Level = Level.PUBLIC, co_authors: Sequence[str] = ()
    ) -> None:
        authors = [address(each) for each in co_authors]
        zeros = {
            "status": 0, "author_epoch": 0, "pending_specs": 0, "balance": 0,
            "total_claimable": 0, "total_shares": 0, "reward_per_author": 0,
            "message_count": 0, "created_at": 0, "updated_at": 0, "spec_count": 0,
            "min_balance": 0, "divest_cooldown": 0, "slot": 1, "write_version": 0,
        }  # fmt: skip
        await self._insert(
            "chain.threads",
            {
                "pubkey": thread_key(name),
                "thread_id": name,
                "privacy": int(level),
                "creator": authors[0] if authors else address("creator"),
                "vault": address(f"vault of {name}"),
                "head": bytes(32),
                "co_authors": authors,
                **zeros,
            },
        )
        await self.note("thread", name)

    async def message(
        self,
        thread: str,
        index: int,
        text: str,
        *,
        author: str = "author",
        created_at: int = 1_700_000_000,
        noted: bool = True,
    ) -> str:
        """Returns the message's base58 address."""
        pubkey = address(f"{thread}/{index}")
        await self._insert(
            "chain.messages",
            {
                "pubkey": pubkey,
                "slot": 1,
                "write_version": 0,
                "thread": thread_key(thread),
                "author": address(author),
                "rent_payer": address(author),
                "index": index,
                "privacy": 0,
                "content_hash": hashlib.sha256(text.encode()).digest(),
                "previous_head": bytes(32),
                "posted_slot": 1,
                "created_at": created_at,
            },
        )
        if noted:
            await self.note("message", thread, pubkey)
        return str(Pubkey.from_bytes(pubkey))

    async def content(
        self, thread: str, text: str, *, author: str = "author", noted: bool = True
    ) -> None:
        digest = hashlib.sha256(text.encode()).digest()
        await self.connection.execute(
            """
            INSERT INTO app.contents (thread, content_hash, thread_id, author, text, created_at)
            VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT DO NOTHING
            """,
            thread_key(thread), digest, thread, address(author), text,
        )  # fmt: skip
        if noted:
            await self.connection.execute(
                "INSERT INTO app.content_outbox (thread, content_hash, created_at) "
                "VALUES ($1, $2, now())",
                thread_key(thread), digest,
            )  # fmt: skip

    async def said(self, thread: str, index: int, text: str, **more: Any) -> str:
        """A message together with its content."""
        await self.content(thread, text, author=more.get("author", "author"))
        return await self.message(thread, index, text, **more)

    async def level(self, thread: str, level: Level, *, noted: bool = True) -> None:
        await self.connection.execute(
            "UPDATE chain.threads SET privacy = $2 WHERE pubkey = $1",
            thread_key(thread),
            int(level),
        )
        if noted:
            await self.note("privacy", thread)

    async def remove(self, thread: str, index: int) -> None:
        pubkey = address(f"{thread}/{index}")
        await self.connection.execute("DELETE FROM chain.messages WHERE pubkey = $1", pubkey)
        await self.note("removed", thread, pubkey)

    async def note(self, kind: str, thread: str, message: bytes | None = None) -> None:
        await self.connection.execute(
            "INSERT INTO chain.outbox (kind, thread, message, slot) VALUES ($1, $2, $3, 1)",
            kind, thread_key(thread), message,
        )  # fmt: skip
        await self.connection.execute("SELECT pg_notify('choir_outbox', '')")

    async def pending(self) -> int:
        """Rows in both outboxes."""
        pending: int = await self.connection.fetchval(
            "SELECT (SELECT count(*) FROM chain.outbox) + (SELECT count(*) FROM app.content_outbox)"
        )
        return pending

    async def _insert(self, table: str, values: dict[str, Any]) -> None:
        columns = ", ".join(f'"{name}"' for name in values)
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.connection.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({places})", *values.values()
        )
